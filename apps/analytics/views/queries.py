"""The API of questions in SQL."""

from typing import Any, ClassVar

from django.http import HttpResponse
from django.http.response import HttpResponseBase
from drf_spectacular.utils import extend_schema, extend_schema_field
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from apps.analytics.models import SavedQuery
from apps.analytics.services import queries
from apps.mappings.views.schemas import object_body, with_etag
from datalinx.api.documents_schema import body, component
from datalinx.api.serializers import Choice, DeletedSerializer, StrictSerializer, Text, WholeNumber
from datalinx.api.viewsets import WorkspaceView, WorkspaceViewSet
from datalinx.engine.query.run import Answer
from datalinx.engine.spec.query import QueryDocument
from datalinx.errors import NotFound

MEDIA_TYPES = {"csv": "text/csv; charset=utf-8", "arrow": "application/vnd.apache.arrow.stream"}


@extend_schema_field({"oneOf": [{"type": "string"}, {"type": "integer", "minimum": 1}]})
class AsOf(Text):
    """A version's number, a run's id, or a time."""

    def to_internal_value(self, data: Any) -> str:
        return super().to_internal_value(str(data) if type(data) is int else data)


AS_OF_HELP = "A snapshot's number, a run's id, or a time: every table that the query names is read as it was."


class AskSerializer(StrictSerializer):
    """SQL, its parameters by name, how many rows at most, the form of the answer, and as of when."""

    sql = serializers.CharField(max_length=100_000, trim_whitespace=False)
    parameters = serializers.DictField(required=False)
    limit = WholeNumber(min_value=1, max_value=queries.MAX_LIMIT, required=False)
    format = Choice(choices=["json", "csv", "arrow"], required=False)
    as_of = AsOf(max_length=64, required=False, help_text=AS_OF_HELP)


class ResultSerializer(serializers.Serializer[Any]):
    """The answer to a query. Integers to 2^53 are numbers; larger ones and decimals are strings."""

    columns = serializers.ListField(child=serializers.DictField())
    rows = serializers.ListField(child=serializers.ListField())
    row_count = serializers.IntegerField()
    truncated = serializers.BooleanField()
    seconds = serializers.FloatField()


class AskView(WorkspaceView):
    """Ask the workspace's tables a question in read-only SQL."""

    long_actions = frozenset({"post"})
    permissions: ClassVar = {"view": "queries:run", "change": "queries:run"}

    @extend_schema(request=AskSerializer, responses=ResultSerializer)
    def post(self, request: Request) -> HttpResponseBase:
        serializer = AskSerializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        values = dict(serializer.validated_data)
        form = values.pop("format", "json")
        answer: Answer = "rows" if form == "json" else form
        result = queries.ask(workspace=self.workspace, actor=self.caller, answer=answer, **values)
        if form != "json":
            return HttpResponse(result.body, content_type=MEDIA_TYPES[form])
        return Response(queries.result_to_json(result))


class SavedQuerySerializer(serializers.Serializer[Any]):
    """A saved query as its document."""

    def to_representation(self, instance: SavedQuery) -> dict[str, Any]:
        return {
            "id": instance.pk,
            **instance.document,
            "version": instance.version,
            "last_run_at": instance.last_run_at,
            "created_at": instance.created_at,
            "updated_at": instance.updated_at,
            "created_by": instance.created_by,
        }


class RunQuerySerializer(StrictSerializer):
    """Values for the query's parameters, how many rows at most, and as of when."""

    parameters = serializers.DictField(required=False)
    limit = WholeNumber(min_value=1, max_value=queries.MAX_LIMIT, required=False)
    as_of = AsOf(max_length=64, required=False, help_text=AS_OF_HELP)


class SavedQueryViewSet(WorkspaceViewSet):
    """Queries that are kept: versioned and with parameters."""

    resource = "query"
    long_actions = frozenset({"run"})
    queryset = SavedQuery.objects.select_related("workspace__organization")
    serializer_class = SavedQuerySerializer
    ordering_fields = ("created_at", "updated_at", "name", "last_run_at")
    search_fields = ("name",)
    permissions: ClassVar = {
        "view": "queries:view",
        "change": "queries:edit",
        "run": "queries:run",
        "results": "queries:run",
    }
    lookup_field = "pk"
    lookup_url_kwarg = "id"

    @extend_schema(responses={200: {"type": "array", "items": component(QueryDocument), "x-paginated": True}})
    def list(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Every saved query of the workspace."""
        return super().list(request, *args, **kwargs)

    @extend_schema(responses={200: component(QueryDocument)})
    def retrieve(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """One saved query."""
        return with_etag(SavedQuerySerializer(self.get_object()).data)

    @extend_schema(request=body(QueryDocument), responses={201: component(QueryDocument)})
    def create(self, request: Request) -> Response:
        """Keep a query."""
        made = queries.create_query(workspace=self.workspace, actor=self.caller, document=request.data)
        return with_etag(SavedQuerySerializer(made).data, status=201)

    @extend_schema(
        request={"application/json": {"type": "object"}}, responses={200: component(QueryDocument)}
    )
    def partial_update(self, request: Request, id: str) -> Response:
        """Change the given keys of a query's document."""
        changed = queries.update_query(
            query=self.get_object(),
            actor=self.caller,
            changes=object_body(request, answered=("last_run_at",)),
            if_match=request.headers.get("If-Match", ""),
        )
        return with_etag(SavedQuerySerializer(changed).data)

    @extend_schema(responses=DeletedSerializer)
    def destroy(self, request: Request, id: str) -> Response:
        """Delete a saved query."""
        self.get_object().delete()
        return self.deleted(id)

    @extend_schema(request=RunQuerySerializer, responses=ResultSerializer)
    @action(detail=True, methods=["post"])
    def run(self, request: Request, id: str) -> Response:
        """Ask the query and keep the answer's first rows; an answer as of another moment is not kept."""
        serializer = RunQuerySerializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        return Response(
            queries.run_saved_query(query=self.get_object(), actor=self.caller, **serializer.validated_data)
        )

    @extend_schema(responses=ResultSerializer)
    @action(detail=True, methods=["get"])
    def results(self, request: Request, id: str) -> Response:
        """The answer of the last run."""
        query = self.get_object()
        if query.results is None:
            raise NotFound(
                "RESULTS_NOT_FOUND", "This query has not run since it was last changed; run it first."
            )
        return Response({**query.results, "ran_at": query.last_run_at})
