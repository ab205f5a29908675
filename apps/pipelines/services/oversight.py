"""A worker's look at its own processes, from their parent: one that hears nothing ends once its work is to stop.

A call that keeps Python's lock gives no turn to the heartbeat beside it, so a process in one does not hear that its
run was cancelled, or that its time is over.
"""

import logging
from collections.abc import Callable
from datetime import timedelta

from django.db import connection

from apps.pipelines.models import IdentityResolution, Run
from apps.pipelines.services.lease import now_plus
from apps.pipelines.services.resolutions import end_resolution
from apps.pipelines.services.resolutions import too_late as resolution_too_late
from apps.pipelines.services.watchdog import STOP_SECONDS, end_stuck_run
from apps.pipelines.services.watchdog import too_late as run_too_late
from datalinx import pool
from datalinx.engine.spec.base import stored_document
from datalinx.engine.spec.pipeline import PipelineDocument
from datalinx.processes import end_child

logger = logging.getLogger(__name__)

STOP = timedelta(seconds=STOP_SECONDS)
_MESSAGE = "The work let no thread of its process have its turn: its process was ended."


def end_silent_work() -> int:
    """End the processes of this worker that are silent and whose work is to stop; return how many."""
    count = 0
    try:
        for silent in pool.find_silent():
            end_row = _run_to_end(silent) or _resolution_to_end(silent)
            if end_row is None:
                continue
            logger.error("the work of %s lets no thread have its turn; its process is ended", silent.work)
            # Whoever ended it meanwhile, what it held is over: nothing in it can commit from here on.
            end_child(silent.process_id)
            pool.forget(silent.process_id)
            count += bool(end_row())
    finally:
        # The next process of the pool must not inherit it.
        if not connection.in_atomic_block:
            connection.close()
    return count


def _run_to_end(silent: pool.Silent) -> Callable[[], bool] | None:
    """Return what ends the row of a run that is to stop, None when it is no run, or one that may go on."""
    rows = Run.objects.filter(pk=silent.work, fence=silent.fence, status=Run.Status.RUNNING)
    if (run := rows.select_related("workspace").first()) is None:
        return None
    if rows.filter(cancel_requested_at__lte=now_plus(-STOP)).exists():
        return lambda: end_stuck_run(run, error=None, message=_MESSAGE)
    if silent.late_seconds < STOP_SECONDS:
        return None
    settings = stored_document(PipelineDocument, run.snapshot["pipeline"])
    return lambda: end_stuck_run(run, error=run_too_late(settings.timeout_seconds), message=_MESSAGE)


def _resolution_to_end(silent: pool.Silent) -> Callable[[], bool] | None:
    rows = IdentityResolution.objects.filter(
        pk=silent.work, fence=silent.fence, status=IdentityResolution.Status.RUNNING
    )
    if (resolution := rows.first()) is None:
        return None
    if rows.filter(cancel_requested_at__lte=now_plus(-STOP)).exists():
        return lambda: end_resolution(resolution, error=None)
    if silent.late_seconds < STOP_SECONDS:
        return None
    return lambda: end_resolution(resolution, error=resolution_too_late())
