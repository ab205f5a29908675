"""The API of scores."""

from typing import ClassVar

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from apps.mappings.views.schemas import with_etag
from apps.monitoring.models import QualityScore
from apps.monitoring.serializers import MonitoringRunSerializer, ScoreSerializer
from apps.monitoring.services import scores
from datalinx.api.documents_schema import body, component
from datalinx.api.pagination import Pages
from datalinx.api.viewsets import WorkspaceView
from datalinx.engine.spec.monitoring import MonitoringDocument

PERMISSIONS: dict[str, str] = {"view": "monitoring:view", "change": "monitoring:edit"}


class MonitoringView(WorkspaceView):
    """What is watched in the workspace, one document."""

    permissions: ClassVar = PERMISSIONS

    @extend_schema(responses={200: component(MonitoringDocument)})
    def get(self, request: Request) -> Response:
        return with_etag(scores.get_monitoring(self.workspace.pk))

    @extend_schema(request=body(MonitoringDocument), responses={200: component(MonitoringDocument)})
    def put(self, request: Request) -> Response:
        document = scores.put_monitoring(
            workspace=self.workspace,
            actor=self.caller,
            document=request.data,
            if_match=request.headers.get("If-Match", ""),
        )
        return with_etag(document, status=201 if document["version"] == 1 else 200)


class MonitoringRunView(WorkspaceView):
    """Look at the stored tables now, and answer with their scores."""

    long_actions = frozenset({"post"})
    permissions: ClassVar = PERMISSIONS

    @extend_schema(request=MonitoringRunSerializer, responses=ScoreSerializer(many=True))
    def post(self, request: Request) -> Response:
        serializer = MonitoringRunSerializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        found = scores.score_tables(workspace=self.workspace, **serializer.validated_data)
        return Response(ScoreSerializer(found, many=True).data)


class ScoresView(WorkspaceView):
    """The newest score of each stored table."""

    permissions: ClassVar = PERMISSIONS
    lists = ("get",)

    @extend_schema(responses=ScoreSerializer(many=True))
    def get(self, request: Request) -> Response:
        return self.paged(list(ScoreSerializer(scores.latest_scores(self.workspace.pk), many=True).data))


class ScoreView(WorkspaceView):
    """The newest score of one table, dimension by dimension and column by column."""

    permissions: ClassVar = PERMISSIONS

    @extend_schema(responses=ScoreSerializer)
    def get(self, request: Request, table: str) -> Response:
        return Response(ScoreSerializer(scores.latest_score(self.workspace.pk, table)).data)


class ScoreHistoryView(WorkspaceView):
    """The scores of one table, newest first."""

    permissions: ClassVar = PERMISSIONS
    query_parameters: ClassVar = {"get": ("page", "page_size")}

    @extend_schema(responses={200: {"type": "array", "items": {"type": "object"}, "x-paginated": True}})
    def get(self, request: Request, table: str) -> Response:
        rows = (
            QualityScore.objects.for_workspace(self.workspace.pk)
            .filter(table=table)
            .order_by("-created_at", "-pk")
        )
        pages = Pages()
        page = pages.paginate_queryset(rows, request, view=self)
        return pages.get_paginated_response(ScoreSerializer(page, many=True).data)
