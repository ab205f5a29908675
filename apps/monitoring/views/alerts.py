"""The API of alert rules and alerts."""

from typing import Any, ClassVar

from drf_spectacular.utils import extend_schema
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from apps.mappings.views.schemas import object_body, with_etag
from apps.monitoring.filters import AlertFilter
from apps.monitoring.models import Alert, AlertRule
from apps.monitoring.serializers import AlertRuleSerializer, AlertSerializer, MuteSerializer
from apps.monitoring.services import alerts
from datalinx.api.documents_schema import body, component
from datalinx.api.serializers import DeletedSerializer
from datalinx.api.viewsets import WorkspaceViewSet
from datalinx.engine.spec.monitoring import AlertRuleDocument


class AlertRuleViewSet(WorkspaceViewSet):
    """Rules that raise alerts."""

    resource = "alert_rule"
    queryset = AlertRule.objects.select_related("workspace__organization")
    serializer_class = AlertRuleSerializer
    ordering_fields = ("created_at", "updated_at", "name", "evaluated_at")
    search_fields = ("name",)
    permissions: ClassVar = {"view": "alerts:view", "change": "alerts:manage"}
    lookup_field = "pk"
    lookup_url_kwarg = "id"

    @extend_schema(
        responses={200: {"type": "array", "items": component(AlertRuleDocument), "x-paginated": True}}
    )
    def list(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Every alert rule of the workspace."""
        return super().list(request, *args, **kwargs)

    @extend_schema(responses={200: component(AlertRuleDocument)})
    def retrieve(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """One alert rule."""
        return with_etag(AlertRuleSerializer(self.get_object()).data)

    @extend_schema(request=body(AlertRuleDocument), responses={201: component(AlertRuleDocument)})
    def create(self, request: Request) -> Response:
        """Make an alert rule; it is looked at at once."""
        made = alerts.create_alert_rule(workspace=self.workspace, actor=self.caller, document=request.data)
        return with_etag(AlertRuleSerializer(made).data, status=201)

    @extend_schema(
        request={"application/json": {"type": "object"}}, responses={200: component(AlertRuleDocument)}
    )
    def partial_update(self, request: Request, id: str) -> Response:
        """Change the given keys of a rule's document."""
        changed = alerts.update_alert_rule(
            rule=self.get_object(),
            actor=self.caller,
            changes=object_body(request, answered=("evaluated_at", "last_value", "last_error")),
            if_match=request.headers.get("If-Match", ""),
        )
        return with_etag(AlertRuleSerializer(changed).data)

    @extend_schema(responses=DeletedSerializer)
    def destroy(self, request: Request, id: str) -> Response:
        """Delete a rule with its alerts."""
        self.get_object().delete()
        return self.deleted(id)


class AlertViewSet(WorkspaceViewSet):
    """Alerts: what is wrong, and what was."""

    resource = "alert"
    queryset = Alert.objects.select_related("rule", "workspace__organization")
    serializer_class = AlertSerializer
    filterset_class = AlertFilter
    search_fields = ("message", "rule__name")
    permissions: ClassVar = {"view": "alerts:view", "change": "alerts:manage"}
    lookup_field = "pk"
    lookup_url_kwarg = "id"

    @extend_schema(request=None, responses=AlertSerializer)
    @action(detail=True, methods=["post"])
    def acknowledge(self, request: Request, id: str) -> Response:
        """Say that you look after it."""
        return self.answer(alerts.acknowledge_alert(alert=self.get_object(), actor=self.caller))

    @extend_schema(request=None, responses=AlertSerializer)
    @action(detail=True, methods=["post"])
    def resolve(self, request: Request, id: str) -> Response:
        """Say that it is over; it opens again when its rule's condition holds at a later look."""
        return self.answer(alerts.resolve_alert(alert=self.get_object(), actor=self.caller))

    @extend_schema(request=MuteSerializer, responses=AlertSerializer)
    @action(detail=True, methods=["post"])
    def mute(self, request: Request, id: str) -> Response:
        """Keep it quiet for a while."""
        serializer = MuteSerializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        return self.answer(
            alerts.mute_alert(alert=self.get_object(), actor=self.caller, **serializer.validated_data)
        )
