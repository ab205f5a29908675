"""What the pipelines wrote: tables, and questions in SQL."""

import csv
import json
import sys
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer

from datalinx.cli.command import Limit, command, group
from datalinx.cli.documents import read_text
from datalinx.cli.output import Column
from datalinx.cli.records import Asking, AskSource, ColumnName, key_of, show_record
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


class FileFormat(StrEnum):
    """How a whole table is written."""

    CSV = "csv"
    JSONL = "jsonl"
    PARQUET = "parquet"


def query(
    session: Session,
    *,
    sql: Annotated[str, typer.Argument(metavar="SQL", help="One SELECT; - reads stdin, @file a file.")],
    param: Annotated[
        list[str] | None, typer.Option("--param", "-p", metavar="NAME=VALUE", help="A parameter.")
    ] = None,
    limit: Annotated[int | None, typer.Option("--limit", "-n", min=1, help="At most so many rows.")] = None,
    as_of: Annotated[
        str | None,
        typer.Option("--as-of", help="Read every table as it was: a snapshot, a run's id, or a time."),
    ] = None,
    output: Annotated[Format, typer.Option("--format", "-f", help="How to write the rows.")] = Format.TABLE,
) -> None:
    """Ask the tables of the workspace a question in SQL.

    Example: datalinx query "SELECT country, count(*) FROM customers GROUP BY ALL"
    """
    text = read_text(sql.removeprefix("@")) if sql == "-" or sql.startswith("@") else sql
    result = session.view.analytics.query(
        text, parameters=_parameters(param or []) or None, limit=limit, as_of=as_of
    )
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


def find(
    session: Session,
    *,
    table: TableName,
    key: Annotated[str, typer.Argument(metavar="KEY", help="The value of the table's key.")],
    column: ColumnName = None,
    source: AskSource = Asking.AUTO,
) -> None:
    """Tell what became of a record: whether it is in the table and since when, and if not, why."""
    show_record(session.view.tables.find(table, key_of(key, column), source=source.value), session.out)


def export(
    session: Session,
    *,
    table: TableName,
    output: Annotated[Path | None, typer.Option("--output", "-o", help="Write to a file.")] = None,
    form: Annotated[
        FileFormat | None,
        typer.Option("--format", "-f", help="csv, jsonl or parquet; else by the file's end."),
    ] = None,
    as_of: Annotated[str | None, typer.Option("--as-of", help="A snapshot, a run's id, or a time.")] = None,
) -> None:
    """Save a whole table as a file, or write it to stdout.

    Example: datalinx tables export customers -o customers.parquet
    """
    chosen = form or _format_of(output)
    if output is None and chosen is FileFormat.PARQUET and sys.stdout.isatty():
        raise Refusal("Parquet is no text; give a file with --output.")
    pieces = session.view.tables.export(table, form=chosen.value, as_of=as_of)
    if output is None:
        for piece in pieces:
            sys.stdout.buffer.write(piece)
        return
    # Beside its place first: a download that breaks off leaves what was there.
    partial = output.with_name(f".{output.name}.part")
    try:
        with partial.open("wb") as file:
            for piece in pieces:
                file.write(piece)
        partial.replace(output)
    finally:
        partial.unlink(missing_ok=True)
    session.out.note(f"{output}: {output.stat().st_size:,} bytes")


def _format_of(output: Path | None) -> FileFormat:
    known = {f".{each.value}": each for each in FileFormat}
    return known.get(output.suffix.lower(), FileFormat.CSV) if output else FileFormat.CSV


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
command(tables, "find")(find)
command(tables, "export")(export)


def register(app: typer.Typer) -> None:
    """Add the command that stands alone."""
    command(app, "query")(query)
