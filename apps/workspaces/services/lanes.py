"""One lane for each webhook in a worker: what waits there, how much of it is under way, and how fast it moves.

A receiver that is not known yet gets one attempt at a time, one that answers gets four. One that is silent for
two seconds, or fails again and again, is slow: it gets one at a time again, and all slow ones together may hold
only a part of the worker's threads and of their organization's, so that what waits for them never waits in front of
others. So may those that are not known yet.
"""

import threading
import time
from collections import deque
from dataclasses import dataclass, field

from apps.workspaces.models import Webhook
from apps.workspaces.services.claiming import Claim
from apps.workspaces.services.sending import GONE, Outcome
from apps.workspaces.services.webhooks import live_secrets
from datalinx.errors import DatalinxError
from datalinx.outbound import Outbound

AT_ONCE = 4
SLOW_SECONDS = 2.0
FAILURES_IN_A_ROW = 3
# A claim not begun by then is given back, long before its lease is over.
PATIENCE_SECONDS = 15.0
# Claims are taken for so many seconds of work ahead, and so many at most, all lanes together: bodies take memory.
AHEAD_SECONDS = 2.0
MOST_AHEAD = 4_000


@dataclass
class Health:
    """What a worker process has learnt of a receiver; it outlives the lane."""

    known: bool = False
    is_slow: bool = False
    failures: int = 0
    seconds: float = 0.0

    def learn(self, outcome: Outcome) -> None:
        """Take an attempt into account."""
        self.seconds = outcome.seconds if not self.known else 0.8 * self.seconds + 0.2 * outcome.seconds
        if outcome.delivered and outcome.seconds < SLOW_SECONDS:
            self.known, self.is_slow, self.failures = True, False, 0
            return
        self.failures += 1
        if outcome.status is None or outcome.seconds >= SLOW_SECONDS or self.failures >= FAILURES_IN_A_ROW:
            self.is_slow = True

    @property
    def is_proven(self) -> bool:
        """Whether it has answered, and is not slow."""
        return self.known and not self.is_slow

    @property
    def limit(self) -> int:
        """How many attempts may be under way at once."""
        return AT_ONCE if self.is_proven else 1

    @property
    def ahead(self) -> int:
        """How many may be claimed, those under way among them."""
        if self.limit == 1 or self.failures:
            return self.limit
        return max(AT_ONCE, int(AT_ONCE * AHEAD_SECONDS / max(self.seconds, 0.001)))


@dataclass
class Lane:
    """The deliveries of one webhook that this worker holds. Threads and their caller share it."""

    webhook: Webhook
    health: Health
    waiting: deque[tuple[Claim, float]] = field(default_factory=deque)
    # When each attempt under way began, and how many threads work here.
    running: list[float] = field(default_factory=list)
    threads: int = 0
    # This lane's part of what may be claimed ahead.
    share: int = MOST_AHEAD
    secrets: tuple[str, ...] = ()
    # Why nothing can be sent, if so.
    fault: str = ""
    # The receiver said that it is gone; nothing more is begun before that is written down.
    is_gone: bool = False
    _clients: list[Outbound] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def is_busy(self) -> bool:
        """Whether anything waits or is under way."""
        return bool(self.waiting or self.threads)

    @property
    def ahead(self) -> int:
        """How many may be claimed now, those under way among them."""
        return min(self.health.ahead, self.share)

    @property
    def is_hungry(self) -> bool:
        """Whether more than half of what may be claimed is not."""
        return self.room() > self.ahead // 2

    @property
    def needs_thread(self) -> bool:
        """Whether one more thread would have something to do."""
        if self.is_gone:
            return False
        return self.threads < self.health.limit and len(self.waiting) > self.threads - len(self.running)

    def refresh(self, webhook: Webhook) -> None:
        """Take the webhook as it is now: its address and its secrets may have changed."""
        self.webhook, self.fault, self.is_gone = webhook, "", False
        try:
            self.secrets = tuple(live_secrets(webhook))
        except DatalinxError as error:
            self.fault = error.message[:500]

    def room(self) -> int:
        """Return how many more may be claimed."""
        return 0 if self.is_gone else max(0, self.ahead - len(self.waiting) - len(self.running))

    def add(self, claims: list[Claim]) -> None:
        """Take claims into the queue."""
        now = time.monotonic()
        self.waiting.extend((each, now) for each in claims)

    def begin(self) -> None:
        """Count a thread that is about to work here."""
        with self._lock:
            self.threads += 1

    def next(self) -> tuple[Claim, float, float] | None:
        """Return a thread's next claim, when it was claimed and when its attempt begins; None when it is to leave."""
        with self._lock:
            if not self.waiting or self.is_gone or len(self.running) >= self.health.limit:
                return None
            begun_at = time.monotonic()
            self.running.append(begun_at)
            claim, claimed_at = self.waiting.popleft()
        return claim, claimed_at, begun_at

    def finish(self, begun_at: float, outcome: Outcome | None) -> None:
        """Note the end of an attempt, and learn from it if anything came of it."""
        with self._lock:
            self.running.remove(begun_at)
            if outcome is not None:
                self.health.learn(outcome)
                self.is_gone = self.is_gone or outcome.status == GONE

    def take_client(self) -> Outbound | None:
        """Return a client whose connection is open, if one is free."""
        with self._lock:
            return self._clients.pop() if self._clients else None

    def leave(self, client: Outbound) -> None:
        """Count a thread out that worked here, and keep its connection."""
        with self._lock:
            self.threads -= 1
            self._clients.append(client)

    def watch(self) -> None:
        """Call a receiver slow as soon as it keeps a thread waiting."""
        with self._lock:
            if self.running and time.monotonic() - min(self.running) > SLOW_SECONDS:
                self.health.is_slow = True

    def take_stale(self) -> list[Claim]:
        """Take out what waited too long, and what a slow receiver will not get to soon."""
        with self._lock:
            if not self.waiting:
                return []
            if self.is_gone or time.monotonic() - self.waiting[0][1] > PATIENCE_SECONDS:
                keep = 0
            else:
                keep = min(self.health.limit if self.health.is_slow else MOST_AHEAD, len(self.waiting))
            return [self.waiting.pop()[0] for _ in range(len(self.waiting) - keep)]

    def take_all(self) -> list[Claim]:
        """Take out everything that was not begun."""
        with self._lock:
            claims = [claim for claim, _ in self.waiting]
            self.waiting.clear()
        return claims

    def close(self) -> None:
        """Close the connections that no thread uses."""
        with self._lock:
            while self._clients:
                self._clients.pop().close()
