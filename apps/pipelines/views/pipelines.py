"""The API of pipelines."""

from typing import Any, ClassVar

from drf_spectacular.utils import extend_schema
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from apps.mappings.views.schemas import object_body, with_etag
from apps.pipelines.backfill_serializers import BackfillRequestSerializer, BackfillSerializer
from apps.pipelines.filters import PipelineFilter
from apps.pipelines.models import Pipeline
from apps.pipelines.serializers import PipelineSerializer, RunRequestSerializer, RunSerializer
from apps.pipelines.services import pipelines, runs
from apps.pipelines.services.backfills import create_backfill
from apps.pipelines.services.fire_times import next_fire_times
from datalinx import clock
from datalinx.api.documents_schema import body, component
from datalinx.api.serializers import DeletedSerializer
from datalinx.api.viewsets import WorkspaceView, WorkspaceViewSet
from datalinx.engine.spec.base import stored_document
from datalinx.engine.spec.pipeline import PipelineDocument
from datalinx.failpoints import reach


class PipelineViewSet(WorkspaceViewSet):
    """Pipelines: which tables are made together, when, and how careful a run is."""

    resource = "pipeline"
    queryset = Pipeline.objects.select_related("workspace__organization")
    serializer_class = PipelineSerializer
    filterset_class = PipelineFilter
    ordering_fields = ("created_at", "updated_at", "name", "next_run_at")
    search_fields = ("name",)
    permissions: ClassVar = {
        "view": "pipelines:view",
        "change": "pipelines:edit",
        "run": "pipelines:run",
        "start_backfill": "pipelines:run",
    }
    query_parameters: ClassVar = {"backfills": ("page", "page_size")}
    lists = ("next_runs",)
    lookup_field = "pk"
    lookup_url_kwarg = "id"

    @extend_schema(
        responses={200: {"type": "array", "items": component(PipelineDocument), "x-paginated": True}}
    )
    def list(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Every pipeline of the workspace."""
        return super().list(request, *args, **kwargs)

    @extend_schema(responses={200: component(PipelineDocument)})
    def retrieve(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """One pipeline."""
        return self._shown(self.get_object())

    @extend_schema(request=body(PipelineDocument), responses={201: component(PipelineDocument)})
    def create(self, request: Request) -> Response:
        """Make a pipeline."""
        made = pipelines.create_pipeline(workspace=self.workspace, actor=self.caller, document=request.data)
        return self._shown(made, status=201)

    @extend_schema(request=body(PipelineDocument), responses={200: component(PipelineDocument)})
    def update(self, request: Request, id: str) -> Response:
        """Replace a pipeline's document: a key that is left out has its default again."""
        changed = pipelines.replace_pipeline(
            pipeline=self.get_object(),
            actor=self.caller,
            document=object_body(request, answered=("next_run_at",)),
            if_match=request.headers.get("If-Match", ""),
        )
        return self._shown(changed)

    @extend_schema(
        request={"application/json": {"type": "object"}}, responses={200: component(PipelineDocument)}
    )
    def partial_update(self, request: Request, id: str) -> Response:
        """Change the given keys of a pipeline's document."""
        changed = pipelines.update_pipeline(
            pipeline=self.get_object(),
            actor=self.caller,
            changes=object_body(request, answered=("next_run_at",)),
            if_match=request.headers.get("If-Match", ""),
        )
        return self._shown(changed)

    @extend_schema(responses=DeletedSerializer)
    def destroy(self, request: Request, id: str) -> Response:
        """Delete a pipeline with its runs; the tables that it wrote stay."""
        pipelines.delete_pipeline(pipeline=self.get_object(), actor=self.caller)
        return self.deleted(id)

    @extend_schema(request=RunRequestSerializer, responses={201: RunSerializer})
    @action(detail=True, methods=["post"])
    def run(self, request: Request, id: str) -> Response:
        """Start a run; the answer comes at once, the run goes on by itself."""
        serializer = RunRequestSerializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        pipeline = self.get_object()
        run = runs.start_run(
            workspace=self.workspace, actor=self.caller, pipeline=pipeline, request=serializer.validated_data
        )
        reach("web.run_before_answer")
        return Response(RunSerializer(run).data, status=201)

    @extend_schema(responses={200: {"type": "array", "items": {"type": "string", "format": "date-time"}}})
    @action(detail=True, methods=["get"], url_path="next-runs")
    def next_runs(self, request: Request, id: str) -> Response:
        """The next five moments at which the schedule starts a run."""
        document = stored_document(PipelineDocument, self.get_object().document)
        return self.paged(next_fire_times(document.schedule, after=clock.database_now(), count=5))

    @extend_schema(request=None, responses={200: component(PipelineDocument)})
    @action(detail=True, methods=["post"])
    def pause(self, request: Request, id: str) -> Response:
        """Pause the schedule: it starts nothing until it is resumed. What it misses is not made up for."""
        return self._set_enabled(enabled=False)

    @extend_schema(request=None, responses={200: component(PipelineDocument)})
    @action(detail=True, methods=["post"])
    def resume(self, request: Request, id: str) -> Response:
        """Resume a paused schedule with the next of its times."""
        return self._set_enabled(enabled=True)

    def _set_enabled(self, *, enabled: bool) -> Response:
        changed = pipelines.set_schedule_enabled(
            pipeline=self.get_object(), actor=self.caller, enabled=enabled
        )
        return self._shown(changed)

    @extend_schema(responses={200: BackfillSerializer(many=True)}, filters=False)
    @action(detail=True, methods=["get"], filterset_class=None)
    def backfills(self, request: Request, id: str) -> Response:
        """The backfills of the pipeline, newest first."""
        rows = self.get_object().backfills.select_related("pipeline").order_by("-created_at", "pk")
        page = self.paginate_queryset(rows)
        return self.get_paginated_response(BackfillSerializer(page, many=True).data)

    @extend_schema(request=BackfillRequestSerializer, responses={201: BackfillSerializer})
    @backfills.mapping.post
    def start_backfill(self, request: Request, id: str) -> Response:
        """Read a range of the past anew, chunk by chunk; the answer comes at once, the backfill goes on by itself."""
        pipeline = self.get_object()
        serializer = BackfillRequestSerializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        made = create_backfill(pipeline=pipeline, actor=self.caller, **serializer.validated_data)
        return Response(BackfillSerializer(made).data, status=201)

    def _shown(self, pipeline: Pipeline, *, status: int = 200) -> Response:
        return with_etag(PipelineSerializer(pipeline).data, status=status)


class WorkspaceRunView(WorkspaceView):
    """Run the whole workspace: every table that has a mapping."""

    permissions: ClassVar = {"view": "pipelines:view", "change": "pipelines:run"}

    @extend_schema(request=RunRequestSerializer, responses={201: RunSerializer})
    def post(self, request: Request) -> Response:
        serializer = RunRequestSerializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        run = runs.start_run(
            workspace=self.workspace, actor=self.caller, pipeline=None, request=serializer.validated_data
        )
        reach("web.run_before_answer")
        return Response(RunSerializer(run).data, status=201)
