"""Identity: the rules, who is who by them, and why."""

from typing import Annotated, Any

import typer

from datalinx.cli.command import command, group
from datalinx.cli.documents import read_document
from datalinx.cli.refusal import FAILED, Refusal
from datalinx.cli.session import Session

app = group("Which records are one person.")
Record = Annotated[str, typer.Argument(metavar="RECORD", help="A record, as table:key.")]


def show(session: Session) -> None:
    """Show the identity rules, as the document that `apply` takes."""
    session.out.json(session.view.identity.get())


def apply(
    session: Session,
    *,
    file: Annotated[str, typer.Argument(metavar="FILE", help="JSON or YAML; - for stdin.")],
) -> None:
    """Make a document the identity rules."""
    document = session.view.identity.put(read_document(file))
    rules = len(document.get("rules") or [])
    session.out.done(document, f"There are {rules} identity rules now (version {document.get('version')}).")


def resolve(
    session: Session,
    *,
    wait: Annotated[bool, typer.Option("--wait/--no-wait", help="Wait until it is done.")] = True,
    seconds: Annotated[float, typer.Option("--timeout", min=1, help="How long to wait, in seconds.")] = 3600,
) -> None:
    """Find who is who by the present rules."""
    made = session.view.identity.resolve()
    if not wait:
        session.out.done(made, f"The resolution {made.get('id')} is {made.get('status')}.")
        return
    try:
        found = session.view.identity.wait(seconds=seconds)
    except TimeoutError as error:
        raise Refusal(str(error), FAILED) from error
    resolution = found.get("resolution") or {}
    if resolution.get("status") == "cancelled":
        raise Refusal("The resolution was cancelled.", FAILED)
    if resolution.get("status") != "success":
        raise Refusal(f"The resolution failed: {(resolution.get('error') or {}).get('message')}", FAILED)
    session.out.done(found, _summary(found))


def cancel(session: Session) -> None:
    """Stop the resolution that is under way."""
    found = session.view.identity.cancel()
    word = "is cancelled" if found.get("status") == "cancelled" else "ends within seconds"
    session.out.done(found, f"The resolution {found.get('id')} {word}.")


def stats(session: Session) -> None:
    """Show who was found, and what each rule linked."""
    found = session.view.identity.stats()
    if session.out.as_json:
        session.out.json(found)
        return
    session.out.note(_summary(found))
    session.out.table(
        (found.get("statistics") or {}).get("rules") or [],
        "name",
        "values",
        "records",
        "shared_values",
        "shared_records",
    )


def explain(session: Session, *, a: Record, b: Record) -> None:
    """Tell why two records are one person.

    Example: datalinx identity explain customers:17 leads:4
    """
    found = session.view.identity.explain(a, b)
    if session.out.as_json:
        session.out.json(found)
        return
    ids = found.get("canonical_ids") or []
    if not found.get("same"):
        session.out.note(f"Two people: {' and '.join(ids)}.")
        return
    session.out.note(f"One person, {ids[0]} ({found.get('kind')}, confidence {found.get('confidence'):g}).")
    session.out.table([_step(step) for step in found.get("path") or []], "from", "rule", "value", "to")


def _summary(found: Any) -> str:
    counts = found.get("statistics")
    if not counts:
        state = (found.get("resolution") or {}).get("status") or "not asked for yet"
        return f"Nobody was found yet; the resolution is {state}."
    several = f"{counts['clusters_of_several']:,} of them with several"
    people = f"{counts['clusters']:,} people in {counts['records']:,} records"
    return f"{people}, {several}; generation {found.get('generation')}."


def _step(step: dict[str, Any]) -> dict[str, Any]:
    ends = {name: f"{step[name]['table']}:{step[name]['key']}" for name in ("from", "to")}
    return {**step, **ends}


command(app, "show")(show)
command(app, "apply")(apply)
command(app, "resolve")(resolve)
command(app, "cancel")(cancel)
command(app, "stats")(stats)
command(app, "explain")(explain)
