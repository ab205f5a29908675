"""Whom the records of the tables are of: resolutions of a workspace's records to people."""

from typing import ClassVar

from django.db import models
from django.db.models import Q

from datalinx.orm import PrefixedIdField, WorkspaceModel


class IdentityResolution(WorkspaceModel):
    """One resolution of a workspace's records to people. The row is the truth; a message only wakes a worker.

    A worker holds it by a lease, as a run; `fence` counts the holders.
    """

    class Status(models.TextChoices):
        QUEUED = "queued"
        RUNNING = "running"
        SUCCESS = "success"
        FAILED = "failed"
        CANCELLED = "cancelled"

    id = PrefixedIdField(prefix="res")
    status = models.CharField(max_length=10, choices=Status, default=Status.QUEUED, db_index=True)
    attempt = models.PositiveIntegerField(default=1)
    # The rules that it follows, and the number of the canonical ids that it found, when it has.
    version = models.PositiveIntegerField()
    document = models.JSONField()
    generation = models.PositiveIntegerField(null=True)
    progress = models.FloatField(default=0.0)
    phase = models.CharField(max_length=100, blank=True, default="")
    error = models.JSONField(null=True, blank=True)
    stats = models.JSONField(default=dict)
    # The folder of its files in the workspace's storage; empty when they are kept no longer.
    folder = models.CharField(max_length=100, blank=True, default="", db_index=True)
    fence = models.PositiveIntegerField(default=0)
    lease_expires_at = models.DateTimeField(null=True, blank=True)
    cancel_requested_at = models.DateTimeField(null=True, blank=True)
    dispatched_at = models.DateTimeField(null=True, blank=True)
    started_at = models.DateTimeField(null=True, blank=True)
    finished_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        indexes: ClassVar = [
            models.Index(fields=["workspace", "-created_at"], name="resolution_by_workspace")
        ]
        constraints: ClassVar = [
            models.UniqueConstraint(
                "workspace",
                condition=Q(status__in=["queued", "running"]),
                name="one_open_resolution_for_each_workspace",
            ),
        ]

    def __str__(self) -> str:
        return self.id
