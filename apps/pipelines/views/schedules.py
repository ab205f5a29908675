"""The API of schedules: everything of a workspace that starts by itself."""

from typing import Any, ClassVar

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from apps.pipelines.services.schedules import describe_schedules, list_scheduled
from datalinx.api.pagination import Pages
from datalinx.api.viewsets import WorkspaceView


class ScheduleSerializer(serializers.Serializer[Any]):
    """A pipeline that starts by itself: when, after what, and what was left out."""

    pipeline_id = serializers.CharField()
    name = serializers.CharField()
    enabled = serializers.BooleanField()
    cron = serializers.CharField(allow_null=True)
    timezone = serializers.CharField(allow_null=True)
    missed = serializers.CharField(allow_null=True)
    concurrency = serializers.CharField()
    after = serializers.DictField(allow_null=True)
    waits_for = serializers.ListField(child=serializers.CharField())
    next_runs = serializers.ListField(child=serializers.DateTimeField())
    missed_count = serializers.IntegerField()
    last_missed_at = serializers.DateTimeField(allow_null=True)
    skipped_count = serializers.IntegerField()
    last_skipped_at = serializers.DateTimeField(allow_null=True)
    last_run = serializers.DictField(allow_null=True)


class SchedulesView(WorkspaceView):
    """What starts by itself in the workspace."""

    permissions: ClassVar = {"view": "pipelines:view", "change": "pipelines:edit"}
    lists = ("get",)

    @extend_schema(responses=ScheduleSerializer(many=True))
    def get(self, request: Request) -> Response:
        """Every pipeline with a schedule or a trigger, by name, with its next times and its last run."""
        pages = Pages()
        found = pages.paginate_queryset(list_scheduled(self.workspace.pk), request, view=self)
        return pages.get_paginated_response(describe_schedules(found))
