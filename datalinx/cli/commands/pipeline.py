"""Pipelines: what runs together."""

from collections.abc import Mapping, Sequence
from typing import Annotated, Any

import typer

from datalinx.cli.command import Limit, command, group
from datalinx.cli.document_files import Metadata, OutputFile, save_document
from datalinx.cli.documents import read_documents
from datalinx.cli.names import object_id
from datalinx.cli.output import Column
from datalinx.cli.progress import follow_run
from datalinx.cli.refusal import Refusal
from datalinx.cli.session import Session

app = group("What runs together, and starting it.")


def list_(session: Session, *, limit: Limit = 50) -> None:
    """List the pipelines."""
    session.out.listing(
        session.view.pipelines.list(),
        "name",
        "tables",
        "engine",
        Column("schedule", "schedule.cron"),
        "next_run_at",
        "id",
        limit=limit,
    )


def show(
    session: Session,
    *,
    pipeline: Annotated[str, typer.Argument(metavar="PIPELINE", help="A name or an id.")],
    output: OutputFile = None,
    metadata: Metadata = False,
) -> None:
    """Show a pipeline, or write its document to a file.

    Example: datalinx pipeline show nightly -o pipelines/nightly.yaml
    """
    pipelines = session.view.pipelines
    found = pipelines.get(object_id(pipelines, pipeline, prefix="pl", noun="pipeline"))
    if output is not None:
        save_document(session, found, output, noun=f"the pipeline {found.get('name')}", metadata=metadata)
        return
    schedule = Column("schedule", "schedule.cron")
    session.out.fields(found, "name", "tables", "engine", schedule, "next_run_at", "version", "id")


def apply(
    session: Session,
    *,
    files: Annotated[list[str], typer.Argument(metavar="FILE", help="JSON or YAML; - for stdin.")],
) -> None:
    """Make pipelines, or replace those of the same name; a file may hold one or a list of them.

    A key that a document leaves out has its default. Those that start after others are sent after them.
    """
    documents = read_documents(files)
    if any(not document.get("name") for document in documents):
        raise Refusal("A pipeline has no name; nothing was sent.")
    made = [_apply(session, document) for document in _in_order(documents)]
    session.out.done(made, f"Applied {len(made)} pipeline" + ("." if len(made) == 1 else "s."))


def run(
    session: Session,
    *,
    pipeline: Annotated[
        str | None,
        typer.Argument(metavar="PIPELINE", help="A name or an id; all tables without.", show_default=False),
    ] = None,
    table: Annotated[
        list[str] | None, typer.Option("--table", "-t", help="Only this table; may be repeated.")
    ] = None,
    full_refresh: Annotated[bool, typer.Option("--full-refresh", help="Read everything anew.")] = False,
    test_mode: Annotated[bool, typer.Option("--test-mode", help="Publish nothing.")] = False,
    since: Annotated[
        str | None, typer.Option("--since", help="Only rows whose cursor is not before this time or date.")
    ] = None,
    until: Annotated[
        str | None, typer.Option("--until", help="Only rows whose cursor is before this time or date.")
    ] = None,
    follow: Annotated[bool, typer.Option("--follow/--no-follow", help="Wait for its end.")] = True,
) -> None:
    """Run a pipeline, or all that the workspace maps; ends with 1 if the run does not succeed.

    Example: datalinx pipeline run --workspace production
    """
    asked: dict[str, Any] = {
        "tables": table or None,
        "full_refresh": full_refresh or None,
        "test_mode": test_mode or None,
        "since": since,
        "until": until,
    }
    pipelines = session.view.pipelines
    if pipeline is None:
        started = pipelines.run_workspace(**asked)
    else:
        started = pipelines.run(object_id(pipelines, pipeline, prefix="pl", noun="pipeline"), **asked)
    if not follow:
        session.out.done(started, started.id)
        session.out.note(f"Started; `datalinx runs watch {started.id}` follows it.")
        return
    if code := follow_run(session.view, started.id, session.out):
        raise typer.Exit(code)


PipelineName = Annotated[str, typer.Argument(metavar="PIPELINE", help="A name or an id.")]


def pause(session: Session, *, pipeline: PipelineName) -> None:
    """Pause the schedule of a pipeline: it starts nothing until it is resumed.

    Example: datalinx pipeline pause nightly
    """
    pipelines = session.view.pipelines
    paused = pipelines.pause(object_id(pipelines, pipeline, prefix="pl", noun="pipeline"))
    session.out.done(paused, f"The schedule of {paused.get('name')} is paused.")


def resume(session: Session, *, pipeline: PipelineName) -> None:
    """Resume the paused schedule of a pipeline with the next of its times.

    Example: datalinx pipeline resume nightly
    """
    pipelines = session.view.pipelines
    resumed = pipelines.resume(object_id(pipelines, pipeline, prefix="pl", noun="pipeline"))
    session.out.done(resumed, f"The schedule of {resumed.get('name')} goes on: {resumed.get('next_run_at')}.")


def _in_order(documents: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the documents with each behind those that its `after` names; a circle is for the server to refuse."""
    left, ordered = list(documents), list[dict[str, Any]]()
    while left:
        waits = {str(document["name"]) for document in left}
        found = next((each for each in left if not waits & (_upstreams(each) - {str(each["name"])})), left[0])
        left.remove(found)
        ordered.append(found)
    return ordered


def _upstreams(document: Mapping[str, Any]) -> set[str]:
    after = document.get("after")
    names = after.get("pipelines") if isinstance(after, Mapping) else None
    return {str(name) for name in names} if isinstance(names, list) else set()


def _apply(session: Session, document: dict[str, Any]) -> Any:
    pipelines = session.view.pipelines
    name = str(document["name"])
    there = pipelines.find(name)
    if there is None:
        made = pipelines.create(document)
        session.out.note(f"{name}: made ({made.id})")
    else:
        made = pipelines.replace(there.id, document)
        session.out.note(f"{name}: changed ({made.id})")
    return made


command(app, "list")(list_)
command(app, "show")(show)
command(app, "apply")(apply)
command(app, "run")(run)
command(app, "pause")(pause)
command(app, "resume")(resume)
