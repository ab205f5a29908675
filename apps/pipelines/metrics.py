"""Numbers of runs and schedules for Prometheus: read when they are asked for, by indexes, without any id.

Each is an answer of the database, so every web process gives the same ones.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from django.db.models import Count, DurationField, ExpressionWrapper, F, Min, Q, Sum
from prometheus_client.core import GaugeHistogramMetricFamily, GaugeMetricFamily, Metric

from apps.pipelines.models import IdentityResolution, Pipeline, Run
from datalinx import clock

RECENT = timedelta(hours=1)
# The edges of the histograms, in seconds: what people wait for at the screen, over coffee, over night.
RUN_SECONDS = (1, 5, 15, 60, 300, 900, 3_600, 14_400, 86_400)
WAIT_SECONDS = (1, 5, 15, 60, 300, 900, 3_600)


def collect_metrics() -> Iterable[Metric]:
    """Yield how many runs there are and how old the oldest of a kind is, in seconds."""
    now = clock.database_now()
    yield _active()
    yield _ended(now)
    yield _durations(now)
    yield _waits(now)
    ready = Q(not_before=None) | Q(not_before__lte=now)
    queued = Run.objects.filter(ready, status=Run.Status.QUEUED)
    running = Run.objects.filter(status=Run.Status.RUNNING)
    resolutions = IdentityResolution.objects.filter(status=IdentityResolution.Status.QUEUED)
    oldest = queued.aggregate(at=Min("created_at"))["at"]
    yield _age(
        "datalinx_run_queue_age_seconds", "Age of the oldest run that waits for a worker.", oldest, now
    )
    # A run that never beat is as old as its claim: NULL would hide it.
    heard = running.aggregate(beat=Min("heartbeat_at"), silent=Min("started_at", filter=Q(heartbeat_at=None)))
    quiet = min((at for at in heard.values() if at is not None), default=None)
    yield _age(
        "datalinx_run_heartbeat_age_seconds", "Age of the oldest last heartbeat of a running run.", quiet, now
    )
    asked = resolutions.aggregate(at=Min("created_at"))["at"]
    yield _age(
        "datalinx_resolution_queue_age_seconds",
        "Age of the oldest resolution of identity that waits for a worker.",
        asked,
        now,
    )
    due = Pipeline.objects.filter(next_run_at__lt=now).aggregate(at=Min("next_run_at"))["at"]
    yield _age("datalinx_schedule_lag_seconds", "How late the most overdue schedule is.", due, now)


def _active() -> Metric:
    family = GaugeMetricFamily("datalinx_runs", "Runs that have not ended, by state.", labels=["state"])
    rows = Run.objects.filter(status__in=Run.ACTIVE).values_list("status").annotate(count=Count("pk"))
    found = dict(rows.order_by())
    for state in Run.ACTIVE:
        family.add_metric([state], found.get(state, 0))
    return family


def _ended(now: datetime) -> Metric:
    family = GaugeMetricFamily(
        "datalinx_runs_ended_last_hour", "Runs that ended in the last hour, by state.", labels=["state"]
    )
    rows = Run.objects.filter(finished_at__gte=now - RECENT).values_list("status").annotate(count=Count("pk"))
    found = dict(rows.order_by())
    for state in Run.FINISHED:
        family.add_metric([state], found.get(state, 0))
    return family


def _durations(now: datetime) -> Metric:
    family = GaugeHistogramMetricFamily(
        "datalinx_run_seconds_last_hour",
        "Seconds that runs took which ended in the last hour, from when a worker took them up, by state.",
        labels=["state"],
    )
    rows = Run.objects.filter(finished_at__gte=now - RECENT, started_at__isnull=False)
    took = ExpressionWrapper(F("finished_at") - F("started_at"), output_field=DurationField())
    found = rows.annotate(took=took).order_by().values("status").annotate(**_tally(RUN_SECONDS))
    by_state = {row["status"]: row for row in found}
    for state in Run.FINISHED:
        row = by_state.get(state, {})
        family.add_metric([state], _buckets(row, RUN_SECONDS), _seconds(row.get("total")))
    return family


def _waits(now: datetime) -> Metric:
    """Of first attempts: a later one begins after a pause, or after a worker that was lost."""
    family = GaugeHistogramMetricFamily(
        "datalinx_run_wait_seconds_last_hour",
        "Seconds that runs waited for a worker which began in the last hour.",
    )
    # Which began lately goes on or has ended lately: both are found by an index.
    lately = Q(status=Run.Status.RUNNING) | Q(finished_at__gte=now - RECENT)
    rows = Run.objects.filter(lately, started_at__gte=now - RECENT, attempt=1)
    took = ExpressionWrapper(F("started_at") - F("created_at"), output_field=DurationField())
    row = rows.annotate(took=took).aggregate(**_tally(WAIT_SECONDS))
    family.add_metric([], _buckets(row, WAIT_SECONDS), _seconds(row["total"]))
    return family


def _tally(edges: Sequence[int]) -> dict[str, Any]:
    """Return what counts the rows whose `took` is no longer than each edge, all rows, and their sum."""
    counts = {f"to_{edge}": Count("pk", filter=Q(took__lte=timedelta(seconds=edge))) for edge in edges}
    return {**counts, "count": Count("pk"), "total": Sum("took")}


def _buckets(row: Mapping[str, Any], edges: Sequence[int]) -> list[tuple[str, float]]:
    return [*((str(edge), row.get(f"to_{edge}", 0)) for edge in edges), ("+Inf", row.get("count", 0))]


def _seconds(total: timedelta | None) -> float:
    return total.total_seconds() if total is not None else 0.0


def _age(name: str, words: str, since: datetime | None, now: datetime) -> Metric:
    family = GaugeMetricFamily(name, words + " 0 when there is none.")
    family.add_metric([], max(0.0, (now - since).total_seconds()) if since is not None else 0.0)
    return family
