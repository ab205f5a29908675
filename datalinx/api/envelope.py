"""The envelope of every answer: the only file that knows its keys, for the wire and for the schema alike."""

from collections.abc import Mapping, Sequence
from typing import Any

from datalinx.errors import FieldError

Schema = dict[str, Any]

PAGINATION_SCHEMA: Schema = {
    "type": "object",
    "required": ["page", "page_size", "total_items", "total_pages"],
    "properties": {
        "page": {"type": "integer", "minimum": 1},
        "page_size": {"type": "integer", "minimum": 1, "maximum": 200},
        "total_items": {"type": "integer", "minimum": 0},
        "total_pages": {"type": "integer", "minimum": 0},
    },
}

ERROR_SCHEMA: Schema = {
    "type": "object",
    "required": ["status", "message", "error_code", "request_id"],
    "properties": {
        "status": {"type": "string", "const": "failed"},
        "message": {"type": "string", "description": "A sentence that a person can act on."},
        "error_code": {"type": "string", "description": "A stable name of the trouble."},
        "request_id": {"type": "string"},
        "details": {"type": "object", "additionalProperties": True},
        "errors": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["field", "code", "message"],
                "properties": {
                    "field": {"type": "string"},
                    "code": {"type": "string"},
                    "message": {"type": "string"},
                },
            },
        },
    },
}


def success(data: Any, pagination: Mapping[str, int] | None = None) -> dict[str, Any]:
    """Return the body of an answer that went well; a list brings its `pagination`."""
    body: dict[str, Any] = {"status": "success", "data": data}
    if pagination is not None:
        body["pagination"] = pagination
    return body


def failure(
    *,
    code: str,
    message: str,
    request_id: str,
    details: Mapping[str, Any] | None = None,
    errors: Sequence[FieldError] = (),
) -> dict[str, Any]:
    """Return the body of an answer that did not; `errors` names the fields at fault."""
    body: dict[str, Any] = {
        "status": "failed",
        "message": message,
        "error_code": code,
        "request_id": request_id,
    }
    if details:
        body["details"] = details
    if errors:
        body["errors"] = [error.as_dict() for error in errors]
    return body


def success_schema(data: Schema, *, paginated: bool) -> Schema:
    """Return the schema of `success` for this schema of the data."""
    properties: Schema = {"status": {"type": "string", "const": "success"}, "data": data}
    if paginated:
        properties["pagination"] = {"$ref": "#/components/schemas/Pagination"}
    return {"type": "object", "required": list(properties), "properties": properties}
