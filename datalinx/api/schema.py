"""The OpenAPI document, wrapped in the same envelope as the wire and with the errors that every call can have."""

from typing import Any

from drf_spectacular.extensions import OpenApiAuthenticationExtension
from drf_spectacular.openapi import AutoSchema

from datalinx.api.documents_schema import components
from datalinx.api.envelope import ERROR_SCHEMA, PAGINATION_SCHEMA, success_schema
from datalinx.api.pagination import page_parameters
from datalinx.api.permissions import PUBLIC
from datalinx.api.viewsets import WorkspaceView, WorkspaceViewSet

METHODS = frozenset({"get", "post", "put", "patch", "delete"})
ERRORS = {
    "400": "The request cannot be read.",
    "401": "Credentials are missing or do not hold.",
    "403": "The caller may not do this.",
    "404": "There is no such thing that the caller can see.",
    "405": "The method is not allowed here.",
    "406": "The answer cannot be given in the asked media type.",
    "413": "The body is too large.",
    "415": "The body's media type is not taken.",
    "422": "The request breaks a rule.",
    "429": "The organization's rate limit is reached.",
    "500": "Something went wrong on the server's side.",
    "503": "Something that the call needs is not available now.",
}
_ALIASES = ("/api/v1/", "/api/mapper/")


class CallerAuthenticationScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]  # untyped library
    """How the document describes the two kinds of credentials."""

    target_class = "datalinx.api.authentication.CallerAuthentication"
    name = ["bearer", "apiKey"]

    def get_security_definition(self, auto_schema: AutoSchema) -> list[dict[str, str]]:
        return [
            {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"},
            {"type": "apiKey", "in": "header", "name": "X-API-Key"},
        ]

    def get_security_requirement(self, auto_schema: AutoSchema) -> Any:
        return [{"bearer": []}, {"apiKey": []}]


class EnvelopeAutoSchema(AutoSchema):
    """Describe an operation: its headers, its tag, its credentials."""

    def get_auth(self) -> list[dict[str, Any]]:
        if self._permission() == PUBLIC:
            return []
        return [{"bearer": []}, {"apiKey": []}]

    def _permission(self) -> str:
        from datalinx.api.permissions import permission_for

        view: Any = self.view
        action = getattr(view, "action", None) or self.method.lower()
        permissions = getattr(view, "permissions", {"view": PUBLIC, "change": PUBLIC})
        return permission_for(permissions, action=action, method=self.method)

    def get_operation_id(self) -> str:
        # The method and the path: unique, and the same as long as both are.
        parts = [part for part in self.path.removeprefix("/api").replace("-", "_").split("/") if part]
        words = [f"by_{part[1:-1]}" if part.startswith("{") else part for part in parts]
        return "_".join([self.method.lower(), *words])

    def get_tags(self) -> list[str]:
        parts = [part for part in self.path.split("/") if part and part != "api"]
        return [parts[0].replace("-", " ").capitalize()] if parts else ["Root"]

    def get_summary(self) -> str | None:
        summary: str | None = super().get_summary()
        if summary:
            return summary
        words = str(getattr(self.view, "action", None) or self.method.lower()).replace("_", " ")
        noun = self._summary_noun()
        return f"{words.capitalize()} {noun}".strip()

    def _summary_noun(self) -> str:
        parts = [part for part in self.path.split("/") if part and part != "api" and not part.startswith("{")]
        return " ".join(part.replace("-", " ") for part in parts[:2])

    def get_operation(self, *args: Any, **kwargs: Any) -> dict[str, Any] | None:
        operation: dict[str, Any] | None = super().get_operation(*args, **kwargs)
        action = getattr(self.view, "action", None) or self.method.lower()
        if operation is not None and action in getattr(self.view, "lists", ()):
            content = operation["responses"]["200"]["content"]["application/json"]
            # The schema may be one dictionary for several operations.
            content["schema"] = {**content["schema"], "x-paginated": True}
        return operation

    def get_override_parameters(self) -> list[Any]:
        parameters = list(super().get_override_parameters())
        if isinstance(self.view, WorkspaceViewSet | WorkspaceView):
            by_id = "{id}" in self.path and not getattr(self.view, "addressed_by_name", False)
            parameters.append(_header("X-Workspace", required=not by_id, text="The workspace's name."))
        repeatable = self._permission() != PUBLIC and getattr(self.view, "repeatable", True)
        if self.method == "POST" and repeatable:
            text = "Makes the call safe to repeat for 24 hours: the same key and body give the first answer."
            parameters.append(_header("Idempotency-Key", required=False, text=text))
        return parameters

    def get_filter_backends(self) -> list[Any]:
        # Lists alone are filtered; an action that answers a list of its own says what it takes.
        return list(super().get_filter_backends()) if getattr(self.view, "action", "") == "list" else []

    def _is_list_view(self, serializer: Any = None) -> bool:
        if getattr(self.view, "action", None) == "list":
            return True
        return bool(super()._is_list_view(serializer))


def _header(name: str, *, required: bool, text: str) -> Any:
    from drf_spectacular.utils import OpenApiParameter

    return OpenApiParameter(name, str, OpenApiParameter.HEADER, required=required, description=text)


def leave_out_aliases(endpoints: list[Any], **kwargs: Any) -> list[Any]:
    """Drop the aliases, which answer and are not listed."""
    return [endpoint for endpoint in endpoints if not endpoint[0].startswith(_ALIASES)]


def wrap_in_envelope(result: dict[str, Any], generator: Any, request: Any, public: bool) -> dict[str, Any]:
    """Wrap each JSON answer as the renderer does, and add the errors. drf-spectacular calls this last."""
    schemas = result.setdefault("components", {}).setdefault("schemas", {})
    schemas["Pagination"] = PAGINATION_SCHEMA
    schemas["Error"] = ERROR_SCHEMA
    schemas.update(components())
    for operations in result["paths"].values():
        for method, operation in operations.items():
            if method in METHODS:
                _wrap_operation(operation)
    return result


def _add_page_parameters(operation: dict[str, Any]) -> None:
    parameters = operation.setdefault("parameters", [])
    known = {parameter["name"] for parameter in parameters}
    parameters += [each for each in page_parameters() if each["name"] not in known]


def _wrap_operation(operation: dict[str, Any]) -> None:
    bare = operation.pop("x-bare", False)
    for status, response in operation["responses"].items():
        content = response.get("content", {}).get("application/json")
        if not bare and status.startswith("2") and content is not None:
            # A copy: the document is made anew for each request, from the same dictionaries.
            schema = dict(content.get("schema", {}))
            paginated = schema.pop("x-paginated", False)
            if paginated:
                _add_page_parameters(operation)
            content["schema"] = success_schema(schema, paginated=paginated)
    for status, text in ERRORS.items():
        body = {"application/json": {"schema": {"$ref": "#/components/schemas/Error"}}}
        operation["responses"].setdefault(status, {"description": text, "content": body})
