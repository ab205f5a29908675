"""Webhooks: made, changed, rotated, tested; and the outbox, which writes an event with the fact itself."""

import base64
import secrets
from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models import F
from django.utils import timezone

from apps.workspaces.models import Delivery, Event, Webhook, Workspace
from datalinx.api.renderers import to_json
from datalinx.caller import Caller
from datalinx.errors import FieldError, Invalid
from datalinx.events import EVENTS
from datalinx.ids import new_id
from datalinx.outbound import check_literal_address
from datalinx.sealed import seal, unseal

TEST_EVENT = "webhook.test"
ROTATION_GRACE = timedelta(hours=24)


def make_secret() -> str:
    """Return a new secret: `whsec_` and 32 random bytes as padded base64 (Standard Webhooks)."""
    return "whsec_" + base64.b64encode(secrets.token_bytes(32)).decode()


def create_webhook(
    *,
    workspace: Workspace,
    actor: Caller,
    url: str,
    events: Sequence[str],
    enabled: bool = True,
    description: str = "",
) -> tuple[Webhook, str]:
    """Make a webhook and return it with its secret, which is shown this one time. Raises Invalid."""
    check_webhook(url=url, events=events)
    secret = make_secret()
    webhook = Webhook(
        workspace=workspace,
        url=url,
        events=list(events),
        enabled=enabled,
        description=description,
        created_by=actor.id,
    )
    _set_secret(webhook, secret)
    webhook.save()
    return webhook, secret


def update_webhook(*, webhook: Webhook, actor: Caller, **values: Any) -> Webhook:
    """Change a webhook. Enabling it again clears why it was disabled."""
    check_webhook(url=values.get("url", webhook.url), events=values.get("events", webhook.events))
    for field, value in values.items():
        setattr(webhook, field, value)
    if values.get("enabled"):
        webhook.disabled_reason, webhook.failing_since = "", None
    webhook.save()
    return webhook


def check_webhook(*, url: str, events: Sequence[str]) -> None:
    """Refuse an address that is never reached and events that do not exist. Raises Invalid."""
    unknown = [event for event in events if event not in EVENTS]
    if unknown or not events:
        message = f"events: choose from {', '.join(EVENTS)}."
        raise Invalid("UNKNOWN_EVENT", message, errors=[FieldError("events", "invalid", message)])
    check_literal_address(url, allow=settings.OUTBOUND_ALLOW_CIDRS)


def _set_secret(webhook: Webhook, secret: str) -> None:
    webhook.sealed_secret = seal(secret, context=f"webhook:{webhook.pk}")
    webhook.secret_last_four = secret[-4:]


def rotate_secret(*, webhook: Webhook, actor: Caller) -> str:
    """Make a new secret and return it; the old one signs beside it for a day."""
    webhook.sealed_previous_secret = webhook.sealed_secret
    webhook.previous_secret_until = timezone.now() + ROTATION_GRACE
    secret = make_secret()
    _set_secret(webhook, secret)
    webhook.save()
    return secret


def live_secrets(webhook: Webhook) -> list[str]:
    """Return the secrets that sign now: the present one, and the previous one while it lives."""
    context = f"webhook:{webhook.pk}"
    found = [str(unseal(webhook.sealed_secret, context=context))]
    if webhook.previous_secret_until is not None and webhook.previous_secret_until > timezone.now():
        found.append(str(unseal(webhook.sealed_previous_secret, context=context)))
    return found


@transaction.atomic
def record_event(*, event: str, workspace: Workspace, data: Mapping[str, Any]) -> Event:
    """Write an event and its deliveries. Called in the transaction of the fact; the tick sends them."""
    webhooks = [
        webhook
        for webhook in Webhook.objects.for_workspace(workspace.pk).filter(enabled=True)
        if event in webhook.events
    ]
    return _write(event, workspace, data, webhooks)


@transaction.atomic
def send_test_event(*, webhook: Webhook, actor: Caller) -> Delivery:
    """Queue a test event for one webhook, whatever it listens to, and return its delivery."""
    data = {"message": f"{actor.name} sent a test."}
    event = _write(TEST_EVENT, webhook.workspace, data, [webhook])
    return event.deliveries.get()


def _write(event: str, workspace: Workspace, data: Mapping[str, Any], webhooks: Sequence[Webhook]) -> Event:
    # The workspace's row is locked by the update, so that numbers have neither gaps nor twins.
    Workspace.objects.filter(pk=workspace.pk).update(event_sequence=F("event_sequence") + 1)
    sequence = Workspace.objects.values_list("event_sequence", flat=True).get(pk=workspace.pk)
    row = Event(id=new_id("evt"), workspace=workspace, type=event, sequence=sequence)
    row.body = to_json(_body(row, workspace, data)).decode()
    row.save()
    now = timezone.now()
    made = Delivery.objects.bulk_create(
        Delivery(webhook=webhook, event=row, due_at=now) for webhook in webhooks
    )
    if made:
        transaction.on_commit(_wake)
    return row


def _body(row: Event, workspace: Workspace, data: Mapping[str, Any]) -> dict[str, Any]:
    """Return what is sent: the flat keys of the overview, and the same once more as `type` and `data`."""
    timestamp = timezone.now().strftime("%Y-%m-%dT%H:%M:%SZ")
    return {
        "event": row.type,
        "workspace": workspace.name,
        **data,
        "timestamp": timestamp,
        "id": row.pk,
        "type": row.type,
        "sequence": row.sequence,
        "data": {"workspace": workspace.name, **data},
    }


def _wake() -> None:
    from apps.workspaces.tasks import wake_delivery

    wake_delivery()


@transaction.atomic
def replay_delivery(*, delivery: Delivery, actor: Caller) -> Delivery:
    """Send a delivery once more, with the same id and body."""
    delivery.status, delivery.attempts, delivery.due_at = Delivery.Status.PENDING, 0, timezone.now()
    delivery.save()
    transaction.on_commit(_wake)
    return delivery
