"""Pages of a list: `page` from 1, `page_size` 50 and at most 200, exact totals."""

from collections.abc import Sequence
from typing import Any

from django.db.models import QuerySet
from rest_framework.pagination import BasePagination
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from datalinx.api.renderers import Paginated
from datalinx.errors import FieldError, Invalid

DEFAULT_SIZE = 50
MAX_SIZE = 200
PARAMETERS = ("page", "page_size")


def _whole_number(request: Request, name: str, default: int, highest: int) -> int:
    text = request.query_params.get(name, "")
    if not text:
        return default
    if text.isascii() and text.isdigit() and len(text) < 19 and 1 <= int(text) <= highest:
        return int(text)
    message = f"{name} must be a whole number from 1" + (f" to {highest}." if name == "page_size" else ".")
    raise Invalid("VALIDATION_ERROR", message, errors=[FieldError(name, "invalid", message)])


def read_page(request: Request) -> tuple[int, int]:
    """Return the page and its size that the request asks for. Raises Invalid."""
    page = _whole_number(request, "page", 1, 2**40)
    return page, _whole_number(request, "page_size", DEFAULT_SIZE, MAX_SIZE)


def page_facts(page: int, size: int, total: int) -> dict[str, int]:
    """Return the `pagination` that stands beside a page of a list."""
    return {"page": page, "page_size": size, "total_items": total, "total_pages": -(-total // size)}


class Pages(BasePagination):
    """The paginator of every list. A page past the end is empty with true totals."""

    def paginate_queryset(
        self, queryset: QuerySet[Any] | Sequence[Any], request: Request, view: APIView | None = None
    ) -> list[Any]:
        page, size = read_page(request)
        total = queryset.count() if isinstance(queryset, QuerySet) else len(queryset)
        self.facts = page_facts(page, size, total)
        start = (page - 1) * size
        return list(queryset[start : start + size]) if start < total else []

    def get_paginated_response(self, data: Any) -> Response:
        return Paginated(data, self.facts)

    def get_paginated_response_schema(self, schema: dict[str, Any]) -> dict[str, Any]:
        # Marked here, wrapped by the one hook that wraps every answer.
        return {
            "type": "array",
            "items": schema["items"] if "items" in schema else schema,
            "x-paginated": True,
        }

    def get_schema_operation_parameters(self, view: APIView) -> list[dict[str, Any]]:
        return [
            {
                "name": "page",
                "in": "query",
                "required": False,
                "schema": {"type": "integer", "minimum": 1, "default": 1},
                "description": "The page, from 1.",
            },
            {
                "name": "page_size",
                "in": "query",
                "required": False,
                "schema": {"type": "integer", "minimum": 1, "maximum": MAX_SIZE, "default": DEFAULT_SIZE},
                "description": "How many items a page holds.",
            },
        ]
