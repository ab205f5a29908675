"""What came of attempts, written in groups: the log, what is next for each delivery, and how the webhook fares."""

import random
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import transaction

from apps.workspaces.models import Delivery, DeliveryAttempt, Webhook
from apps.workspaces.services.claiming import Claim
from apps.workspaces.services.disabling import note_failures, note_success
from apps.workspaces.services.sending import Outcome
from datalinx import clock

# When attempts are made after the event; published in the docs.
SCHEDULE: tuple[timedelta, ...] = (
    timedelta(0),
    timedelta(seconds=5),
    timedelta(minutes=5),
    timedelta(minutes=30),
    timedelta(hours=2),
    timedelta(hours=5),
    timedelta(hours=10),
    timedelta(hours=14),
    timedelta(hours=20),
    timedelta(hours=24),
)
JITTER = 0.1
GONE = 410
_FIELDS = (
    "status",
    "attempts",
    "due_at",
    "claimed_at",
    "response_status",
    "error",
    "delivered_at",
)


@dataclass(frozen=True)
class Result:
    """An attempt that was made under a claim. `began_after` is the seconds between the claim and its beginning."""

    claim: Claim
    outcome: Outcome
    began_after: float = 0.0


@transaction.atomic
def record(results: Sequence[Result]) -> int:
    """Write down what came of attempts, in one transaction; return how many were still this worker's to record."""
    now = clock.database_now()
    held = {
        row.pk: row
        for row in Delivery.objects.select_for_update(no_key=True)
        .filter(pk__in=[each.claim.delivery_id for each in results])
        .order_by("pk")
    }
    mine = [
        (held[each.claim.delivery_id], each)
        for each in results
        # A claim that came back is another worker's now, and what this one learnt is late.
        if each.claim.delivery_id in held and held[each.claim.delivery_id].fence == each.claim.fence
    ]
    log = []
    for delivery, each in mine:
        _advance(delivery, each.outcome, now)
        log.append(_log_entry(delivery, each))
    DeliveryAttempt.objects.bulk_create(log)
    _save(delivery for delivery, _ in mine)
    _note_health(mine, now)
    return len(mine)


def _log_entry(delivery: Delivery, result: Result) -> DeliveryAttempt:
    return DeliveryAttempt(
        delivery=delivery,
        number=delivery.attempts,
        at=result.claim.claimed_at + timedelta(seconds=result.began_after),
        seconds=result.outcome.seconds,
        response_status=result.outcome.status,
        response_body=result.outcome.body,
        error=result.outcome.error,
    )


def _advance(delivery: Delivery, outcome: Outcome, now: datetime) -> None:
    """Move a delivery on. One whose webhook was disabled meanwhile has ended, unless this attempt arrived."""
    delivery.attempts += 1
    delivery.claimed_at = None
    if outcome.delivered:
        delivery.status, delivery.delivered_at, delivery.due_at = Delivery.Status.DELIVERED, now, None
        delivery.response_status, delivery.error = outcome.status, ""
        return
    if delivery.status != Delivery.Status.PENDING:
        return
    delivery.response_status, delivery.error = outcome.status, outcome.error
    made = delivery.attempts - delivery.replayed_from
    if outcome.status == GONE or made >= len(SCHEDULE):
        delivery.status, delivery.due_at = Delivery.Status.FAILED, None
        return
    delivery.due_at = now + pause_after(made, outcome.retry_after)


def pause_after(made: int, retry_after: timedelta | None = None) -> timedelta:
    """Return how long to wait after so many attempts: the schedule's step and its jitter, or what was asked for."""
    pause = SCHEDULE[made] - SCHEDULE[made - 1]
    pause += pause * random.uniform(0, JITTER)  # noqa: S311  # spreads load, keeps no secret
    return max(pause, retry_after or timedelta(0))


def _save(deliveries: Iterable[Delivery]) -> None:
    """Write the deliveries: those that arrived at the first attempt with one statement, the others row by row."""
    alike: dict[tuple[int | None, int, datetime | None], list[str]] = {}
    for row in deliveries:
        if row.status == Delivery.Status.DELIVERED:
            key = (row.response_status, row.attempts, row.delivered_at)
            alike.setdefault(key, []).append(row.pk)
        else:
            row.save(update_fields=_FIELDS)
    for (status, attempts, delivered_at), ids in alike.items():
        Delivery.objects.filter(pk__in=ids).update(
            status=Delivery.Status.DELIVERED,
            attempts=attempts,
            due_at=None,
            claimed_at=None,
            response_status=status,
            error="",
            delivered_at=delivered_at,
        )


def _note_health(mine: Sequence[tuple[Delivery, Result]], now: datetime) -> None:
    arrived = {delivery.webhook_id for delivery, each in mine if each.outcome.delivered}
    if arrived:
        note_success(arrived)
    failed: dict[str, bool] = {}
    for delivery, each in mine:
        if not each.outcome.delivered and delivery.webhook_id not in arrived:
            gone = each.outcome.status == GONE
            failed[delivery.webhook_id] = failed.get(delivery.webhook_id, False) or gone
    if failed:
        rows = Webhook.objects.select_for_update(no_key=True, of=("self",)).select_related("workspace")
        for webhook in rows.filter(pk__in=failed).order_by("pk"):
            note_failures(webhook, is_gone=failed[webhook.pk], now=now)
