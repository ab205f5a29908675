"""How a held run ends or goes back to the queue, and who is told."""

from datetime import timedelta

from django.db import transaction
from django.db.models import F
from django.db.models.functions import Now

from apps.pipelines.models import Backfill, Run, RunStep
from apps.pipelines.services.delivering import end_deliveries
from apps.pipelines.services.lease import held, now_plus
from apps.pipelines.services.logs import told_error, write_log
from apps.pipelines.services.upstreams import note_end
from datalinx.errors import DatalinxError
from datalinx.events import emit
from datalinx.trace import carry, current_trace, current_trace_id, trace_id


def finish_run(run: Run, *, status: str, error: DatalinxError | None = None) -> bool:
    """End a run that this process holds, tell those who listen, and return whether it was still held.

    A run whose cancellation was accepted ends as cancelled, whatever else it came to.
    """
    with transaction.atomic():
        if _is_cancelled(run):
            status, error = Run.Status.CANCELLED, None
        ended = held(run).update(
            status=status,
            error=told_error(run, error) if error else None,
            progress=1.0 if status == Run.Status.SUCCESS else F("progress"),
            manifest=run.manifest,
            finished_at=Now(),
            lease_expires_at=None,
            updated_at=Now(),
        )
        if not ended:
            return False
        run.steps.filter(status=RunStep.Status.PENDING).update(status=left_over(status))
        # An error that nobody foresaw leaves the step where it was.
        run.steps.filter(status=RunStep.Status.RUNNING).update(status=status)
        end_deliveries(run, status=left_over(status))
        run.refresh_from_db()
        log_end(run, error)
        announce(run)
    return True


def log_end(run: Run, error: DatalinxError | None) -> None:
    """Write into a run's log how it ended."""
    write_log(run, f"Ended: {run.status}." if error is None else f"Ended: {run.status}. {error.message}")


def _is_cancelled(run: Run) -> bool:
    """Whether a cancellation was accepted. Within a transaction, after which none is accepted any more."""
    # The row is locked by being written: who asks to cancel it now waits, and is then told that it has ended.
    held(run).update(updated_at=Now())
    return Run.objects.filter(pk=run.pk, cancel_requested_at__isnull=False).exists()


def left_over(status: str) -> str:
    """Return what becomes of the steps that a run had not finished when it ended so."""
    return RunStep.Status.CANCELLED if status == Run.Status.CANCELLED else RunStep.Status.SKIPPED


def release_run(run: Run, *, error: DatalinxError, backoff: timedelta) -> bool:
    """Give a held run back to the queue, to be tried again after a pause; one that was cancelled ends instead."""
    with transaction.atomic():
        if _is_cancelled(run):
            return finish_run(run, status=Run.Status.CANCELLED)
        released = held(run).update(
            status=Run.Status.QUEUED,
            attempt=F("attempt") + 1,
            failures=F("failures") + 1,
            lease_expires_at=None,
            not_before=now_plus(backoff),
            dispatched_at=None,
            updated_at=Now(),
        )
        if released:
            message = f"Tried again in {backoff.total_seconds():.0f} s: {error.message}"
            write_log(run, message, level="warning")
    return bool(released)


def hand_over_run(run: Run) -> bool:
    """Give a held run back at once, for another worker: this one was told to end. It counts as no failure."""
    with transaction.atomic():
        if _is_cancelled(run):
            return finish_run(run, status=Run.Status.CANCELLED)
        released = held(run).update(
            status=Run.Status.QUEUED,
            attempt=F("attempt") + 1,
            handovers=F("handovers") + 1,
            # Whatever still goes on in this process holds it no longer.
            fence=F("fence") + 1,
            lease_expires_at=None,
            dispatched_at=None,
            updated_at=Now(),
        )
        if not released:
            return False
        # What was committed stays; the rest is begun again.
        run.steps.exclude(status=RunStep.Status.SUCCESS).update(status=RunStep.Status.PENDING)
        write_log(run, "The worker was told to end; the run is handed over to another.")
    return True


def announce(run: Run) -> None:
    """Tell those who listen how a run began or ended. Within the transaction of the fact.

    Of the chunks of a backfill nothing is told unless that was asked for: there may be thousands of them.
    """
    if run.backfill_id is None or Backfill.objects.filter(pk=run.backfill_id, notify="chunks").exists():
        _emit(run)
    if run.is_finished:
        note_end(run)
        transaction.on_commit(lambda: _wake_backfills(run.pipeline_id), robust=True)


def _emit(run: Run) -> None:
    events = {
        Run.Status.RUNNING: ("pipeline.started", "running"),
        Run.Status.SUCCESS: ("pipeline.completed", "success"),
        Run.Status.FAILED: ("pipeline.failed", "failed"),
        Run.Status.CANCELLED: ("pipeline.cancelled", "cancelled"),
    }
    event, status = events[Run.Status(run.status)]
    # Who tells it may be a worker that was woken for another run, a tick, or a request that cancels.
    with carry(current_trace() if current_trace_id() == trace_id(run.trace) else run.trace):
        emit(
            event,
            workspace=run.workspace,
            pipeline_id=run.pipeline_id,
            run_id=run.pk,
            status=status,
            error=run.error,
            totals=sum_counts(run),
        )


def _wake_backfills(pipeline_id: str | None) -> None:
    """Let the pipeline's backfills go on at once; when this process dies before, the tick does it."""
    if pipeline_id is None:
        return
    from apps.pipelines.services.backfill_driving import advance_backfills

    advance_backfills(pipeline_id=pipeline_id)


def sum_counts(run: Run) -> dict[str, int]:
    """Return the totals of a run: the sums of its steps."""
    totals: dict[str, int] = {}
    for step in run.steps.all():
        for name, count in step.counts.items():
            totals[name] = totals.get(name, 0) + count
    return totals
