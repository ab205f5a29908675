"""Backfills: a range of the past read anew, chunk by chunk."""

import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Annotated, Any

import typer

from datalinx.cli.command import Limit, command, group
from datalinx.cli.names import object_id
from datalinx.cli.output import Column, Output
from datalinx.cli.progress import rich_bar
from datalinx.cli.refusal import FAILED
from datalinx.cli.session import Session
from datalinx.cli.text import count, plain

app = group("A range of the past read anew, chunk by chunk.")
BackfillId = Annotated[str, typer.Argument(metavar="BACKFILL", help="A backfill's id.")]
Text = str | None


def start(
    session: Session,
    *,
    pipeline: Annotated[str, typer.Argument(metavar="PIPELINE", help="A name or an id.")],
    since: Annotated[str, typer.Option("--since", help="The first time or date that is read.")],
    until: Annotated[str, typer.Option("--until", help="The first one that is not read any more.")],
    chunk: Annotated[Text, typer.Option("--chunk", help="1 day, 6 hours, 1 week, 1 month.")] = None,
    timezone: Annotated[Text, typer.Option("--timezone", help="Whose days and months are meant.")] = None,
    table: Annotated[
        list[str] | None, typer.Option("--table", "-t", help="Only this table; may be repeated.")
    ] = None,
    newest_first: Annotated[
        bool, typer.Option("--newest-first", help="Begin with the newest chunk.")
    ] = False,
    keep_going: Annotated[
        bool, typer.Option("--keep-going", help="Read the other chunks when one fails.")
    ] = False,
    chunk_events: Annotated[
        bool,
        typer.Option("--chunk-events", help="Tell webhooks of each chunk's run, not of the backfill alone."),
    ] = False,
    follow: Annotated[bool, typer.Option("--follow/--no-follow", help="Wait for its end.")] = True,
) -> None:
    """Start a backfill and follow it; ends with 1 if it does not succeed.

    Example: datalinx backfill start nightly --since 2026-01-01 --until 2026-02-01 --chunk "1 day"
    """
    pipelines = session.view.pipelines
    made = pipelines.backfill(
        object_id(pipelines, pipeline, prefix="pl", noun="pipeline"),
        since=since,
        until=until,
        chunk=chunk,
        timezone=timezone,
        tables=table or None,
        order="newest" if newest_first else None,
        on_failure="continue" if keep_going else None,
        notify="chunks" if chunk_events else None,
    )
    if follow:
        _follow(session, made.id)
        return
    session.out.done(made, made.id)
    session.out.note(f"Started; `datalinx backfill watch {made.id}` follows it.")


def list_(
    session: Session,
    *,
    status: Annotated[Text, typer.Option("--status", "-s", help="running, paused, failed, …")] = None,
    limit: Limit = 20,
) -> None:
    """List the backfills, newest first."""
    session.out.listing(
        session.view.backfills.list(status=status),
        "id",
        "pipeline",
        "status",
        "since",
        "until",
        Column("chunks", _chunks),
        Column("read", lambda row: count((row.get("totals") or {}).get("read"))),
        limit=limit,
    )


def show(
    session: Session,
    *,
    backfill: BackfillId,
    failed: Annotated[bool, typer.Option("--failed", help="List the failed chunks.")] = False,
) -> None:
    """Show a backfill: how far it is, what it read, and why it stopped."""
    if failed:
        error = Column("error", "error.message")
        rows = session.view.backfills.chunks(backfill, status="failed")
        session.out.listing(rows, "since", "until", "attempts", "run_id", error)
        return
    _show(session.out, session.view.backfills.get(backfill))


def watch(session: Session, *, backfill: BackfillId) -> None:
    """Follow a backfill until it ends or is paused; ends with 1 if it does not succeed."""
    _follow(session, backfill)


def pause(session: Session, *, backfill: BackfillId) -> None:
    """Start no further chunk; the present one runs to its end."""
    _tell(session, session.view.backfills.pause(backfill))


def resume(session: Session, *, backfill: BackfillId) -> None:
    """Go on with a paused backfill, by the documents of now."""
    _tell(session, session.view.backfills.resume(backfill))


def cancel(session: Session, *, backfill: BackfillId) -> None:
    """End a backfill; what is committed stays."""
    _tell(session, session.view.backfills.cancel(backfill))


def retry(session: Session, *, backfill: BackfillId) -> None:
    """Try the failed chunks again, by the documents of now."""
    _tell(session, session.view.backfills.retry(backfill))


def _tell(session: Session, found: Mapping[str, Any]) -> None:
    session.out.done(found, f"Backfill {found.get('id')}: {found.get('status')}.")


def _follow(session: Session, backfill_id: str) -> None:
    try:
        with _bar(session.out, backfill_id) as update:
            found = session.view.backfills.wait(backfill_id, on_progress=update)
    except KeyboardInterrupt:
        session.out.note(f"It goes on: `datalinx backfill watch {backfill_id}` follows it.")
        raise
    _show(session.out, found)
    if found.status != "success":
        raise typer.Exit(FAILED)


def _show(out: Output, found: Mapping[str, Any]) -> None:
    out.fields(
        found,
        "id",
        "pipeline",
        "status",
        "since",
        "until",
        "chunk",
        "timezone",
        "tables",
        Column("chunks", _chunks),
        Column("read", lambda row: count((row.get("totals") or {}).get("read"))),
        Column("inserted", lambda row: count((row.get("totals") or {}).get("inserted"))),
        Column("updated", lambda row: count((row.get("totals") or {}).get("updated"))),
        Column("rejected", lambda row: count((row.get("totals") or {}).get("rejected"))),
        Column("time left", _left),
        Column("why", "error.message"),
    )


def _chunks(row: Mapping[str, Any]) -> str:
    chunks = row.get("chunks") or {}
    failed = f", {chunks['failed']:,} failed" if chunks.get("failed") else ""
    return f"{chunks.get('success') or 0:,} of {chunks.get('total') or 0:,}{failed}"


def _left(row: Mapping[str, Any]) -> str:
    left = row.get("seconds_left")
    if not isinstance(left, int | float):
        return ""
    return f"about {left:.0f} s" if left < 120 else f"about {left / 60:.0f} min"


@contextmanager
def _bar(out: Output, backfill_id: str) -> Iterator[Any]:
    """Give a function that shows a state: a bar for a person, a line for each chunk in a log, nothing with `--json`."""
    if out.as_json:
        yield None
    elif sys.stderr.isatty():
        with rich_bar() as bar:
            task = bar.add_task(backfill_id, total=1.0, rows="")
            yield lambda found: bar.update(task, completed=found.get("progress") or 0.0, rows=_doing(found))
    else:
        yield lambda found: sys.stderr.write(plain(f"Backfill {backfill_id}: {_doing(found)}") + "\n")


def _doing(found: Mapping[str, Any]) -> str:
    return " · ".join(part for part in (str(found.get("status")), _chunks(found), _left(found)) if part)


command(app, "start")(start)
command(app, "list")(list_)
command(app, "show")(show)
command(app, "watch")(watch)
command(app, "pause")(pause)
command(app, "resume")(resume)
command(app, "cancel")(cancel)
command(app, "retry")(retry)
