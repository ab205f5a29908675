"""Object types: the entities over the target tables."""

from collections.abc import Mapping
from typing import Annotated, Any

import typer

from datalinx.cli.command import Limit, command, group
from datalinx.cli.documents import read_documents
from datalinx.cli.names import object_id
from datalinx.cli.output import Column
from datalinx.cli.refusal import Refusal
from datalinx.cli.session import Session
from datalinx.cli.text import shown

app = group("The entities that the tables hold.")
Reference = Annotated[str, typer.Argument(metavar="OBJECT_TYPE", help="An object type's name or id.")]


def _id(session: Session, reference: str) -> str:
    return object_id(session.view.object_types, reference, prefix="obj", noun="object type")


def list_(session: Session, *, limit: Limit = 50) -> None:
    """List the object types."""
    session.out.listing(
        session.view.object_types.list(),
        "name",
        "table",
        "key",
        Column("attributes", lambda row: str(len(row.get("attributes") or []))),
        Column("relates to", lambda row: shown([each["to"] for each in row.get("relationships") or []])),
        Column("faults", lambda row: str(len(row.get("faults") or []) or "")),
        "version",
        "id",
        limit=limit,
    )


def show(session: Session, *, object_type: Reference) -> None:
    """Show an object type: its attributes with the source columns that feed them, and its relationships."""
    found = session.view.object_types.get(_id(session, object_type))
    if session.out.as_json:
        session.out.json(found)
        return
    feeds = _feeds(found)
    session.out.table(
        found.resolved["attributes"],
        "name",
        "type",
        "column",
        Column("from", lambda row: shown(feeds.get(row["name"], []))),
    )
    if found.relationships:
        session.out.table(
            found.relationships,
            "name",
            "cardinality",
            "to",
            Column("by", lambda row: shown(row["columns"])),
            Column("equal to", lambda row: shown(row["to_columns"])),
            Column("through", "through.table"),
            title="Relationships",
        )
    for fault in found.faults:
        session.out.note(f"{fault['field']}: {fault['message']}")


def _feeds(found: Mapping[str, Any]) -> dict[str, list[str]]:
    """Return the source columns behind each attribute; empty for who may not see mappings."""
    feeds: dict[str, list[str]] = {}
    for each in found.get("source_mappings") or []:
        for line in each["columns"]:
            if line["attribute"]:
                feeds.setdefault(line["attribute"], []).append(
                    f"{each['source']}.{each['table']}.{line['column']}"
                )
    return feeds


def apply(
    session: Session,
    *,
    files: Annotated[list[str], typer.Argument(metavar="FILE", help="JSON or YAML; - for stdin.")],
) -> None:
    """Make object types, or change those of the same name; a file may hold one or a list of them.

    They may relate to each other in any order: those that are new are made first, and then related.
    """
    documents = read_documents(files)
    if any(not document.get("name") for document in documents):
        raise Refusal("An object type has no name; nothing was sent.")
    types = session.view.object_types
    there = {str(row["name"]): row for row in types.list()}
    new = {str(document["name"]) for document in documents} - there.keys()
    for document in documents:
        name = str(document["name"])
        if name not in there:
            there[name] = types.create(_unrelated(document, new))
    for document in documents:
        name = str(document["name"])
        if name not in new or _unrelated(document, new) != document:
            there[name] = types.update(there[name].id, **document)
        session.out.note(f"{name}: {'made' if name in new else 'changed'} ({there[name].id})")
    made = [there[str(document["name"])] for document in documents]
    session.out.done(made, f"Applied {len(made)} object type" + ("." if len(made) == 1 else "s."))


def _unrelated(document: Mapping[str, Any], new: set[str]) -> dict[str, Any]:
    """Return the document without the relationships to object types that may not be there yet."""
    relationships = document.get("relationships")
    if not isinstance(relationships, list):
        return dict(document)
    known = [each for each in relationships if not isinstance(each, dict) or each.get("to") not in new]
    return {**document, "relationships": known}


def delete(session: Session, *, object_type: Reference) -> None:
    """Delete an object type that no other relates to; the table stays."""
    gone = session.view.object_types.delete(_id(session, object_type))
    session.out.done(gone, f"Deleted the object type {object_type}.")


def draft(
    session: Session,
    *,
    tables: Annotated[
        list[str] | None, typer.Argument(metavar="TABLE", help="With --save: only these.", show_default=False)
    ] = None,
    save: Annotated[bool, typer.Option("--save", help="Keep what is proposed.")] = False,
) -> None:
    """Propose object types for the target tables that have none; nothing is kept without --save.

    Example: datalinx object-types draft --json
    """
    if tables and not save:
        raise Refusal("Tables are named for --save; without it all proposals are shown.")
    types = session.view.object_types
    found = types.create_drafts(tables) if save else types.draft()
    if session.out.as_json:
        session.out.json(found)
        return
    session.out.table(
        found["object_types"],
        "name",
        "table",
        "key",
        Column("attributes", lambda row: str(len(row["attributes"]))),
        Column("relates to", lambda row: shown([each["to"] for each in row["relationships"]])),
    )
    for each in found["left_out"]:
        place = ".".join(part for part in (each["table"], each["relationship"]) if part)
        session.out.note(f"{place}: {each['reason']}")


command(app, "list")(list_)
command(app, "show")(show)
command(app, "apply")(apply)
command(app, "delete")(delete)
command(app, "draft")(draft)
