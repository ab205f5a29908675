"""Lineage: what stands behind a target table, and what is made of it."""

from collections.abc import Mapping
from typing import Annotated, Any

import typer

from datalinx.cli.command import Limit, command
from datalinx.cli.output import Column
from datalinx.cli.session import Session


def lineage(
    session: Session,
    *,
    table: Annotated[str, typer.Argument(metavar="TABLE", help="The target table.")],
    column: Annotated[
        str | None, typer.Option("--column", "-c", help="Only what this column has to do with.")
    ] = None,
    down: Annotated[
        bool, typer.Option("--down", help="What is made of it, instead of what it is made of.")
    ] = False,
    limit: Limit = 200,
) -> None:
    """Show what a table is made of up to the sources, or what is made of it down to queries and audiences."""
    direction = "downstream" if down else "upstream"
    session.out.listing(
        session.view.mappings.lineage(table, direction=direction, column=column),
        Column("from", _origin),
        Column("to", _end),
        "kind",
        Column("changes", "effect"),
        limit=limit,
    )


def _origin(link: Mapping[str, Any]) -> str:
    if link.get("origin"):
        return f"{link['origin']['type']} {link['origin']['name']}"
    names = [link.get("source"), link.get("table"), link.get("column")]
    return ".".join(str(name) for name in names if name)


def _end(link: Mapping[str, Any]) -> str:
    place = link.get("consumer")
    name = f"{place['type']} {place['name']}" if place else str(link.get("target_table"))
    return f"{name}.{link['target']}" if link.get("target") else f"{name} (rows)"


def register(app: typer.Typer) -> None:
    """Add the command."""
    command(app, "lineage")(lineage)
