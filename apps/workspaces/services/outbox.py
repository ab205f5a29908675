"""The outbox: an event is written with the fact itself, its body made once, its deliveries beside it."""

from collections.abc import Mapping, Sequence
from typing import Any

from django.db import transaction
from django.db.models import F
from django.utils import timezone

from apps.workspaces.models import Delivery, Event, Webhook, Workspace
from datalinx import clock
from datalinx.api.renderers import to_json
from datalinx.caller import Caller
from datalinx.errors import Invalid
from datalinx.ids import new_id
from datalinx.trace import current_trace

TEST_EVENT = "webhook.test"
# A body is smaller than this; what Standard Webhooks asks for is less than 20 kB.
MOST_BYTES = 20_000
# What is left of a text that is cut.
_CUT_CHARACTERS = 300


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
    """Queue a test event for one webhook, whatever it listens to, and return its delivery. Raises Invalid."""
    require_enabled(webhook)
    data = {"message": f"{actor.name} sent a test."}
    event = _write(TEST_EVENT, webhook.workspace, data, [webhook])
    return event.deliveries.get()


def require_enabled(webhook: Webhook) -> None:
    """Refuse to send to a webhook that is disabled. Raises Invalid WEBHOOK_DISABLED."""
    if not webhook.enabled:
        raise Invalid("WEBHOOK_DISABLED", "The webhook is disabled; enable it first.")


def _write(event: str, workspace: Workspace, data: Mapping[str, Any], webhooks: Sequence[Webhook]) -> Event:
    # The workspace's row is locked by the update until the fact is committed, so that numbers have neither gaps
    # nor twins, and nobody sees a number before all smaller ones.
    Workspace.objects.filter(pk=workspace.pk).update(event_sequence=F("event_sequence") + 1)
    sequence = Workspace.objects.values_list("event_sequence", flat=True).get(pk=workspace.pk)
    row = Event(id=new_id("evt"), workspace=workspace, type=event, sequence=sequence, trace=current_trace())
    row.body = write_body(row, workspace, data)
    row.save(force_insert=True)
    if webhooks:
        now = clock.database_now()
        Delivery.objects.bulk_create(Delivery(webhook=webhook, event=row, due_at=now) for webhook in webhooks)
        transaction.on_commit(wake)
    return row


def write_body(row: Event, workspace: Workspace, data: Mapping[str, Any]) -> str:
    """Return the text that is sent, under 20 kB: where the data are larger, the largest are cut and `truncated` set."""
    kept = dict(data)
    text = to_json(_body(row, workspace, kept))
    for name in sorted(kept, key=lambda name: len(to_json(kept[name])), reverse=True):
        if len(text) < MOST_BYTES:
            break
        value = kept[name]
        kept[name] = value[:_CUT_CHARACTERS] + "…" if isinstance(value, str) else None
        kept["truncated"] = True
        text = to_json(_body(row, workspace, kept))
    if len(text) >= MOST_BYTES:
        text = to_json(_body(row, workspace, {"truncated": True}))
    return text.decode()


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


def wake() -> None:
    """Wake a worker for deliveries that are due."""
    from apps.workspaces.tasks import wake_delivery

    wake_delivery()
