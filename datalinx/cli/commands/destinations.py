"""Destinations: add, list, test."""

from typing import Annotated

import typer

from datalinx.cli.command import Limit, command, group
from datalinx.cli.documents import read_object
from datalinx.cli.names import object_id
from datalinx.cli.session import Session
from datalinx.cli.steps import show_test

app = group("Where tables go.")


def list_(session: Session, *, limit: Limit = 50) -> None:
    """List the destinations."""
    session.out.listing(
        session.view.destinations.list(),
        "name",
        "connector",
        "status",
        "last_tested_at",
        "id",
        limit=limit,
    )


def add(
    session: Session,
    *,
    name: Annotated[str, typer.Argument(metavar="NAME", help="The destination's name.")],
    connector: Annotated[
        str, typer.Option("--connector", "-c", help="The kind of destination.")
    ] = "postgresql",
    config: Annotated[str, typer.Option("--config", help="Settings: JSON, @file, or - for stdin.")] = "{}",
    credentials: Annotated[
        str | None, typer.Option("--credentials", help="JSON, @file, or - for stdin.")
    ] = None,
) -> None:
    """Add a destination; pipelines name it in their `deliver`.

    Example: datalinx destinations add warehouse --config @warehouse.json --credentials -
    """
    secrets = read_object("--credentials", credentials) if credentials else None
    made = session.view.destinations.create(
        name, connector, config=read_object("--config", config), credentials=secrets
    )
    session.out.done(made, f"Made the destination {made.name} ({made.id}).")


def test(
    session: Session,
    *,
    destination: Annotated[str, typer.Argument(metavar="DESTINATION", help="A destination's name or id.")],
) -> None:
    """Try the connection, step by step; ends with 1 if a step fails."""
    found = object_id(session.view.destinations, destination, prefix="dst", noun="destination")
    show_test(session, session.view.destinations.test(found))


command(app, "list")(list_)
command(app, "add")(add)
command(app, "test")(test)
