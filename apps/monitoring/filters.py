"""The filters of lists of alerts."""

import django_filters

from apps.monitoring.models import Alert
from datalinx.api.filters import choice_filter


class AlertFilter(django_filters.FilterSet):
    """By status, severity and rule."""

    status = choice_filter(Alert.Status.choices)
    severity = choice_filter([("warning", "warning"), ("critical", "critical")])
    rule_id = django_filters.CharFilter(field_name="rule_id")

    class Meta:
        model = Alert
        fields = ("status", "severity", "rule_id")
