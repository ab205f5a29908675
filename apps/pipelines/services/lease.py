"""Who holds a run: kept by heartbeats, fenced by a number, all by the database's time."""

import os
import socket
import threading
import time
from abc import ABC, abstractmethod
from datetime import timedelta
from typing import Any, Generic, Self, TypeVar

from django.db import connection
from django.db.models import DateTimeField, ExpressionWrapper, QuerySet, Value
from django.db.models.functions import Now

from apps.pipelines.models import IdentityResolution, Run
from datalinx import pool, stopping
from datalinx.errors import Cancelled, Interrupted

LEASE = timedelta(seconds=20)
HEARTBEAT_SECONDS = 3.0
# How often a heartbeat's thread looks whether this worker was told to end.
LOOK_SECONDS = 0.2


def now_plus(delta: timedelta) -> Any:
    """Return the database's time, later by `delta`, as an expression."""
    return ExpressionWrapper(Now() + Value(delta), output_field=DateTimeField())


def owner_name() -> str:
    """Return the name of this process as the holder of leases."""
    return f"{socket.gethostname()}:{os.getpid()}"


class LeaseLost(Interrupted):
    """Another worker holds the run now, or it has ended: this one must write nothing more."""

    def __init__(self, run_id: str) -> None:
        super().__init__("LEASE_LOST", f"The run {run_id} was taken over or ended; this worker stops.")


def held(run: Run) -> QuerySet[Run]:
    """Return the run as a queryset that is empty once somebody else holds it: update through this alone."""
    return Run.objects.filter(pk=run.pk, fence=run.fence, status=Run.Status.RUNNING)


def require_held(run: Run) -> None:
    """Lock the run's row for this transaction. Raises LeaseLost when this process no longer holds it."""
    if not held(run).update(heartbeat_at=Now(), lease_expires_at=now_plus(LEASE)):
        raise LeaseLost(run.pk)


def require_uncancelled(run: Run) -> None:
    """As `require_held`, for what must not be committed once a cancellation was accepted. Raises Cancelled too.

    The question and the answer are one update: a request to cancel that comes later waits for this transaction.
    """
    wanted = held(run).filter(cancel_requested_at=None)
    if not wanted.update(heartbeat_at=Now(), lease_expires_at=now_plus(LEASE)):
        require_held(run)
        raise Cancelled("RUN_CANCELLED", "The run was cancelled; nothing of this table was published.")


Row = TypeVar("Row", bound=Run | IdentityResolution)


class Beat(ABC, Generic[Row]):
    """Renews the lease of something that a worker works on from a thread, and hears there when it is to end."""

    def __init__(self, run: Row) -> None:
        self.run = run
        self.cancelled = threading.Event()
        self.lost = threading.Event()
        # This worker was told to end: the work is to be left for another.
        self.leaving = threading.Event()
        self._stop = threading.Event()
        self._misses = 0
        self._renewed_at = time.monotonic()
        self._sees = True
        self._thread = threading.Thread(target=self._beat, name=f"heartbeat-{run.pk}", daemon=True)

    def __enter__(self) -> Self:
        # What stands in an open transaction of the caller is not there for a thread: it would take it for lost.
        self._sees = not connection.in_atomic_block
        self._thread.start()
        return self

    def __exit__(self, *exception: object) -> None:
        self._stop.set()
        self._thread.join()

    def should_stop(self) -> bool:
        """Return whether the work should end early, for whichever reason."""
        return self.cancelled.is_set() or self.lost.is_set() or self.leaving.is_set()

    def _beat(self) -> None:
        try:
            while not self._wait():
                # Who is about to leave gives the lease back, or lets it run out.
                if self._sees and not (self.lost.is_set() or self.leaving.is_set()):
                    self._beat_once()
                self._watch()
        finally:
            connection.close()

    def _wait(self) -> bool:
        """Wait until a beat is due or this worker is told to end; return whether the work is over."""
        due = time.monotonic() + self._pause()
        while (left := due - time.monotonic()) > 0:
            pool.give_sign()
            if self._stop.wait(min(left, LOOK_SECONDS)):
                return True
            if stopping.is_stopping() and not self.leaving.is_set():
                self.leaving.set()
                break
        return self._stop.is_set()

    def _beat_once(self) -> None:
        began = time.monotonic()
        try:
            self._renew()
            self._misses, self._renewed_at = 0, began
        except Exception:  # whatever the database says, the lease decides
            self._misses += 1
            # A connection that broke does not mend itself: the next beat opens another.
            connection.close()
            # Past the lease another worker may have begun: stop before it, not after.
            if time.monotonic() - self._renewed_at > LEASE.total_seconds() - 2:
                self.lost.set()

    def _pause(self) -> float:
        return 1.0 if self._misses or self.should_stop() else HEARTBEAT_SECONDS

    @abstractmethod
    def _renew(self) -> None:
        """Renew the lease, or set `lost` or `cancelled`."""

    def _watch(self) -> None:  # nothing to do is a whole answer
        """Look after each beat whether the work does what it was asked to."""
