"""Audiences: segments of a table."""

from collections.abc import Iterator, Mapping
from typing import Annotated, Any

import typer

from datalinx.cli.command import Limit, command, group
from datalinx.cli.documents import read_document, read_documents
from datalinx.cli.names import object_id
from datalinx.cli.output import Column
from datalinx.cli.refusal import Refusal
from datalinx.cli.session import Session
from datalinx.cli.text import count, shown

app = group("Segments of a table.")
Reference = Annotated[str, typer.Argument(metavar="AUDIENCE", help="An audience's name or id.")]


def _id(session: Session, reference: str) -> str:
    return object_id(session.view.audiences, reference, prefix="aud", noun="audience")


def list_(session: Session, *, limit: Limit = 50) -> None:
    """List the audiences."""
    size = Column("size", lambda row: count(_size(row)))
    session.out.listing(
        session.view.audiences.list(), "name", "table", size, "refreshed_at", "version", "id", limit=limit
    )


def apply(
    session: Session,
    *,
    files: Annotated[list[str], typer.Argument(metavar="FILE", help="JSON or YAML; - for stdin.")],
) -> None:
    """Make audiences, or change those of the same name; a file may hold one or a list of them."""
    documents = read_documents(files)
    if any(not document.get("name") for document in documents):
        raise Refusal("An audience has no name; nothing was sent.")
    made = []
    for document in documents:
        there = session.view.audiences.find(str(document["name"]))
        audience = (
            session.view.audiences.update(there.id, **document)
            if there
            else session.view.audiences.create(document)
        )
        session.out.note(f"{audience.name}: {'changed' if there else 'made'} ({audience.id})")
        made.append(audience)
    session.out.done(made, f"Applied {len(made)} audience" + ("." if len(made) == 1 else "s."))


def preview(
    session: Session, *, file: Annotated[str, typer.Argument(metavar="FILE", help="A document; - for stdin.")]
) -> None:
    """Show the size of an audience that is not stored, and the count of every block of its rule."""
    result = session.view.audiences.preview(read_document(file))
    if session.out.as_json:
        session.out.json(result)
        return
    session.out.line(f"{count(_size(result))} members")
    blocks = result.get("blocks") or {}
    if blocks:
        session.out.grid(
            ["block", "members"], [[shown(path), count(number)] for path, number in blocks.items()]
        )


def refresh(session: Session, *, audience: Reference) -> None:
    """Find the members anew, and say how many entered and left."""
    result = session.view.audiences.refresh(_id(session, audience))
    changes = [
        f"{count(result[name])} {name}" for name in ("entered", "left") if isinstance(result.get(name), int)
    ]
    session.out.done(result, ", ".join([f"{count(_size(result))} members", *changes]))


def members(session: Session, *, audience: Reference, limit: Limit = 20) -> None:
    """Show members of an audience, as of its last refresh."""
    listing = session.view.audiences.members(_id(session, audience), page_size=min(limit or 200, 200))
    session.out.listing(listing, "key", limit=limit)


def explain(
    session: Session,
    *,
    audience: Reference,
    key: Annotated[str, typer.Argument(metavar="KEY", help="A row's key.")],
) -> None:
    """Say why a key is, or is not, in an audience."""
    result = session.view.audiences.explain(_id(session, audience), key)
    if session.out.as_json:
        session.out.json(result)
        return
    tree = result.get("explanation") or result
    session.out.line(f"{key}: {'a member' if _verdict(tree) == 'true' else 'not a member'}")
    session.out.table(list(_leaves(tree)), "path", "rule", Column("is", _verdict), "seen")


def _size(values: Mapping[str, Any]) -> Any:
    return next((values[name] for name in ("total", "size", "count") if values.get(name) is not None), None)


def _verdict(node: Mapping[str, Any]) -> str:
    return shown(node.get("verdict") or node.get("result"))


def _leaves(node: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """Yield the leaves of an explanation, which is a tree of blocks."""
    parts = node.get("parts") or []
    for part in parts:
        yield from _leaves(part)
    if not parts:
        yield node


command(app, "list")(list_)
command(app, "apply")(apply)
command(app, "preview")(preview)
command(app, "refresh")(refresh)
command(app, "members")(members)
command(app, "explain")(explain)
