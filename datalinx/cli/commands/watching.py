"""Alerts, and the webhooks that tell of events."""

from typing import Annotated

import typer

from datalinx.cli.command import Limit, command, group
from datalinx.cli.session import Session

alerts = group("What failed or went out of bounds.")
webhooks = group("Who is told of events.")
AlertId = Annotated[str, typer.Argument(metavar="ALERT", help="An alert's id.")]
WebhookId = Annotated[str, typer.Argument(metavar="WEBHOOK", help="A webhook's id.")]
EVENTS = ("pipeline.completed", "pipeline.failed")


def list_alerts(
    session: Session,
    *,
    status: Annotated[str | None, typer.Option("--status", "-s", help="Only alerts of this state.")] = None,
    limit: Limit = 50,
) -> None:
    """List the alerts, newest first."""
    session.out.listing(
        session.view.alerts.list(status=status),
        "id",
        "status",
        "rule",
        "severity",
        "message",
        "created_at",
        limit=limit,
    )


def acknowledge(session: Session, *, alert: AlertId) -> None:
    """Say that you look after an alert."""
    found = session.view.alerts.acknowledge(alert)
    session.out.done(found, f"{alert}: {found.get('status')}.")


def resolve(session: Session, *, alert: AlertId) -> None:
    """Say that an alert is over."""
    found = session.view.alerts.resolve(alert)
    session.out.done(found, f"{alert}: {found.get('status')}.")


def list_webhooks(session: Session, *, limit: Limit = 50) -> None:
    """List the webhooks."""
    session.out.listing(
        session.view.webhooks.list(), "id", "url", "events", "enabled", "disabled_reason", limit=limit
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


def test(session: Session, *, webhook: WebhookId) -> None:
    """Send a test event."""
    delivery = session.view.webhooks.test(webhook)
    session.out.done(delivery, f"Sending a test event: {delivery.get('id')}, {delivery.get('status')}.")


def deliveries(session: Session, *, webhook: WebhookId, limit: Limit = 20) -> None:
    """List what was sent to a webhook, newest first."""
    session.out.listing(
        session.view.webhooks.deliveries(webhook),
        "id",
        "event",
        "status",
        "attempts",
        "response_status",
        "error",
        "created_at",
        limit=limit,
    )


command(alerts, "list")(list_alerts)
command(alerts, "acknowledge")(acknowledge)
command(alerts, "resolve")(resolve)
command(webhooks, "list")(list_webhooks)
command(webhooks, "add")(add)
command(webhooks, "test")(test)
command(webhooks, "deliveries")(deliveries)
