"""The API of backfills: how far they are, and pausing, resuming, cancelling, trying again."""

from collections.abc import Iterator
from typing import Any, ClassVar

from django.http import StreamingHttpResponse
from django.http.response import HttpResponseBase
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from apps.pipelines.backfill_events import stream_backfill
from apps.pipelines.backfill_serializers import (
    BackfillChunkSerializer,
    BackfillDetailSerializer,
    BackfillSerializer,
)
from apps.pipelines.filters import BackfillFilter
from apps.pipelines.models import Backfill, BackfillChunk
from apps.pipelines.services import backfills
from apps.pipelines.views.runs import EventStreamRenderer
from datalinx.api.parameters import one_of
from datalinx.api.renderers import EnvelopeRenderer
from datalinx.api.viewsets import WorkspaceViewSet

_STATUSES = list(BackfillChunk.Status.values)


class BackfillViewSet(WorkspaceViewSet):
    """Backfills of pipelines, newest first."""

    resource = "backfill"
    queryset = Backfill.objects.select_related("workspace__organization", "pipeline")
    serializer_class = BackfillSerializer
    filterset_class = BackfillFilter
    ordering_fields = ("created_at", "finished_at")
    search_fields = ("id", "pipeline__name")
    permissions: ClassVar = {"view": "pipelines:view", "change": "pipelines:run"}
    query_parameters: ClassVar = {"chunks": ("page", "page_size", "status")}
    lookup_field = "pk"
    lookup_url_kwarg = "id"

    @extend_schema(responses=BackfillDetailSerializer)
    def retrieve(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """One backfill, with its chunks as stretches of equal state."""
        return Response(BackfillDetailSerializer(self.get_object()).data)

    @extend_schema(
        parameters=[OpenApiParameter("status", str, enum=_STATUSES)],
        responses={200: BackfillChunkSerializer(many=True)},
        filters=False,
    )
    @action(detail=True, methods=["get"], filterset_class=None)
    def chunks(self, request: Request, id: str) -> Response:
        """The chunks, from the oldest."""
        rows = self.get_object().chunks.order_by("position")
        if status := one_of(request, "status", _STATUSES):
            rows = rows.filter(status=status)
        page = self.paginate_queryset(rows)
        return self.get_paginated_response(BackfillChunkSerializer(page, many=True).data)

    @extend_schema(responses={(200, "text/event-stream"): OpenApiTypes.STR})
    @action(detail=True, methods=["get"], renderer_classes=[EnvelopeRenderer, EventStreamRenderer])
    def events(self, request: Request, id: str) -> HttpResponseBase:
        """The backfill as server-sent events: whole each time that it has changed, until it ends."""
        stream: Iterator[bytes] = stream_backfill(self.get_object())
        response = StreamingHttpResponse(stream, content_type="text/event-stream")
        response["Cache-Control"] = "no-store"
        response["X-Accel-Buffering"] = "no"
        return response

    @extend_schema(request=None, responses=BackfillSerializer)
    @action(detail=True, methods=["post"])
    def pause(self, request: Request, id: str) -> Response:
        """Start no further chunk; the present one runs to its end."""
        return self.answer(backfills.pause_backfill(backfill=self.get_object(), actor=self.caller))

    @extend_schema(request=None, responses=BackfillSerializer)
    @action(detail=True, methods=["post"])
    def resume(self, request: Request, id: str) -> Response:
        """Go on with a paused backfill, by the documents of now."""
        return self.answer(backfills.resume_backfill(backfill=self.get_object(), actor=self.caller))

    @extend_schema(request=None, responses=BackfillSerializer)
    @action(detail=True, methods=["post"])
    def cancel(self, request: Request, id: str) -> Response:
        """End the backfill and the run of its present chunk. What is committed stays."""
        return self.answer(backfills.cancel_backfill(backfill=self.get_object(), actor=self.caller))

    @extend_schema(request=None, responses=BackfillSerializer)
    @action(detail=True, methods=["post"])
    def retry(self, request: Request, id: str) -> Response:
        """Try the failed chunks again, by the documents of now."""
        return self.answer(backfills.retry_backfill(backfill=self.get_object(), actor=self.caller))
