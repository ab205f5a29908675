"""The API of types."""

from typing import ClassVar

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from apps.mappings.services import types
from apps.mappings.views.schemas import object_body
from datalinx.api.documents_schema import body, component
from datalinx.api.permissions import ANY
from datalinx.api.serializers import DeletedSerializer
from datalinx.api.viewsets import ApiView
from datalinx.engine.spec.semantic_type import CustomTypeDocument
from datalinx.errors import NotFound

# What an answer shows of every type beside the document.
ANSWERED = ("kind", "base", "reason", "normalised", "parameters")
PERMISSIONS: dict[str, str] = {"view": ANY, "change": "schemas:edit"}


class SemanticTypesView(ApiView):
    """Base types, semantic types, and the organization's own."""

    permissions: ClassVar = PERMISSIONS
    lists = ("get",)

    @extend_schema(responses={200: {"type": "array", "items": {"type": "object"}}})
    def get(self, request: Request) -> Response:
        return self.paged(types.describe_types(self.caller.organization_id))

    @extend_schema(request=body(CustomTypeDocument), responses={201: component(CustomTypeDocument)})
    def post(self, request: Request) -> Response:
        document, _ = types.put_semantic_type(actor=self.caller, name=None, document=request.data)
        return Response(document, status=201)


class DecoratorsView(ApiView):
    """Every decorator, each with the JSON Schema of its parameters, so that a form can be drawn from it."""

    permissions: ClassVar = {"view": ANY, "change": ANY}
    lists = ("get",)

    @extend_schema(responses={200: {"type": "array", "items": {"type": "object"}}})
    def get(self, request: Request) -> Response:
        return self.paged(types.describe_decorators(self.caller.organization_id))


class SemanticTypeView(ApiView):
    """One type."""

    permissions: ClassVar = PERMISSIONS

    @extend_schema(responses={200: {"type": "object"}})
    def get(self, request: Request, name: str) -> Response:
        for document in types.describe_types(self.caller.organization_id):
            if document["name"] == name:
                return Response(document)
        raise NotFound("SEMANTIC_TYPE_NOT_FOUND", f"There is no type {name!r}.")

    @extend_schema(request=body(CustomTypeDocument), responses={200: component(CustomTypeDocument)})
    def put(self, request: Request, name: str) -> Response:
        document, is_new = types.put_semantic_type(
            actor=self.caller, name=name, document=object_body(request, answered=ANSWERED)
        )
        return Response(document, status=201 if is_new else 200)

    @extend_schema(responses=DeletedSerializer)
    def delete(self, request: Request, name: str) -> Response:
        types.delete_semantic_type(actor=self.caller, name=name)
        return Response({"id": name, "deleted": True})
