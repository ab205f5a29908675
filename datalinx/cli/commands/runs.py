"""Runs: what happened, what was rejected, and why."""

import json
import sys
from typing import Annotated

import typer

from datalinx.cli.command import Limit, command, group
from datalinx.cli.output import Column
from datalinx.cli.progress import follow_run, show_run
from datalinx.cli.records import Asking, AskSource, ColumnName, key_of, show_record
from datalinx.cli.session import Session
from datalinx.cli.text import count, plain

app = group("What ran, what was rejected, and why.")
RunId = Annotated[str, typer.Argument(metavar="RUN", help="A run's id.")]
Text = str | None


def list_(
    session: Session,
    *,
    status: Annotated[
        Text, typer.Option("--status", "-s", help="queued, running, success, failed, cancelled.")
    ] = None,
    limit: Limit = 20,
) -> None:
    """List the runs, newest first."""
    session.out.listing(
        session.view.runs.list(status=status),
        "id",
        "pipeline",
        "status",
        "trigger",
        "created_at",
        "finished_at",
        Column("read", lambda row: count((row.get("totals") or {}).get("read"))),
        Column("rejected", lambda row: count((row.get("totals") or {}).get("rejected"))),
        limit=limit,
    )


def show(session: Session, *, run: RunId) -> None:
    """Show a run and the ledger of each of its tables."""
    show_run(session.view.runs.get(run), session.out)


def watch(session: Session, *, run: RunId) -> None:
    """Follow a run to its end; ends with 1 if it does not succeed."""
    if code := follow_run(session.view, run, session.out):
        raise typer.Exit(code)


def logs(
    session: Session,
    *,
    run: RunId,
    level: Annotated[Text, typer.Option("--level", help="Only lines of this level.")] = None,
    min_level: Annotated[Text, typer.Option("--min-level", help="Lines of this level and worse.")] = None,
    table: Annotated[Text, typer.Option("--table", "-t", help="Only lines of this table.")] = None,
    attempt: Annotated[int | None, typer.Option("--attempt", help="Only lines of this attempt.")] = None,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Write lines as they come.")] = False,
    limit: Limit = 0,
) -> None:
    """Show the log of a run, or follow it to its end, one line of text each."""
    chosen = {"level": level, "min_level": min_level, "table": table, "attempt": attempt}
    if not follow:
        lines = session.view.runs.logs(run, **chosen)
        session.out.listing(lines, "at", "level", "table", "message", "attempt", limit=limit)
        return
    for line in session.view.runs.follow_logs(run, **chosen):
        words = [str(line.get(name) or "") for name in ("at", "level", "table", "message")]
        sys.stdout.write(plain("  ".join(word for word in words if word)) + "\n")
        sys.stdout.flush()


def rejected(
    session: Session,
    *,
    run: RunId,
    table: Annotated[Text, typer.Option("--table", "-t", help="Only rows of this table.")] = None,
    reason: Annotated[Text, typer.Option("--reason", "-r", help="Only rows rejected for this.")] = None,
    limit: Limit = 50,
) -> None:
    """Show the rows that a run rejected: where each stood, which field, why, and the value."""
    session.out.listing(
        session.view.runs.rejected(run, table=table, reason=reason),
        "locator",
        "field",
        "reason",
        "value",
        "message",
        limit=limit,
    )


def find(
    session: Session,
    *,
    run: RunId,
    key: Annotated[str, typer.Argument(metavar="KEY", help="The value of the table's key.")],
    table: Annotated[
        Text, typer.Option("--table", "-t", help="The table; needed if the run made several.")
    ] = None,
    column: ColumnName = None,
    source: AskSource = Asking.AUTO,
) -> None:
    """Tell what became of a record in a run: whether it went through, and if not, why."""
    found = session.view.runs.find(run, key_of(key, column), table=table, source=source.value)
    show_record(found, session.out)


def events(session: Session, *, run: RunId) -> None:
    """Write what happens in a run as it happens, one JSON object in a line."""
    for event in session.view.runs.events(run):
        line = json.dumps({"event": event.name, "id": event.id, "data": event.data}, ensure_ascii=False)
        sys.stdout.write(plain(line) + "\n")
        sys.stdout.flush()


def cancel(session: Session, *, run: RunId) -> None:
    """Ask a run to stop; what it has committed stays."""
    stopped = session.view.runs.cancel(run)
    session.out.done(stopped, f"Run {run}: {stopped.get('status')}.")


def retry(session: Session, *, run: RunId) -> None:
    """Start a new run of what this one did not finish."""
    started = session.view.runs.retry(run)
    session.out.done(started, started.id)
    session.out.note(f"Started; `datalinx runs watch {started.id}` follows it.")


def replay(
    session: Session,
    *,
    run: RunId,
    table: Annotated[Text, typer.Option("--table", "-t", help="Only rows of this table.")] = None,
    reason: Annotated[Text, typer.Option("--reason", "-r", help="Only rows rejected for this.")] = None,
    rehearse: Annotated[
        bool, typer.Option("--rehearse", help="Only tell what would become of the rows.")
    ] = False,
) -> None:
    """Put a run's rejected rows through the present mapping, each exactly once."""
    choice = {name: value for name, value in (("table", table), ("reason", reason)) if value}
    if not rehearse:
        started = session.view.runs.replay_rejected(run, **choice)
        session.out.done(started, started.id)
        session.out.note(f"Started; `datalinx runs watch {started.id}` follows it.")
        return
    found = session.view.runs.replay_rejected(run, **choice, rehearse=True)
    passing = f"{count(found.get('would_pass'))} of {count(found.get('rows'))} would pass"
    session.out.done(found, f"{passing}, {count(found.get('superseded'))} of them behind a newer row.")


def verify(session: Session, *, run: RunId) -> None:
    """Run a run again from its manifest and compare; ends with 1 unless all is the same."""
    started = session.view.runs.verify(run)
    ended = session.view.runs.wait(started.id, check=False)
    for step in ended.get("steps") or []:
        for reason in (step.get("report") or {}).get("reasons") or []:
            session.out.note(f"{step.get('table')}: {reason}")
    verified = ended.get("verified")
    unlike = "different" if verified is False else "not possible to verify"
    session.out.done(ended, f"Run {run}: {'verified' if verified else unlike}.")
    if not verified:
        raise typer.Exit(1)


command(app, "list")(list_)
command(app, "show")(show)
command(app, "watch")(watch)
command(app, "logs")(logs)
command(app, "rejected")(rejected)
command(app, "find")(find)
command(app, "events")(events)
command(app, "cancel")(cancel)
command(app, "retry")(retry)
command(app, "replay")(replay)
command(app, "verify")(verify)
