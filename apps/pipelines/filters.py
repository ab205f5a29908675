"""The filters of lists of pipelines and runs."""

import django_filters

from apps.pipelines.models import Backfill, Pipeline, Run
from datalinx.api.filters import MomentFilter, choice_filter


class PipelineFilter(django_filters.FilterSet):
    """By name."""

    name = django_filters.CharFilter()

    class Meta:
        model = Pipeline
        fields = ("name",)


class RunFilter(django_filters.FilterSet):
    """By pipeline, backfill, status, trigger and time."""

    pipeline_id = django_filters.CharFilter(field_name="pipeline_id")
    backfill_id = django_filters.CharFilter(field_name="backfill_id")
    status = choice_filter(Run.Status.choices)
    trigger = choice_filter(Run.Trigger.choices)
    created_after = MomentFilter(field_name="created_at", lookup_expr="gte")
    created_before = MomentFilter(field_name="created_at", lookup_expr="lt")

    class Meta:
        model = Run
        fields = ("pipeline_id", "backfill_id", "status", "trigger", "created_after", "created_before")


class BackfillFilter(django_filters.FilterSet):
    """By pipeline and status."""

    pipeline_id = django_filters.CharFilter(field_name="pipeline_id")
    status = choice_filter(Backfill.Status.choices)

    class Meta:
        model = Backfill
        fields = ("pipeline_id", "status")
