"""A run's heartbeat that also sees to its end: work that does not heed a request to stop ends with its process."""

import faulthandler
import logging
import time
from collections.abc import Callable
from typing import Self

from django.db import transaction
from django.db.models.functions import Now

from apps.pipelines.models import Run
from apps.pipelines.services.ending import finish_run, hand_over_run
from apps.pipelines.services.lease import HEARTBEAT_SECONDS, LEASE, LOOK_SECONDS, Heartbeat, held
from apps.pipelines.services.logs import write_log
from datalinx.errors import Failed

logger = logging.getLogger(__name__)

# How long work may go on after it was asked to stop. An engine's own statement is given three of them.
STOP_SECONDS = 4.0
# How long it may go on when this worker was told to end, which soon ends its processes.
LEAVE_SECONDS = 1.0
# A process in which no thread gets its turn, this one neither, is ended from outside Python once its lease is over.
SEIZED_SECONDS = LEASE.total_seconds() + 10.0


class Watchdog(Heartbeat):
    """The heartbeat of a run, which ends the run itself when the work in this process cannot.

    That work is in a call that looks up from nothing: a statement over two huge values, a read from a socket. A
    thread cannot be ended, so its process is, with `end_process`; without it only the run ends.
    """

    def __init__(self, run: Run, *, end_process: Callable[[], None] | None = None) -> None:
        super().__init__(run)
        self._end_process = end_process
        self._asked_at: float | None = None
        self._is_over = False
        self._seconds = 0
        self.ends_at = float("inf")

    def __enter__(self) -> Self:
        self._guard()
        return super().__enter__()

    def __exit__(self, *exception: object) -> None:
        super().__exit__(*exception)
        if self._end_process is not None:
            faulthandler.cancel_dump_traceback_later()

    def allow(self, seconds: int) -> None:
        """Let the work take so long from now on."""
        self._seconds = seconds
        self.ends_at = time.monotonic() + seconds

    @property
    def is_late(self) -> bool:
        """Whether the time that was allowed is over."""
        return time.monotonic() > self.ends_at

    def too_late(self) -> Failed:
        """Return the error of a run that took longer than it may."""
        return Failed("RUN_TIMEOUT", f"The run took longer than its {self._seconds} seconds.")

    def _pause(self) -> float:
        if self.leaving.is_set():
            return LOOK_SECONDS
        if self.is_late:
            return 1.0
        return max(0.05, min(super()._pause(), self.ends_at - time.monotonic() + 0.05))

    def _watch(self) -> None:
        self._guard()
        if not (self.should_stop() or self.is_late):
            return
        self._asked_at = self._asked_at or time.monotonic()
        patience = LEAVE_SECONDS if self.leaving.is_set() else STOP_SECONDS
        if time.monotonic() - self._asked_at >= patience and not self._is_over:
            self._end()

    def _end(self) -> None:
        """End the run, unless it is another's by now, and the process with the work that goes on in it."""
        if not self.lost.is_set():
            try:
                self._finish()
            except Exception:
                # Without a database nothing can be told; the lease runs out, and then the process ends all the same.
                logger.warning("the run %s could not be ended yet", self.run.pk, exc_info=True)
                return
        self._is_over = True
        self.lost.set()
        if self._end_process is not None and not self._stop.is_set():
            logger.error("the work of the run %s did not stop; its process is ended", self.run.pk)
            self._end_process()

    def _finish(self) -> None:
        cancelled = self.cancelled.is_set()
        if self.leaving.is_set() and not (cancelled or self.is_late):
            hand_over_run(self.run)
            return
        with transaction.atomic():
            held(self.run).update(heartbeat_at=Now())
            # A copy of our own, as it is now that nobody else writes it: what goes on changes the one that it holds.
            run = Run.objects.select_related("workspace__organization", "pipeline").get(pk=self.run.pk)
            run.fence = self.run.fence
            ended = finish_run(
                run,
                status=Run.Status.CANCELLED if cancelled else Run.Status.FAILED,
                error=None if cancelled else self.too_late(),
            )
            if ended:
                message = f"The work did not stop within {STOP_SECONDS:.0f} seconds: its process was ended."
                write_log(run, message, level="warning")

    def _guard(self) -> None:
        """Have the process ended, with the stacks of its threads told, should this thread not get here again."""
        if self._end_process is not None:
            faulthandler.dump_traceback_later(SEIZED_SECONDS + HEARTBEAT_SECONDS, exit=True)
