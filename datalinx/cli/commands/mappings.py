"""Mappings: from source columns to target tables."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

from datalinx.cli.command import Limit, command, group
from datalinx.cli.document_files import Metadata, OutputFile, save_document
from datalinx.cli.documents import read_document, read_documents
from datalinx.cli.output import Column
from datalinx.cli.refusal import FAILED, Refusal
from datalinx.cli.session import Session
from datalinx.cli.text import count, plain, shown

app = group("How sources become tables.")
TableName = Annotated[str, typer.Argument(metavar="TABLE", help="The target table.")]
File = Annotated[
    str | None,
    typer.Argument(metavar="FILE", help="A document that is not stored; - for stdin.", show_default=False),
]


def list_(session: Session, *, limit: Limit = 50) -> None:
    """List the mappings."""
    inputs = Column("inputs", lambda row: shown([_input_name(entry) for entry in row.get("inputs") or []]))
    fields = Column("fields", lambda row: str(len(row.get("fields") or {})))
    session.out.listing(
        session.view.mappings.list(),
        Column("table", "table_name"),
        inputs,
        fields,
        "load.mode",
        "version",
        limit=limit,
    )


def show(
    session: Session, *, table: TableName, output: OutputFile = None, metadata: Metadata = False
) -> None:
    """Show a mapping, each field and what it is made of, or write its document to a file.

    Example: datalinx mappings show customers -o mappings/customers.yaml
    """
    document = session.view.mappings.get(table)
    if output is not None:
        save_document(session, document, output, noun=f"the mapping of {table}", metadata=metadata)
        return
    if session.out.as_json:
        session.out.json(document)
        return
    fields = document.get("fields") or {}
    session.out.grid(
        ["field", "type", "from"], [[plain(name), *_origin(field)] for name, field in fields.items()]
    )


def apply(
    session: Session,
    *,
    files: Annotated[list[str], typer.Argument(metavar="FILE", help="JSON or YAML; - for stdin.")],
) -> None:
    """Make or replace mappings; a file may hold one or a list of them.

    All files are read before the first mapping is sent. Example: datalinx mappings apply mappings/*.yaml
    """
    documents = read_documents(files)
    nameless = next((document for document in documents if not document.get("table_name")), None)
    if nameless is not None:
        raise Refusal("A mapping has no table_name; nothing was sent.")
    made = []
    for document in documents:
        made.append(session.view.mappings.put(str(document["table_name"]), document))
        session.out.note(f"{made[-1].table_name}: version {made[-1].get('version')}")
    session.out.done(made, f"Applied {len(made)} mapping" + ("." if len(made) == 1 else "s."))


def validate(session: Session, *, table: TableName, file: File = None) -> None:
    """Check a mapping against its sources and the target schema; ends with 1 if it does not hold."""
    result = session.view.mappings.validate(table, read_document(file) if file else None)
    faults = result.get("errors") or []
    holds = bool(result.get("valid", not faults))
    if session.out.as_json:
        session.out.json(result)
    elif faults:
        session.out.table(faults, "field", "code", "message")
    else:
        session.out.line("The mapping holds." if holds else "The mapping does not hold.")
        if unmapped := result.get("unmapped"):
            session.out.line(f"Not mapped yet, which a run needs: {shown(unmapped)}.")
        for each in result.get("warnings") or []:
            session.out.line(f"{each['field']}: {each['message']}")
    if not holds:
        raise typer.Exit(FAILED)


def preview(session: Session, *, table: TableName, file: File = None, limit: Limit = 20) -> None:
    """Run a mapping on a sample: the rows that come out, those rejected and why; nothing is stored."""
    document = read_document(file) if file else None
    result = session.view.mappings.preview(table, document, limit=limit or None)
    if session.out.as_json:
        session.out.json(result)
        return
    session.out.sample(result.get("columns") or [], result.get("rows") or [])
    rejected = result.get("rejected") or []
    if rejected:
        session.out.table(rejected, "locator", "field", "reason", "value", "message", title="Rejected")
    # Who is unaffected is in the JSON; here they would bury those who are not.
    readers = [each for each in result.get("readers") or [] if each["effect"] != "unaffected"]
    if readers:
        session.out.table(readers, "effect", "type", "name", "columns", "message", title="Readers")
    counts = result.get("counts") or {}
    session.out.note(
        ", ".join(f"{count(number)} {name.replace('_', ' ')}" for name, number in counts.items() if number)
    )


def dbt(
    session: Session,
    *,
    table: TableName,
    field: Annotated[str | None, typer.Option("--field", "-f", help="The SQL of one field.")] = None,
    output: Annotated[Path | None, typer.Option("--output", "-o", help="Write to a file.")] = None,
) -> None:
    """Write a mapping as a dbt model."""
    mappings = session.view.mappings
    answer = mappings.field_dbt(table, field) if field else mappings.dbt_code(table)
    if session.out.as_json:
        session.out.json(answer)
    elif output is None:
        session.out.raw(str(answer.get("sql") or ""))
    else:
        try:
            output.write_text(str(answer.get("sql") or ""), encoding="utf-8")
        except OSError as error:
            raise Refusal(f"{output}: {error.strerror}.") from error
        session.out.note(f"Wrote {output}.")


def suggest(
    session: Session,
    *,
    table: TableName,
    source: Annotated[str | None, typer.Option("--source", help="Look in this source.")] = None,
    source_table: Annotated[str | None, typer.Option("--table", help="Its table to look at.")] = None,
    accept: Annotated[
        float | None,
        typer.Option("--accept", min=0, max=1, help="Take every suggestion that is at least this sure."),
    ] = None,
) -> None:
    """Suggest a field for each column that has none, from names and sampled values.

    Example: datalinx mappings suggest customers --accept 0.9
    """
    mappings = session.view.mappings
    states = list(mappings.suggest(table, source=source, source_table=source_table))
    if accept is not None:
        for entry in states:
            offered = entry.get("suggestion")
            if offered and not offered["ambiguous"] and offered["confidence"] >= accept:
                mappings.accept_suggestion(table, offered["id"])
        states = list(mappings.suggestions(table))
    if session.out.as_json:
        session.out.json(states)
        return
    rows = [[plain(str(entry["field"])), shown(entry["state"]), *_offer(entry)] for entry in states]
    session.out.grid(["field", "state", "sure", "suggestion", "because"], rows)


def _offer(entry: Mapping[str, Any]) -> Iterator[str]:
    offered = entry.get("suggestion")
    if not offered:
        yield from ("", "", "")
        return
    yield f"{offered['confidence']:.0%}"
    yield " ".join(_origin(offered["proposal"]))
    yield " ".join(plain(str(reason["message"])) for reason in offered["reasons"])


def dbt_project(
    session: Session,
    *,
    output: Annotated[Path, typer.Option("--output", "-o", help="The zip file to write.")] = Path(
        "dbt-project.zip"
    ),
) -> None:
    """Write all mappings as a dbt project that `dbt build` accepts."""
    content = session.view.mappings.dbt_project()
    try:
        output.write_bytes(content)
    except OSError as error:
        raise Refusal(f"{output}: {error.strerror}.") from error
    session.out.done({"path": str(output), "bytes": len(content)}, f"Wrote {output}.")


def _input_name(entry: Mapping[str, Any]) -> str:
    if entry.get("source"):
        return f"{entry['source']}.{entry.get('table')}"
    return str(entry.get("cte") or entry.get("target") or entry.get("alias"))


def _origin(field: Mapping[str, Any]) -> Iterator[str]:
    yield shown(field.get("type"))
    steps = [str(step.get("name")) for step in field.get("decorators") or []]
    origin = next(
        (field[key] for key in ("source", "expression", "value") if field.get(key) is not None), None
    )
    yield " | ".join([shown(origin), *map(plain, steps)])


command(app, "list")(list_)
command(app, "show")(show)
command(app, "apply")(apply)
command(app, "validate")(validate)
command(app, "preview")(preview)
command(app, "suggest")(suggest)
command(app, "dbt")(dbt)
command(app, "dbt-project")(dbt_project)
