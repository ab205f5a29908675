"""Blocks of SQL that mappings read."""

from typing import Annotated

import typer

from datalinx.cli.command import Limit, command, group
from datalinx.cli.document_files import Metadata, OutputFile, save_document
from datalinx.cli.documents import read_documents
from datalinx.cli.refusal import Refusal
from datalinx.cli.session import Session

app = group("Blocks of SQL that mappings read.")


def list_(session: Session, *, limit: Limit = 50) -> None:
    """List the blocks."""
    session.out.listing(session.view.ctes.list(), "name", "description", "version", limit=limit)


def show(
    session: Session,
    *,
    name: Annotated[str, typer.Argument(metavar="NAME", help="A block.")],
    output: OutputFile = None,
    metadata: Metadata = False,
) -> None:
    """Show the SQL of a block, or write its document to a file."""
    found = session.view.ctes.get(name)
    if output is not None:
        save_document(session, found, output, noun=f"the block {name}", metadata=metadata)
    elif session.out.as_json:
        session.out.json(found)
    else:
        session.out.raw(str(found.get("sql") or ""))


def apply(
    session: Session,
    *,
    files: Annotated[list[str], typer.Argument(metavar="FILE", help="JSON or YAML; - for stdin.")],
) -> None:
    """Make or replace blocks; a file may hold one or a list of them, each after those that it builds on."""
    documents = read_documents(files)
    if any(not document.get("name") for document in documents):
        raise Refusal("A block has no name; nothing was sent.")
    made = [session.view.ctes.put(str(document["name"]), document) for document in documents]
    session.out.done(made, f"Applied {len(made)} block" + ("." if len(made) == 1 else "s."))


command(app, "list")(list_)
command(app, "show")(show)
command(app, "apply")(apply)
