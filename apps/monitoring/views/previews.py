"""The API of previews: what a mapping makes of a sample, and of whoever reads its table."""

from typing import Any, ClassVar

from drf_spectacular.utils import extend_schema, inline_serializer
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from apps.monitoring.services.impact import EFFECTS, preview_change
from datalinx.api.serializers import StrictSerializer, WholeNumber
from datalinx.api.viewsets import WorkspaceView


class PreviewSerializer(StrictSerializer):
    """A document to try instead of the saved one, and how many rows of the first input to take."""

    document = serializers.DictField(required=False)
    limit = WholeNumber(min_value=1, max_value=10_000, required=False)


class ReaderSerializer(serializers.Serializer[Any]):
    """What reads the table, directly or by way of others, and what the mapping would do to it.

    `columns` are those of the table that it reads and that change. `error_code` and `message` say why it would
    break. `members` of an audience are those among the rows of the sample.
    """

    type = serializers.ChoiceField(
        choices=["table", "identity", "object_type", "query", "audience", "alert_rule", "monitoring"]
    )
    id = serializers.CharField()
    name = serializers.CharField()
    distance = serializers.IntegerField()
    effect = serializers.ChoiceField(choices=EFFECTS)
    columns = serializers.ListField(child=serializers.CharField())
    error_code = serializers.CharField(allow_null=True)
    message = serializers.CharField(allow_null=True)
    members = serializers.DictField(child=serializers.IntegerField(), allow_null=True)


class PreviewView(WorkspaceView):
    """What a mapping makes of a sample: rows, rejected rows, counts, and what becomes of its readers.

    Nothing is stored. Of the readers you see those that you may see.
    """

    long_actions = frozenset({"post"})
    permissions: ClassVar = {"view": "mappings:view", "change": "mappings:view"}

    @extend_schema(
        request=PreviewSerializer,
        responses=inline_serializer(
            "MappingPreview",
            {
                "columns": serializers.ListField(child=serializers.DictField()),
                "rows": serializers.ListField(child=serializers.DictField()),
                "rejected": serializers.ListField(child=serializers.DictField()),
                "counts": serializers.DictField(),
                "rejected_by_reason": serializers.DictField(),
                "examples": serializers.DictField(),
                "effect": serializers.DictField(allow_null=True),
                "readers": ReaderSerializer(many=True),
                "readers_left_off": serializers.IntegerField(),
            },
        ),
    )
    def post(self, request: Request, table_name: str) -> Response:
        serializer = PreviewSerializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        return Response(
            preview_change(
                workspace=self.workspace,
                actor=self.caller,
                table_name=table_name,
                **serializer.validated_data,
            )
        )
