"""Verifying a run: it is run again from its manifest, on the same inputs and the same base, and compared."""

from collections.abc import Iterable
from typing import Any

from apps.pipelines.models import Run, RunStep
from apps.pipelines.services.runs import queue_run
from datalinx.caller import Caller
from datalinx.errors import Invalid

VERIFIED, DIFFERENT, NOT_POSSIBLE = "verified", "different", "not_possible"


def start_verification(*, run: Run, actor: Caller) -> Run:
    """Queue a run that repeats the published tables of a run and publishes nothing itself.

    Raises Invalid RUN_NOT_FINISHED, RUN_NOT_VERIFIABLE.
    """
    if not run.is_finished:
        raise Invalid("RUN_NOT_FINISHED", "This run has not ended yet; wait for it or cancel it.")
    if run.trigger == Run.Trigger.REPLAY or not run.publishes:
        message = (
            "A replay, a test and a verification cannot be verified: verify the run that loaded the table."
        )
        raise Invalid("RUN_NOT_VERIFIABLE", message)
    tables = [step.table for step in run.steps.all() if step.published_at is not None]
    if not tables:
        raise Invalid("RUN_NOT_VERIFIABLE", "This run published no table, so there is nothing to verify.")
    return queue_run(
        workspace=run.workspace,
        actor=actor,
        pipeline=run.pipeline,
        request={**run.request, "tables": tables},
        trigger=Run.Trigger.VERIFY,
        engine=run.engine,
        snapshot=run.snapshot,
        tables=tables,
        verify_of=run,
    )


def verdict_of(steps: Iterable[RunStep]) -> bool | None:
    """Return whether a verification found its run as it was; None when that cannot be told of every table."""
    verdicts = [(step.report or {}).get("verdict") for step in steps]
    if DIFFERENT in verdicts:
        return False
    return True if verdicts and all(verdict == VERIFIED for verdict in verdicts) else None


def compare_values(expected: Any, found: Any) -> dict[str, Any]:
    """Return what was and what is, side by side."""
    return {"expected": expected, "found": found, "equal": expected == found}
