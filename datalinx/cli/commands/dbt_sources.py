"""Sources: what a dbt project says of one, taken over."""

from collections.abc import Iterator, Mapping
from typing import Annotated, Any

import typer

from datalinx.cli.command import command
from datalinx.cli.documents import read_text
from datalinx.cli.names import object_id
from datalinx.cli.session import Session
from datalinx.cli.text import plain, shown


def import_dbt(
    session: Session,
    *,
    source: Annotated[str, typer.Argument(metavar="SOURCE", help="A source's name or id.")],
    file: Annotated[str, typer.Argument(metavar="FILE", help="sources.yml or schema.yml; - for stdin.")],
    dbt_source: Annotated[
        str | None, typer.Option("--source", help="The source of the file to take.")
    ] = None,
    table: Annotated[
        list[str] | None, typer.Option("--table", "-t", help="Only this table of the file; may be repeated.")
    ] = None,
    tests: Annotated[bool, typer.Option("--tests", help="Put its tests on the target schema too.")] = False,
    preview: Annotated[bool, typer.Option("--preview", help="Show what would become of it.")] = False,
) -> None:
    """Take over what a dbt project says of a source's tables and columns.

    Example: datalinx sources import-dbt crm models/sources.yml --preview
    """
    answer = session.view.sources.import_dbt(
        object_id(session.view.sources, source, prefix="src", noun="source"),
        read_text(file),
        source=dbt_source,
        tables=table,
        preview=preview or None,
        apply_tests_to_schema=tests or None,
    )
    if session.out.as_json:
        session.out.json(answer)
        return
    lines = [line for each in answer.get("tables") or [] for line in _table(each)]
    session.out.grid(["table", "column", "is", "outcome", "description"], lines)
    if found := [line for each in answer.get("tests_found") or [] for line in _tests(each)]:
        session.out.grid(["test", "of", "outcome", "on", "because"], found, title="Tests")
    beside = [[plain(note["path"]), plain(note["message"])] for note in answer.get("unsupported") or []]
    beside += [
        [plain(path), "Jinja is text here; nothing evaluates it."] for path in answer.get("jinja") or []
    ]
    if beside:
        session.out.grid(["place in the file", "not taken as it is meant"], beside, title="Beside that")
    if preview:
        session.out.note("Nothing was changed.")


def _table(entry: Mapping[str, Any]) -> Iterator[list[str]]:
    yield [plain(entry["dbt_table"]), "", *_described(entry, entry["table"])]
    for column in entry["columns"]:
        yield [plain(entry["dbt_table"]), plain(column["dbt_column"]), *_described(column, column["column"])]


def _described(entry: Mapping[str, Any], name: str | None) -> list[str]:
    is_taken = entry["outcome"] in {"taken", "changed"}
    words = entry["after"] if is_taken else shown(entry["candidates"])
    return [shown(name), entry["outcome"].replace("_", " "), plain(words)]


def _tests(entry: Mapping[str, Any]) -> Iterator[list[str]]:
    column = f"{entry['table']}.{entry['column']}" if entry["column"] else entry["path"]
    places = [f"{place['table']}.{place['column']}" for place in entry["places"]]
    outcome = entry["outcome"].replace("_", " ")
    yield [plain(entry["test"]), plain(column), outcome, shown(places), plain(entry["message"])]


def register(app: typer.Typer) -> None:
    """Add the command to those of sources."""
    command(app, "import-dbt")(import_dbt)
