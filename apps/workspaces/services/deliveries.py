"""Deliveries: claimed, signed, sent, and tried again on the published schedule."""

import base64
import hashlib
import hmac
import logging
import random
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from email.utils import parsedate_to_datetime

from django.conf import settings
from django.db import transaction
from django.db.models import F
from django.utils import timezone

from apps.workspaces.models import Delivery, DeliveryAttempt, Event, Webhook
from apps.workspaces.services.webhooks import live_secrets
from datalinx.errors import DatalinxError
from datalinx.outbound import Outbound

logger = logging.getLogger(__name__)

# When attempts are made after the event: at once, then after these pauses' sums; published in the docs.
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
# An attempt that takes longer than this was lost with its worker.
CLAIM = timedelta(seconds=60)
TIMEOUT_SECONDS = 15.0
FAILING_FOR = timedelta(days=5)
GONE = 410


@dataclass(frozen=True)
class Outcome:
    """What came of one attempt."""

    delivered: bool
    status: int | None
    error: str
    seconds: float
    retry_after: timedelta | None = None


def sign(*, message_id: str, timestamp: int, body: str, secrets: Sequence[str]) -> str:
    """Return the `webhook-signature` header: `v1,<base64 HMAC-SHA256>` for each secret (Standard Webhooks)."""
    content = f"{message_id}.{timestamp}.{body}".encode()
    signatures = []
    for secret in secrets:
        key = base64.b64decode(secret.removeprefix("whsec_"))
        digest = hmac.new(key, content, hashlib.sha256).digest()
        signatures.append("v1," + base64.b64encode(digest).decode())
    return " ".join(signatures)


def deliver_due(*, limit: int = 50) -> int:
    """Attempt the deliveries that are due, oldest first, and return how many were attempted."""
    due = Delivery.objects.filter(status=Delivery.Status.PENDING, due_at__lte=timezone.now())
    count = 0
    for delivery_id in list(due.order_by("due_at").values_list("pk", flat=True)[:limit]):
        try:
            count += deliver(delivery_id)
        except Exception:  # One delivery's trouble must not keep the others waiting; its claim runs out.
            logger.exception("the delivery %s could not be attempted", delivery_id)
    return count


def deliver(delivery_id: str) -> bool:
    """Attempt one delivery unless another worker does; return whether it was attempted."""
    now = timezone.now()
    mine = Delivery.objects.filter(pk=delivery_id, status=Delivery.Status.PENDING, due_at__lte=now)
    if not mine.update(due_at=now + CLAIM, attempts=F("attempts") + 1):
        return False
    delivery = Delivery.objects.select_related("webhook__workspace", "event").get(pk=delivery_id)
    if not delivery.webhook.enabled:
        delivery.status, delivery.error, delivery.due_at = (
            Delivery.Status.FAILED,
            "The webhook is disabled.",
            None,
        )
        delivery.save()
        return True
    _record(delivery, _attempt(delivery))
    return True


def _attempt(delivery: Delivery) -> Outcome:
    webhook, event = delivery.webhook, delivery.event
    started = time.monotonic()
    try:
        headers = _headers(webhook, event)
        with Outbound(allow=settings.OUTBOUND_ALLOW_CIDRS) as outbound:
            answer = outbound.request(
                "POST", webhook.url, body=event.body.encode(), headers=headers, seconds=TIMEOUT_SECONDS
            )
    except DatalinxError as error:
        return Outcome(False, None, error.message[:500], time.monotonic() - started)
    seconds = time.monotonic() - started
    if 200 <= answer.status < 300:
        return Outcome(True, answer.status, "", seconds)
    words = f"The receiver answered {answer.status}."
    return Outcome(False, answer.status, words, seconds, _retry_after(answer.headers.get("retry-after", "")))


def _headers(webhook: Webhook, event: Event) -> dict[str, str]:
    """Return the headers of an attempt: the id stays, time and signature are the attempt's own."""
    timestamp = int(time.time())
    signature = sign(message_id=event.pk, timestamp=timestamp, body=event.body, secrets=live_secrets(webhook))
    return {
        "content-type": "application/json",
        "user-agent": "Datalinx-Webhooks/1",
        "webhook-id": event.pk,
        "webhook-timestamp": str(timestamp),
        "webhook-signature": signature,
    }


def _retry_after(header: str) -> timedelta | None:
    if header.isascii() and header.isdigit():
        return timedelta(seconds=min(int(header), 86_400))
    try:
        moment = parsedate_to_datetime(header) if header else None
    except ValueError:
        return None
    return max(timedelta(0), moment - timezone.now()) if moment is not None and moment.tzinfo else None


@transaction.atomic
def _record(delivery: Delivery, outcome: Outcome) -> None:
    now = timezone.now()
    DeliveryAttempt.objects.create(
        delivery=delivery,
        number=delivery.attempts,
        seconds=outcome.seconds,
        response_status=outcome.status,
        error=outcome.error,
    )
    delivery.response_status, delivery.error = outcome.status, outcome.error
    if outcome.delivered:
        delivery.status, delivery.delivered_at, delivery.due_at = Delivery.Status.DELIVERED, now, None
        Webhook.objects.filter(pk=delivery.webhook_id).update(failing_since=None)
    else:
        _plan_next(delivery, outcome, now)
        _note_failure(delivery.webhook, outcome, now)
    delivery.save()


def _plan_next(delivery: Delivery, outcome: Outcome, now: datetime) -> None:
    if outcome.status == GONE or delivery.attempts >= len(SCHEDULE):
        delivery.status, delivery.due_at = Delivery.Status.FAILED, None
        return
    pause = SCHEDULE[delivery.attempts] - SCHEDULE[delivery.attempts - 1]
    pause += pause * random.uniform(0, JITTER)  # noqa: S311  # spreads load, keeps no secret
    delivery.due_at = now + max(pause, outcome.retry_after or timedelta(0))


def _note_failure(webhook: Webhook, outcome: Outcome, now: datetime) -> None:
    Webhook.objects.filter(pk=webhook.pk, failing_since=None).update(failing_since=now)
    reason = ""
    if outcome.status == GONE:
        reason = "The receiver answered 410: it is gone."
    elif webhook.failing_since is not None and now - webhook.failing_since >= FAILING_FOR:
        reason = "Every delivery failed for five days."
    if reason:
        Webhook.objects.filter(pk=webhook.pk).update(enabled=False, disabled_reason=reason)
