"""The API of previews: what a mapping makes of a sample."""

from typing import ClassVar

from drf_spectacular.utils import extend_schema, inline_serializer
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from apps.pipelines.services.preview import preview_mapping
from datalinx.api.serializers import StrictSerializer
from datalinx.api.viewsets import WorkspaceView


class PreviewSerializer(StrictSerializer):
    """A document to try instead of the saved one, and how many rows of the first input to take."""

    document = serializers.DictField(required=False)
    limit = serializers.IntegerField(min_value=1, max_value=10_000, required=False)


class PreviewView(WorkspaceView):
    """What a mapping makes of a sample: rows, rejected rows with their reasons, counts. Nothing is stored."""

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
            },
        ),
    )
    def post(self, request: Request, table_name: str) -> Response:
        serializer = PreviewSerializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        return Response(
            preview_mapping(workspace=self.workspace, table_name=table_name, **serializer.validated_data)
        )
