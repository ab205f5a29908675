"""What starts by itself in a workspace, for people to look through."""

from typing import Any

from django.db.models import OuterRef, Q, QuerySet, Subquery

from apps.pipelines.models import Pipeline, Run
from apps.pipelines.services.ending import sum_counts
from apps.pipelines.services.fire_times import next_fire_times
from apps.pipelines.services.timelines import describe_timelines
from datalinx import clock
from datalinx.engine.spec.base import stored_document
from datalinx.engine.spec.cron import describe_cron
from datalinx.engine.spec.pipeline import PipelineDocument


def list_scheduled(workspace_id: str) -> QuerySet[Pipeline]:
    """Return the pipelines with a schedule or a trigger, by name."""
    last = Run.objects.filter(pipeline=OuterRef("pk")).order_by("-created_at")
    rows = Pipeline.objects.for_workspace(workspace_id).annotate(last_run_id=Subquery(last.values("pk")[:1]))
    by_itself = Q(document__schedule__cron__isnull=False) | Q(document__after__pipelines__isnull=False)
    found: QuerySet[Pipeline] = (
        rows.filter(by_itself).prefetch_related("upstreams__upstream").order_by("name")
    )
    return found


def describe_schedules(pipelines: list[Any], *, hours: int = 0) -> list[dict[str, Any]]:
    """Return for each pipeline when it starts, what it waits for, its last run and what was left out.

    With `hours` each brings what ran and what will start within so many hours before and after now.
    """
    lasts = [each.last_run_id for each in pipelines if each.last_run_id]
    runs = Run.objects.prefetch_related("steps").in_bulk(lasts)
    now = clock.database_now()
    timelines = describe_timelines(pipelines, now=now, hours=hours) if hours else {}
    return [
        {**_describe(each, runs.get(each.last_run_id), now), "timeline": timelines.get(each.pk)}
        for each in pipelines
    ]


def _describe(pipeline: Pipeline, run: Run | None, now: Any) -> dict[str, Any]:
    document = stored_document(PipelineDocument, pipeline.document)
    schedule, after = document.schedule, document.after
    return {
        "pipeline_id": pipeline.pk,
        "name": pipeline.name,
        "enabled": schedule.enabled if schedule else True,
        "cron": schedule.cron if schedule else None,
        "cron_in_words": describe_cron(schedule.cron) if schedule else None,
        "timezone": schedule.timezone if schedule else None,
        "missed": schedule.missed if schedule else None,
        "concurrency": document.concurrency,
        "after": after.model_dump(mode="json") if after else None,
        "waits_for": [each.upstream.name for each in pipeline.upstreams.all() if each.ended_at is None],
        "next_runs": next_fire_times(schedule, after=now, count=5),
        "missed_count": pipeline.missed_count,
        "last_missed_at": pipeline.last_missed_at,
        "skipped_count": pipeline.skipped_count,
        "last_skipped_at": pipeline.last_skipped_at,
        "last_run": run
        and {
            "id": run.pk,
            "status": run.status,
            "trigger": run.trigger,
            "scheduled_for": run.scheduled_for,
            "created_at": run.created_at,
            "finished_at": run.finished_at,
            "totals": sum_counts(run),
            "error": run.error,
        },
    }
