"""The API of the tables that pipelines wrote."""

from typing import Any, ClassVar, cast

from django.http.response import HttpResponseBase
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from apps.pipelines import selectors
from apps.pipelines.models import StoredTable
from apps.pipelines.record_serializers import TableRecordSerializer
from apps.pipelines.serializers import RestoreSerializer, StoredTableSerializer
from apps.pipelines.services.records import find_in_table
from apps.pipelines.services.restoring import restore_table
from apps.pipelines.views import lookups
from datalinx.api.downloads import streamed_download
from datalinx.api.pagination import page_facts, read_page
from datalinx.api.parameters import one_of
from datalinx.api.permissions import require
from datalinx.api.renderers import Paginated
from datalinx.api.viewsets import WorkspaceViewSet
from datalinx.engine.query.export import FORMATS, ExportFormat

AS_OF = OpenApiParameter(
    "as_of", str, description="A snapshot's number, a run's id, or a time: the table as it was."
)


MEDIA: dict[ExportFormat, tuple[str, str]] = {
    "csv": ("text/csv; charset=utf-8", "csv"),
    "jsonl": ("application/x-ndjson", "jsonl"),
    "parquet": ("application/vnd.apache.parquet", "parquet"),
}


class TableViewSet(WorkspaceViewSet):
    """Stored tables: what the pipelines wrote."""

    resource = "table"
    addressed_by_name = True
    queryset = StoredTable.objects.select_related("workspace")
    serializer_class = StoredTableSerializer
    ordering: ClassVar = ["name"]
    ordering_fields = ("name", "rows", "created_at", "updated_at")
    search_fields = ("name",)
    permissions: ClassVar = {"view": "queries:run", "change": "pipelines:run"}
    query_parameters: ClassVar = {
        "rows": ("page", "page_size", "ordering", "as_of"),
        "snapshots": ("page", "page_size"),
        "export": ("format", "as_of"),
        "records": lookups.TABLE_RECORD_CHOICES,
    }
    lookup_field = "name"
    lookup_value_regex = "[^/]+"

    @extend_schema(
        parameters=[AS_OF, OpenApiParameter("ordering", str, description="A column, with - for descending.")],
        responses={200: {"type": "array", "items": {"type": "object"}, "x-paginated": True}},
    )
    @action(detail=True, methods=["get"])
    def rows(self, request: Request, name: str) -> Response:
        """Rows of the table, as objects."""
        page, size = read_page(request)
        found, total = selectors.list_rows(
            table=self.get_object(),
            as_of=request.query_params.get("as_of", ""),
            ordering=request.query_params.get("ordering", ""),
            offset=(page - 1) * size,
            limit=size,
        )
        return Paginated(found, page_facts(page, size, total))

    @extend_schema(responses={200: {"type": "array", "items": {"type": "object"}, "x-paginated": True}})
    @action(detail=True, methods=["get"])
    def snapshots(self, request: Request, name: str) -> Response:
        """Every version of the table that is still kept, newest first."""
        page: list[dict[str, Any]] = self.paginate_queryset(selectors.list_snapshots(self.get_object())) or []
        return self.get_paginated_response(page)

    @extend_schema(parameters=[*lookups.RECORD_PARAMETERS], responses=TableRecordSerializer)
    @action(detail=True, methods=["get"])
    def records(self, request: Request, name: str) -> Response:
        """What became of a record of this table: its rows, when they changed, which runs rejected it, and why."""
        # Rejected rows of runs are shown beside those of the table.
        require(self.caller, "pipelines:view", self.workspace.pk)
        return Response(find_in_table(table=self.get_object(), **lookups.read_lookup(request)))

    @extend_schema(
        parameters=[AS_OF, OpenApiParameter("format", str, enum=FORMATS, description="csv unless given.")],
        responses={(200, media): OpenApiTypes.BINARY for media, _ in MEDIA.values()},
    )
    @action(detail=True, methods=["get"])
    def export(self, request: Request, name: str) -> HttpResponseBase:
        """The whole table as a file: CSV, JSON lines or Parquet."""
        form = cast("ExportFormat", one_of(request, "format", FORMATS) or "csv")
        table = self.get_object()
        pieces = selectors.export_rows(table=table, form=form, as_of=request.query_params.get("as_of", ""))
        media, ending = MEDIA[form]
        return streamed_download(pieces, f"{table.name}.{ending}", media)

    @extend_schema(request=RestoreSerializer, responses=StoredTableSerializer)
    @action(detail=True, methods=["post"])
    def restore(self, request: Request, name: str) -> Response:
        """Bring a version back as the newest one; nothing is lost by it."""
        serializer = RestoreSerializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        table = restore_table(table=self.get_object(), actor=self.caller, **serializer.validated_data)
        return self.answer(table)
