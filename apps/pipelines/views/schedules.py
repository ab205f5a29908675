"""The API of schedules: everything of a workspace that starts by itself."""

from typing import Any, ClassVar

from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from apps.pipelines.models import Run
from apps.pipelines.services.schedules import describe_schedules, list_scheduled
from apps.pipelines.services.timelines import MOST_HOURS
from datalinx.api.pagination import Pages
from datalinx.api.parameters import whole_number
from datalinx.api.viewsets import WorkspaceView


class TimelineRunSerializer(serializers.Serializer[Any]):
    """A run as a timeline shows it."""

    id = serializers.CharField()
    status = serializers.ChoiceField(choices=Run.Status.choices)
    trigger = serializers.ChoiceField(choices=Run.Trigger.choices)
    scheduled_for = serializers.DateTimeField(allow_null=True)
    created_at = serializers.DateTimeField()
    started_at = serializers.DateTimeField(allow_null=True)
    finished_at = serializers.DateTimeField(allow_null=True)


class TimelineSerializer(serializers.Serializer[Any]):
    """The hours around now: the runs that have not ended or ended since then, and the times to come.

    Of more than 100 runs the newest are there, of more than 200 times the next; `more_runs` and `more_fires` say so.
    """

    since = serializers.DateTimeField()
    now = serializers.DateTimeField()
    until = serializers.DateTimeField()
    fires = serializers.ListField(child=serializers.DateTimeField())
    more_fires = serializers.BooleanField()
    runs = TimelineRunSerializer(many=True)
    more_runs = serializers.BooleanField()


class ScheduleSerializer(serializers.Serializer[Any]):
    """A pipeline that starts by itself: when, after what, and what was left out."""

    pipeline_id = serializers.CharField()
    name = serializers.CharField()
    enabled = serializers.BooleanField()
    cron = serializers.CharField(allow_null=True)
    cron_in_words = serializers.CharField(allow_null=True)
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
    timeline = TimelineSerializer(allow_null=True)


class SchedulesView(WorkspaceView):
    """What starts by itself in the workspace."""

    permissions: ClassVar = {"view": "pipelines:view", "change": "pipelines:edit"}
    lists = ("get",)
    query_parameters: ClassVar = {"get": ("hours",)}

    @extend_schema(
        parameters=[
            OpenApiParameter(
                "hours",
                {"type": "integer", "minimum": 1, "maximum": MOST_HOURS},
                description="Add the timeline of so many hours before and after now.",
            )
        ],
        responses=ScheduleSerializer(many=True),
    )
    def get(self, request: Request) -> Response:
        """Every pipeline with a schedule or a trigger, by name, with its next times and its last run."""
        hours = whole_number(request, "hours", default=0, lowest=1, highest=MOST_HOURS)
        pages = Pages()
        found = pages.paginate_queryset(list_scheduled(self.workspace.pk), request, view=self)
        return pages.get_paginated_response(describe_schedules(found, hours=hours))
