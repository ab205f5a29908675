"""How a backfill moves: one chunk after the other, by whoever looks, with nothing twice and nothing left out.

A step of it is one transaction that has locked the backfill's row: what the present chunk's run came to is written
down and the next run is queued together, or neither is. So it does not matter who does it or where a process dies.
"""

import logging
from collections.abc import Mapping
from typing import Any, cast

from django.db import transaction
from django.db.models import Avg, Count, Exists, F, OuterRef, Q
from django.utils import timezone

from apps.mappings.services.compile import order_tables
from apps.pipelines.models import Backfill, BackfillChunk, Run, RunStep
from apps.pipelines.services.backfill_planning import has_changed
from apps.pipelines.services.ending import sum_counts
from apps.pipelines.services.runs import queue_run
from datalinx.caller import Caller
from datalinx.errors import DatalinxError, Failed
from datalinx.events import emit
from datalinx.failpoints import reach

logger = logging.getLogger(__name__)

_Status = Backfill.Status
_Chunk = BackfillChunk.Status
# What moves by itself. A paused one waits for a person.
MOVING = (_Status.RUNNING, _Status.PAUSING, _Status.CANCELLING)
# What is told of a backfill that comes to rest.
_EVENTS: Mapping[str, str] = {
    _Status.SUCCESS: "backfill.completed",
    _Status.FAILED: "backfill.failed",
    _Status.PAUSED: "backfill.paused",
    _Status.CANCELLED: "backfill.cancelled",
}


def advance_backfills(*, pipeline_id: str | None = None) -> int:
    """Move all backfills, or those of a pipeline, whose present chunk has ended; return how many were looked at.

    One that cannot be moved now does not keep the others.
    """
    busy = BackfillChunk.objects.filter(
        backfill=OuterRef("pk"), status=_Chunk.RUNNING, run__status__in=Run.ACTIVE
    )
    rows = Backfill.objects.filter(~Exists(busy), status__in=MOVING)
    if pipeline_id is not None:
        rows = rows.filter(pipeline=pipeline_id)
    ids = list(rows.order_by("created_at").values_list("pk", flat=True))
    for backfill_id in ids:
        try:
            advance_backfill(backfill_id)
        except Exception:
            logger.exception("the backfill %s could not be moved on; the tick tries again", backfill_id)
    return len(ids)


@transaction.atomic
def advance_backfill(backfill_id: str) -> None:
    """Move one backfill if there is something to move."""
    backfill = lock_backfill(backfill_id)
    if backfill is not None:
        drive(backfill)


def lock_backfill(backfill_id: str) -> Backfill | None:
    """Lock a backfill's row for this transaction and return it, None when there is none."""
    if not Backfill.objects.filter(pk=backfill_id).update(status=F("status")):
        return None
    rows = Backfill.objects.select_related("workspace__organization", "pipeline")
    return cast("Backfill", rows.get(pk=backfill_id))


def drive(backfill: Backfill) -> Backfill:
    """Do what is to be done for a locked backfill, and return it as it is then. Within a transaction."""
    if backfill.status in MOVING and _settle(backfill):
        _go_on(backfill)
    backfill.refresh_from_db()
    return backfill


def _settle(backfill: Backfill) -> bool:
    """Write down what the present chunk's run came to; return whether no chunk is under way any more."""
    chunk = backfill.chunks.filter(status=_Chunk.RUNNING).select_related("run").first()
    if chunk is None:
        return True
    run = chunk.run
    if run is not None and not run.is_finished:
        return False
    mine = BackfillChunk.objects.filter(pk=chunk.pk, status=_Chunk.RUNNING)
    found = _outcome(backfill, run)
    mine.update(**found)
    totals = dict(backfill.totals)
    for name, count in found.get("counts", {}).items():
        totals[name] = totals.get(name, 0) + count
    Backfill.objects.filter(pk=backfill.pk).update(advanced_at=timezone.now(), totals=totals)
    backfill.refresh_from_db()
    keep_counts(backfill)
    reach("backfill.settled")
    return True


def _outcome(backfill: Backfill, run: Run | None) -> dict[str, Any]:
    if run is None:
        # It was deleted before anybody looked. Reading a chunk again changes nothing that it wrote.
        return {"status": _Chunk.PENDING}
    stopped = run.status == Run.Status.CANCELLED
    if stopped and backfill.status == _Status.CANCELLING:
        return {"status": _Chunk.CANCELLED}
    seconds = (
        (run.finished_at - run.started_at).total_seconds() if run.finished_at and run.started_at else None
    )
    if run.status == Run.Status.SUCCESS:
        return {"status": _Chunk.SUCCESS, "counts": sum_counts(run), "seconds": seconds, "error": None}
    cancelled = _reason(Failed("RUN_CANCELLED", "The run of this chunk was cancelled."))
    return {"status": _Chunk.FAILED, "seconds": seconds, "error": cancelled if stopped else run.error}


def _go_on(backfill: Backfill) -> None:
    pending = backfill.chunks.filter(status=_Chunk.PENDING)
    failed = backfill.chunks.filter(status=_Chunk.FAILED).order_by("position").first()
    if backfill.status == _Status.CANCELLING:
        pending.update(status=_Chunk.CANCELLED)
        keep_counts(backfill)
        _set(backfill, _Status.CANCELLED, finished_at=timezone.now())
    elif failed is not None and (backfill.on_failure == Backfill.OnFailure.STOP or not pending.exists()):
        _set(backfill, _Status.FAILED, finished_at=timezone.now(), error=_reason(_failure(backfill, failed)))
    elif not pending.exists():
        _set(backfill, _Status.SUCCESS, finished_at=timezone.now())
    elif backfill.status == _Status.PAUSING:
        _set(backfill, _Status.PAUSED)
    elif has_changed(backfill):
        message = "What its tables are made by was changed meanwhile: resume to go on with what is there now."
        _set(backfill, _Status.PAUSED, error=_reason(Failed("BACKFILL_DOCUMENTS_CHANGED", message)))
    elif not _others_come_first(backfill):
        _start_next(backfill)


def _failure(backfill: Backfill, first: BackfillChunk) -> Failed:
    count = backfill.chunk_counts.get("failed", 1)
    what = f"{count:,} chunks failed, the first" if count > 1 else "A chunk failed, that"
    why = (first.error or {}).get("message", "")
    return Failed("BACKFILL_CHUNK_FAILED", f"{what} from {first.since.isoformat()}: {why}")


def _others_come_first(backfill: Backfill) -> bool:
    """Return whether a run was asked for before the last chunk ended whose turn is between chunks.

    That is any of the pipeline, and those of others that write to the same tables: side by side, the later one to
    publish a table would have to begin it anew.
    """
    asked_before = backfill.advanced_at or backfill.created_at
    same_tables = RunStep.objects.filter(run=OuterRef("pk"), table__in=backfill.tables)
    others = Run.objects.for_workspace(backfill.workspace_id).filter(
        Q(pipeline=backfill.pipeline_id) | Exists(same_tables),
        status__in=Run.ACTIVE,
        created_at__lte=asked_before,
    )
    return others.exclude(backfill=backfill.pk).exists()


def _start_next(backfill: Backfill) -> None:
    pending = backfill.chunks.filter(status=_Chunk.PENDING)
    newest = backfill.order == Backfill.Order.NEWEST
    chunk, *others = pending.order_by("-position" if newest else "position")[:2]
    workspace = backfill.workspace
    backfiller = Caller(
        kind="system",
        id=backfill.created_by,
        name=f"the backfill {backfill.pk}",
        organization=workspace.organization,
    )
    snapshot = _documents(backfill.snapshot, is_last=not others)
    run = queue_run(
        workspace=workspace,
        actor=backfiller,
        pipeline=backfill.pipeline,
        request={"tables": backfill.tables, "since": _to_text(chunk.since), "until": _to_text(chunk.until)},
        trigger=Run.Trigger.BACKFILL,
        engine=snapshot["pipeline"]["engine"],
        snapshot=snapshot,
        tables=order_tables(snapshot, backfill.tables),
        backfill=backfill,
    )
    mine = BackfillChunk.objects.filter(pk=chunk.pk, status=_Chunk.PENDING)
    mine.update(
        status=_Chunk.RUNNING, run=run, attempts=F("attempts") + 1, counts={}, seconds=None, error=None
    )
    keep_counts(backfill)
    reach("backfill.queued")


def _documents(snapshot: Mapping[str, Any], *, is_last: bool) -> dict[str, Any]:
    """Return what a chunk's run runs. Only the last one brings the tables to their destinations: once is enough."""
    settings = {key: value for key, value in snapshot["pipeline"].items() if is_last or key != "deliver"}
    return {**snapshot, "pipeline": settings}


def keep_counts(backfill: Backfill) -> None:
    """Write how many chunks are in each state, and how long one took on average, into the backfill's row."""
    by_state = {state: Count("pk", filter=Q(status=state)) for state in _Chunk.values}
    found = backfill.chunks.order_by().aggregate(
        **by_state, mean=Avg("seconds", filter=Q(status=_Chunk.SUCCESS))
    )
    seconds = found.pop("mean")
    Backfill.objects.filter(pk=backfill.pk).update(
        chunk_counts=found, chunk_seconds=seconds, updated_at=timezone.now()
    )
    backfill.chunk_counts = found


def _set(backfill: Backfill, status: str, **values: Any) -> None:
    rows = Backfill.objects.filter(pk=backfill.pk, status=backfill.status)
    if rows.update(status=status, updated_at=timezone.now(), **values):
        emit(
            _EVENTS[status],
            workspace=backfill.workspace,
            pipeline_id=backfill.pipeline_id,
            backfill_id=backfill.pk,
            status=str(status),
            since=_to_text(backfill.since),
            until=_to_text(backfill.until),
            chunks=backfill.chunk_counts,
            totals=backfill.totals,
            error=values.get("error"),
        )


def _reason(error: DatalinxError) -> dict[str, str]:
    return {"code": error.code, "message": error.message}


def _to_text(moment: Any) -> str:
    return str(moment.isoformat()).replace("+00:00", "Z")
