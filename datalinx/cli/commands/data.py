"""What the pipelines wrote: tables, and questions in SQL."""

import csv
import json
import sys
from enum import StrEnum
from typing import Annotated, Any

import typer

from datalinx.cli.command import Limit, command, group
from datalinx.cli.documents import read_text
from datalinx.cli.output import Column
from datalinx.cli.refusal import Refusal
from datalinx.cli.session import Session
from datalinx.cli.text import count, shown

tables = group("What the pipelines wrote.")
TableName = Annotated[str, typer.Argument(metavar="TABLE", help="A stored table.")]


class Format(StrEnum):
    """How the answer of a query is written."""

    TABLE = "table"
    CSV = "csv"
    JSON = "json"


def query(
    session: Session,
    *,
    sql: Annotated[str, typer.Argument(metavar="SQL", help="One SELECT; - reads stdin, @file a file.")],
    param: Annotated[
        list[str] | None, typer.Option("--param", "-p", metavar="NAME=VALUE", help="A parameter.")
    ] = None,
    limit: Annotated[int | None, typer.Option("--limit", "-n", min=1, help="At most so many rows.")] = None,
    output: Annotated[Format, typer.Option("--format", "-f", help="How to write the rows.")] = Format.TABLE,
) -> None:
    """Ask the tables of the workspace a question in SQL.

    Example: datalinx query "SELECT country, count(*) FROM customers GROUP BY ALL"
    """
    text = read_text(sql.removeprefix("@")) if sql == "-" or sql.startswith("@") else sql
    result = session.view.analytics.query(text, parameters=_parameters(param or []) or None, limit=limit)
    headers = [str(column["name"]) for column in result.columns]
    if session.out.as_json:
        session.out.json(result)
    elif output is Format.JSON:
        session.out.json(list(result.records()))
    elif output is Format.CSV:
        csv.writer(sys.stdout, lineterminator="\n").writerows([headers, *result.rows])
    else:
        session.out.sample(result.columns, result.rows)
        if session.out.is_terminal:
            session.out.note(f"{count(result.get('row_count'))} rows in {result.get('seconds') or 0:.2f} s")
    if result.get("truncated"):
        session.out.note("There are more rows than were asked for; --limit takes more.")


def list_tables(session: Session, *, limit: Limit = 50) -> None:
    """List the stored tables."""
    rows = Column("rows", lambda row: count(row.get("rows")))
    width = Column("columns", lambda row: str(len(row.get("columns") or [])))
    session.out.listing(
        session.view.tables.list(), "name", rows, width, "snapshot", "updated_at", limit=limit
    )


def rows(
    session: Session,
    *,
    table: TableName,
    as_of: Annotated[str | None, typer.Option("--as-of", help="A snapshot, a run's id, or a time.")] = None,
    ordering: Annotated[
        str | None, typer.Option("--order-by", help="A column; with - in front, descending.")
    ] = None,
    limit: Limit = 20,
) -> None:
    """Show rows of a stored table, as they are or as they were."""
    listing = session.view.tables.rows(
        table, as_of=as_of, ordering=ordering, page_size=min(limit or 200, 200)
    )
    names = (
        []
        if session.out.as_json
        else [str(column["name"]) for column in session.view.tables.get(table)["columns"]]
    )
    session.out.listing(listing, *map(_column_named, names), limit=limit)


def snapshots(session: Session, *, table: TableName, limit: Limit = 20) -> None:
    """List the versions of a table that are still kept, newest first."""
    session.out.listing(
        session.view.tables.snapshots(table),
        "snapshot",
        "at",
        "operation",
        "rows",
        "current",
        limit=limit,
    )


def _column_named(name: str) -> Column:
    # The name of a column may hold dots, which mean something in a path.
    return Column(shown(name), lambda row: shown(row.get(name)))


def _parameters(pairs: list[str]) -> dict[str, Any]:
    """Return parameters; a value that is JSON is that value, any other is text."""
    found: dict[str, Any] = {}
    for pair in pairs:
        name, equals, value = pair.partition("=")
        if not name or not equals:
            raise Refusal(f"{pair!r} is no parameter; write name=value.")
        try:
            found[name] = json.loads(value)
        except ValueError:
            found[name] = value
    return found


command(tables, "list")(list_tables)
command(tables, "rows")(rows)
command(tables, "snapshots")(snapshots)


def register(app: typer.Typer) -> None:
    """Add the command that stands alone."""
    command(app, "query")(query)
