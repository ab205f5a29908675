"""A heartbeat that also sees to the end: work that does not heed a request to stop ends with its process."""

import faulthandler
import logging
import time
from abc import abstractmethod
from collections.abc import Callable
from typing import Self

from django.db import connection, transaction
from django.db.models.functions import Now

from apps.pipelines.models import Run
from apps.pipelines.services.ending import finish_run, hand_over_run
from apps.pipelines.services.lease import HEARTBEAT_SECONDS, LEASE, LOOK_SECONDS, Beat, Row, held, now_plus
from apps.pipelines.services.logs import write_log
from datalinx import pool
from datalinx.errors import Failed
from datalinx.processes import TELL_STACKS

logger = logging.getLogger(__name__)

# How long work may go on after it was asked to stop. An engine's own statement is given three of them.
STOP_SECONDS = 4.0
# How long it may go on when this worker was told to end, which soon ends its processes.
LEAVE_SECONDS = 1.0
# A process in which no thread gets its turn, this one neither, is ended by its parent once its work is to stop, and
# from outside Python once its lease is over.
SEIZED_SECONDS = LEASE.total_seconds() + 10.0


class Watchdog(Beat[Row]):
    """The heartbeat of a piece of work, which ends it itself when the work in this process cannot.

    That work is in a call that looks up from nothing: a statement over two huge values, a read from a socket. A
    thread cannot be ended, so its process is, with `end_process`; without it only the row ends.
    """

    def __init__(self, run: Row, *, end_process: Callable[[], None] | None = None) -> None:
        super().__init__(run)
        self._end_process = end_process
        self._asked_at: float | None = None
        self._is_over = False
        self._seconds = 0
        self.ends_at = float("inf")

    def __enter__(self) -> Self:
        if self._end_process is not None:
            faulthandler.register(TELL_STACKS, chain=False)
            pool.begin(self.run.pk, self.run.fence)
        self._guard()
        return super().__enter__()

    def __exit__(self, *exception: object) -> None:
        super().__exit__(*exception)
        if self._end_process is not None:
            pool.end()
            faulthandler.cancel_dump_traceback_later()

    def allow(self, seconds: int) -> None:
        """Let the work take so long from now on."""
        self._seconds = seconds
        self.ends_at = time.monotonic() + seconds
        if self._end_process is not None:
            pool.allow_until(self.ends_at)

    @property
    def is_late(self) -> bool:
        """Whether the time that was allowed is over."""
        return time.monotonic() > self.ends_at

    @abstractmethod
    def too_late(self) -> Failed:
        """Return the error of work that took longer than it may."""

    @abstractmethod
    def _hand_over(self) -> None:
        """Give the work back for another worker."""

    @abstractmethod
    def _finish(self) -> None:
        """End the row, as cancelled or as too late."""

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
        """End the row, unless it is another's by now, and the process with the work that goes on in it."""
        if not self.lost.is_set():
            try:
                if self.leaving.is_set() and not (self.cancelled.is_set() or self.is_late):
                    self._hand_over()
                else:
                    self._finish()
            except Exception:
                # Without a database nothing can be told; the lease runs out, and then the process ends all the same.
                logger.warning("the work of %s could not be ended yet", self.run.pk, exc_info=True)
                connection.close()
                return
        self._is_over = True
        self.lost.set()
        if self._end_process is not None and not self._stop.is_set():
            logger.error("the work of %s did not stop; its process is ended", self.run.pk)
            self._end_process()

    def _guard(self) -> None:
        """Have the process ended, with the stacks of its threads told, should this thread not get here again."""
        if self._end_process is not None:
            faulthandler.dump_traceback_later(SEIZED_SECONDS + HEARTBEAT_SECONDS, exit=True)


class RunWatchdog(Watchdog[Run]):
    """The heartbeat of a run."""

    def too_late(self) -> Failed:
        return too_late(self._seconds)

    def _renew(self) -> None:
        if not held(self.run).update(heartbeat_at=Now(), lease_expires_at=now_plus(LEASE)):
            self.lost.set()
        elif Run.objects.filter(pk=self.run.pk, cancel_requested_at__isnull=False).exists():
            self.cancelled.set()

    def _hand_over(self) -> None:
        hand_over_run(self.run)

    def _finish(self) -> None:
        end_stuck_run(
            self.run,
            error=None if self.cancelled.is_set() else self.too_late(),
            message=f"The work did not stop within {STOP_SECONDS:.0f} seconds: its process was ended.",
        )


def too_late(seconds: int) -> Failed:
    """Return the error of a run that took longer than its seconds."""
    return Failed("RUN_TIMEOUT", f"The run took longer than its {seconds} seconds.")


def end_stuck_run(run: Run, *, error: Failed | None, message: str) -> bool:
    """End a held run whose work goes on: as failed by `error`, or as cancelled. Return whether it was still held."""
    with transaction.atomic():
        held(run).update(heartbeat_at=Now())
        # A copy of our own, as it is now that nobody else writes it: what goes on changes the one that it holds.
        own = Run.objects.select_related("workspace__organization", "pipeline").get(pk=run.pk)
        own.fence = run.fence
        ended = finish_run(own, status=Run.Status.FAILED if error else Run.Status.CANCELLED, error=error)
        if ended:
            write_log(own, message, level="warning")
    return ended
