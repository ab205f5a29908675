"""The API of mappings, their parts, and what they compile to."""

from collections.abc import Callable
from typing import Any, ClassVar

from django.http import HttpResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from apps.mappings.models import Mapping
from apps.mappings.selectors import list_versions
from apps.mappings.services import compile as compiling
from apps.mappings.services import mappings
from apps.mappings.services.dbt_project import write_dbt_project
from apps.mappings.views.schemas import FROM_TO, if_match, object_body, read_diff, with_etag
from datalinx.api.documents_schema import body, component
from datalinx.api.downloads import download
from datalinx.api.serializers import DeletedSerializer
from datalinx.api.viewsets import WorkspaceView, WorkspaceViewSet
from datalinx.engine.spec.mapping import Mapping as MappingDocument
from datalinx.errors import FieldError, Invalid, NotFound

PERMISSIONS: dict[str, str] = {
    "view": "mappings:view",
    "change": "mappings:edit",
    "create": "mappings:create",
}
ANYTHING = {200: {"type": "object"}}
LIST = {200: {"type": "array", "items": {"type": "object"}}}


def shown(row: Mapping) -> dict[str, Any]:
    """Return a mapping as the API shows it: its document with what the server adds."""
    return {
        "id": row.pk,
        **row.document,
        "version": row.version,
        "created_at": row.created_at,
        "updated_at": row.updated_at,
        "created_by": row.created_by,
    }


class MappingSerializer(serializers.Serializer[Any]):
    """A mapping as its document."""

    def to_representation(self, instance: Mapping) -> dict[str, Any]:
        return shown(instance)


class MappingViewSet(WorkspaceViewSet):
    """Mappings, one document for each target table."""

    resource = "mapping"
    addressed_by_name = True
    queryset = Mapping.objects.all()
    serializer_class = MappingSerializer
    ordering: ClassVar = ["table_name"]
    ordering_fields = ("table_name", "created_at", "updated_at")
    search_fields = ("table_name",)
    permissions: ClassVar = PERMISSIONS
    lookup_field = "table_name"

    def get_object(self) -> Mapping:
        return mappings.get_mapping(self.workspace.pk, self.kwargs["table_name"])

    @extend_schema(
        responses={200: {"type": "array", "items": component(MappingDocument), "x-paginated": True}}
    )
    def list(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Every mapping of the workspace."""
        return super().list(request, *args, **kwargs)

    @extend_schema(request=body(MappingDocument), responses={201: component(MappingDocument)})
    def create(self, request: Request) -> Response:
        """Make the mapping of a table that has none."""
        row, _ = mappings.put_mapping(
            workspace=self.workspace, actor=self.caller, table_name=None, document=request.data
        )
        return with_etag(shown(row), status=201)

    @extend_schema(responses={200: component(MappingDocument)})
    def retrieve(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """The mapping of a table."""
        return with_etag(shown(self.get_object()))

    @extend_schema(
        request=body(MappingDocument),
        responses={200: component(MappingDocument), 201: component(MappingDocument)},
    )
    def update(self, request: Request, table_name: str) -> Response:
        """Put the mapping of a table; a fault leaves the old one as it is."""
        row, is_new = mappings.put_mapping(
            workspace=self.workspace,
            actor=self.caller,
            table_name=table_name,
            document=request.data,
            if_match=if_match(request),
        )
        return with_etag(shown(row), status=201 if is_new else 200)

    @extend_schema(responses=DeletedSerializer)
    def destroy(self, request: Request, table_name: str) -> Response:
        """Delete the mapping of a table; the stored table stays."""
        mappings.delete_mapping(workspace=self.workspace, actor=self.caller, table_name=table_name)
        return self.deleted(table_name)


class MappingPart(WorkspaceView):
    """A part of a mapping."""

    permissions: ClassVar = PERMISSIONS

    def document(self) -> dict[str, Any]:
        row = mappings.get_mapping(self.workspace.pk, self.kwargs["table_name"])
        return dict(row.document)

    def change(self, change: Callable[[dict[str, Any]], None]) -> Response:
        return with_etag(shown(self._changed(change)))

    def remove(self, part: str, change: Callable[[dict[str, Any]], None]) -> Response:
        """Answer a delete: the part is gone, the mapping is there with a new version."""
        row = self._changed(change)
        response = Response({"id": part, "deleted": True})
        response["ETag"] = f'"{row.version}"'
        return response

    def _changed(self, change: Callable[[dict[str, Any]], None]) -> Mapping:
        return mappings.change_mapping(
            workspace=self.workspace,
            actor=self.caller,
            table_name=self.kwargs["table_name"],
            change=change,
            if_match=if_match(self.request),
        )


class FieldView(MappingPart):
    """How one target column is made."""

    @extend_schema(
        request={"application/json": {"type": "object"}}, responses={200: component(MappingDocument)}
    )
    def put(self, request: Request, table_name: str, field: str) -> Response:
        return self.change(lambda document: document["fields"].update({field: object_body(request)}))

    @extend_schema(responses=DeletedSerializer)
    def delete(self, request: Request, table_name: str, field: str) -> Response:
        def remove(document: dict[str, Any]) -> None:
            if document["fields"].pop(field, None) is None:
                raise NotFound("FIELD_NOT_FOUND", f"The mapping has no field {field!r}.")

        return self.remove(field, remove)


class InputsView(MappingPart):
    """The inputs and joins of a mapping."""

    @extend_schema(responses=ANYTHING)
    def get(self, request: Request, table_name: str) -> Response:
        document = self.document()
        return Response({"inputs": document["inputs"], "joins": document.get("joins", [])})

    @extend_schema(
        request={"application/json": {"type": "object"}}, responses={200: component(MappingDocument)}
    )
    def put(self, request: Request, table_name: str) -> Response:
        given = object_body(request)
        unknown = [key for key in given if key not in {"inputs", "joins"}]
        if unknown:
            faults = [
                FieldError(key, "unknown_field", "Only inputs and joins stand here.") for key in unknown
            ]
            raise Invalid("UNKNOWN_FIELD", f"{unknown[0]}: only inputs and joins stand here.", errors=faults)
        return self.change(lambda document: document.update(given))


class WildcardView(MappingPart):
    """The wildcard of a mapping: every column of one input to the column of its name."""

    @extend_schema(responses=ANYTHING)
    def get(self, request: Request, table_name: str) -> Response:
        return Response(self.document().get("wildcard"))

    @extend_schema(
        request={"application/json": {"type": "object"}}, responses={200: component(MappingDocument)}
    )
    def put(self, request: Request, table_name: str) -> Response:
        return self.change(lambda document: document.update(wildcard=object_body(request)))

    @extend_schema(responses=DeletedSerializer)
    def delete(self, request: Request, table_name: str) -> Response:
        def remove(document: dict[str, Any]) -> None:
            if document.pop("wildcard", None) is None:
                raise NotFound("WILDCARD_NOT_FOUND", "The mapping has no wildcard.")

        return self.remove("wildcard", remove)


class MappingQuestion(WorkspaceView):
    """Something that is told of a mapping. A POST may bring a document that is not saved."""

    permissions: ClassVar = {"view": "mappings:view", "change": "mappings:view"}

    @property
    def table_name(self) -> str:
        return str(self.kwargs["table_name"])


class EffectiveView(MappingQuestion):
    """The fields of a mapping with its wildcard spread out, and the columns that it leaves aside."""

    lists = ("get",)

    @extend_schema(responses=LIST)
    def get(self, request: Request, table_name: str) -> Response:
        return self.paged(compiling.effective_of(self.workspace, table_name))


class DbtCodeView(MappingQuestion):
    """The mapping of a table as a dbt model."""

    @extend_schema(responses=ANYTHING)
    def get(self, request: Request, table_name: str) -> Response:
        return Response({"table_name": table_name, "sql": compiling.dbt_code(self.workspace, table_name)})


class FieldDbtView(MappingQuestion):
    """The SQL of one field."""

    @extend_schema(responses=ANYTHING)
    def get(self, request: Request, table_name: str, field: str) -> Response:
        """The SQL of a field of the saved mapping."""
        return self._told(table_name, field, None)

    @extend_schema(request=body(MappingDocument), responses=ANYTHING)
    def post(self, request: Request, table_name: str, field: str) -> Response:
        """The SQL of a field of the saved mapping, or of one that is sent and not saved."""
        return self._told(table_name, field, object_body(request) or None)

    def _told(self, table_name: str, field: str, document: dict[str, Any] | None) -> Response:
        sql = compiling.dbt_field_code(self.workspace, table_name, field, document)
        return Response({"table_name": table_name, "field": field, "sql": sql})


class DbtProjectView(WorkspaceView):
    """All mappings as a dbt project: a zip file that `dbt build` accepts."""

    permissions: ClassVar = {"view": "mappings:view", "change": "mappings:view"}

    @extend_schema(responses={(200, "application/zip"): OpenApiTypes.BINARY})
    def get(self, request: Request) -> HttpResponse:
        name = f"{self.workspace.name}-dbt.zip"
        return download(write_dbt_project(self.workspace), name, "application/zip")


class ValidateView(MappingQuestion):
    """Whether a mapping, saved or sent, holds; every fault with its place."""

    @extend_schema(request=body(MappingDocument), responses=ANYTHING)
    def post(self, request: Request, table_name: str) -> Response:
        return Response(compiling.validate(self.workspace, table_name, object_body(request) or None))


class MappingVersionsView(MappingQuestion):
    """Every version of a mapping, newest first."""

    lists = ("get",)

    @extend_schema(responses=LIST)
    def get(self, request: Request, table_name: str) -> Response:
        mappings.get_mapping(self.workspace.pk, table_name)
        return self.paged(list_versions(self.workspace.pk, kind="mapping", key=table_name))


class MappingDiffView(MappingQuestion):
    """What changed in a mapping between two versions."""

    lists = ("get",)
    query_parameters: ClassVar = {"get": ("from", "to")}

    @extend_schema(parameters=FROM_TO, responses=LIST)
    def get(self, request: Request, table_name: str) -> Response:
        mappings.get_mapping(self.workspace.pk, table_name)
        return self.paged(read_diff(request, self.workspace.pk, kind="mapping", key=table_name))
