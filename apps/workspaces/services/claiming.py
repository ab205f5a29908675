"""Which deliveries a worker takes: of each webhook that has some due, a few, by lease and by number.

A claim is one short transaction. Rows that another worker is taking are passed over (PostgreSQL), or there is no
other writer at that moment (SQLite). Who holds a claim records what came of it only while the delivery's fence is
still the claim's; a claim whose worker was lost comes back when its lease is over.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

from django.db import transaction
from django.db.models import Exists, F, OuterRef, Q

from apps.workspaces.models import Delivery, DeliveryAttempt, Webhook
from datalinx import clock
from datalinx.orm import listed

# Longer than a claim may wait for its turn in a worker and an attempt may last, together.
LEASE = timedelta(seconds=45)
LOST = "The worker was lost before it told what came of this attempt; it may have arrived."
DISABLED = "The webhook is disabled."
# So many at most are written to in one transaction.
BATCH = 1_000


class Claim(NamedTuple):
    """A delivery that this worker may attempt until its lease is over."""

    delivery_id: str
    fence: int
    event_id: str
    body: str
    trace: str
    claimed_at: datetime


def find_ready(*, leave_out: Iterable[str] = ()) -> list[Webhook]:
    """Return the webhooks that have something due."""
    due = Delivery.objects.filter(is_due(clock.database_now()), webhook=OuterRef("pk"))
    rows = Webhook.objects.filter(Exists(due)).exclude(pk__in=list(leave_out))
    return list(rows.select_related("workspace"))


def is_due(now: datetime) -> Q:
    """Return which deliveries are due: those whose time has come and that no worker holds, or one that was lost.

    A claim leaves `due_at` as it is: what stands in no index is changed without writing into any.
    """
    is_free = Q(claimed_at=None) | Q(claimed_at__lte=now - LEASE)
    return Q(status=Delivery.Status.PENDING, due_at__lte=now) & is_free


@transaction.atomic
def claim(wanted: Sequence[tuple[str, int]]) -> dict[str, list[Claim]]:
    """Claim, for each pair of a webhook's id and a number, up to so many of its due deliveries, oldest first."""
    now = clock.database_now()
    found: dict[str, list[Claim]] = {}
    lost: list[tuple[str, datetime]] = []
    for webhook_id, most in wanted:
        due = Delivery.objects.filter(is_due(now), webhook_id=webhook_id).order_by("due_at")
        rows = due.select_for_update(skip_locked=True, of=("self",), no_key=True).values_list(
            "pk", "fence", "event_id", "event__body", "event__trace", "claimed_at"
        )[:most]
        found[webhook_id] = claims = []
        for delivery_id, fence, event_id, body, trace, held_since in rows:
            claims.append(Claim(delivery_id, fence + 1, event_id, body, trace, now))
            if held_since is not None:
                lost.append((delivery_id, held_since))
    taken = [each.delivery_id for claims in found.values() for each in claims]
    if taken:
        _write_lost(lost)
        mine = Delivery.objects.filter(pk__in=listed(taken))
        mine.update(fence=F("fence") + 1, claimed_at=now)
    return found


def _write_lost(lost: Sequence[tuple[str, datetime]]) -> None:
    """Write into the log what became of claims that came back: nobody knows."""
    for delivery_id, held_since in lost:
        mine = Delivery.objects.filter(pk=delivery_id)
        mine.update(attempts=F("attempts") + 1)
        number = mine.values_list("attempts", flat=True).get()
        DeliveryAttempt.objects.create(
            delivery_id=delivery_id, number=number, at=held_since, seconds=0.0, error=LOST
        )


def give_back(claims: Sequence[Claim]) -> None:
    """Let others have claims that were not begun."""
    if not claims:
        return
    for fence, ids in _by_fence(claims).items():
        held = Delivery.objects.filter(pk__in=listed(ids), fence=fence, status=Delivery.Status.PENDING)
        held.update(claimed_at=None)


def _by_fence(claims: Sequence[Claim]) -> dict[int, list[str]]:
    found: dict[int, list[str]] = {}
    for each in claims:
        found.setdefault(each.fence, []).append(each.delivery_id)
    return found


def end_pending(webhook_id: str, *, reason: str = DISABLED) -> int:
    """End deliveries of a disabled webhook that wait, a batch of them, and return how many ended."""
    waiting = Delivery.objects.filter(webhook_id=webhook_id, status=Delivery.Status.PENDING)
    some = list(waiting.order_by("due_at").values_list("pk", flat=True)[:BATCH])
    return waiting.filter(pk__in=listed(some)).update(
        status=Delivery.Status.FAILED, error=reason[:500], due_at=None, claimed_at=None
    )
