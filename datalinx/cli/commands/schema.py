"""The target schema of a workspace."""

from typing import Annotated, Any

import typer

from datalinx.cli.command import command, group
from datalinx.cli.document_files import Metadata, OutputFile, save_document
from datalinx.cli.documents import read_document
from datalinx.cli.output import Column
from datalinx.cli.refusal import Refusal
from datalinx.cli.session import Session
from datalinx.cli.text import shown

app = group("The tables that data is mapped to.")


def show(
    session: Session,
    *,
    table: Annotated[str | None, typer.Argument(metavar="TABLE", help="A table.")] = None,
    output: OutputFile = None,
    metadata: Metadata = False,
) -> None:
    """Show the target schema: its tables, or the columns of one; or write its document to a file.

    Example: datalinx schema show -o schema.yaml
    """
    if table is not None and output is not None:
        raise Refusal("A file holds the whole schema; leave out the table.")
    if table is None:
        document = session.view.schemas.get()
        if output is not None:
            save_document(session, document, output, noun="the schema", metadata=metadata)
            return
        if session.out.as_json:
            session.out.json(document)
            return
        width = Column("columns", lambda row: str(len(row.get("columns") or [])))
        session.out.table(
            document.get("tables") or [], "name", Column("primary key", "primary_key"), width, "description"
        )
        return
    one = session.view.schemas.table(table)
    if session.out.as_json:
        session.out.json(one)
    else:
        session.out.table(
            one.get("columns") or [],
            "name",
            Column("type", _type),
            Column("null", _null),
            "pii",
            "description",
        )


def apply(
    session: Session,
    *,
    file: Annotated[str | None, typer.Argument(metavar="FILE", help="JSON or YAML; - for stdin.")] = None,
    template: Annotated[str | None, typer.Option("--template", "-t", help="A ready-made schema.")] = None,
    replace: Annotated[
        bool, typer.Option("--replace", help="With a template: replace tables of equal name.")
    ] = False,
) -> None:
    """Make a document, or the tables of a template, the target schema.

    Example: datalinx schema apply --template commerce
    """
    if (file is None) == (template is None):
        raise Refusal("Give either a file or --template.")
    if template is not None:
        document = session.view.schemas.apply_template(template, replace=replace or None)
    else:
        document = session.view.schemas.put(read_document(str(file)))
    tables = len(document.get("tables") or [])
    session.out.done(document, f"The schema has {tables} tables now (version {document.get('version')}).")


def templates(session: Session) -> None:
    """List the ready-made schemas."""
    session.out.listing(
        session.client.schemas.templates(), "name", "description", Column("tables", _table_names)
    )


def _type(column: dict[str, Any]) -> str:
    name = shown(column.get("type"))
    if column.get("precision"):
        return f"{name}({column['precision']}, {column.get('scale') or 0})"
    return name


def _null(column: dict[str, Any]) -> str:
    return "not null" if column.get("nullable") is False else ""


def _table_names(template: dict[str, Any]) -> str:
    tables = template.get("tables") or []
    return shown([table.get("name") if isinstance(table, dict) else str(table) for table in tables])


command(app, "show")(show)
command(app, "apply")(apply)
command(app, "templates")(templates)
