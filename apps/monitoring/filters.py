"""The filters of lists of alerts."""

import django_filters

from apps.monitoring.models import Alert


class AlertFilter(django_filters.FilterSet):
    """By status, severity and rule."""

    status = django_filters.ChoiceFilter(choices=Alert.Status.choices)
    severity = django_filters.ChoiceFilter(choices=[("warning", "warning"), ("critical", "critical")])
    rule_id = django_filters.CharFilter(field_name="rule_id")

    class Meta:
        model = Alert
        fields = ("status", "severity", "rule_id")
