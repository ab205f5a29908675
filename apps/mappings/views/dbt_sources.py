"""The API of what dbt says of a source: taken over from the YAML of a project."""

from typing import Any, ClassVar

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from apps.mappings.services.dbt_import import Wishes, import_dbt
from apps.sources.models import Source
from datalinx.api.permissions import require
from datalinx.api.serializers import StrictSerializer, Text
from datalinx.api.viewsets import WorkspaceViewSet
from datalinx.engine.spec.yaml_text import MAX_BYTES

OUTCOMES = (
    *("taken", "changed", "unchanged", "undescribed", "too_long"),
    *("unknown", "ambiguous", "not_chosen"),
)


class ImportDbtSerializer(StrictSerializer):
    """A file of a dbt project, and what of it is asked for."""

    def get_fields(self) -> dict[str, Any]:
        # `source` is the name of a setting of every field, so it cannot be declared as one.
        return {
            "document": Text(
                max_length=MAX_BYTES,
                trim_whitespace=False,
                help_text="The text of `sources.yml` or `schema.yml`, version 2.",
            ),
            "source": Text(
                max_length=255,
                required=False,
                help_text="The source of the file: by default its only one, else the one named like this source.",
            ),
            "tables": serializers.ListField(
                child=Text(max_length=255),
                required=False,
                max_length=1000,
                help_text="Its tables, by their names in the file; all of them unless given.",
            ),
            "preview": serializers.BooleanField(required=False, help_text="Change nothing."),
            "apply_tests_to_schema": serializers.BooleanField(
                required=False,
                help_text="Put the tests on the columns of the target schema; needs `schemas:edit`.",
            ),
        }


class TestPlaceSerializer(serializers.Serializer[Any]):
    """A column of the target schema, and the test that it would get or has."""

    table = serializers.CharField()
    column = serializers.CharField()
    test = serializers.DictField()
    present = serializers.BooleanField()


class PlacedTestSerializer(serializers.Serializer[Any]):
    """A test of the file, and where it belongs."""

    path = serializers.CharField()
    test = serializers.CharField()
    table = serializers.CharField(allow_null=True)
    column = serializers.CharField(allow_null=True)
    outcome = serializers.ChoiceField(choices=["offered", "added", "present", "no_place", "not_supported"])
    places = TestPlaceSerializer(many=True)
    message = serializers.CharField()


class _DescribedSerializer(serializers.Serializer[Any]):
    path = serializers.CharField(help_text="Where it stands in the file.")
    matched_by = serializers.ChoiceField(choices=["identifier", "name"], allow_null=True)
    candidates = serializers.ListField(child=serializers.CharField())
    outcome = serializers.ChoiceField(choices=OUTCOMES)
    before = serializers.CharField()
    after = serializers.CharField()


class ImportedColumnSerializer(_DescribedSerializer):
    """A column of the file, the source's column that it is, and what became of its description."""

    dbt_column = serializers.CharField()
    column = serializers.CharField(allow_null=True)


class FreshPlaceSerializer(serializers.Serializer[Any]):
    """What the monitoring of a target table would say of how new it has to be."""

    table = serializers.CharField()
    timestamp_column = serializers.CharField()
    fresh_within_hours = serializers.FloatField(allow_null=True)


class FreshnessSerializer(serializers.Serializer[Any]):
    """How new the file wants a table. It is told, not taken over: `places` is for `PUT /api/monitoring`."""

    loaded_at_field = serializers.CharField()
    warn_after_hours = serializers.FloatField(allow_null=True)
    error_after_hours = serializers.FloatField(allow_null=True)
    places = FreshPlaceSerializer(many=True)


class ImportedTableSerializer(_DescribedSerializer):
    """A table of the file, the source's table that it is, and what became of its descriptions."""

    dbt_table = serializers.CharField()
    table = serializers.CharField(allow_null=True)
    columns = ImportedColumnSerializer(many=True)
    freshness = FreshnessSerializer(allow_null=True)


class NoteSerializer(serializers.Serializer[Any]):
    """A key of the file that was not taken over."""

    path = serializers.CharField()
    message = serializers.CharField()


class ImportedDbtSerializer(serializers.Serializer[Any]):
    """What became of each part of a file. `jinja` are the paths of texts that hold Jinja, which nothing evaluates."""

    preview = serializers.BooleanField()
    dbt_source = serializers.CharField()
    tables = ImportedTableSerializer(many=True)
    tests_found = PlacedTestSerializer(many=True)
    unsupported = NoteSerializer(many=True)
    jinja = serializers.ListField(child=serializers.CharField())
    mappings_not_read = serializers.ListField(
        child=serializers.CharField(),
        help_text="Mappings that do not hold now, so that tests find no place there.",
    )


class ImportDbtViewSet(WorkspaceViewSet):
    """What a dbt project says of a source."""

    resource = "source"
    queryset = Source.objects.select_related("workspace")
    permissions: ClassVar = {"view": "sources:view", "change": "sources:manage"}
    lookup_field = "pk"
    lookup_url_kwarg = "id"

    @extend_schema(request=ImportDbtSerializer, responses=ImportedDbtSerializer)
    def import_dbt(self, request: Request, id: str) -> Response:
        """Take over descriptions from a dbt project, tests too if asked; the answer tells of every part of it."""
        source = self.get_object()
        serializer = ImportDbtSerializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        given = dict(serializer.validated_data)
        document = given.pop("document")
        if given.get("apply_tests_to_schema"):
            require(self.caller, "schemas:edit", source.workspace_id)
        wishes = Wishes(dbt_source=given.pop("source", ""), **given)
        return Response(import_dbt(source=source, actor=self.caller, document=document, wishes=wishes))
