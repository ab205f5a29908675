"""What came of attempts, written in groups: the log, what is next for each delivery, and how the webhook fares."""

import random
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import NamedTuple

import orjson
from django.db import connection, transaction

from apps.workspaces.models import Delivery, DeliveryAttempt, Webhook
from apps.workspaces.services.claiming import Claim
from apps.workspaces.services.disabling import note_failures, note_success
from apps.workspaces.services.sending import GONE, Outcome
from datalinx import clock
from datalinx.orm import listed

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
# The log's columns, and their types on PostgreSQL.
_COLUMNS = {
    "delivery_id": "text",
    "number": "integer",
    "at": "timestamptz",
    "seconds": "double precision",
    "response_status": "integer",
    "response_body": "text",
    "error": "text",
}


class Result(NamedTuple):
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
    # What changes of these is written, and only that.
    due_at: datetime | None = None
    response_status: int | None = None
    error: str = ""
    has_moved: bool = False


_READ = ("pk", "webhook_id", "fence", "attempts", "replayed_from", "status")


@transaction.atomic
def record(results: Sequence[Result]) -> int:
    """Write down what came of attempts, in one transaction; return how many were still this worker's to record."""
    now = clock.database_now()
    # Values, not models: a busy worker records thousands a second beside sending them.
    locked = (
        Delivery.objects.select_for_update(no_key=True)
        .filter(pk__in=listed(each.claim.delivery_id for each in results))
        .order_by("pk")
        .values_list(*_READ)
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
    """Write the attempts with one statement, that has them as one value: see `listed`."""
    if not mine:
        return
    rows = [
        {
            "delivery_id": delivery.pk,
            "number": delivery.attempts,
            "at": each.claim.claimed_at + timedelta(seconds=each.began_after),
            "seconds": each.outcome.seconds,
            "response_status": each.outcome.status,
            "response_body": each.outcome.body,
            "error": each.outcome.error,
        }
        for delivery, each in mine
    ]
    table = connection.ops.quote_name(DeliveryAttempt._meta.db_table)
    if connection.vendor == "sqlite":
        found = {name: f"json_extract(value, '$.{name}')" for name in _COLUMNS}
        # As Django writes moments, which are UTC, into a file.
        found["at"] = f"replace(replace({found['at']}, 'T', ' '), '+00:00', '')"
        source = f"SELECT {', '.join(found.values())} FROM json_each(%s)"
    else:
        types = ", ".join(f"{name} {kind}" for name, kind in _COLUMNS.items())
        source = f"SELECT {', '.join(_COLUMNS)} FROM jsonb_to_recordset(%s::jsonb) AS made({types})"
    with connection.cursor() as cursor:
        statement = f"INSERT INTO {table} ({', '.join(_COLUMNS)}) {source}"  # names of ours alone
        cursor.execute(statement, [orjson.dumps(rows).decode()])


def _advance(delivery: _Held, outcome: Outcome, now: datetime) -> None:
    """Move a delivery on. One whose webhook was disabled meanwhile has ended, unless this attempt arrived."""
    delivery.attempts += 1
    if outcome.delivered:
        delivery.status, delivery.has_moved = Delivery.Status.DELIVERED, True
        delivery.response_status = outcome.status
        return
    if delivery.status != Delivery.Status.PENDING:
        return
    delivery.has_moved = True
    delivery.response_status, delivery.error = outcome.status, outcome.error
    made = delivery.attempts - delivery.replayed_from
    if outcome.status == GONE or made >= len(SCHEDULE):
        delivery.status = Delivery.Status.FAILED
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
        if not each.has_moved:
            Delivery.objects.filter(pk=each.pk).update(attempts=each.attempts, claimed_at=None)
        elif each.status == Delivery.Status.DELIVERED:
            alike.setdefault((each.response_status, each.attempts), []).append(each.pk)
        else:
            Delivery.objects.filter(pk=each.pk).update(
                status=each.status,
                attempts=each.attempts,
                due_at=each.due_at,
                claimed_at=None,
                response_status=each.response_status,
                error=each.error,
            )
    for (status, attempts), ids in alike.items():
        Delivery.objects.filter(pk__in=listed(ids)).update(
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
