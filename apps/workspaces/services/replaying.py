"""Replays: a delivery, or those of a span of time, sent once more with the same id and body."""

from dataclasses import asdict, dataclass
from datetime import datetime

from django.db import transaction
from django.db.models import Exists, F, OuterRef, QuerySet

from apps.workspaces.models import Delivery, Event, Webhook
from apps.workspaces.services.outbox import TEST_EVENT, require_enabled, wake
from datalinx import clock
from datalinx.caller import Caller
from datalinx.errors import FieldError, Invalid

# What one call queues at most; the answer says how many are left.
MOST_AT_ONCE = 10_000
_BATCH = 1_000
ENDED = (Delivery.Status.DELIVERED, Delivery.Status.FAILED)


@dataclass(frozen=True)
class Replayed:
    """What a replay queued: deliveries again, events that had none, and what is left for the next call."""

    replayed: int
    created: int
    remaining: int

    def as_dict(self) -> dict[str, int]:
        return asdict(self)


@transaction.atomic
def replay_delivery(*, delivery: Delivery, actor: Caller) -> Delivery:
    """Send a delivery once more, with the same id and body. Raises Invalid DELIVERY_PENDING, WEBHOOK_DISABLED."""
    require_enabled(delivery.webhook)
    if not _queue_again([delivery.pk]):
        message = "This delivery is still on its way; only one that has ended can be replayed."
        raise Invalid("DELIVERY_PENDING", message)
    delivery.refresh_from_db()
    transaction.on_commit(wake)
    return delivery


def replay_deliveries(
    *,
    webhook: Webhook,
    actor: Caller,
    since: datetime,
    until: datetime | None = None,
    status: str = Delivery.Status.FAILED,
    missing: bool = False,
) -> Replayed:
    """Send again what was made for a webhook between two moments, and with `missing` what never was.

    `status` is failed, delivered or all; what is still on its way is left alone. Missing are events of the
    webhook's types that it has no delivery of, because it was disabled or not there yet. Raises Invalid
    WEBHOOK_DISABLED.
    """
    require_enabled(webhook)
    end = until or clock.database_now()
    if end < since:
        message = "until must not lie before since."
        raise Invalid("VALIDATION_ERROR", message, errors=[FieldError("until", "invalid", message)])
    wanted = ENDED if status == "all" else (status,)
    # What this very call has queued is pending and is not found again.
    ended = webhook.deliveries.filter(
        status__in=wanted, event__created_at__gte=since, event__created_at__lte=end
    )
    replayed = created = 0
    while replayed < MOST_AT_ONCE:
        some = list(ended.order_by("event__sequence").values_list("pk", flat=True)[:_BATCH])
        replayed += _queue_again(some)
        if len(some) < _BATCH:
            break
    absent = _missing(webhook, since, end)
    while missing and replayed + created < MOST_AT_ONCE:
        found = list(absent.order_by("sequence").values_list("pk", flat=True)[:_BATCH])
        created += _create(webhook, found)
        if len(found) < _BATCH:
            break
    if replayed or created:
        transaction.on_commit(wake)
    return Replayed(replayed, created, ended.count() + (absent.count() if missing else 0))


def _missing(webhook: Webhook, since: datetime, end: datetime) -> QuerySet[Event]:
    mine = Delivery.objects.filter(webhook=webhook, event=OuterRef("pk"))
    events = Event.objects.for_workspace(webhook.workspace_id).filter(
        type__in=webhook.events, created_at__gte=since, created_at__lte=end
    )
    return events.exclude(type=TEST_EVENT).filter(~Exists(mine))


@transaction.atomic
def _queue_again(ids: list[str]) -> int:
    """Make those that have ended wait again, at the beginning of the schedule; return how many these were."""
    return Delivery.objects.filter(pk__in=ids, status__in=ENDED).update(
        status=Delivery.Status.PENDING,
        replayed_from=F("attempts"),
        due_at=clock.database_now(),
        claimed_at=None,
        delivered_at=None,
        error="",
    )


@transaction.atomic
def _create(webhook: Webhook, event_ids: list[str]) -> int:
    now = clock.database_now()
    # Another call may have been first with some of them.
    Delivery.objects.bulk_create(
        [Delivery(webhook=webhook, event_id=each, due_at=now) for each in event_ids], ignore_conflicts=True
    )
    return len(event_ids)
