"""Scores, rules and alerts, for operators."""

from django.contrib import admin

from apps.monitoring.models import Alert, AlertRule, QualityScore
from datalinx.admin import ReadOnlyAdmin


@admin.register(QualityScore)
class QualityScoreAdmin(ReadOnlyAdmin):
    """Scores of tables."""

    list_display = ("table", "workspace", "snapshot", "score", "grade", "created_at")
    list_select_related = ("workspace",)


@admin.register(AlertRule)
class AlertRuleAdmin(ReadOnlyAdmin):
    """Alert rules."""

    list_display = ("name", "workspace", "version", "evaluated_at", "last_value", "last_error")
    list_select_related = ("workspace",)


@admin.register(Alert)
class AlertAdmin(ReadOnlyAdmin):
    """Alerts."""

    list_display = ("rule", "workspace", "status", "severity", "created_at", "resolved_at")
    list_filter = ("status", "severity")
    list_select_related = ("rule", "workspace")
