"""Webhooks: who is told of events, what was sent, and sending it again; and the events for those who ask."""

from typing import Annotated

import typer

from datalinx.cli.command import Limit, command, group
from datalinx.cli.session import Session

webhooks = group("Who is told of events, and what was sent.")
events = group("What happened in the workspace.")
WebhookId = Annotated[str, typer.Argument(metavar="WEBHOOK", help="A webhook's id.")]
DeliveryId = Annotated[str, typer.Argument(metavar="DELIVERY", help="A delivery's id.")]
Since = Annotated[
    str | None, typer.Option("--since", help="Only since this moment, as 2026-05-01T08:00:00Z.")
]
EVENTS = ("pipeline.completed", "pipeline.failed")


def list_webhooks(session: Session, *, limit: Limit = 50) -> None:
    """List the webhooks."""
    session.out.listing(
        session.view.webhooks.list(), "id", "url", "events", "enabled", "disabled_reason", limit=limit
    )


def show(session: Session, *, webhook: WebhookId) -> None:
    """Show a webhook and how it fares."""
    session.out.fields(
        session.view.webhooks.get(webhook),
        "id",
        "url",
        "events",
        "enabled",
        "disabled_reason",
        "disabled_at",
        "failing_since",
        "secret_last_four",
    )


def add(
    session: Session,
    *,
    address: Annotated[str, typer.Argument(metavar="ADDRESS", help="Where events are sent.")],
    event: Annotated[
        list[str] | None,
        typer.Option("--event", "-e", help=f"An event; may be repeated. Without: {', '.join(EVENTS)}."),
    ] = None,
    description: Annotated[str | None, typer.Option("--description", "-d", help="What it is for.")] = None,
) -> None:
    """Add a webhook and show its secret, this once."""
    made = session.view.webhooks.create(address, event or list(EVENTS), description=description)
    session.out.fields(made, "id", "url", "events", "secret")
    session.out.note(
        "Keep the secret: it is not shown again. `verify_webhook` of the SDK checks signatures with it."
    )


def enable(session: Session, *, webhook: WebhookId) -> None:
    """Enable a webhook again."""
    session.out.done(session.view.webhooks.update(webhook, enabled=True), f"{webhook} is enabled.")


def disable(session: Session, *, webhook: WebhookId) -> None:
    """Disable a webhook; what waits for it ends as failed."""
    session.out.done(session.view.webhooks.update(webhook, enabled=False), f"{webhook} is disabled.")


def rotate(session: Session, *, webhook: WebhookId) -> None:
    """Make a new secret and show it, this once; the old one signs beside it for a day."""
    session.out.fields(session.view.webhooks.rotate_secret(webhook), "id", "secret")


def test(session: Session, *, webhook: WebhookId) -> None:
    """Send a test event."""
    delivery = session.view.webhooks.test(webhook)
    session.out.done(delivery, f"Sending a test event: {delivery.get('id')}, {delivery.get('status')}.")


def deliveries(
    session: Session,
    *,
    webhook: WebhookId,
    status: Annotated[
        str | None, typer.Option("--status", "-s", help="pending, delivered or failed.")
    ] = None,
    event: Annotated[
        str | None, typer.Option("--event", "-e", help="A type of event, or an event's id.")
    ] = None,
    since: Since = None,
    limit: Limit = 20,
) -> None:
    """List what was sent to a webhook, newest first."""
    session.out.listing(
        session.view.webhooks.deliveries(webhook, status=status, event=event, since=since),
        "id",
        "event",
        "status",
        "attempts",
        "response_status",
        "error",
        "created_at",
        limit=limit,
    )


def delivery(session: Session, *, webhook: WebhookId, delivery_id: DeliveryId) -> None:
    """List every attempt of a delivery, with the beginning of what the receiver answered."""
    found = session.view.webhooks.delivery(webhook, delivery_id)
    if session.out.as_json:
        session.out.json(found)
        return
    session.out.table(found["log"], "number", "at", "response_status", "seconds", "error", "response_body")


def replay(
    session: Session,
    *,
    webhook: WebhookId,
    delivery_id: Annotated[
        str | None, typer.Argument(metavar="[DELIVERY]", help="One delivery; without it, see --since.")
    ] = None,
    since: Since = None,
    until: Annotated[str | None, typer.Option("--until", help="Only until this moment.")] = None,
    status: Annotated[
        str | None, typer.Option("--status", "-s", help="failed (unless given), delivered or all.")
    ] = None,
    missing: Annotated[
        bool, typer.Option("--missing", help="Also events that were never sent, because it was disabled.")
    ] = False,
) -> None:
    """Send again: one delivery, or with --since all that failed."""
    if delivery_id:
        found = session.view.webhooks.replay(webhook, delivery_id)
        session.out.done(found, f"{delivery_id}: {found.get('status')}.")
        return
    if not since:
        raise typer.BadParameter("name a delivery, or give --since")
    made = session.view.webhooks.replay_since(
        webhook, since, until=until, status=status, missing=missing or None
    )
    words = (
        f"{made['replayed']} sent again, {made['created']} that were missing; {made['remaining']} are left."
    )
    session.out.done(made, words)


def list_events(
    session: Session,
    *,
    after: Annotated[
        str | None, typer.Option("--after", help="The sequence or the id of the last event that was read.")
    ] = None,
    event: Annotated[
        list[str] | None, typer.Option("--event", "-e", help="Only this type; may be repeated.")
    ] = None,
    limit: Limit = 50,
) -> None:
    """List what happened, oldest first."""
    session.out.listing(
        session.view.events.list(after=after, types=event), "sequence", "id", "type", "timestamp", limit=limit
    )


command(webhooks, "list")(list_webhooks)
command(webhooks, "show")(show)
command(webhooks, "add")(add)
command(webhooks, "enable")(enable)
command(webhooks, "disable")(disable)
command(webhooks, "rotate-secret")(rotate)
command(webhooks, "test")(test)
command(webhooks, "deliveries")(deliveries)
command(webhooks, "delivery")(delivery)
command(webhooks, "replay")(replay)
command(events, "list")(list_events)
