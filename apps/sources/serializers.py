"""The shapes of sources, their tables, and destinations."""

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from rest_framework import serializers

from apps.sources.models import Destination, Source, SourceTable
from datalinx.api.serializers import Choice, StrictModelSerializer, StrictSerializer, Text
from datalinx.engine.connectors.base import TestStep


class SourceSerializer(StrictModelSerializer):
    """A source. Credentials are written and never shown."""

    config = serializers.DictField(required=False)
    credentials = serializers.DictField(required=False, write_only=True)
    has_credentials = serializers.SerializerMethodField()

    class Meta:
        model = Source
        fields = (
            "id",
            "name",
            "connector",
            "config",
            "credentials",
            "has_credentials",
            "status",
            "last_tested_at",
            "discovered_at",
            "created_at",
            "updated_at",
            "created_by",
        )
        read_only_fields = ("status", "last_tested_at", "discovered_at")

    def get_has_credentials(self, connected: Source | Destination) -> bool:
        return bool(connected.sealed_credentials)


class DestinationSerializer(SourceSerializer):
    """A destination. Credentials are written and never shown."""

    class Meta:
        model = Destination
        fields = tuple(name for name in SourceSerializer.Meta.fields if name != "discovered_at")
        read_only_fields = ("status", "last_tested_at")


class SourceTestSerializer(StrictSerializer):
    """Settings to try without saving them."""

    connector = Text(max_length=40)
    config = serializers.DictField(required=False)
    credentials = serializers.DictField(required=False)


class TestStepSerializer(serializers.Serializer[Any]):
    """One step of a connection test."""

    name = serializers.CharField()
    passed = serializers.BooleanField()
    message = serializers.CharField()


class TestResultSerializer(serializers.Serializer[Any]):
    """How a connection test went, step by step."""

    passed = serializers.BooleanField()
    steps = TestStepSerializer(many=True)


def result_of_test(steps: Sequence[TestStep]) -> dict[str, Any]:
    """Return the steps of a test as its answer."""
    return {"passed": all(step.passed for step in steps), "steps": [asdict(step) for step in steps]}


class DiscoverSerializer(StrictSerializer):
    """Which tables to look at: all of them unless told otherwise."""

    mode = Choice(choices=["all", "selected", "pattern"], required=False)
    tables = serializers.ListField(child=Text(max_length=255), required=False, max_length=1000)
    pattern = Text(max_length=255, required=False)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        mode = attrs.setdefault(
            "mode", "selected" if attrs.get("tables") else "pattern" if attrs.get("pattern") else "all"
        )
        needs = {"selected": "tables", "pattern": "pattern"}.get(mode)
        if needs and not attrs.get(needs):
            raise serializers.ValidationError({needs: f"The mode {mode} needs this."}, code="required")
        return attrs


class ChangeSerializer(serializers.Serializer[Any]):
    """How a source differs from the last discovery in one point."""

    kind = Choice(choices=["added", "removed", "changed"])
    table = serializers.CharField()
    column = serializers.CharField(allow_null=True)
    before = serializers.CharField(allow_null=True)
    after = serializers.CharField(allow_null=True)
    breaking = serializers.BooleanField()


class SourceTableSerializer(StrictModelSerializer):
    """A table of a source as the last discovery saw it."""

    columns = serializers.ListField(child=serializers.DictField(), read_only=True)
    files = serializers.ListField(child=serializers.CharField(), read_only=True)
    notices = serializers.ListField(child=serializers.CharField(), read_only=True)
    problem = serializers.DictField(read_only=True, allow_null=True)
    column_descriptions = serializers.DictField(child=Text(max_length=2000, allow_blank=True), required=False)

    class Meta:
        model = SourceTable
        fields = (
            "name",
            "columns",
            "rows",
            "malformed",
            "files",
            "notices",
            "problem",
            "description",
            "column_descriptions",
            "discovered_at",
        )
        read_only_fields = ("name", "rows", "malformed", "discovered_at")


class DiscoverySerializer(serializers.Serializer[Any]):
    """What a discovery found: the tables, and the difference from the last time."""

    changes = ChangeSerializer(many=True)
    tables = SourceTableSerializer(many=True)


class UploadSerializer(serializers.Serializer[Any]):
    """Files to put into a file source."""

    file = serializers.ListField(child=serializers.FileField(), help_text="One file or more.")
    table = serializers.CharField(required=False, help_text="The table's name, for a single file.")


class UploadedSerializer(serializers.Serializer[Any]):
    """What was stored, and the tables that the source has now."""

    files = serializers.ListField(child=serializers.CharField())
    tables = SourceTableSerializer(many=True)


class PreviewSerializer(serializers.Serializer[Any]):
    """The first rows of a table."""

    columns = serializers.ListField(child=serializers.DictField())
    rows = serializers.ListField(child=serializers.ListField())
    truncated = serializers.BooleanField()


class ConnectorSerializer(serializers.Serializer[Any]):
    """A kind of source or destination with the JSON Schema of its documents."""

    name = serializers.CharField()
    title = serializers.CharField()
    description = serializers.CharField()
    reads = serializers.BooleanField(help_text="Whether it is for sources.")
    writes = serializers.BooleanField(help_text="Whether it is for destinations.")
    uploads = serializers.BooleanField()
    config = serializers.DictField()
    credentials = serializers.DictField()
