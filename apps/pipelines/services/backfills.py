"""Backfills: asked for, paused, resumed, cancelled, their failed chunks tried again."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from itertools import islice
from zoneinfo import ZoneInfo

from django.db import transaction
from django.db.models import F

from apps.pipelines.models import Backfill, BackfillChunk, Pipeline, Run
from apps.pipelines.services.backfill_driving import drive, keep_counts, lock_backfill
from apps.pipelines.services.backfill_planning import plan_backfill
from apps.pipelines.services.runs import cancel_run
from apps.workspaces.models import Workspace
from datalinx.caller import Caller
from datalinx.engine.spec.chunks import Span, cut_range
from datalinx.errors import FieldError, Invalid

MAX_CHUNKS = 10_000
_Status = Backfill.Status


def create_backfill(
    *,
    pipeline: Pipeline,
    actor: Caller,
    since: datetime,
    until: datetime,
    chunk: Span,
    timezone: str = "UTC",
    tables: Sequence[str] = (),
    order: str = Backfill.Order.OLDEST,
    on_failure: str = Backfill.OnFailure.STOP,
    notify: str = Backfill.Notify.BACKFILL,
) -> Backfill:
    """Cut a range into chunks and begin to read them, one run after the other.

    Raises Invalid TOO_MANY_CHUNKS, BACKFILL_NOT_POSSIBLE, WINDOW_NOT_POSSIBLE, BACKFILL_OVERLAPS, and what starting a
    run of the pipeline raises.
    """
    pieces = list(islice(cut_range(since, until, chunk, zone=ZoneInfo(timezone)), MAX_CHUNKS + 1))
    if len(pieces) > MAX_CHUNKS:
        message = f"These are more than {MAX_CHUNKS:,} chunks: choose longer ones, or make several backfills."
        raise Invalid("TOO_MANY_CHUNKS", message, errors=[FieldError("chunk", "too_many", message)])
    plan = plan_backfill(
        workspace=pipeline.workspace, pipeline=pipeline, tables=tables, order=order, timezone=timezone
    )
    with transaction.atomic():
        backfill = Backfill(
            workspace=pipeline.workspace,
            pipeline=pipeline,
            since=since,
            until=until,
            chunk=str(chunk),
            timezone=timezone,
            tables=plan.tables,
            order=order,
            on_failure=on_failure,
            notify=notify,
            snapshot=plan.snapshot,
            created_by=actor.id,
        )
        _refuse_overlap(backfill)
        backfill.save(force_insert=True)
        rows = [
            BackfillChunk(backfill=backfill, position=position, since=start, until=end)
            for position, (start, end) in enumerate(pieces)
        ]
        BackfillChunk.objects.bulk_create(rows, batch_size=1_000)
        keep_counts(backfill)
        drive(backfill)
    return backfill


def _refuse_overlap(backfill: Backfill) -> None:
    """Refuse a second open backfill of the same days of a table, whichever pipeline it is of. Within a transaction.

    Of two that are asked for at the same moment the later one waits for the workspace's row.
    """
    Pipeline.objects.filter(pk=backfill.pipeline_id).update(version=F("version"))
    Workspace.objects.select_for_update(no_key=True).get(pk=backfill.workspace_id)
    others = Backfill.objects.for_workspace(backfill.workspace_id).filter(
        status__in=Backfill.OPEN,
        since__lt=backfill.until,
        until__gt=backfill.since,
    )
    for other in others.exclude(pk=backfill.pk).select_related("pipeline"):
        if shared := sorted(set(other.tables) & set(backfill.tables)):
            message = (
                f"The backfill {other.pk} of {other.pipeline.name} is reading days of {', '.join(shared)} that lie in "
                "this range: let it end, or cancel it."
            )
            raise Invalid("BACKFILL_OVERLAPS", message, details={"backfill_id": other.pk})


@transaction.atomic
def pause_backfill(*, backfill: Backfill, actor: Caller) -> Backfill:
    """Start no further chunk; the present one runs to its end. Raises BACKFILL_NOT_RUNNING, or that it has ended."""
    _move(
        backfill,
        of=[_Status.RUNNING],
        to=_Status.PAUSING,
        refusal=Invalid("BACKFILL_NOT_RUNNING", f"This backfill is {backfill.status}; it cannot be paused."),
    )
    return drive(backfill)


@transaction.atomic
def resume_backfill(*, backfill: Backfill, actor: Caller) -> Backfill:
    """Go on with a paused backfill, by the documents of now. Raises BACKFILL_NOT_PAUSED, or that it has ended."""
    _move(
        backfill,
        of=[_Status.PAUSED, _Status.PAUSING],
        to=_Status.RUNNING,
        refusal=Invalid(
            "BACKFILL_NOT_PAUSED", f"This backfill is {backfill.status}; only a paused one goes on."
        ),
    )
    _take_present_documents(backfill)
    return drive(backfill)


@transaction.atomic
def cancel_backfill(*, backfill: Backfill, actor: Caller) -> Backfill:
    """End a backfill and the run of its present chunk; what is committed stays. Raises that it has ended."""
    _move(
        backfill,
        of=[_Status.RUNNING, _Status.PAUSING, _Status.PAUSED],
        to=_Status.CANCELLING,
        refusal=Invalid("BACKFILL_NOT_RUNNING", "This backfill is being cancelled already."),
    )
    for run in backfill.runs.filter(status__in=Run.ACTIVE):
        _cancel_unless_ended(run, actor)
    return drive(backfill)


def _cancel_unless_ended(run: Run, actor: Caller) -> None:
    try:
        with transaction.atomic():
            cancel_run(run=run, actor=actor)
    except Invalid as error:
        # It came to its end in this moment: then what it did counts.
        if error.code != "RUN_ALREADY_FINISHED":
            raise


@transaction.atomic
def retry_backfill(*, backfill: Backfill, actor: Caller) -> Backfill:
    """Try the failed chunks again, by the documents of now. Raises BACKFILL_NOT_FAILED, BACKFILL_OVERLAPS."""
    _lock(backfill)
    _refuse_overlap(backfill)
    failed = backfill.chunks.filter(status=BackfillChunk.Status.FAILED)
    if backfill.status in (_Status.CANCELLED, _Status.CANCELLING) or not failed.exists():
        message = f"This backfill is {backfill.status} and has no failed chunk to be tried again."
        raise Invalid("BACKFILL_NOT_FAILED", message)
    failed.update(status=BackfillChunk.Status.PENDING)
    Backfill.objects.filter(pk=backfill.pk, status=_Status.FAILED).update(
        status=_Status.RUNNING, finished_at=None
    )
    _take_present_documents(backfill)
    keep_counts(backfill)
    return drive(backfill)


def _take_present_documents(backfill: Backfill) -> None:
    """Go on with the documents of now, which may have been changed to mend what failed."""
    plan = plan_backfill(
        workspace=backfill.workspace,
        pipeline=backfill.pipeline,
        tables=backfill.tables,
        order=backfill.order,
        timezone=backfill.timezone,
    )
    Backfill.objects.filter(pk=backfill.pk).update(snapshot=plan.snapshot, error=None)
    backfill.refresh_from_db()


def _move(backfill: Backfill, *, of: Sequence[str], to: str, refusal: Invalid) -> None:
    """Change the state of a backfill by one conditional update, or say why it cannot be. Within a transaction."""
    moved = Backfill.objects.filter(pk=backfill.pk, status__in=of).update(status=to, error=None)
    _lock(backfill)
    if moved:
        return
    if backfill.is_finished:
        raise Invalid("BACKFILL_ALREADY_FINISHED", f"This backfill has ended: {backfill.status}.")
    raise refusal


def _lock(backfill: Backfill) -> None:
    lock_backfill(backfill.pk)
    backfill.refresh_from_db()


def seconds_left(backfill: Backfill) -> float | None:
    """Return how long a backfill will still take as its chunks went so far, None when that cannot be told."""
    counts: Mapping[str, int] = backfill.chunk_counts
    left = counts.get("pending", 0) + counts.get("running", 0)
    if backfill.is_finished or backfill.chunk_seconds is None:
        return None
    return round(float(backfill.chunk_seconds) * left, 1)
