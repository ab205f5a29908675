"""Replaying rejected rows: rehearsed by a request, run by a worker, each row exactly once."""

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from django.utils import timezone

from apps.mappings.services.compile import Documents, collect_documents
from apps.pipelines.models import Run, RunStep
from apps.pipelines.services.bases import engine_limits, local_base, next_columns
from apps.pipelines.services.quarantine import TableReplay, present_table, replayable_steps
from apps.pipelines.services.runs import start_run
from apps.pipelines.services.tables import new_table_id, table_storage
from datalinx.caller import Caller
from datalinx.engine.execute.results import Guards, TableResult
from datalinx.engine.execute.run import run_table
from datalinx.engine.execute.stopped import Findings, Stopped
from datalinx.errors import Cancelled, Invalid
from datalinx.files import scratch

# What rejected rows may be is the first run's affair: what fails again stays in the quarantine.
REPLAY_GUARDS = Guards(empty_source="allow", max_deleted_share=None)
REHEARSAL_SECONDS = 60.0


def start_replay(*, run: Run, actor: Caller, table: str = "", reason: str = "") -> Run:
    """Queue a run that puts the rejected rows of a run through the present mapping.

    Raises what `replayable_steps` raises, and what starting a run does.
    """
    steps = replayable_steps(run, table, reason)
    request: dict[str, Any] = {"tables": [step.table for step in steps]}
    if reason:
        request["reason"] = reason
    return start_run(
        workspace=run.workspace,
        actor=actor,
        pipeline=run.pipeline,
        request=request,
        trigger=Run.Trigger.REPLAY,
        replay_of=run,
    )


def rehearse_replay(*, run: Run, table: str = "", reason: str = "") -> dict[str, Any]:
    """Return what a replay would do with the rejected rows that wait; nothing is kept.

    Raises what `start_replay` raises, and Invalid REPLAY_TOO_LARGE.
    """
    steps = replayable_steps(run, table, reason)
    documents = collect_documents(run.workspace)
    ends_at = time.monotonic() + REHEARSAL_SECONDS
    tables = []
    for step in steps:
        with scratch("rehearsal") as folder:
            try:
                tables.append(_rehearse(step, documents, reason, folder, lambda: time.monotonic() > ends_at))
            except Cancelled as error:
                message = (
                    f"Rehearsing takes longer than {REHEARSAL_SECONDS:.0f} s; choose a table or a reason, or "
                    "start the replay, which publishes nothing that fails."
                )
                raise Invalid("REPLAY_TOO_LARGE", message) from error
    sums = ("rows", "would_pass", "still_rejected", "superseded", "not_replayable")
    return {
        "run_id": run.pk,
        "rehearsal": True,
        **{name: sum(each[name] for each in tables) for name in sums},
        "tables": tables,
    }


def _rehearse(
    step: RunStep, documents: Documents, reason: str, folder: Path, cancelled: Callable[[], bool]
) -> dict[str, Any]:
    replay = TableReplay(step, documents, reason, folder / "quarantine")
    stored = present_table(step)
    storage = table_storage(step.run.workspace, stored.pk if stored else new_table_id())
    base, _ = local_base(storage, stored, hold_in=folder / "base")
    result: TableResult | None = None
    error: Stopped | None = None
    with replay.open_scans() as scans:
        plan = replay.compile(scans)
        columns = next_columns(storage, stored, plan, replace=stored is None)
        try:
            result = run_table(
                plan,
                scans=scans,
                workdir=folder / "output",
                now=timezone.now(),
                limits=engine_limits(),
                guards=REPLAY_GUARDS,
                base=base,
                field_ids={column.name: column.field_id for column in columns},
                replay=replay.precedence(plan, stored),
                cancelled=cancelled,
            )
        except Stopped as stopped:
            error = stopped
    return _summary(replay, result, error)


def _summary(replay: TableReplay, result: TableResult | None, error: Stopped | None) -> dict[str, Any]:
    waiting, unreadable = replay.quarantine.waiting, replay.quarantine.unreadable
    passes = replay.release(result).count if result is not None else 0
    found: Findings | TableResult = error.findings if error is not None else _required(result)
    counts = found.counts.as_dict()
    return {
        "table": replay.origin.table,
        "rows": waiting,
        "would_pass": passes,
        "still_rejected": waiting - unreadable - passes,
        "superseded": result.superseded if result is not None else 0,
        "not_replayable": unreadable,
        "rejected_by_reason": dict(found.rejected_by_reason),
        "counts": {name: count for name, count in counts.items() if name != "written"},
        "error": {"code": error.code, "message": error.message} if error is not None else None,
    }


def _required(result: TableResult | None) -> TableResult:
    if result is None:
        raise AssertionError("an execution that did not fail has a result")
    return result
