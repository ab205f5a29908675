"""Claims of calls with an `Idempotency-Key`: leases, which the process that answers a call renews while it lives.

A claim is free a few seconds after its process died. Two processes never both finish a call: a claim that was
taken over has another holder, and what the first did is undone. All times are the database's.
"""

import logging
import threading
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

from django.db import connection
from django.db.models import DateTimeField, ExpressionWrapper, Q, Value
from django.db.models.functions import Now

from datalinx.registry import registered_model

logger = logging.getLogger(__name__)

LEASE = timedelta(seconds=4)
RENEW_SECONDS = 1.0


def new_holder() -> str:
    """Return a name for who answers one call."""
    return uuid.uuid4().hex


def free() -> Q:
    """Return which claims nobody renews any more. One from the future was made before the clock was set back."""
    return Q(answer="") & (Q(claimed_at__lte=_now_plus(-LEASE)) | Q(claimed_at__gt=_now_plus(LEASE)))


def _now_plus(delta: timedelta) -> Any:
    return ExpressionWrapper(Now() + Value(delta), output_field=DateTimeField())


class _Renewals:
    """Renews, from one thread, the claims of all the calls that this process is in the middle of.

    The thread begins with the first such call and ends when there is none, so most calls are over before it does
    anything.
    """

    def __init__(self) -> None:
        self._holders: set[str] = set()
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None

    @contextmanager
    def renew(self, holder: str) -> Iterator[None]:
        with self._lock:
            self._holders.add(holder)
            # A process that was forked has none of its parent's threads.
            if self._thread is None or not self._thread.is_alive():
                self._thread = threading.Thread(target=self._renew_all, name="claims", daemon=True)
                self._thread.start()
        try:
            yield
        finally:
            with self._lock:
                self._holders.discard(holder)

    def _renew_all(self) -> None:
        try:
            while True:
                time.sleep(RENEW_SECONDS)
                with self._lock:
                    holders = list(self._holders)
                    if not holders:
                        self._thread = None
                        return
                renew_claims(holders)
        finally:
            connection.close()


def renew_claims(holders: list[str]) -> int:
    """Say that these still answer their calls; return how many are still theirs. A database that is away is borne."""
    rows = registered_model("idempotency_model").objects.filter(holder__in=holders, answer="")
    try:
        return int(rows.update(claimed_at=Now()))
    except Exception:
        logger.warning("claims of calls could not be renewed", exc_info=True)
        return 0


renew = _Renewals().renew
