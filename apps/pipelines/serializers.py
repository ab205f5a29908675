"""The shapes of pipelines, runs and stored tables."""

import re
from datetime import MAXYEAR, UTC, datetime
from typing import Any, ClassVar

from django.utils import timezone
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from apps.pipelines.models import Pipeline, Run, RunLog, RunStep, StoredTable, TableDelivery
from apps.pipelines.services.ending import sum_counts
from apps.pipelines.services.estimates import estimate_run
from apps.pipelines.services.verifications import verdict_of
from apps.pipelines.services.waiting import why_waiting
from apps.pipelines.services.windows import BOUNDS
from datalinx.api.serializers import Flag, StrictModelSerializer, StrictSerializer, Text, WholeNumber
from datalinx.files import workspace_storage

COUNTS = (
    "read",
    "joined_in",
    "joined_out",
    "filtered",
    "grouped",
    "deduplicated",
    "rejected",
    "inserted",
    "updated",
    "unchanged",
    "deleted",
)


# A date, or a date-time with its zone (RFC 3339, section 5.6).
RFC_3339 = re.compile(
    r"\d{4}-\d{2}-\d{2}([Tt ]\d{2}:\d{2}:\d{2}(\.\d{1,6})?([Zz]|[+-]\d{2}:\d{2}))?", re.ASCII
)


class PipelineSerializer(serializers.Serializer[Any]):
    """A pipeline as its document."""

    def to_representation(self, instance: Pipeline) -> dict[str, Any]:
        return {
            "id": instance.pk,
            **instance.document,
            "version": instance.version,
            "next_run_at": instance.next_run_at,
            "created_at": instance.created_at,
            "updated_at": instance.updated_at,
            "created_by": instance.created_by,
        }


@extend_schema_field({"type": "string", "format": "date-time"})
class Moment(Text):
    """A date, or a time with its zone, of RFC 3339; kept as a time in UTC."""

    default_error_messages: ClassVar = {
        "moment": "Give a time with its zone such as 2024-01-15T10:30:00Z, or a date such as 2024-01-15.",
        "too_far": "This is too far away: give a time of the years 1 to 9998.",
    }

    def to_internal_value(self, data: Any) -> str:
        text = super().to_internal_value(data)
        if not RFC_3339.fullmatch(text):
            self.fail("moment")
        try:
            moment = datetime.fromisoformat(text.upper())
        except ValueError:
            self.fail("moment")
        try:
            moment = moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)
        except OverflowError:
            self.fail("too_far")
        # Room for the day after the last one.
        if moment.year > MAXYEAR - 1:
            self.fail("too_far")
        return moment.isoformat().replace("+00:00", "Z")


class RunRequestSerializer(StrictSerializer):
    """What to run: some tables only, from scratch, without publishing anything, or a window of the cursor."""

    tables = serializers.ListField(
        child=Text(max_length=63), required=False, max_length=500, allow_empty=False
    )
    full_refresh = Flag(required=False)
    test_mode = Flag(required=False)
    since = Moment(
        max_length=40,
        required=False,
        help_text="Read rows whose cursor is not before this moment, whatever was read already.",
    )
    until = Moment(max_length=40, required=False, help_text="Read rows whose cursor is before this moment.")

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        since, until = (datetime.fromisoformat(attrs[name]) if name in attrs else None for name in BOUNDS)
        if since is not None and until is not None and since >= until:
            raise serializers.ValidationError({"until": "until must be later than since."})
        return attrs


class ReplaySerializer(StrictSerializer):
    """Which rejected rows to put through the present mapping; `rehearse` tells what would become of them."""

    table = Text(max_length=63, required=False)
    reason = Text(max_length=100, required=False)
    rehearse = Flag(required=False)


class TableDeliverySerializer(StrictModelSerializer):
    """A committed table on its way to a destination; `snapshot` is the version that the destination holds."""

    target = serializers.CharField(source="entry.as", read_only=True)
    schema = serializers.CharField(source="entry.schema", read_only=True, allow_null=True)
    mode = serializers.CharField(source="entry.mode", read_only=True)
    error = serializers.DictField(read_only=True, allow_null=True)

    class Meta:
        model = TableDelivery
        fields = (
            "destination",
            "schema",
            "target",
            "mode",
            "status",
            "outcome",
            "snapshot",
            "rows",
            "seconds",
            "error",
        )


class RunStepSerializer(StrictModelSerializer):
    """One table of a run, with its ledger."""

    counts = serializers.DictField(child=serializers.IntegerField(), read_only=True)
    rejected_by_reason = serializers.DictField(child=serializers.IntegerField(), read_only=True)
    error = serializers.DictField(read_only=True, allow_null=True)
    tests = serializers.ListField(child=serializers.DictField(), read_only=True)
    report = serializers.DictField(read_only=True, allow_null=True)
    deliveries = TableDeliverySerializer(many=True, read_only=True)

    class Meta:
        model = RunStep
        fields = (
            "table",
            "status",
            "started_at",
            "progress",
            "counts",
            "rejected_by_reason",
            "replayed",
            "values_nulled",
            "snapshot",
            "seconds",
            "error",
            "tests",
            "report",
            "deliveries",
        )


class EstimateSerializer(StrictSerializer):
    """How many seconds a run has left, about (of one that waits, once it begins), by how many earlier ones."""

    seconds_left = serializers.IntegerField()
    based_on_runs = serializers.IntegerField()


class WaitingSerializer(StrictSerializer):
    """Why a queued run has not begun; `run_id`, `until` and `ahead` are what some codes speak of."""

    code = serializers.ChoiceField(
        choices=[
            "worker_too_old",
            "pause_before_retry",
            "pipeline_busy",
            "organization_limit",
            "no_worker",
            "not_sent",
            "in_line",
            "starting",
        ]
    )
    message = serializers.CharField()
    run_id = serializers.CharField(required=False)
    until = serializers.DateTimeField(required=False)
    ahead = serializers.IntegerField(required=False)


class RunSerializer(StrictModelSerializer):
    """A run, its steps and their ledgers."""

    pipeline_id = serializers.CharField(read_only=True, allow_null=True)
    pipeline = serializers.SerializerMethodField()
    request = serializers.DictField(read_only=True)
    error = serializers.DictField(read_only=True, allow_null=True)
    manifest = serializers.DictField(read_only=True)
    retry_of = serializers.CharField(source="retry_of_id", read_only=True, allow_null=True)
    replay_of = serializers.CharField(source="replay_of_id", read_only=True, allow_null=True)
    verify_of = serializers.CharField(source="verify_of_id", read_only=True, allow_null=True)
    triggered_by = serializers.CharField(source="triggered_by_id", read_only=True, allow_null=True)
    backfill_id = serializers.CharField(read_only=True, allow_null=True)
    verified = serializers.SerializerMethodField()
    estimate = serializers.SerializerMethodField()
    waiting = serializers.SerializerMethodField()
    totals = serializers.SerializerMethodField()
    _waiting: dict[str, dict[str, Any]] | None = None
    steps = RunStepSerializer(many=True, read_only=True)

    class Meta:
        model = Run
        fields = (
            "id",
            "pipeline_id",
            "pipeline",
            "status",
            "trigger",
            "attempt",
            "engine",
            "progress",
            "estimate",
            "waiting",
            "request",
            "retry_of",
            "replay_of",
            "verify_of",
            "scheduled_for",
            "triggered_by",
            "backfill_id",
            "verified",
            "created_at",
            "created_by",
            "started_at",
            "finished_at",
            "error",
            "totals",
            "steps",
            "manifest",
        )

    def get_pipeline(self, run: Run) -> str | None:
        return run.pipeline.name if run.pipeline else None

    def get_verified(self, run: Run) -> bool | None:
        return verdict_of(run.steps.all()) if run.verify_of_id and run.is_finished else None

    @extend_schema_field(EstimateSerializer(allow_null=True))
    def get_estimate(self, run: Run) -> dict[str, int] | None:
        return estimate_run(run, list(run.steps.all()), now=timezone.now())

    @extend_schema_field(WaitingSerializer(allow_null=True))
    def get_waiting(self, run: Run) -> dict[str, Any] | None:
        if run.status != Run.Status.QUEUED:
            return None
        if self._waiting is None:
            # Asked once for all runs of a page.
            page = self.parent.instance if self.parent is not None else None
            self._waiting = why_waiting([run] if page is None else list(page))
        return self._waiting.get(run.pk)

    def get_totals(self, run: Run) -> dict[str, int]:
        return dict.fromkeys(COUNTS, 0) | sum_counts(run)


class RunLogSerializer(StrictModelSerializer):
    """One line of a run's log."""

    class Meta:
        model = RunLog
        fields = ("id", "at", "level", "table", "attempt", "message")


class StoredTableSerializer(StrictModelSerializer):
    """A table that pipelines wrote."""

    columns = serializers.ListField(child=serializers.DictField(), read_only=True)
    run_id = serializers.CharField(read_only=True, allow_null=True)
    metadata_location = serializers.SerializerMethodField()

    class Meta:
        model = StoredTable
        fields = (
            "id",
            "name",
            "columns",
            "rows",
            "snapshot",
            "metadata_location",
            "mapping_version",
            "run_id",
            "created_at",
            "updated_at",
        )

    def get_metadata_location(self, table: StoredTable) -> str:
        """The address of the Iceberg metadata of the present version, for other engines."""
        place = workspace_storage(table.workspace.organization_id, table.workspace_id)
        return place.within(f"lake/{table.pk}").uri(table.metadata_key)


class RestoreSerializer(StrictSerializer):
    """The version to go back to: `snapshot`, its number, or `as_of`, which takes a run's id or a time too."""

    snapshot = WholeNumber(min_value=1, max_value=2**31 - 1, required=False)
    as_of = Text(max_length=64, required=False)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if len(attrs) != 1:
            raise serializers.ValidationError("Give one of snapshot and as_of: the version to go back to.")
        return {"as_of": str(attrs.get("snapshot") or attrs["as_of"])}
