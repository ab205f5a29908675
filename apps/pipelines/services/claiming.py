"""Which run a worker takes next: one conditional update decides, and no organization waits behind another's hundred.

A message names a run, but only wakes: what it is taken for is the run whose turn it is. Each message takes one run at
most, so there are as many messages as runs, whoever takes which.
"""

from collections import Counter
from collections.abc import Iterator
from datetime import datetime

from django.conf import settings
from django.db import IntegrityError, transaction
from django.db.models import Exists, F, Min, OuterRef, Q, QuerySet
from django.db.models.functions import Now

from apps.accounts.models import Organization
from apps.pipelines.models import Run
from apps.pipelines.services.ending import announce
from apps.pipelines.services.lease import LEASE, now_plus, owner_name
from datalinx import stopping
from datalinx.version import RUN_PROTOCOL

# So many runs of an organization are tried, others may be quicker; and so many organizations.
TRIES = 5
MOST_ORGANIZATIONS = 200
# What fills in the past gives way to what people wait for, until so many others of its organization have begun since
# it was queued: one in five has its turn, however busy the organization is.
PATIENT = ("backfill",)
MOST_BEFORE = 4


def ready_runs() -> QuerySet[Run]:
    """Return the queued runs that could begin now, were a worker free."""
    pause_is_over = Q(not_before=None) | Q(not_before__lte=Now())
    other = Run.objects.filter(pipeline=OuterRef("pipeline"), status=Run.Status.RUNNING)
    queued = Run.objects.filter(pause_is_over, status=Run.Status.QUEUED, protocol__lte=RUN_PROTOCOL)
    return queued.filter(~Exists(other))


def claim_fairest_run() -> Run | None:
    """Take the run whose turn it is for this process, or None when there is nothing to take.

    First comes the organization with the fewest runs under way, then the one that has waited longest; of its runs
    the oldest, those that fill in the past after the others and yet within a bound. A worker that was told to end
    takes nothing.
    """
    if stopping.is_stopping():
        return None
    for organization_id in _by_turn():
        for run_id in _oldest(organization_id):
            if run := claim_run(run_id):
                return run
    return None


def _by_turn() -> Iterator[str]:
    oldest = ready_runs().values_list("workspace__organization").annotate(since=Min("created_at"))
    active = Counter(under_way().values_list("workspace__organization", flat=True))
    most = settings.ORGANIZATION_RUNS
    waiting = [each for each, _ in oldest.order_by("since")[:MOST_ORGANIZATIONS]]
    # Sorting keeps the order of those that are equal: who has waited longest.
    yield from sorted(
        (each for each in waiting if not most or active[each] < most), key=lambda each: active[each]
    )


def under_way(organization_id: str = "") -> QuerySet[Run]:
    """Return the runs that workers hold, of one organization or of all."""
    running = Run.objects.filter(status=Run.Status.RUNNING)
    return running.filter(workspace__organization=organization_id) if organization_id else running


def _oldest(organization_id: str) -> list[str]:
    rows = ready_runs().filter(workspace__organization=organization_id).order_by("created_at")
    wanted = list(rows.exclude(trigger__in=PATIENT).values_list("pk", flat=True)[:TRIES])
    patient = list(rows.filter(trigger__in=PATIENT).values_list("pk", "created_at")[:TRIES])
    filling = [run_id for run_id, _ in patient]
    if wanted and patient and _begun_since(organization_id, patient[0][1]) >= MOST_BEFORE:
        return [filling[0], *wanted]
    return [*wanted, *filling][:TRIES]


def _begun_since(organization_id: str, moment: datetime) -> int:
    """Return how many runs that people wait for an organization's workers began since, as far as that is counted."""
    # Which began since then goes on or has ended since then: both are found by an index.
    since = Q(status=Run.Status.RUNNING) | Q(finished_at__gte=moment)
    rows = Run.objects.filter(since, workspace__organization=organization_id, started_at__gte=moment)
    return len(rows.exclude(trigger__in=PATIENT).values_list("pk")[:MOST_BEFORE])


def claim_run(run_id: str) -> Run | None:
    """Take a queued run for this process and return it, or None when it cannot be taken now.

    A run of a pipeline waits while another of the same pipeline runs; the database's own constraint decides
    when two workers try at the same moment. That it began is told in the same transaction, once.
    """
    try:
        with transaction.atomic():
            if not _has_room(run_id):
                return None
            taken = (
                ready_runs()
                .filter(pk=run_id)
                .update(
                    status=Run.Status.RUNNING,
                    fence=F("fence") + 1,
                    lease_owner=owner_name(),
                    lease_expires_at=now_plus(LEASE),
                    heartbeat_at=Now(),
                    started_at=Now(),
                    updated_at=Now(),
                )
            )
            if not taken:
                return None
            run: Run = Run.objects.select_related("workspace__organization", "pipeline").get(pk=run_id)
            if run.attempt == 1:
                announce(run)
    except IntegrityError:
        return None
    return run


def _has_room(run_id: str) -> bool:
    """Return whether the run's organization may have one more under way."""
    if not settings.ORGANIZATION_RUNS:
        return True
    organization_id = Run.objects.select_related("workspace").get(pk=run_id).workspace.organization_id
    # Its row is locked until that is decided: two that are taken at the same moment count one after the other.
    list(Organization.objects.select_for_update(no_key=True).filter(pk=organization_id))
    return under_way(organization_id).count() < settings.ORGANIZATION_RUNS
