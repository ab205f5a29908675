"""What ran around now and what the schedules will start: a day of each pipeline, to be seen at a glance."""

from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from django.db.models import F, Q, Window
from django.db.models.functions import RowNumber

from apps.pipelines.models import Pipeline, Run
from apps.pipelines.services.fire_times import next_fire_times
from datalinx.engine.spec.base import stored_document
from datalinx.engine.spec.pipeline import PipelineDocument

MOST_HOURS = 24
# More than these of one pipeline are not listed; it is told that there are more.
MOST_FIRES = 200
MOST_RUNS = 100

_KEYS = ("id", "status", "trigger", "scheduled_for", "created_at", "started_at", "finished_at")


def describe_timelines(
    pipelines: Sequence[Pipeline], *, now: datetime, hours: int
) -> dict[str, dict[str, Any]]:
    """Return by pipeline what ran within so many hours before now, and the fires within as many after it.

    Runs come from the oldest; of too many the newest are there. A run that began before and went on counts.
    """
    since, until = now - timedelta(hours=hours), now + timedelta(hours=hours)
    runs = _runs_since(pipelines, since)
    found = {}
    for pipeline in pipelines:
        schedule = stored_document(PipelineDocument, pipeline.document).schedule
        fires = next_fire_times(schedule, after=now, count=MOST_FIRES + 1)
        within = [moment for moment in fires if moment <= until]
        found[pipeline.pk] = {
            "since": since,
            "now": now,
            "until": until,
            "fires": within[:MOST_FIRES],
            "more_fires": len(within) > MOST_FIRES,
            "runs": runs[pipeline.pk][-MOST_RUNS:],
            "more_runs": len(runs[pipeline.pk]) > MOST_RUNS,
        }
    return found


def _runs_since(pipelines: Sequence[Pipeline], since: datetime) -> dict[str, list[dict[str, Any]]]:
    """Return by pipeline, from the oldest, the newest runs that have not ended or ended since a moment."""
    rows = Run.objects.filter(pipeline__in=[each.pk for each in pipelines])
    place = Window(
        RowNumber(), partition_by=F("pipeline_id"), order_by=[F("created_at").desc(), F("pk").desc()]
    )
    ranked = rows.filter(Q(finished_at=None) | Q(finished_at__gte=since)).annotate(place=place)
    found: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for row in (
        ranked.filter(place__lte=MOST_RUNS + 1).order_by("created_at", "pk").values("pipeline_id", *_KEYS)
    ):
        found[row.pop("pipeline_id")].append(row)
    return found
