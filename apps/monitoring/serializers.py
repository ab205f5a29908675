"""The shapes of scores, rules and alerts."""

from typing import Any

from rest_framework import serializers

from apps.monitoring.models import Alert, AlertRule, QualityScore
from datalinx.api.serializers import StrictModelSerializer, StrictSerializer, WholeNumber


class ScoreSerializer(StrictModelSerializer):
    """How good a table is, 0 to 100, with a grade; null where a dimension cannot be measured."""

    dimensions = serializers.DictField(read_only=True)
    columns = serializers.ListField(child=serializers.DictField(), read_only=True)

    class Meta:
        model = QualityScore
        fields = ("id", "table", "snapshot", "score", "grade", "rows", "dimensions", "columns", "created_at")


class AlertRuleSerializer(serializers.Serializer[Any]):
    """An alert rule as its document, with what the last look at it said."""

    def to_representation(self, instance: AlertRule) -> dict[str, Any]:
        return {
            "id": instance.pk,
            **instance.document,
            "version": instance.version,
            "evaluated_at": instance.evaluated_at,
            "last_value": instance.last_value,
            "last_error": instance.last_error,
            "created_at": instance.created_at,
            "updated_at": instance.updated_at,
            "created_by": instance.created_by,
        }


class AlertSerializer(StrictModelSerializer):
    """Something that is wrong, from when to when."""

    rule_id = serializers.CharField(read_only=True)
    rule = serializers.CharField(source="rule.name", read_only=True)

    class Meta:
        model = Alert
        fields = (
            "id",
            "rule_id",
            "rule",
            "status",
            "severity",
            "message",
            "value",
            "created_at",
            "updated_at",
            "acknowledged_at",
            "acknowledged_by",
            "resolved_at",
            "resolved_by",
            "muted_until",
        )


class MuteSerializer(StrictSerializer):
    """For how long; for a day unless told."""

    minutes = WholeNumber(min_value=1, max_value=43_200, required=False)


class MonitoringRunSerializer(StrictSerializer):
    """Which tables to score; all of them unless told otherwise."""

    tables = serializers.ListField(child=serializers.CharField(max_length=63), required=False, max_length=500)
