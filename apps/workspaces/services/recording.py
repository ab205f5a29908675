"""What came of attempts, written in groups: the log, what is next for each delivery, and how the webhook fares."""

import random
from collections.abc import Sequence
from dataclasses import dataclass, fields
from datetime import datetime, timedelta

from django.db import connection, transaction

from apps.workspaces.models import Delivery, DeliveryAttempt, Webhook
from apps.workspaces.services.claiming import Claim
from apps.workspaces.services.disabling import note_failures, note_success
from apps.workspaces.services.sending import GONE, Outcome
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
_COLUMNS = ("delivery_id", "number", "at", "seconds", "response_status", "response_body", "error")
# So many rows of the log are written with one statement.
_ROWS = 100


@dataclass(frozen=True)
class Result:
    """An attempt that was made under a claim. `began_after` is the seconds between the claim and its beginning."""

    claim: Claim
    outcome: Outcome
    began_after: float = 0.0


@dataclass(slots=True)
class _Held:
    """A delivery whose row is locked: what the book says of it, and what it is to say."""

    pk: str
    webhook_id: str
    fence: int
    attempts: int
    replayed_from: int
    status: str
    due_at: datetime | None
    response_status: int | None
    error: str


@transaction.atomic
def record(results: Sequence[Result]) -> int:
    """Write down what came of attempts, in one transaction; return how many were still this worker's to record."""
    now = clock.database_now()
    # Values, not models: a busy worker records thousands a second beside sending them.
    locked = (
        Delivery.objects.select_for_update(no_key=True)
        .filter(pk__in=[each.claim.delivery_id for each in results])
        .order_by("pk")
        .values_list(*(field.name for field in fields(_Held)))
    )
    held = {row[0]: _Held(*row) for row in locked}
    mine = [
        (held[each.claim.delivery_id], each)
        for each in results
        # A claim that came back is another worker's now, and what this one learnt is late.
        if each.claim.delivery_id in held and held[each.claim.delivery_id].fence == each.claim.fence
    ]
    for delivery, each in mine:
        _advance(delivery, each.outcome, now)
    _write_log(mine)
    _save([delivery for delivery, _ in mine], now)
    _note_health(mine, now)
    return len(mine)


def _write_log(mine: Sequence[tuple[_Held, Result]]) -> None:
    adapt = connection.ops.adapt_datetimefield_value
    rows = [
        (
            delivery.pk,
            delivery.attempts,
            adapt(each.claim.claimed_at + timedelta(seconds=each.began_after)),
            each.outcome.seconds,
            each.outcome.status,
            each.outcome.body,
            each.outcome.error,
        )
        for delivery, each in mine
    ]
    table = connection.ops.quote_name(DeliveryAttempt._meta.db_table)
    names = ", ".join(_COLUMNS)
    places = f"({', '.join(['%s'] * len(_COLUMNS))})"
    with connection.cursor() as cursor:
        for start in range(0, len(rows), _ROWS):
            some = rows[start : start + _ROWS]
            statement = f"INSERT INTO {table} ({names}) VALUES {', '.join([places] * len(some))}"  # ours
            cursor.execute(statement, [value for row in some for value in row])


def _advance(delivery: _Held, outcome: Outcome, now: datetime) -> None:
    """Move a delivery on. One whose webhook was disabled meanwhile has ended, unless this attempt arrived."""
    delivery.attempts += 1
    if outcome.delivered:
        delivery.status, delivery.due_at = Delivery.Status.DELIVERED, None
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


def _save(deliveries: Sequence[_Held], now: datetime) -> None:
    """Write the deliveries: those that arrived with one statement for all alike, the others row by row."""
    alike: dict[tuple[int | None, int], list[str]] = {}
    for each in deliveries:
        if each.status == Delivery.Status.DELIVERED:
            alike.setdefault((each.response_status, each.attempts), []).append(each.pk)
            continue
        Delivery.objects.filter(pk=each.pk).update(
            status=each.status,
            attempts=each.attempts,
            due_at=each.due_at,
            claimed_at=None,
            response_status=each.response_status,
            error=each.error,
        )
    for (status, attempts), ids in alike.items():
        Delivery.objects.filter(pk__in=ids).update(
            status=Delivery.Status.DELIVERED,
            attempts=attempts,
            due_at=None,
            claimed_at=None,
            response_status=status,
            error="",
            delivered_at=now,
        )


def _note_health(mine: Sequence[tuple[_Held, Result]], now: datetime) -> None:
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
