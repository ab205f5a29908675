"""The API of runs: their state, log, rejected rows, and progress as it happens."""

from collections.abc import Iterator
from typing import Any, ClassVar

from django.http import StreamingHttpResponse
from django.http.response import HttpResponseBase
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.decorators import action
from rest_framework.renderers import BaseRenderer
from rest_framework.request import Request
from rest_framework.response import Response

from apps.pipelines import selectors
from apps.pipelines.filters import RunFilter
from apps.pipelines.models import Run
from apps.pipelines.record_serializers import RunRecordSerializer
from apps.pipelines.serializers import ReplaySerializer, RunLogSerializer, RunSerializer
from apps.pipelines.services import lineage, records, replays, runs, verifications
from apps.pipelines.views.lookups import RECORD_CHOICES, RECORD_PARAMETERS, read_lookup
from datalinx.api.downloads import download
from datalinx.api.pagination import page_facts, read_page
from datalinx.api.parameters import one_of, read_whole_number, whole_number
from datalinx.api.permissions import require
from datalinx.api.renderers import EnvelopeRenderer, Paginated
from datalinx.api.viewsets import WorkspaceViewSet

FORMATS = ["json", "openlineage"]

# No line of a log has an id beyond this.
_LAST_ID = 2**62


# What chooses lines of a log, read or followed.
CHOICES = ("level", "min_level", "table", "attempt")
CHOICE_PARAMETERS = (
    OpenApiParameter("level", str, enum=selectors.LEVELS, description="Lines of this level."),
    OpenApiParameter("min_level", str, enum=selectors.LEVELS, description="Lines of this level and worse."),
    OpenApiParameter("table", str, description="Lines of this table's step."),
    OpenApiParameter("attempt", OpenApiTypes.INT, description="Lines of this attempt."),
)


def _choice(request: Request, run: Run) -> selectors.LogChoice:
    runs.require_table(run, request.query_params.get("table", ""))
    return selectors.LogChoice(
        level=one_of(request, "level", selectors.LEVELS),
        min_level=one_of(request, "min_level", selectors.LEVELS),
        table=request.query_params.get("table", ""),
        attempt=whole_number(request, "attempt", default=0, lowest=1, highest=2**31 - 1),
    )


class EventStreamRenderer(BaseRenderer):
    """Lets a client ask for `text/event-stream`; the stream itself is made by the view."""

    media_type = "text/event-stream"
    format = "events"
    charset = None

    def render(self, data: Any, accepted_media_type: Any = None, renderer_context: Any = None) -> bytes:
        return EnvelopeRenderer().render(data, accepted_media_type, renderer_context)


class RunViewSet(WorkspaceViewSet):
    """Runs of pipelines, newest first."""

    resource = "run"
    queryset = Run.objects.select_related("workspace__organization", "pipeline").prefetch_related(
        "steps__deliveries"
    )
    serializer_class = RunSerializer
    filterset_class = RunFilter
    ordering_fields = ("created_at", "started_at", "finished_at")
    search_fields = ("id", "pipeline__name")
    permissions: ClassVar = {"view": "pipelines:view", "change": "pipelines:run"}
    query_parameters: ClassVar = {
        "logs": ("page", "page_size", "after", *CHOICES),
        "rejected": ("page", "page_size", "table", "reason"),
        "events": ("last_event_id", *CHOICES),
        "lineage": ("table", "column", "format"),
        "records": RECORD_CHOICES,
    }
    lists = ("lineage",)
    lookup_field = "pk"
    lookup_url_kwarg = "id"

    def takes_long(self, request: Request) -> bool:
        # A rehearsal reads and computes; a replay is a run, of which there must not be two.
        body = request.data
        return self.action_name == "replay" and isinstance(body, dict) and bool(body.get("rehearse"))

    @extend_schema(request=None, responses=RunSerializer)
    @action(detail=True, methods=["post"])
    def cancel(self, request: Request, id: str) -> Response:
        """Ask the run to stop. Tables that it has committed stay."""
        return self.answer(runs.cancel_run(run=self.get_object(), actor=self.caller))

    @extend_schema(request=None, responses={201: RunSerializer})
    @action(detail=True, methods=["post"])
    def retry(self, request: Request, id: str) -> Response:
        """Start a new run of the tables that this one did not finish."""
        return self.created(runs.retry_run(run=self.get_object(), actor=self.caller))

    @extend_schema(request=None, responses={201: RunSerializer})
    @action(detail=True, methods=["post"])
    def verify(self, request: Request, id: str) -> Response:
        """Run it again from its manifest, publish nothing, and compare; `verified` of the new run is the answer."""
        return self.created(verifications.start_verification(run=self.get_object(), actor=self.caller))

    @extend_schema(
        parameters=[*CHOICE_PARAMETERS, OpenApiParameter("after", OpenApiTypes.INT)],
        responses={200: RunLogSerializer(many=True)},
    )
    @action(detail=True, methods=["get"])
    def logs(self, request: Request, id: str) -> Response:
        """The run's log, oldest first; `after` gives the lines after one's id, and `events` follows it."""
        after = whole_number(request, "after", default=0, lowest=0, highest=_LAST_ID)
        run = self.get_object()
        page = self.paginate_queryset(_choice(request, run).lines(run, after=after))
        return self.get_paginated_response(RunLogSerializer(page, many=True).data)

    @extend_schema(
        parameters=[OpenApiParameter("table", str), OpenApiParameter("reason", str)],
        responses={200: {"type": "array", "items": {"type": "object"}, "x-paginated": True}},
    )
    @action(detail=True, methods=["get"])
    def rejected(self, request: Request, id: str) -> Response:
        """The rejected rows, each with where it stood, the field, the reason and the value."""
        page, size = read_page(request)
        run, table = self.get_object(), request.query_params.get("table", "")
        runs.require_table(run, table)
        rows, total = selectors.list_rejected(
            run=run,
            table=table,
            reason=request.query_params.get("reason", ""),
            offset=(page - 1) * size,
            limit=size,
        )
        return Paginated(rows, page_facts(page, size, total))

    @extend_schema(
        parameters=[OpenApiParameter("table", str), *RECORD_PARAMETERS], responses=RunRecordSerializer
    )
    @action(detail=True, methods=["get"])
    def records(self, request: Request, id: str) -> Response:
        """Did this record go through, and if not, why? From what the run kept, else from the source as it is now."""
        # Rows of tables are shown beside those of the run.
        require(self.caller, "queries:run", self.workspace.pk)
        table = request.query_params.get("table", "")
        return Response(records.find_in_run(run=self.get_object(), table=table, **read_lookup(request)))

    @extend_schema(request=ReplaySerializer, responses={200: {"type": "object"}, 201: RunSerializer})
    @action(detail=True, methods=["post"], url_path="rejected/replay")
    def replay(self, request: Request, id: str) -> Response:
        """Put rejected rows through the present mapping, each exactly once; `rehearse` only tells how many pass."""
        serializer = ReplaySerializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        choice = dict(serializer.validated_data)
        if choice.pop("rehearse", False):
            return Response(replays.rehearse_replay(run=self.get_object(), **choice))
        return self.created(replays.start_replay(run=self.get_object(), actor=self.caller, **choice))

    @extend_schema(
        parameters=[
            OpenApiParameter("table", str),
            OpenApiParameter("column", str),
            OpenApiParameter(
                "format", str, enum=FORMATS, description="`openlineage`: a file with one event."
            ),
        ],
        responses={200: {"type": "array", "items": {"type": "object"}, "x-paginated": True}},
    )
    @action(detail=True, methods=["get"])
    def lineage(self, request: Request, id: str) -> HttpResponseBase:
        """Which source columns made which target columns in this run; or its OpenLineage event."""
        run, table = self.get_object(), request.query_params.get("table", "")
        if one_of(request, "format", FORMATS) == "openlineage":
            event = lineage.openlineage_event(run=run, table=table)
            return download(event, f"{run.pk}.openlineage.json", "application/json")
        column = request.query_params.get("column", "")
        return self.paged(lineage.run_lineage(run=run, table=table, column=column))

    @extend_schema(
        parameters=[*CHOICE_PARAMETERS, OpenApiParameter("last_event_id", OpenApiTypes.INT)],
        responses={(200, "text/event-stream"): OpenApiTypes.STR},
    )
    @action(detail=True, methods=["get"], renderer_classes=[EnvelopeRenderer, EventStreamRenderer])
    def events(self, request: Request, id: str) -> HttpResponseBase:
        """The run's progress as server-sent events, until it ends; `Last-Event-ID` resumes.

        The lines of its log come as they are chosen, by the parameters of its log.
        """
        run = self.get_object()
        choice = _choice(request, run)
        after = whole_number(request, "last_event_id", default=0, lowest=0, highest=_LAST_ID)
        given = request.headers.get("Last-Event-ID", "").strip()
        after = read_whole_number(given, "Last-Event-ID", default=after, lowest=0, highest=_LAST_ID)
        stream: Iterator[bytes] = selectors.stream_events(run, after=after, choice=choice)
        response = StreamingHttpResponse(stream, content_type="text/event-stream")
        response["Cache-Control"] = "no-store"
        response["X-Accel-Buffering"] = "no"
        return response
