"""Backfills: a range of a pipeline's past that is read anew, chunk by chunk."""

from typing import ClassVar

from django.db import models
from django.db.models import Q

from datalinx.orm import PrefixedIdField, WorkspaceModel
from datalinx.transitions import TransitionsConstraint

# Which state may follow which; the others are last ones. A failed backfill goes on when its chunks are tried again.
TRANSITIONS = {
    "running": ["pausing", "paused", "cancelling", "success", "failed"],
    "pausing": ["running", "paused", "cancelling", "success", "failed"],
    "paused": ["running", "cancelling"],
    "cancelling": ["cancelled"],
    "failed": ["running"],
}
CHUNK_TRANSITIONS = {
    "pending": ["running", "cancelled"],
    "running": ["pending", "success", "failed", "cancelled"],
    "failed": ["pending"],
}


class Backfill(WorkspaceModel):
    """A date range as an object: cut into chunks, each of which one run at a time reads.

    The row is the truth, as with runs: it is moved by conditional updates alone, and every change of a chunk is made
    in a transaction that has locked it.
    """

    class Status(models.TextChoices):
        RUNNING = "running"
        # The present chunk still runs; afterwards it is paused, or cancelled.
        PAUSING = "pausing"
        PAUSED = "paused"
        CANCELLING = "cancelling"
        SUCCESS = "success"
        FAILED = "failed"
        CANCELLED = "cancelled"

    class Order(models.TextChoices):
        OLDEST = "oldest"
        NEWEST = "newest"

    class OnFailure(models.TextChoices):
        STOP = "stop"
        CONTINUE = "continue"

    class Notify(models.TextChoices):
        # Events of the backfill alone, or `pipeline.*` of every run of a chunk as well.
        BACKFILL = "backfill"
        CHUNKS = "chunks"

    FINISHED: ClassVar = (Status.SUCCESS, Status.FAILED, Status.CANCELLED)
    OPEN: ClassVar = (Status.RUNNING, Status.PAUSING, Status.PAUSED, Status.CANCELLING)

    id = PrefixedIdField(prefix="bf")
    pipeline = models.ForeignKey("pipelines.Pipeline", on_delete=models.CASCADE, related_name="backfills")
    status = models.CharField(max_length=10, choices=Status, default=Status.RUNNING, db_index=True)
    since = models.DateTimeField()
    until = models.DateTimeField()
    # The length of a chunk as it was written, and the zone whose days and months it means.
    chunk = models.CharField(max_length=20)
    timezone = models.CharField(max_length=100, default="UTC")
    tables = models.JSONField(default=list)
    order = models.CharField(max_length=10, choices=Order, default=Order.OLDEST)
    on_failure = models.CharField(max_length=10, choices=OnFailure, default=OnFailure.STOP)
    notify = models.CharField(max_length=10, choices=Notify, default=Notify.BACKFILL, db_default="backfill")
    # The documents that all of its runs run.
    snapshot = models.JSONField(default=dict)
    # How many chunks are in each state, what the successful ones counted, and how long they took on average: kept
    # with each change of a chunk.
    chunk_counts = models.JSONField(default=dict)
    totals = models.JSONField(default=dict)
    chunk_seconds = models.FloatField(null=True)
    # Why it paused by itself, or failed.
    error = models.JSONField(null=True, blank=True)
    # When a chunk ended last: runs that were asked for before come first.
    advanced_at = models.DateTimeField(null=True, blank=True)
    finished_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        indexes: ClassVar = [models.Index(fields=["workspace", "-created_at"], name="backfill_by_workspace")]
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=Q(status__in=["running", "pausing", "paused", "cancelling"], finished_at=None)
                | Q(status__in=["success", "failed", "cancelled"], finished_at__isnull=False),
                name="backfill_is_finished_exactly_in_its_last_states",
            ),
            models.CheckConstraint(condition=Q(since__lt=models.F("until")), name="backfill_has_a_range"),
            # Also whoever writes to the table by hand.
            TransitionsConstraint(
                name="backfill_status_is_never_left_so", field="status", allowed=TRANSITIONS
            ),
        ]

    def __str__(self) -> str:
        return self.id

    @property
    def is_finished(self) -> bool:
        return self.status in self.FINISHED


class BackfillChunk(models.Model):
    """One piece of a backfill: since <= cursor < until, read by one run at a time."""

    class Status(models.TextChoices):
        PENDING = "pending"
        RUNNING = "running"
        SUCCESS = "success"
        FAILED = "failed"
        CANCELLED = "cancelled"

    backfill = models.ForeignKey(Backfill, on_delete=models.CASCADE, related_name="chunks")
    # From the oldest, counted from 0.
    position = models.PositiveIntegerField()
    since = models.DateTimeField()
    until = models.DateTimeField()
    status = models.CharField(max_length=10, choices=Status, default=Status.PENDING)
    # The run that was started for it last, and how many were.
    run = models.OneToOneField(
        "pipelines.Run", on_delete=models.SET_NULL, null=True, blank=True, related_name="chunk"
    )
    attempts = models.PositiveIntegerField(default=0)
    counts = models.JSONField(default=dict)
    seconds = models.FloatField(null=True)
    error = models.JSONField(null=True, blank=True)

    class Meta:
        ordering: ClassVar = ["position"]
        indexes: ClassVar = [models.Index(fields=["backfill", "status", "position"], name="chunk_by_status")]
        constraints: ClassVar = [
            models.UniqueConstraint("backfill", "position", name="chunk_position_is_unique_in_backfill"),
            # However many drivers look at it: one chunk at a time.
            models.UniqueConstraint(
                "backfill", condition=Q(status="running"), name="one_running_chunk_for_each_backfill"
            ),
            TransitionsConstraint(
                name="chunk_status_is_never_left_so", field="status", allowed=CHUNK_TRANSITIONS
            ),
        ]

    def __str__(self) -> str:
        return f"{self.backfill_id} {self.position}"
