"""What is watched, how it was, and what is wrong."""

from typing import ClassVar

from django.db import models
from django.db.models import Q

from apps.workspaces.models import Workspace
from datalinx.orm import PrefixedIdField, WorkspaceModel, WorkspaceQuerySet


class Monitoring(WorkspaceModel):
    """What is watched in a workspace: one versioned document."""

    id = PrefixedIdField(prefix="mon")
    document = models.JSONField()
    version = models.PositiveIntegerField(default=1)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint("workspace", name="monitoring_is_one_for_each_workspace")
        ]

    def __str__(self) -> str:
        return self.id


class QualityScore(models.Model):
    """How good a table was at one of its versions: 0 to 100, and a grade."""

    id = PrefixedIdField(prefix="scr")
    workspace = models.ForeignKey(Workspace, on_delete=models.CASCADE, related_name="+")
    table = models.CharField(max_length=63)
    snapshot = models.PositiveIntegerField()
    score = models.FloatField(null=True)
    grade = models.CharField(max_length=1, blank=True, default="")
    # {"completeness": {"score": 98.2, …}, …}; null where it cannot be measured.
    dimensions = models.JSONField(default=dict)
    columns = models.JSONField(default=list)
    rows = models.PositiveBigIntegerField(default=0)
    created_at = models.DateTimeField(auto_now_add=True)

    objects = WorkspaceQuerySet.as_manager()

    class Meta:
        indexes: ClassVar = [
            models.Index(fields=["workspace", "table", "-created_at"], name="score_by_table")
        ]

    def __str__(self) -> str:
        return f"{self.table} {self.score}"


class AlertRule(WorkspaceModel):
    """When an alert is raised: a document, and what the last look at it said."""

    id = PrefixedIdField(prefix="alr")
    name = models.CharField(max_length=255)
    document = models.JSONField()
    version = models.PositiveIntegerField(default=1)
    evaluated_at = models.DateTimeField(null=True, blank=True)
    last_value = models.FloatField(null=True)
    # Why the rule itself could not be evaluated; empty when it could.
    last_error = models.CharField(max_length=1000, blank=True, default="")
    # What the last look was at; the rule is looked at again when this changes.
    seen = models.CharField(max_length=500, blank=True, default="")

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint("workspace", "name", name="alert_rule_name_is_unique_in_workspace"),
        ]

    def __str__(self) -> str:
        return self.name


class Alert(models.Model):
    """Something that is wrong, from when to when. A rule has one open alert at most."""

    class Status(models.TextChoices):
        OPEN = "open"
        ACKNOWLEDGED = "acknowledged"
        RESOLVED = "resolved"

    id = PrefixedIdField(prefix="alt")
    workspace = models.ForeignKey(Workspace, on_delete=models.CASCADE, related_name="+")
    rule = models.ForeignKey(AlertRule, on_delete=models.CASCADE, related_name="alerts")
    status = models.CharField(max_length=12, choices=Status, default=Status.OPEN)
    severity = models.CharField(max_length=10, default="warning")
    message = models.TextField()
    value = models.FloatField(null=True)
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)
    acknowledged_at = models.DateTimeField(null=True, blank=True)
    acknowledged_by = models.CharField(max_length=40, blank=True, default="")
    resolved_at = models.DateTimeField(null=True, blank=True)
    # Empty when it recovered by itself.
    resolved_by = models.CharField(max_length=40, blank=True, default="")
    muted_until = models.DateTimeField(null=True, blank=True)

    objects = WorkspaceQuerySet.as_manager()

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                "rule", condition=Q(status__in=["open", "acknowledged"]), name="one_open_alert_for_each_rule"
            ),
        ]

    def __str__(self) -> str:
        return self.message
