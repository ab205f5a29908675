"""Numbers of runs and schedules for Prometheus: read when they are asked for, by indexes, without any id.

Each is an answer of the database, so every web process gives the same ones.
"""

from collections.abc import Iterable
from datetime import datetime, timedelta

from django.db.models import Count, Min, Q
from prometheus_client.core import GaugeMetricFamily, Metric

from apps.pipelines.models import IdentityResolution, Pipeline, Run
from datalinx import clock

RECENT = timedelta(hours=1)


def collect_metrics() -> Iterable[Metric]:
    """Yield how many runs there are and how old the oldest of a kind is, in seconds."""
    now = clock.database_now()
    yield _active()
    yield _ended(now)
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


def _age(name: str, words: str, since: datetime | None, now: datetime) -> Metric:
    family = GaugeMetricFamily(name, words + " 0 when there is none.")
    family.add_metric([], max(0.0, (now - since).total_seconds()) if since is not None else 0.0)
    return family
