"""Deliveries: claimed a few at a time for each webhook, sent by a bounded pool of threads, recorded in groups.

One thread, the caller's, speaks to the database; the others only send. So nothing but short transactions reaches
the database, whichever it is, and a receiver that is silent costs a thread and nothing else.
"""

import logging
import queue
import random
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

from django.conf import settings

from apps.workspaces.models import Webhook
from apps.workspaces.services import claiming
from apps.workspaces.services.lanes import AT_ONCE, MOST_AHEAD, Health, Lane
from apps.workspaces.services.recording import SCHEDULE, Result, record
from apps.workspaces.services.sending import Message, Outcome, send
from datalinx.failpoints import reach
from datalinx.outbound import Outbound

__all__ = ["SCHEDULE", "deliver_due"]

logger = logging.getLogger(__name__)

THREADS = 48
# What the webhooks of one organization may hold of them. Of both, the slow receivers may hold a half, and these with
# those that have not answered yet three quarters: what is left is for those that have.
THREADS_OF_ONE = 16
SLOW_PART, UNPROVEN_PART = 0.5, 0.75
WEBHOOKS_AT_ONCE = 50
# What is claimed of one webhook at once: it is sent while the next is claimed.
BITE = 1_000
# Results of this many seconds are written together; so many without waiting for more, and no more than a bite: while
# the rest waits, what is to be sent next is claimed.
GATHER_SECONDS = 0.05
ENOUGH = 500
LOOK_SECONDS = 0.25

_health: dict[str, Health] = {}


def deliver_due(*, seconds: float = 60.0, when_over: Callable[[], None] = lambda: None) -> int:
    """Attempt what is due until nothing is, and return how many attempts were recorded.

    After `seconds` nothing more is claimed: `when_over` is called, and what is under way is brought to its end.
    """
    return _Deliverer(seconds, when_over).run()


class _Deliverer:
    """One draining of what is due."""

    def __init__(self, seconds: float, when_over: Callable[[], None]) -> None:
        self._until = time.monotonic() + seconds
        self._when_over: Callable[[], None] | None = when_over
        self._lanes: dict[str, Lane] = {}
        self._done: queue.SimpleQueue[Result] = queue.SimpleQueue()
        self._pool = ThreadPoolExecutor(THREADS, thread_name_prefix="deliver")
        self._looked_at = -LOOK_SECONDS
        self._share = MOST_AHEAD
        self._count = 0

    def run(self) -> int:
        try:
            while self._turn():
                pass
        finally:
            self._leave()
        return self._count

    def _turn(self) -> bool:
        """Claim what there is room for, start threads, and write down what came; return whether to go on."""
        results = self._gather()
        for lane in self._lanes.values():
            lane.watch()
            claiming.give_back(lane.take_stale())
        is_over = time.monotonic() > self._until
        if is_over and self._when_over is not None:
            for lane in self._lanes.values():
                claiming.give_back(lane.take_all())
            self._when_over()
            self._when_over = None
        found = not is_over and self._look()
        # Before anything is written down, so that the threads have something to do meanwhile.
        self._start()
        self._record(results)
        # What was written down may have made something due, such as the event of a webhook that was disabled.
        return (
            bool(results)
            or found
            or any(lane.is_busy for lane in self._lanes.values())
            or not self._done.empty()
        )

    def _gather(self) -> list[Result]:
        """Wait a moment for results while any are to come, and return those that are there."""
        results = []
        with suppress(queue.Empty):
            if any(lane.threads for lane in self._lanes.values()):
                results.append(self._done.get(timeout=GATHER_SECONDS))
                if self._done.qsize() < ENOUGH and any(lane.threads for lane in self._lanes.values()):
                    time.sleep(GATHER_SECONDS)
            while len(results) < BITE:
                results.append(self._done.get_nowait())
        return results

    def _record(self, results: list[Result]) -> None:
        if results:
            reach("delivery.before_record")
            self._count += record(results)
            for lane in self._lanes.values():
                lane.is_gone = False

    def _look(self) -> bool:
        """Claim of each webhook that has something due as much as there is room for; return whether any was."""
        hungry = any(lane.is_hungry for lane in self._lanes.values())
        is_idle = not any(lane.is_busy for lane in self._lanes.values())
        if not (hungry or is_idle or time.monotonic() - self._looked_at >= LOOK_SECONDS):
            return False
        self._looked_at = time.monotonic()
        full = [
            key for key, lane in self._lanes.items() if not lane.is_hungry and (lane.is_busy or lane.is_gone)
        ]
        ready = claiming.find_ready(leave_out=full)
        ended = sum(claiming.end_pending(each.pk) for each in ready if not each.enabled)
        self._divide(len(ready))
        wanted = self._wanted([each for each in ready if each.enabled])
        claimed = claiming.claim(wanted)
        if any(claimed.values()):
            reach("delivery.claimed")
        for webhook_id, claims in claimed.items():
            self._lanes[webhook_id].add(claims)
        return bool(ended or any(claimed.values()))

    def _divide(self, ready: int) -> None:
        """Give each lane its part of what may be claimed ahead, and those that are about to be theirs."""
        busy = sum(lane.is_busy for lane in self._lanes.values())
        self._share = max(AT_ONCE, MOST_AHEAD // max(1, busy, ready))
        for lane in self._lanes.values():
            lane.share = self._share

    def _wanted(self, ready: list[Webhook]) -> list[tuple[str, int]]:
        """Return how many of each webhook to claim: nobody is first for long, and nobody waits for the slow."""
        random.shuffle(ready)
        used = self._used()
        wanted: list[tuple[str, int]] = []
        for webhook in sorted(ready, key=lambda each: used[each.workspace.organization_id, "all"]):
            # After a start nothing else is known of a receiver than whether its last attempt failed.
            health = _health.setdefault(webhook.pk, Health(is_slow=webhook.failing_since is not None))
            lane = self._lanes.setdefault(webhook.pk, Lane(webhook, health, share=self._share))
            lane.refresh(webhook)
            if (
                len(wanted) < WEBHOOKS_AT_ONCE
                and lane.room()
                and (lane.threads or self._may_start(lane, used))
            ):
                wanted.append((webhook.pk, min(lane.room(), BITE)))
                self._count_in(lane, used)
        return wanted

    def _used(self) -> Counter[tuple[str, str]]:
        """Count the threads in use: of each organization and, without a name, of all; of them those of a kind."""
        used: Counter[tuple[str, str]] = Counter()
        for lane in self._lanes.values():
            self._count_in(lane, used, lane.threads)
        return used

    @staticmethod
    def _count_in(lane: Lane, used: Counter[tuple[str, str]], threads: int = 1) -> None:
        for whose in ("", lane.webhook.workspace.organization_id):
            used[whose, "all"] += threads
            used[whose, "slow"] += threads if lane.health.is_slow else 0
            used[whose, "unproven"] += 0 if lane.health.is_proven else threads

    @staticmethod
    def _may_start(lane: Lane, used: Counter[tuple[str, str]]) -> bool:
        for whose, most in (("", THREADS), (lane.webhook.workspace.organization_id, THREADS_OF_ONE)):
            if used[whose, "all"] >= most:
                return False
            if lane.health.is_slow and used[whose, "slow"] >= most * SLOW_PART:
                return False
            if not lane.health.is_proven and used[whose, "unproven"] >= most * UNPROVEN_PART:
                return False
        return True

    def _start(self) -> None:
        """Start threads where something waits and the limits allow one more, the slow last."""
        used = self._used()
        for lane in sorted(self._lanes.values(), key=lambda each: each.health.is_slow):
            while lane.needs_thread and self._may_start(lane, used):
                lane.begin()
                self._count_in(lane, used)
                self._pool.submit(self._work, lane)

    def _work(self, lane: Lane) -> None:
        """Send what waits in a lane until nothing does or it has threads enough, over one connection."""
        client = lane.take_client() or Outbound(allow=settings.OUTBOUND_ALLOW_CIDRS)
        try:
            while (given := lane.next()) is not None:
                claim, claimed_at, begun_at = given
                outcome: Outcome | None = None
                try:
                    outcome = self._attempt(client, lane, claim)
                    reach("delivery.sent")
                    self._done.put(Result(claim, outcome, begun_at - claimed_at))
                finally:
                    lane.finish(begun_at, outcome)
        finally:
            lane.leave(client)

    @staticmethod
    def _attempt(client: Outbound, lane: Lane, claim: claiming.Claim) -> Outcome:
        if lane.fault:
            return Outcome(False, None, lane.fault, 0.0)
        try:
            return send(
                client, Message(lane.webhook.url, claim.event_id, claim.body, lane.secrets, claim.trace)
            )
        except Exception:  # Whatever it is, it must be seen on the delivery and must not stop the others.
            logger.exception("the delivery %s could not be attempted", claim.delivery_id)
            return Outcome(False, None, "The attempt failed within the platform; its log says more.", 0.0)

    def _leave(self) -> None:
        """Give back what was not begun, also when the worker is told to stop in the middle."""
        for lane in self._lanes.values():
            claiming.give_back(lane.take_all())
        while results := self._gather():
            self._record(results)
        self._pool.shutdown(wait=False, cancel_futures=True)
        for lane in self._lanes.values():
            lane.close()
        if len(_health) > 10_000:
            _health.clear()
