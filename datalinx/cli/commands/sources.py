"""Sources: add, test, discover, upload, and a look at what lies there."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import typer

from datalinx.cli.command import Limit, command, group
from datalinx.cli.documents import read_object
from datalinx.cli.names import object_id
from datalinx.cli.output import Column
from datalinx.cli.refusal import Refusal
from datalinx.cli.session import Session
from datalinx.cli.steps import show_test
from datalinx.cli.text import count, shown

app = group("Where data comes from.")
Reference = Annotated[str, typer.Argument(metavar="SOURCE", help="A source's name or id.")]
TableName = Annotated[str, typer.Argument(metavar="TABLE", help="A table of the source.")]
Files = Annotated[
    list[Path] | None, typer.Argument(metavar="FILE", help="Files to upload.", show_default=False)
]


def _id(session: Session, reference: str) -> str:
    return object_id(session.view.sources, reference, prefix="src", noun="source")


def list_(session: Session, *, limit: Limit = 50) -> None:
    """List the sources."""
    session.out.listing(
        session.view.sources.list(), "name", "connector", "status", "discovered_at", "id", limit=limit
    )


def add(
    session: Session,
    *,
    name: Annotated[str, typer.Argument(metavar="NAME", help="The source's name.")],
    files: Files = None,
    connector: Annotated[str, typer.Option("--connector", "-c", help="The kind of source.")] = "file",
    config: Annotated[str, typer.Option("--config", help="Settings: JSON, @file, or - for stdin.")] = "{}",
    credentials: Annotated[
        str | None, typer.Option("--credentials", help="JSON, @file, or - for stdin.")
    ] = None,
) -> None:
    """Add a source; files that are given are uploaded to it.

    Their tables are discovered and shown.

    Example: datalinx sources add crm contacts.csv orders.parquet
    """
    _check_files(files or [])
    secrets = read_object("--credentials", credentials) if credentials else None
    made = session.view.sources.create(
        name, connector, config=read_object("--config", config), credentials=secrets
    )
    session.out.note(f"Made the source {made.name} ({made.id}).")
    if files:
        _upload(session, made.id, files, None)
        session.view.sources.discover(made.id)
        made = session.view.sources.get(made.id)
        if not session.out.as_json:
            tables(session, source=made.id)
    if session.out.as_json:
        session.out.json(made)


def test(session: Session, *, source: Reference) -> None:
    """Try the connection, step by step; ends with 1 if a step fails."""
    show_test(session, session.view.sources.test(_id(session, source)))


def discover(
    session: Session,
    *,
    source: Reference,
    table: Annotated[
        list[str] | None, typer.Option("--table", "-t", help="Only this table; may be repeated.")
    ] = None,
    pattern: Annotated[str | None, typer.Option("--pattern", help="Only tables such as orders_*.")] = None,
) -> None:
    """Look at the tables of a source and show what changed since the last time."""
    if table and pattern:
        raise Refusal("Give either --table or --pattern.")
    mode = "selected" if table else "pattern" if pattern else None
    found = session.view.sources.discover(_id(session, source), mode=mode, tables=table, pattern=pattern)
    if session.out.as_json:
        session.out.json(found)
        return
    changes = found.get("changes") or []
    if changes:
        breaking = Column("breaking", lambda change: "breaking" if change.get("breaking") else "")
        session.out.table(changes, "kind", "table", "column", "before", "after", breaking)
    else:
        session.out.line("Nothing changed since the last discovery.")


def upload(
    session: Session,
    *,
    source: Reference,
    files: Annotated[list[Path], typer.Argument(metavar="FILE", help="Files to upload.")],
    table: Annotated[
        str | None, typer.Option("--table", "-t", help="The table's name, for one file.")
    ] = None,
) -> None:
    """Upload files into a file source; the same name again replaces that file."""
    _check_files(files)
    answer = _upload(session, _id(session, source), files, table)
    session.out.done(answer, f"Uploaded {', '.join(path.name for path in files)}.")


def tables(session: Session, *, source: Reference, limit: Limit = 50) -> None:
    """List the tables of a source as they were last discovered."""
    width = Column("columns", lambda row: str(len(row.get("columns") or [])))
    rows = Column("rows", lambda row: count(row.get("rows")))
    session.out.listing(
        session.view.sources.tables(_id(session, source)),
        "name",
        width,
        rows,
        "malformed",
        Column("problem", "problem.message"),
        limit=limit,
    )


def preview(session: Session, *, source: Reference, table: TableName, limit: Limit = 20) -> None:
    """Show some rows of a table as they lie in the source."""
    sample = session.view.sources.preview(_id(session, source), table, limit=limit or None)
    if session.out.as_json:
        session.out.json(sample)
    else:
        session.out.sample(sample.columns, sample.rows)


def profile(
    session: Session,
    *,
    source: Reference,
    table: Annotated[str, typer.Argument(metavar="TABLE", help="A table.")],
) -> None:
    """Show for each column of a table what its values look like."""
    found = session.view.sources.profile(_id(session, source), table)
    if session.out.as_json:
        session.out.json(found)
        return
    session.out.table(
        found.get("columns") or [],
        "name",
        "type",
        "nulls",
        "distinct",
        "min",
        "max",
        Column("looks like", _detected),
    )


def _detected(column: dict[str, Any]) -> str:
    detected = column.get("detected") or column.get("semantic_type")
    return shown(detected.get("type") or detected.get("name") if isinstance(detected, dict) else detected)


def _check_files(files: list[Path]) -> None:
    missing = next((path for path in files if not path.is_file()), None)
    if missing is not None:
        raise Refusal(f"There is no file {missing}.")


def _upload(session: Session, source_id: str, files: list[Path], table: str | None) -> Any:
    with _bytes_bar(session, sum(path.stat().st_size for path in files)) as update:
        return session.view.sources.upload(source_id, *files, table=table, on_progress=update)


@contextmanager
def _bytes_bar(session: Session, total: int) -> Iterator[Callable[[int], None] | None]:
    """Give a function that counts bytes in a bar, where a person watches."""
    if session.out.as_json or not sys.stderr.isatty():
        yield None
        return
    from rich.console import Console
    from rich.progress import BarColumn, DownloadColumn, Progress, TimeRemainingColumn, TransferSpeedColumn

    columns = (BarColumn(), DownloadColumn(), TransferSpeedColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("upload", total=total)
        yield lambda read: bar.advance(task, read)


command(app, "list")(list_)
command(app, "add")(add)
command(app, "test")(test)
command(app, "discover")(discover)
command(app, "upload")(upload)
command(app, "tables")(tables)
command(app, "preview")(preview)
command(app, "profile")(profile)
