from typing import Annotated

import typer

from datalinx.cli.command import Limit, command, group
from datalinx.cli.session import Session

alerts = group("What failed or went out of bounds.")
AlertId = Annotated[str, typer.Argument(metavar="ALERT", help="An alert's id.")]


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


command(alerts, "list")(list_alerts)
command(alerts, "acknowledge")(acknowledge)
command(alerts, "resolve")(resolve)
