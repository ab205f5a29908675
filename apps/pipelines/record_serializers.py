"""The shapes of a record's look-up."""

from rest_framework import serializers

from apps.pipelines.services.record_verdicts import CHANGES, OUTCOMES, TABLE_OUTCOMES, TRACED
from datalinx.api.serializers import StrictSerializer

ASKING = ("auto", "always", "never")


class TracedRecordSerializer(StrictSerializer):
    """A row of the source as it is now, and what the mapping makes of it."""

    outcome = serializers.ChoiceField(choices=tuple(TRACED))
    locator = serializers.CharField(
        allow_null=True, help_text="Where it stands, such as `contacts.csv:4711`."
    )
    row = serializers.DictField(allow_null=True, help_text="Its source values.")
    values = serializers.DictField(allow_null=True, help_text="What is stored of it, if it comes that far.")
    reasons = serializers.ListField(child=serializers.DictField(), help_text="Why it is rejected.")
    winner = serializers.DictField(allow_null=True, help_text="The row that it loses against.")
    winner_locator = serializers.CharField(allow_null=True)


class AskedSourceSerializer(StrictSerializer):
    """What the source says; `as_then` tells whether it is what the run read."""

    read = serializers.BooleanField()
    as_then = serializers.BooleanField(allow_null=True)
    tells_all = serializers.BooleanField(
        help_text="Whether rows that were not read, filtered or joined out would be among the records."
    )
    records = TracedRecordSerializer(many=True)
    left_off = serializers.BooleanField(help_text="Whether there are more than 20.")
    note = serializers.CharField(allow_null=True)


class RecordBaseSerializer(StrictSerializer):
    """What both look-ups say."""

    table = serializers.CharField()
    key = serializers.DictField(child=serializers.CharField())
    message = serializers.CharField()
    rejected = serializers.ListField(
        child=serializers.DictField(),
        help_text="Its rejected rows, as `rejected` has them, with `replayed` and `replayed_by`.",
    )
    rejected_left_off = serializers.BooleanField()
    source = AskedSourceSerializer()  # type: ignore[assignment]  # the field, not DRF's attribute
    notes = serializers.ListField(child=serializers.CharField(), help_text="What could not be looked in.")


ENDED_AT = "When the last version ended, where the table keeps history and has former versions alone."


class StoredAroundSerializer(StrictSerializer):
    """The record's rows in the table before and after a run."""

    known = serializers.BooleanField()
    change = serializers.ChoiceField(choices=CHANGES, allow_null=True)
    before = serializers.ListField(child=serializers.DictField())
    after = serializers.ListField(child=serializers.DictField())
    ended_at = serializers.CharField(allow_null=True, help_text=ENDED_AT)
    left_off = serializers.BooleanField()


class RunRecordSerializer(RecordBaseSerializer):
    """What became of a record in a run, and why; `stored` is null when the run published nothing of the table."""

    run_id = serializers.CharField()
    outcome = serializers.ChoiceField(choices=OUTCOMES)
    stored = StoredAroundSerializer(allow_null=True)


class RecordChangeSerializer(StrictSerializer):
    """A version of the table in which the record's rows changed."""

    snapshot = serializers.IntegerField()
    run_id = serializers.CharField(allow_null=True)
    at = serializers.DateTimeField()
    change = serializers.ChoiceField(choices=CHANGES)
    rows = serializers.ListField(child=serializers.DictField())


class TableRecordSerializer(RecordBaseSerializer):
    """What became of a record of a table: its rows, the versions that changed them, the runs that rejected it."""

    outcome = serializers.ChoiceField(choices=TABLE_OUTCOMES)
    rows = serializers.ListField(child=serializers.DictField())
    rows_left_off = serializers.BooleanField()
    ended_at = serializers.CharField(allow_null=True, help_text=ENDED_AT)
    history = RecordChangeSerializer(many=True)
