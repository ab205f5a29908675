"""Messages to workers: sent, sent again when they were lost, and runs taken up whose worker fell silent."""

import logging
from datetime import timedelta

from django.conf import settings
from django.db import transaction
from django.db.models import F, Q
from django.db.models.functions import Now

from apps.pipelines.models import Run, RunStep
from apps.pipelines.services.claiming import ready_runs
from apps.pipelines.services.delivering import end_deliveries
from apps.pipelines.services.ending import announce, left_over, log_end
from apps.pipelines.services.lease import LEASE, held, now_plus
from apps.pipelines.services.logs import told_error, write_log
from datalinx.celery import messages_in
from datalinx.errors import Failed

logger = logging.getLogger(__name__)

MAX_ATTEMPTS = 10
# A message that was sent and never picked up is sent again after this long.
REDISPATCH = timedelta(seconds=6)
MOST_MESSAGES = 100
# The longest pause before a run is taken up again that the database broke off.
MOST_PAUSE_SECONDS = 60
RUNS_QUEUE = "runs"


def dispatch(run_id: str) -> None:
    """Wake a worker for a queued run, or for another that comes before it. A lost message is sent again by the tick."""
    from apps.pipelines.tasks import execute

    Run.objects.filter(pk=run_id, status=Run.Status.QUEUED).update(dispatched_at=Now())
    try:
        execute.delay(run_id)
    except Exception:  # The broker may be away; the row stays, and the tick tries again.
        logger.warning("the run %s could not be sent to a worker yet", run_id, exc_info=True)


def dispatch_waiting_runs() -> int:
    """Send what is queued and was never picked up; return how many messages."""
    # One from the future was written before the clock was set back.
    unsent = Q(dispatched_at=None) | Q(dispatched_at__lt=now_plus(-REDISPATCH)) | Q(dispatched_at__gt=Now())
    waiting = ready_runs().filter(unsent).order_by("created_at")
    ids = list(waiting.values_list("pk", flat=True)[:MOST_MESSAGES])
    if not ids:
        return 0
    # Messages that workers have not come to yet are not lost: sending more of them would only fill the broker.
    ids = ids[: max(0, len(ids) - messages_in(RUNS_QUEUE))]
    for run_id in ids:
        dispatch(run_id)
    return len(ids)


def dispatch_follower(ended: Run) -> None:
    """Wake a worker for a run that waited for this one to end, and whose own message found it waiting."""
    waits = Q(pipeline_id=ended.pipeline_id) if ended.pipeline_id else Q(pk=None)
    if settings.ORGANIZATION_RUNS:
        waits |= Q(workspace__organization=ended.workspace.organization_id)
    run_id = ready_runs().filter(waits).order_by("created_at").values_list("pk", flat=True).first()
    if run_id is not None:
        dispatch(run_id)


def reap_lost_runs() -> int:
    """Take up runs whose worker fell silent, also one that never spoke; return how many.

    A lost worker does not use up the pipeline's retries, but no run is taken up without end.
    """
    # A lease from the future was written before the clock was set back: who lives renews it within seconds.
    silent = (
        Q(lease_expires_at=None) | Q(lease_expires_at__lt=Now()) | Q(lease_expires_at__gt=now_plus(2 * LEASE))
    )
    count = 0
    for run in Run.objects.filter(silent, status=Run.Status.RUNNING).select_related("workspace")[:100]:
        try:
            with transaction.atomic():
                # One whose row a worker holds that stands still in the middle of a commit is left to the next look.
                mine = Run.objects.filter(silent, pk=run.pk, fence=run.fence, status=Run.Status.RUNNING)
                if locked := mine.select_for_update(no_key=True, skip_locked=True, of=("self",)).first():
                    _take_up_again(
                        locked, f"The worker {run.lease_owner} fell silent; the run is taken up again."
                    )
                    count += 1
        except Exception:  # One run must not stop the others, nor what else the tick does.
            logger.exception("the lost run %s could not be taken up again", run.pk)
    return count


def give_up(run: Run) -> bool:
    """Give back a run that this process holds and cannot go on with, as if its worker were lost.

    Return whether it was still held.
    """
    with transaction.atomic():
        locked = held(run).select_for_update(no_key=True, of=("self",)).select_related("workspace").first()
        if locked is not None:
            # Where connections are short or a disk is full, the next attempt would be broken off as soon as it began.
            pause = timedelta(seconds=min(2 ** (_times_lost(locked) - 1), MOST_PAUSE_SECONDS))
            _take_up_again(locked, "The database broke off the work; the run is taken up again.", pause=pause)
    return locked is not None


def _times_lost(run: Run) -> int:
    """Return how often a run's worker was lost, the present one included."""
    return run.attempt - run.failures - run.handovers


def _take_up_again(run: Run, why: str, *, pause: timedelta = timedelta(0)) -> None:
    """Queue a locked run anew that its worker did not bring to its end, or end it. Within a transaction."""
    if run.cancel_requested_at is not None:
        _end_lost(run, Run.Status.CANCELLED, None)
        return
    if (lost := _times_lost(run)) >= MAX_ATTEMPTS:
        _end_lost(
            run,
            Run.Status.FAILED,
            Failed("WORKER_LOST", f"The worker was lost {lost} times; look at its log."),
        )
        return
    Run.objects.filter(pk=run.pk).update(
        status=Run.Status.QUEUED,
        attempt=F("attempt") + 1,
        fence=F("fence") + 1,
        lease_expires_at=None,
        not_before=now_plus(pause) if pause else None,
        dispatched_at=None,
        updated_at=Now(),
    )
    # What was committed stays; the rest is begun again.
    run.steps.exclude(status=RunStep.Status.SUCCESS).update(status=RunStep.Status.PENDING)
    write_log(run, why, level="warning")


def _end_lost(run: Run, status: str, error: Failed | None) -> None:
    Run.objects.filter(pk=run.pk).update(
        status=status,
        error=told_error(run, error) if error else None,
        fence=F("fence") + 1,
        finished_at=Now(),
        lease_expires_at=None,
        updated_at=Now(),
    )
    run.steps.filter(status__in=[RunStep.Status.PENDING, RunStep.Status.RUNNING]).update(
        status=left_over(status)
    )
    end_deliveries(run, status=left_over(status))
    run.refresh_from_db()
    log_end(run, error)
    announce(run)
