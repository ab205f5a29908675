"""Pipelines and their runs."""

from typing import ClassVar

from django.db import models
from django.db.models import Q

from datalinx.orm import PrefixedIdField, WorkspaceModel
from datalinx.transitions import TransitionsConstraint
from datalinx.version import RUN_PROTOCOL


class Pipeline(WorkspaceModel):
    """Which target tables are made together, when, and how careful the run is: a versioned document."""

    id = PrefixedIdField(prefix="pl")
    name = models.CharField(max_length=255)
    document = models.JSONField()
    version = models.PositiveIntegerField(default=1)
    # When the schedule starts the next run; empty without an enabled schedule.
    next_run_at = models.DateTimeField(null=True, blank=True, db_index=True)
    # Starts that were left out: times that passed while nobody looked, and those that met an active run.
    missed_count = models.PositiveBigIntegerField(default=0)
    last_missed_at = models.DateTimeField(null=True, blank=True)
    skipped_count = models.PositiveBigIntegerField(default=0)
    last_skipped_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint("workspace", "name", name="pipeline_name_is_unique_in_workspace"),
        ]

    def __str__(self) -> str:
        return self.name


# What may follow what; the last states are followed by nothing.
TRANSITIONS = {
    "queued": ["running", "failed", "cancelled"],
    "running": ["queued", "success", "failed", "cancelled"],
}


class Run(WorkspaceModel):
    """One execution. The row is the truth; a message to a worker only wakes it.

    A worker holds the run by a lease that it renews; `fence` counts the holders, and every write of a holder
    asks that its number is still the present one.
    """

    class Status(models.TextChoices):
        QUEUED = "queued"
        RUNNING = "running"
        SUCCESS = "success"
        FAILED = "failed"
        CANCELLED = "cancelled"

    class Trigger(models.TextChoices):
        MANUAL = "manual"
        SCHEDULE = "schedule"
        AFTER = "after"
        RETRY = "retry"
        REPLAY = "replay"
        VERIFY = "verify"
        BACKFILL = "backfill"

    FINISHED: ClassVar = (Status.SUCCESS, Status.FAILED, Status.CANCELLED)
    ACTIVE: ClassVar = (Status.QUEUED, Status.RUNNING)

    id = PrefixedIdField(prefix="run")
    pipeline = models.ForeignKey(Pipeline, on_delete=models.CASCADE, null=True, related_name="runs")
    status = models.CharField(max_length=10, choices=Status, default=Status.QUEUED, db_index=True)
    trigger = models.CharField(max_length=10, choices=Trigger, default=Trigger.MANUAL)
    attempt = models.PositiveIntegerField(default=1)
    engine = models.CharField(max_length=20, default="duckdb")
    progress = models.FloatField(default=0.0)
    # What was asked for: tables, full_refresh, test_mode, the bounds since and until, and the reason whose
    # rejected rows are replayed.
    request = models.JSONField(default=dict)
    # The documents that the run runs: it can be repeated and explained although they change later.
    snapshot = models.JSONField(default=dict)
    # What runs of its kind before it tell of how long it takes, as it was when this one was queued.
    expected = models.JSONField(default=dict)
    error = models.JSONField(null=True, blank=True)
    manifest = models.JSONField(default=dict)
    request_id = models.CharField(max_length=64, blank=True, default="")
    # The traceparent of what started it: the trace goes on whichever worker takes it up.
    trace = models.CharField(max_length=55, blank=True, default="")
    retry_of = models.ForeignKey("self", on_delete=models.SET_NULL, null=True, blank=True, related_name="+")
    # The run whose rejected rows this one puts through again, and the one that it repeats and compares.
    replay_of = models.ForeignKey("self", on_delete=models.SET_NULL, null=True, blank=True, related_name="+")
    verify_of = models.ForeignKey("self", on_delete=models.SET_NULL, null=True, blank=True, related_name="+")

    # The time of the schedule that the run stands for, and the run whose end started it.
    scheduled_for = models.DateTimeField(null=True, blank=True)
    triggered_by = models.ForeignKey(
        "self", on_delete=models.SET_NULL, null=True, blank=True, related_name="triggered"
    )
    # The backfill that this run reads a chunk of.
    backfill = models.ForeignKey(
        "pipelines.Backfill", on_delete=models.SET_NULL, null=True, blank=True, related_name="runs"
    )

    fence = models.PositiveIntegerField(default=0)
    lease_owner = models.CharField(max_length=200, blank=True, default="")
    lease_expires_at = models.DateTimeField(null=True, blank=True)
    heartbeat_at = models.DateTimeField(null=True, blank=True)
    cancel_requested_at = models.DateTimeField(null=True, blank=True)
    # Retries that the run's own failures used up; lost workers do not count here.
    failures = models.PositiveIntegerField(default=0)
    # How often a worker that was told to end gave it back before its end; nobody's fault.
    handovers = models.PositiveIntegerField(default=0)
    # The format of what it carries; a worker that knows none so new leaves it alone.
    protocol = models.PositiveIntegerField(default=RUN_PROTOCOL)
    # Not to be taken up before this moment (the pause before a retry).
    not_before = models.DateTimeField(null=True, blank=True)
    dispatched_at = models.DateTimeField(null=True, blank=True)
    started_at = models.DateTimeField(null=True, blank=True)
    finished_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        indexes: ClassVar = [
            models.Index(fields=["workspace", "-created_at"], name="run_by_workspace"),
            models.Index(fields=["finished_at"], name="run_by_end"),
        ]
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=Q(status__in=["queued", "running", "success", "failed", "cancelled"]),
                name="run_status_is_known",
            ),
            models.CheckConstraint(
                condition=Q(status__in=["queued", "running"], finished_at=None)
                | Q(status__in=["success", "failed", "cancelled"], finished_at__isnull=False),
                name="run_is_finished_exactly_in_its_last_state",
            ),
            # However many workers look at it: one run of a pipeline at a time.
            models.UniqueConstraint(
                "pipeline", condition=Q(status="running"), name="one_running_run_for_each_pipeline"
            ),
            # Also whoever writes to the table by hand.
            TransitionsConstraint(name="run_status_is_never_left_so", field="status", allowed=TRANSITIONS),
            # However many schedulers look, and whatever their clocks do: one run for each time of a schedule.
            models.UniqueConstraint(
                "pipeline",
                "scheduled_for",
                condition=Q(trigger="schedule"),
                name="one_run_for_each_time_of_a_schedule",
            ),
            models.UniqueConstraint(
                "backfill",
                condition=Q(status__in=["queued", "running"]),
                name="one_open_run_for_each_backfill",
            ),
        ]

    def __str__(self) -> str:
        return self.id

    @property
    def is_finished(self) -> bool:
        return self.status in self.FINISHED

    @property
    def publishes(self) -> bool:
        """Whether its tables are for people to read: a test and a verification leave nothing behind."""
        return self.trigger != self.Trigger.VERIFY and not self.request.get("test_mode")


class RunStep(models.Model):
    """One table of a run, with its ledger."""

    class Status(models.TextChoices):
        PENDING = "pending"
        RUNNING = "running"
        SUCCESS = "success"
        FAILED = "failed"
        SKIPPED = "skipped"
        CANCELLED = "cancelled"

    run = models.ForeignKey(Run, on_delete=models.CASCADE, related_name="steps")
    position = models.PositiveIntegerField()
    table = models.CharField(max_length=63)
    status = models.CharField(max_length=10, choices=Status, default=Status.PENDING)
    # When its making began last, and how far it is, from 0 to 1.
    started_at = models.DateTimeField(null=True)
    progress = models.FloatField(default=0.0)
    counts = models.JSONField(default=dict)
    rejected_by_reason = models.JSONField(default=dict)
    values_nulled = models.PositiveBigIntegerField(default=0)
    # The number of the table's version that this step made.
    snapshot = models.PositiveIntegerField(null=True)
    seconds = models.FloatField(null=True)
    error = models.JSONField(null=True)
    # Where the rejected rows lie in the storage; empty when there are none.
    rejected_key = models.CharField(max_length=500, blank=True, default="")
    # How many of them replays have taken out of the quarantine.
    replayed = models.PositiveBigIntegerField(default=0)
    # What was loaded: {"source", "table", "columns": [[name, type]]} of the first input, "grouped" when its rows
    # were, "stored", the table's id, "whole" when the load looked at the table as a whole, "base", the number of
    # the version that it began with.
    loaded = models.JSONField(default=dict)
    published_at = models.DateTimeField(null=True)
    # How the columns' tests went; what a test run or a verification found.
    tests = models.JSONField(default=list)
    report = models.JSONField(null=True)

    class Meta:
        ordering: ClassVar = ["position"]
        constraints: ClassVar = [models.UniqueConstraint("run", "table", name="run_step_is_unique_in_run")]

    def __str__(self) -> str:
        return f"{self.run_id} {self.table}"


class TableDelivery(models.Model):
    """A table of a run on its way to a destination, begun once the table is committed."""

    step = models.ForeignKey(RunStep, on_delete=models.CASCADE, related_name="deliveries")
    position = models.PositiveIntegerField()
    destination = models.CharField(max_length=255)
    # The entry of the pipeline that asks for it: {"table", "destination", "schema", "as", "mode"}.
    entry = models.JSONField()
    status = models.CharField(max_length=10, choices=RunStep.Status, default=RunStep.Status.PENDING)
    # What the destination said at the end: delivered, unchanged or superseded, and the version that it holds now.
    outcome = models.CharField(max_length=20, blank=True, default="")
    snapshot = models.PositiveIntegerField(null=True)
    rows = models.PositiveBigIntegerField(null=True)
    seconds = models.FloatField(null=True)
    error = models.JSONField(null=True)

    class Meta:
        ordering: ClassVar = ["position"]
        constraints: ClassVar = [
            models.UniqueConstraint("step", "position", name="table_delivery_is_unique_in_step")
        ]

    def __str__(self) -> str:
        return f"{self.step} to {self.destination}"


class Replay(models.Model):
    """Rejected rows of a step that a replay took out of the quarantine, written with the rows themselves.

    Replays of a step are numbered from 1 without gaps, so of two that took the same rows one is refused.
    """

    step = models.ForeignKey(RunStep, on_delete=models.CASCADE, related_name="replays")
    number = models.PositiveIntegerField()
    run = models.ForeignKey(Run, on_delete=models.SET_NULL, null=True, related_name="+")
    # Where the numbers of the rejected rows lie in the storage.
    key = models.CharField(max_length=500)
    rows = models.PositiveBigIntegerField()

    class Meta:
        ordering: ClassVar = ["number"]
        constraints: ClassVar = [models.UniqueConstraint("step", "number", name="replay_number_is_unique")]

    def __str__(self) -> str:
        return f"{self.step} {self.number}"


class RunLog(models.Model):
    """One line of a run's log."""

    run = models.ForeignKey(Run, on_delete=models.CASCADE, related_name="logs")
    at = models.DateTimeField(auto_now_add=True)
    level = models.CharField(max_length=10, default="info")
    table = models.CharField(max_length=63, blank=True, default="")
    # The attempt of the run in which it was written.
    attempt = models.PositiveIntegerField(default=1)
    message = models.TextField()

    class Meta:
        indexes: ClassVar = [models.Index(fields=["run", "id"], name="run_log_by_run")]

    def __str__(self) -> str:
        return self.message
