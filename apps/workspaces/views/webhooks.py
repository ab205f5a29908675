"""The API of webhooks and their deliveries."""

from typing import Any, ClassVar

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema, extend_schema_view
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from apps.workspaces import selectors
from apps.workspaces.filters import WebhookFilter
from apps.workspaces.models import Delivery, Webhook
from apps.workspaces.serializers import (
    DeliveryReplayedSerializer,
    DeliveryReplaySerializer,
    DeliverySerializer,
    WebhookSerializer,
    WebhookWithSecretSerializer,
)
from apps.workspaces.services import outbox, replaying, webhooks
from datalinx.api.parameters import moment, one_of
from datalinx.api.serializers import DeletedSerializer
from datalinx.api.viewsets import WorkspaceViewSet
from datalinx.errors import NotFound


@extend_schema_view(
    create=extend_schema(request=WebhookSerializer, responses={201: WebhookWithSecretSerializer}),
    destroy=extend_schema(responses=DeletedSerializer),
)
class WebhookViewSet(WorkspaceViewSet):
    """Addresses that hear of events."""

    resource = "webhook"
    queryset = Webhook.objects.select_related("workspace")
    serializer_class = WebhookSerializer
    filterset_class = WebhookFilter
    search_fields = ("url", "description")
    permissions: ClassVar = {"view": "webhooks:view", "change": "webhooks:manage"}
    query_parameters: ClassVar = {
        "deliveries": ("page", "page_size", "status", "event", "since"),
        "delivery": (),
    }
    lookup_field = "pk"
    lookup_url_kwarg = "id"

    def create(self, request: Request) -> Response:
        webhook, secret = webhooks.create_webhook(workspace=self.workspace, actor=self.caller, **self.read())
        return self._with_secret(webhook, secret, status=201)

    def partial_update(self, request: Request, id: str) -> Response:
        values = self.read(partial=True)
        return self.answer(webhooks.update_webhook(webhook=self.get_object(), actor=self.caller, **values))

    def destroy(self, request: Request, id: str) -> Response:
        self.get_object().delete()
        return self.deleted(id)

    @extend_schema(request=None, responses={201: DeliverySerializer})
    @action(detail=True, methods=["post"])
    def test(self, request: Request, id: str) -> Response:
        """Queue a test event."""
        delivery = outbox.send_test_event(webhook=self.get_object(), actor=self.caller)
        return Response(DeliverySerializer(delivery).data, status=201)

    @extend_schema(request=None, responses=WebhookWithSecretSerializer)
    @action(detail=True, methods=["post"], url_path="rotate-secret")
    def rotate_secret(self, request: Request, id: str) -> Response:
        """Make a new secret; the old one signs beside it for a day."""
        webhook = self.get_object()
        return self._with_secret(webhook, webhooks.rotate_secret(webhook=webhook, actor=self.caller))

    @extend_schema(
        parameters=[
            OpenApiParameter("status", str, enum=Delivery.Status.values),
            OpenApiParameter("event", str, description="A type of event, or an event's id."),
            OpenApiParameter("since", OpenApiTypes.DATETIME, description="Only those made since then."),
        ],
        responses=DeliverySerializer(many=True),
    )
    @action(detail=True, methods=["get"])
    def deliveries(self, request: Request, id: str) -> Response:
        """What was sent, newest first, with every attempt."""
        rows = selectors.list_deliveries(
            self.get_object(),
            status=one_of(request, "status", Delivery.Status.values),
            event=request.query_params.get("event", ""),
            since=moment(request, "since"),
        )
        return self.get_paginated_response(DeliverySerializer(self.paginate_queryset(rows), many=True).data)

    @extend_schema(responses=DeliverySerializer)
    def delivery(self, request: Request, id: str, delivery_id: str) -> Response:
        """One delivery, with every attempt."""
        return Response(DeliverySerializer(self._delivery(delivery_id)).data)

    @extend_schema(request=None, responses=DeliverySerializer)
    def replay(self, request: Request, id: str, delivery_id: str) -> Response:
        """Send a delivery that has ended once more, with the same id and body."""
        delivery = replaying.replay_delivery(delivery=self._delivery(delivery_id), actor=self.caller)
        return Response(DeliverySerializer(delivery).data)

    @extend_schema(request=DeliveryReplaySerializer, responses=DeliveryReplayedSerializer)
    @action(detail=True, methods=["post"], url_path="replay", serializer_class=DeliveryReplaySerializer)
    def replay_all(self, request: Request, id: str) -> Response:
        """Send again what failed since a moment; or what arrived, or what never was made because it was disabled."""
        made = replaying.replay_deliveries(webhook=self.get_object(), actor=self.caller, **self.read())
        return Response(made.as_dict())

    def _delivery(self, delivery_id: str) -> Delivery:
        rows = self.get_object().deliveries.select_related("event", "webhook")
        delivery: Delivery | None = rows.filter(pk=delivery_id).first()
        if delivery is None:
            raise NotFound("DELIVERY_NOT_FOUND", "There is no such delivery that you can see.")
        return delivery

    def _with_secret(self, webhook: Webhook, secret: str, *, status: int = 200) -> Response:
        data: dict[str, Any] = {**WebhookSerializer(webhook).data, "secret": secret}
        return Response(data, status=status)
