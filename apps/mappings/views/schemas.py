"""The API of the target schema, its parts, its versions and its templates."""

from collections.abc import Collection
from typing import Any, ClassVar

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from apps.mappings.selectors import diff_versions, get_version, list_versions, schema_sync
from apps.mappings.services import schemas
from datalinx.api.documents_schema import body, component
from datalinx.api.parameters import whole_number
from datalinx.api.permissions import ANY
from datalinx.api.serializers import DeletedSerializer, Flag, StrictSerializer
from datalinx.api.viewsets import ApiView, WorkspaceView
from datalinx.engine.spec.base import document_to_json
from datalinx.engine.spec.schema import TargetColumn, TargetSchema, TargetTable
from datalinx.engine.spec.templates import get_template, list_templates
from datalinx.errors import FieldError, Invalid

PERMISSIONS: dict[str, str] = {"view": "schemas:view", "change": "schemas:edit"}
FROM_TO = [
    OpenApiParameter("from", OpenApiTypes.INT, description="The older version."),
    OpenApiParameter("to", OpenApiTypes.INT, description="The newer version."),
]


def with_etag(data: dict[str, Any], *, status: int = 200) -> Response:
    """Return an answer with a document, whose version is its ETag."""
    response = Response(data, status=status)
    response["ETag"] = f'"{data["version"]}"'
    return response


def if_match(request: Request) -> str:
    """Return the version that a change was made on top of; empty when the caller does not say."""
    return str(request.headers.get("If-Match", ""))


def object_body(request: Request, *, answered: Collection[str] = ()) -> dict[str, Any]:
    """Return the body as an object, without the keys that only answers have. Raises Invalid."""
    if not isinstance(request.data, dict):
        message = "The body must be a JSON object."
        raise Invalid("VALIDATION_ERROR", message, errors=[FieldError("", "invalid", message)])
    return {key: value for key, value in request.data.items() if key not in answered}


class SchemasView(WorkspaceView):
    """The schemas of the workspace: the target schema, once there is one."""

    permissions: ClassVar = PERMISSIONS
    lists = ("get",)

    @extend_schema(responses={200: {"type": "array", "items": component(TargetSchema)}})
    def get(self, request: Request) -> Response:
        document = schemas.get_schema_document(self.workspace.pk)
        return self.paged([document] if document["version"] else [])


class WorkspaceSchemaView(WorkspaceView):
    """The target schema of the workspace, one document."""

    permissions: ClassVar = PERMISSIONS

    @extend_schema(responses={200: component(TargetSchema)})
    def get(self, request: Request) -> Response:
        return with_etag(schemas.get_schema_document(self.workspace.pk))

    @extend_schema(
        request=body(TargetSchema), responses={200: component(TargetSchema), 201: component(TargetSchema)}
    )
    def put(self, request: Request) -> Response:
        row = schemas.put_schema(
            workspace=self.workspace,
            actor=self.caller,
            document=request.data,
            if_match=if_match(request),
        )
        status = 201 if row.version == 1 else 200
        return with_etag(schemas.get_schema_document(self.workspace.pk), status=status)


class TablesView(WorkspaceView):
    """The tables of the target schema, in their order."""

    permissions: ClassVar = PERMISSIONS
    lists = ("get",)

    @extend_schema(responses={200: {"type": "array", "items": component(TargetTable)}})
    def get(self, request: Request) -> Response:
        return self.paged(schemas.get_schema_document(self.workspace.pk)["tables"])

    @extend_schema(request=body(TargetTable), responses={201: component(TargetTable)})
    def post(self, request: Request) -> Response:
        table, _ = schemas.put_table(
            workspace=self.workspace,
            actor=self.caller,
            name=None,
            table=object_body(request),
            if_match=if_match(request),
        )
        return Response(table, status=201)


class TableView(WorkspaceView):
    """One table of the target schema."""

    permissions: ClassVar = PERMISSIONS

    @extend_schema(responses={200: component(TargetTable)})
    def get(self, request: Request, table: str) -> Response:
        return Response(schemas.get_table_document(schemas.get_schema_document(self.workspace.pk), table))

    @extend_schema(
        request=body(TargetTable), responses={200: component(TargetTable), 201: component(TargetTable)}
    )
    def put(self, request: Request, table: str) -> Response:
        kept, is_new = schemas.put_table(
            workspace=self.workspace,
            actor=self.caller,
            name=table,
            table=object_body(request),
            if_match=if_match(request),
        )
        return Response(kept, status=201 if is_new else 200)

    @extend_schema(responses=DeletedSerializer)
    def delete(self, request: Request, table: str) -> Response:
        schemas.delete_table(
            workspace=self.workspace, actor=self.caller, name=table, if_match=if_match(request)
        )
        return Response({"id": table, "deleted": True})


class ColumnsView(WorkspaceView):
    """The columns of a table, in their order."""

    permissions: ClassVar = PERMISSIONS
    lists = ("get",)

    @extend_schema(responses={200: {"type": "array", "items": component(TargetColumn)}})
    def get(self, request: Request, table: str) -> Response:
        document = schemas.get_schema_document(self.workspace.pk)
        return self.paged(schemas.get_table_document(document, table)["columns"])

    @extend_schema(request=body(TargetColumn), responses={201: component(TargetColumn)})
    def post(self, request: Request, table: str) -> Response:
        column, _ = schemas.put_column(
            workspace=self.workspace,
            actor=self.caller,
            table=table,
            name=None,
            column=object_body(request),
            if_match=if_match(request),
        )
        return Response(column, status=201)


class ColumnView(WorkspaceView):
    """One column of a table."""

    permissions: ClassVar = PERMISSIONS

    @extend_schema(responses={200: component(TargetColumn)})
    def get(self, request: Request, table: str, column: str) -> Response:
        document = schemas.get_schema_document(self.workspace.pk)
        return Response(schemas.get_column_document(document, table, column))

    @extend_schema(
        request=body(TargetColumn), responses={200: component(TargetColumn), 201: component(TargetColumn)}
    )
    def put(self, request: Request, table: str, column: str) -> Response:
        kept, is_new = schemas.put_column(
            workspace=self.workspace,
            actor=self.caller,
            table=table,
            name=column,
            column=object_body(request),
            if_match=if_match(request),
        )
        return Response(kept, status=201 if is_new else 200)

    @extend_schema(responses=DeletedSerializer)
    def delete(self, request: Request, table: str, column: str) -> Response:
        schemas.delete_column(
            workspace=self.workspace,
            actor=self.caller,
            table=table,
            name=column,
            if_match=if_match(request),
        )
        return Response({"id": column, "deleted": True})


class VersionsView(WorkspaceView):
    """Every version of the target schema, newest first."""

    permissions: ClassVar = PERMISSIONS
    lists = ("get",)

    @extend_schema(responses={200: {"type": "array", "items": {"type": "object"}}})
    def get(self, request: Request) -> Response:
        return self.paged(list_versions(self.workspace.pk, kind="schema", key="workspace"))


class VersionView(WorkspaceView):
    """The target schema as it was at a version."""

    permissions: ClassVar = PERMISSIONS

    @extend_schema(responses={200: component(TargetSchema)})
    def get(self, request: Request, number: int) -> Response:
        return Response(get_version(self.workspace.pk, kind="schema", key="workspace", version=number))


class DiffView(WorkspaceView):
    """What changed in the target schema between two versions."""

    permissions: ClassVar = PERMISSIONS
    lists = ("get",)
    query_parameters: ClassVar = {"get": ("from", "to")}

    @extend_schema(parameters=FROM_TO, responses={200: {"type": "array", "items": {"type": "object"}}})
    def get(self, request: Request) -> Response:
        return self.paged(read_diff(request, self.workspace.pk, kind="schema", key="workspace"))


def read_diff(request: Request, workspace_id: str, *, kind: str, key: str) -> list[dict[str, Any]]:
    """Return the difference that `from` and `to` ask for; by default the last change."""
    newest = list_versions(workspace_id, kind=kind, key=key).first()
    last = newest["version"] if newest else 1
    to = whole_number(request, "to", default=last, lowest=1, highest=2**31)
    older = whole_number(request, "from", default=max(1, to - 1), lowest=1, highest=2**31)
    return diff_versions(workspace_id, kind=kind, key=key, older=older, newer=to)


class SyncView(WorkspaceView):
    """The target schema against what the stored tables have, table by table."""

    permissions: ClassVar = PERMISSIONS
    lists = ("get",)

    @extend_schema(responses={200: {"type": "array", "items": {"type": "object"}}})
    def get(self, request: Request) -> Response:
        return self.paged(schema_sync(self.workspace))


class TemplatesView(ApiView):
    """Target schemas to start from."""

    permissions: ClassVar = {"view": ANY, "change": ANY}
    lists = ("get",)

    @extend_schema(responses={200: {"type": "array", "items": {"type": "object"}}})
    def get(self, request: Request) -> Response:
        return self.paged(list_templates())


class TemplateView(ApiView):
    """One template: a whole target schema."""

    permissions: ClassVar = {"view": ANY, "change": ANY}

    @extend_schema(responses={200: component(TargetSchema)})
    def get(self, request: Request, name: str) -> Response:
        return Response(document_to_json(get_template(name)))


class ApplySerializer(StrictSerializer):
    """Whether tables of the same name are replaced."""

    replace = Flag(required=False)


class ApplyTemplateView(WorkspaceView):
    """Put a template's tables into the target schema."""

    permissions: ClassVar = PERMISSIONS

    @extend_schema(request=ApplySerializer, responses={200: component(TargetSchema)})
    def post(self, request: Request, name: str) -> Response:
        serializer = ApplySerializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        schemas.apply_template(
            workspace=self.workspace, actor=self.caller, name=name, **serializer.validated_data
        )
        return with_etag(schemas.get_schema_document(self.workspace.pk))
