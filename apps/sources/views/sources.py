"""The API of sources and what is in them."""

from dataclasses import asdict
from typing import ClassVar

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema, extend_schema_view
from rest_framework.decorators import action
from rest_framework.parsers import MultiPartParser
from rest_framework.request import Request
from rest_framework.response import Response

from apps.sources import selectors
from apps.sources.filters import SourceFilter
from apps.sources.models import Source, SourceTable
from apps.sources.serializers import (
    ConnectorSerializer,
    DiscoverSerializer,
    DiscoverySerializer,
    PreviewSerializer,
    SourceSerializer,
    SourceTableSerializer,
    SourceTestSerializer,
    TestResultSerializer,
    UploadedSerializer,
    UploadSerializer,
    result_of_test,
)
from apps.sources.services import sources
from datalinx.api.parameters import whole_number
from datalinx.api.permissions import ANY
from datalinx.api.serializers import DeletedSerializer
from datalinx.api.viewsets import ApiView, WorkspaceView, WorkspaceViewSet

LIMIT = OpenApiParameter("limit", OpenApiTypes.INT, description="How many rows, at most 1,000.")


class ConnectorsView(ApiView):
    """Every kind of source and destination, with the JSON Schema of its settings and its credentials."""

    permissions: ClassVar = {"view": ANY, "change": ANY}
    lists = ("get",)

    @extend_schema(responses=ConnectorSerializer(many=True))
    def get(self, request: Request) -> Response:
        return self.paged(selectors.describe_connectors())


class SourceTestView(WorkspaceView):
    """Try settings of a source without saving them."""

    long_actions = frozenset({"post"})

    permissions: ClassVar = {"view": "sources:manage", "change": "sources:manage"}

    @extend_schema(request=SourceTestSerializer, responses=TestResultSerializer)
    def post(self, request: Request) -> Response:
        serializer = SourceTestSerializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        values = {"config": {}, "credentials": {}, **serializer.validated_data}
        return Response(result_of_test(sources.test_unsaved_source(**values)))


@extend_schema_view(destroy=extend_schema(responses=DeletedSerializer))
class SourceViewSet(WorkspaceViewSet):
    """Connections to where data comes from."""

    resource = "source"
    long_actions = frozenset({"test", "discover", "upload"})
    queryset = Source.objects.select_related("workspace")
    serializer_class = SourceSerializer
    filterset_class = SourceFilter
    ordering_fields = ("created_at", "updated_at", "name", "last_tested_at")
    search_fields = ("name",)
    permissions: ClassVar = {"view": "sources:view", "change": "sources:manage"}
    query_parameters: ClassVar = {"preview": ("limit",), "tables": ("page", "page_size", "search")}
    lookup_field = "pk"
    lookup_url_kwarg = "id"

    def create(self, request: Request) -> Response:
        return self.created(sources.create_source(workspace=self.workspace, actor=self.caller, **self.read()))

    def partial_update(self, request: Request, id: str) -> Response:
        values = self.read(partial=True)
        return self.answer(sources.update_source(source=self.get_object(), actor=self.caller, **values))

    def destroy(self, request: Request, id: str) -> Response:
        sources.delete_source(source=self.get_object(), actor=self.caller)
        return self.deleted(id)

    @extend_schema(request=None, responses=TestResultSerializer)
    @action(detail=True, methods=["post"])
    def test(self, request: Request, id: str) -> Response:
        """Try the source step by step."""
        return Response(result_of_test(sources.test_source(source=self.get_object(), actor=self.caller)))

    @extend_schema(request=DiscoverSerializer, responses=DiscoverySerializer)
    @action(detail=True, methods=["post"])
    def discover(self, request: Request, id: str) -> Response:
        """Look at the source's tables; the answer is the difference from the last discovery."""
        serializer = DiscoverSerializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        source = self.get_object()
        changes = sources.discover_source(source=source, actor=self.caller, **serializer.validated_data)
        tables = SourceTableSerializer(source.tables.order_by("name"), many=True).data
        return Response({"changes": [asdict(change) for change in changes], "tables": tables})

    @extend_schema(request={"multipart/form-data": UploadSerializer}, responses={201: UploadedSerializer})
    @action(detail=True, methods=["post"], parser_classes=[MultiPartParser])
    def upload(self, request: Request, id: str) -> Response:
        """Put files into a file source; each becomes a table named after its stem, or the one `table`."""
        source = self.get_object()
        names = sources.upload_files(
            source=source,
            actor=self.caller,
            files=request.FILES.getlist("file"),
            table=str(request.POST.get("table", "")),
        )
        tables = SourceTableSerializer(source.tables.order_by("name"), many=True).data
        return Response({"files": names, "tables": tables}, status=201)

    @extend_schema(responses=SourceTableSerializer(many=True))
    @action(detail=True, methods=["get"])
    def tables(self, request: Request, id: str) -> Response:
        """The source's tables as the last discovery saw them."""
        rows = self.get_object().tables.order_by("name")
        if search := request.query_params.get("search", ""):
            rows = rows.filter(name__icontains=search)
        page = self.paginate_queryset(rows)
        return self.get_paginated_response(SourceTableSerializer(page, many=True).data)

    def _table(self) -> SourceTable:
        return sources.get_table(source=self.get_object(), name=self.kwargs["table"])

    @extend_schema(responses=SourceTableSerializer)
    def table(self, request: Request, id: str, table: str) -> Response:
        """One table of the source."""
        return Response(SourceTableSerializer(self._table()).data)

    @extend_schema(request=SourceTableSerializer, responses=SourceTableSerializer)
    def describe(self, request: Request, id: str, table: str) -> Response:
        """Set the description of a table and of its columns."""
        row = self._table()
        serializer = SourceTableSerializer(row, data=request.data, partial=True)
        serializer.is_valid(raise_exception=True)
        values = dict(serializer.validated_data)
        described = sources.describe_table(
            table=row,
            actor=self.caller,
            description=values.get("description"),
            columns=values.get("column_descriptions"),
        )
        return Response(SourceTableSerializer(described).data)

    @extend_schema(parameters=[LIMIT], responses=PreviewSerializer)
    def preview(self, request: Request, id: str, table: str) -> Response:
        """The first rows of a table."""
        limit = whole_number(request, "limit", default=50, lowest=1, highest=1000)
        return Response(selectors.preview_table(table=self._table(), limit=limit))

    @extend_schema(responses={200: OpenApiTypes.OBJECT})
    def profile(self, request: Request, id: str, table: str) -> Response:
        """Nulls, distinct values, range, top values, histogram and detected semantic type of each column."""
        return Response(selectors.profile_table(table=self._table()))
