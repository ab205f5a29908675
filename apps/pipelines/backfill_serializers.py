"""The shapes of backfills and their chunks."""

from datetime import UTC, datetime
from itertools import groupby
from typing import Any, ClassVar
from zoneinfo import ZoneInfo

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from apps.pipelines.models import Backfill, BackfillChunk
from apps.pipelines.serializers import COUNTS, RFC_3339
from apps.pipelines.services.backfills import seconds_left
from datalinx.api.serializers import Choice, StrictModelSerializer, StrictSerializer, Text
from datalinx.engine.spec.chunks import parse_span
from datalinx.engine.spec.zones import is_zone

# Edges need room for a day before and after.
_FIRST, _LAST = datetime(1, 1, 3, tzinfo=UTC), datetime(9998, 12, 31, tzinfo=UTC)


@extend_schema_field({"type": "string", "examples": ["1 day", "6 hours", "1 week", "1 month"]})
class SpanField(Text):
    """A length such as `1 day`, `6 hours`, `1 week` or `1 month`."""

    default_error_messages: ClassVar = {
        "span": "Give a number and a unit: 6 hours, 1 day, 1 week, 1 month, 1 year."
    }

    def to_internal_value(self, data: Any) -> Any:
        text = super().to_internal_value(data)
        if parse_span(text) is None:
            self.fail("span")
        return text


@extend_schema_field({"type": "string", "examples": ["UTC", "Europe/London"]})
class ZoneField(Text):
    """The name of a time zone."""

    default_error_messages: ClassVar = {
        "zone": "This is no time zone; names are those of IANA: Europe/London."
    }

    def to_internal_value(self, data: Any) -> Any:
        name = super().to_internal_value(data)
        if not is_zone(name):
            self.fail("zone")
        return name


class BackfillRequestSerializer(StrictSerializer):
    """The range to read anew, how it is cut, and what happens when a chunk fails."""

    since = Text(max_length=40, help_text="A time with its zone, or a date: its midnight in `timezone`.")
    until = Text(max_length=40, help_text="The first moment that is not read any more; written as `since`.")
    chunk = SpanField(max_length=20, default="1 day", help_text="Edges are counted from `since`.")
    timezone = ZoneField(max_length=100, default="UTC", help_text="Whose days, weeks and months are meant.")
    tables = serializers.ListField(
        child=Text(max_length=63), required=False, max_length=500, allow_empty=False
    )
    order = Choice(choices=Backfill.Order.choices, default=Backfill.Order.OLDEST)
    on_failure = Choice(choices=Backfill.OnFailure.choices, default=Backfill.OnFailure.STOP)
    notify = Choice(
        choices=Backfill.Notify.choices,
        default=Backfill.Notify.BACKFILL,
        help_text="`backfill`: events `backfill.*` alone; `chunks`: also `pipeline.*` of each chunk's run.",
    )

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        zone = ZoneInfo(attrs["timezone"])
        found = {name: _moment(name, attrs[name], zone) for name in ("since", "until")}
        if found["since"] >= found["until"]:
            raise serializers.ValidationError({"until": "until must be later than since."})
        return {**attrs, **found, "chunk": parse_span(attrs["chunk"])}


def _moment(name: str, text: str, zone: ZoneInfo) -> datetime:
    wrong = "Give a date such as 2024-01-15, or a time with its zone such as 2024-01-15T10:30:00Z."
    if not RFC_3339.fullmatch(text):
        raise serializers.ValidationError({name: wrong})
    try:
        moment = datetime.fromisoformat(text.upper())
        moment = (moment if moment.tzinfo else moment.replace(tzinfo=zone)).astimezone(UTC)
    except ValueError:
        raise serializers.ValidationError({name: wrong}) from None
    except OverflowError:
        moment = datetime.max.replace(tzinfo=UTC)
    if not _FIRST <= moment <= _LAST:
        raise serializers.ValidationError({name: "This is too far away: give a time of the years 1 to 9998."})
    return moment


class BackfillSerializer(StrictModelSerializer):
    """A backfill: what it reads anew, and how far it is. `totals` sums the chunks that succeeded."""

    pipeline_id = serializers.CharField(read_only=True)
    pipeline = serializers.CharField(source="pipeline.name", read_only=True)
    tables = serializers.ListField(child=serializers.CharField(), read_only=True)
    chunks = serializers.SerializerMethodField()
    progress = serializers.SerializerMethodField()
    totals = serializers.SerializerMethodField()
    seconds_left = serializers.SerializerMethodField()
    error = serializers.DictField(read_only=True, allow_null=True)

    class Meta:
        model = Backfill
        fields = (
            "id",
            "pipeline_id",
            "pipeline",
            "status",
            "since",
            "until",
            "chunk",
            "timezone",
            "tables",
            "order",
            "on_failure",
            "notify",
            "chunks",
            "progress",
            "totals",
            "seconds_left",
            "error",
            "created_at",
            "created_by",
            "finished_at",
        )

    def get_chunks(self, backfill: Backfill) -> dict[str, int]:
        found: dict[str, int] = {**dict.fromkeys(BackfillChunk.Status.values, 0), **backfill.chunk_counts}
        return {"total": sum(found.values()), **found}

    def get_progress(self, backfill: Backfill) -> float:
        found = self.get_chunks(backfill)
        return round((found["success"] + found["failed"]) / max(1, found["total"]), 4)

    def get_totals(self, backfill: Backfill) -> dict[str, int]:
        return {**dict.fromkeys(COUNTS, 0), **backfill.totals}

    def get_seconds_left(self, backfill: Backfill) -> float | None:
        return seconds_left(backfill)


class StretchSerializer(serializers.Serializer[Any]):
    """Chunks of one state that follow each other."""

    status = Choice(choices=BackfillChunk.Status.choices)
    chunks = serializers.IntegerField()
    since = serializers.DateTimeField()
    until = serializers.DateTimeField()


class BackfillDetailSerializer(BackfillSerializer):
    """One backfill, with the present run and its chunks as stretches of equal state, from the oldest."""

    run_id = serializers.SerializerMethodField()
    stretches = serializers.SerializerMethodField()

    class Meta(BackfillSerializer.Meta):
        fields = (*BackfillSerializer.Meta.fields, "run_id", "stretches")  # type: ignore[assignment]  # a longer tuple

    def get_run_id(self, backfill: Backfill) -> str | None:
        running = backfill.chunks.filter(status=BackfillChunk.Status.RUNNING)
        return running.values_list("run_id", flat=True).first()

    @extend_schema_field(StretchSerializer(many=True))
    def get_stretches(self, backfill: Backfill) -> list[dict[str, Any]]:
        rows = backfill.chunks.order_by("position").values_list("status", "since", "until")
        found = []
        for status, group in groupby(rows, key=lambda row: row[0]):
            chunks = list(group)
            found.append(
                {"status": status, "chunks": len(chunks), "since": chunks[0][1], "until": chunks[-1][2]}
            )
        return [dict(each) for each in StretchSerializer(found, many=True).data]


class BackfillChunkSerializer(StrictModelSerializer):
    """One chunk: since <= cursor < until, the run that read it last, and what that counted."""

    run_id = serializers.CharField(read_only=True, allow_null=True)
    counts = serializers.DictField(child=serializers.IntegerField(), read_only=True)
    error = serializers.DictField(read_only=True, allow_null=True)

    class Meta:
        model = BackfillChunk
        fields = ("position", "since", "until", "status", "attempts", "run_id", "counts", "seconds", "error")
