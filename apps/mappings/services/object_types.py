"""Object types: kept, changed, taken away, and drafted from the target schema."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import asdict
from typing import Any

from django.db import IntegrityError, transaction

from apps.mappings.models import ObjectType
from apps.mappings.services.schemas import get_schema
from apps.mappings.services.types import get_registry
from apps.workspaces.models import Workspace
from apps.workspaces.services.documents import check_if_match, record_version
from datalinx.caller import Caller
from datalinx.engine.object_types import (
    Drafts,
    Entity,
    Ground,
    check_object_type,
    draft_object_types,
    with_ids,
    with_names,
)
from datalinx.engine.spec.base import document_to_json, parse_document, refusal
from datalinx.engine.spec.object_type import ObjectTypeDocument
from datalinx.errors import FieldError, Invalid, NotFound

# All of them are looked at when one is saved, and drawn together.
MOST_OBJECT_TYPES = 500


def get_ground(workspace: Workspace, rows: Iterable[ObjectType] | None = None) -> Ground:
    """Return what object types are looked at against; `rows` are all of the workspace where they are known."""
    known = list_object_types(workspace.pk) if rows is None else rows
    return Ground(
        get_schema(workspace.pk),
        get_registry(workspace.organization_id),
        {row.pk: Entity(row.name, row.document["table"]) for row in known},
    )


def list_object_types(workspace_id: str) -> list[ObjectType]:
    """Return every object type of a workspace, by name."""
    return list(ObjectType.objects.for_workspace(workspace_id).order_by("name"))


@transaction.atomic
def create_object_type(*, workspace: Workspace, actor: Caller, document: Any) -> ObjectType:
    """Keep an object type. Raises Invalid with paths to every fault, OBJECT_TYPE_NAME_TAKEN."""
    rows = _lock(workspace)
    _require_room(len(rows) + 1)
    row = ObjectType(workspace=workspace, version=0, created_by=actor.id)
    return _save(row, rows, actor=actor, document=document)


@transaction.atomic
def update_object_type(
    *, object_type: ObjectType, actor: Caller, changes: Mapping[str, Any], if_match: str = ""
) -> ObjectType:
    """Change the given keys of an object type's document. Raises as `create_object_type`.

    Raises Invalid VERSION_CONFLICT, and OBJECT_TYPE_IN_USE when relationships of others would not hold any more.
    Raises NotFound when it was deleted meanwhile.
    """
    rows = _lock(object_type.workspace)
    # Another change may have come first: the document that is changed is the one that is locked.
    row = next((each for each in rows if each.pk == object_type.pk), None)
    if row is None:
        raise NotFound("OBJECT_TYPE_NOT_FOUND", "The object type was deleted meanwhile.")
    check_if_match(if_match=if_match, version=row.version)
    return _save(row, rows, actor=actor, document={**row.document, **changes})


@transaction.atomic
def delete_object_type(*, object_type: ObjectType) -> None:
    """Delete an object type that no other relates to. Raises Invalid OBJECT_TYPE_IN_USE naming those."""
    rows = _lock(object_type.workspace)
    names = [row.name for row in rows if row.pk != object_type.pk and object_type.pk in related_ids(row)]
    if names:
        message = f"{_listed(names)} to this object type; change that first."
        raise Invalid("OBJECT_TYPE_IN_USE", message, details={"object_types": names})
    object_type.delete()


def related_ids(row: ObjectType) -> list[str]:
    """Return the ids that the relationships of an object type lead to."""
    return [each["to"] for each in row.document["relationships"]]


def draft(workspace: Workspace) -> dict[str, Any]:
    """Return what is proposed for the tables that have no object type, and what is not and why."""
    drafts = draft_object_types(get_ground(workspace))
    return _drafts_to_json([document_to_json(each) for each in drafts.object_types], drafts)


@transaction.atomic
def create_drafts(
    *, workspace: Workspace, actor: Caller, tables: Sequence[str] | None = None
) -> dict[str, Any]:
    """Keep what is proposed for these tables (all of them when None), with the relationships among them.

    Raises Invalid with the path to a table that nothing is proposed for.
    """
    present = _lock(workspace)
    drafts = draft_object_types(get_ground(workspace, present))
    chosen = _chosen(drafts, tables, {row.document["table"]: row.name for row in present})
    _require_room(len(present) + len(chosen))
    rows = [
        ObjectType(
            workspace=workspace,
            version=0,
            created_by=actor.id,
            name=each.name,
            document={"table": each.table},
        )
        for each in chosen
    ]
    ground = get_ground(workspace, [*present, *rows])
    for row, document in zip(rows, chosen, strict=True):
        # What leads to a table that was not chosen is left to be drafted, or written, with that one.
        held = tuple(each for each in document.relationships if each.to in ground.ids)
        _keep(row, with_ids(document.model_copy(update={"relationships": held}), ground), actor=actor)
    shown = [{"id": row.pk, **show_document(row, ground), "version": row.version} for row in rows]
    return _drafts_to_json(shown, drafts)


def _drafts_to_json(object_types: list[dict[str, Any]], drafts: Drafts) -> dict[str, Any]:
    return {"object_types": object_types, "left_out": [asdict(each) for each in drafts.left_out]}


def _chosen(
    drafts: Drafts, tables: Sequence[str] | None, present: Mapping[str, str]
) -> list[ObjectTypeDocument]:
    proposed = {each.table: each for each in drafts.object_types}
    if tables is None:
        return list(proposed.values())
    reasons = {table: f"The object type `{name}` stands for it." for table, name in present.items()}
    reasons |= {each.table: each.reason for each in drafts.left_out if each.relationship is None}
    faults = [
        FieldError(
            f"tables[{position}]",
            "not_proposed",
            f"Nothing is proposed for `{name}`: {reasons.get(name, 'the target schema has no such table.')}",
        )
        for position, name in enumerate(tables)
        if name not in proposed
    ]
    if faults:
        raise refusal(faults)
    return [proposed[name] for name in dict.fromkeys(tables)]


def show_document(row: ObjectType, ground: Ground) -> dict[str, Any]:
    """Return the document of an object type as people read it, with names where its relationships lead."""
    return document_to_json(with_names(parse_document(ObjectTypeDocument, row.document), ground))


def _lock(workspace: Workspace) -> list[ObjectType]:
    """Return all object types, held against changes: what one relates to stays while it is saved."""
    rows = ObjectType.objects.for_workspace(workspace.pk).order_by("pk")
    # What came while this waited for the locks is in the second answer alone.
    list(rows.select_for_update().values_list("pk", flat=True))
    return list(rows)


def _require_room(count: int) -> None:
    if count > MOST_OBJECT_TYPES:
        message = f"A workspace has at most {MOST_OBJECT_TYPES} object types; these would be {count}."
        raise Invalid("TOO_MANY_OBJECT_TYPES", message)


def _save(row: ObjectType, rows: Collection[ObjectType], *, actor: Caller, document: Any) -> ObjectType:
    parsed = parse_document(ObjectTypeDocument, document)
    others = [each for each in rows if each.pk != row.pk]
    # It may relate to itself, by its new name too.
    own = ObjectType(pk=row.pk, name=parsed.name, document={"table": parsed.table})
    ground = get_ground(row.workspace, [*others, own])
    led = with_ids(parsed, ground)
    if faults := check_object_type(led, ground):
        raise refusal(faults)
    if row.document and row.document["table"] != parsed.table:
        _require_others_hold(row, others, ground)
    return _keep(row, led, actor=actor)


def _require_others_hold(row: ObjectType, others: Iterable[ObjectType], ground: Ground) -> None:
    for other in others:
        if row.pk not in related_ids(other):
            continue
        document = parse_document(ObjectTypeDocument, other.document)
        leading = [f"relationships[{place}]" for place, to in enumerate(related_ids(other)) if to == row.pk]
        for fault in check_object_type(document, ground):
            if fault.field.startswith(tuple(leading)):
                message = (
                    f"The object type {other.name!r} relates to this one, and would not fit: {fault.message}"
                )
                raise Invalid("OBJECT_TYPE_IN_USE", message, errors=[FieldError("table", "in_use", message)])


def _keep(row: ObjectType, document: ObjectTypeDocument, *, actor: Caller) -> ObjectType:
    row.name, row.document = document.name, document_to_json(document)
    row.version = record_version(
        workspace=row.workspace, kind="object_type", key=row.pk, document=row.document, actor=actor
    )
    try:
        with transaction.atomic():
            row.save()
    except IntegrityError as error:
        message = f"There is an object type named {document.name!r} already; choose another name."
        raise Invalid(
            "OBJECT_TYPE_NAME_TAKEN", message, errors=[FieldError("name", "taken", message)]
        ) from error
    return row


def _listed(names: Sequence[str]) -> str:
    """Return who relates, as the beginning of a sentence."""
    if len(names) == 1:
        return f"{names[0]!r} relates"
    shown = [repr(name) for name in names[:5]]
    last = f"{len(names) - 5} more" if len(names) > 5 else shown.pop()
    return f"{', '.join(shown)} and {last} relate"
