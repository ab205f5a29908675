"""Audiences: who fits a rule, how many, why, and who entered and left."""

import logging
from collections.abc import Mapping
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db import IntegrityError, transaction
from django.db.models import F
from django.utils import timezone

from apps.analytics.models import Audience, AudienceRefresh
from apps.pipelines.models import StoredTable
from apps.pipelines.services.tables import find_stored_table, table_files
from apps.workspaces.models import Workspace
from apps.workspaces.services.documents import check_if_match, record_version
from datalinx.caller import Caller
from datalinx.engine import audience as engine
from datalinx.engine.audience import Budget
from datalinx.engine.query.rows import Where, count_rows, read_rows
from datalinx.engine.query.tables import TableFiles
from datalinx.engine.spec.audience import AudienceDocument
from datalinx.engine.spec.base import document_to_json, parse_document, refusal
from datalinx.errors import FieldError, Interrupted, Invalid, NotFound
from datalinx.events import emit
from datalinx.files import scratch, workspace_storage

logger = logging.getLogger(__name__)

Tables = Mapping[str, TableFiles]


def create_audience(*, workspace: Workspace, actor: Caller, document: Any) -> Audience:
    """Make an audience. Raises Invalid with paths to every fault, AUDIENCE_NAME_TAKEN, AUDIENCE_CYCLE."""
    return _save(
        Audience(workspace=workspace, version=0, created_by=actor.id), actor=actor, document=document
    )


def update_audience(
    *, audience: Audience, actor: Caller, changes: Mapping[str, Any], if_match: str = ""
) -> Audience:
    """Change the given keys of an audience's document; its members stay until the next refresh."""
    check_if_match(if_match=if_match, version=audience.version)
    return _save(audience, actor=actor, document={**audience.document, **changes})


@transaction.atomic
def _save(audience: Audience, *, actor: Caller, document: Any) -> Audience:
    parsed = parse_document(AudienceDocument, document)
    check_document(audience.workspace, parsed, own_id=audience.pk)
    audience.name, audience.document = parsed.name, document_to_json(parsed)
    audience.version = record_version(
        workspace=audience.workspace,
        kind="audience",
        key=audience.pk,
        document=audience.document,
        actor=actor,
    )
    try:
        with transaction.atomic():
            audience.save()
    except IntegrityError as error:
        message = f"There is an audience named {parsed.name!r} already; choose another name."
        raise Invalid(
            "AUDIENCE_NAME_TAKEN", message, errors=[FieldError("name", "taken", message)]
        ) from error
    return audience


def delete_audience(*, audience: Audience, actor: Caller) -> None:
    """Delete an audience that no other builds on. Raises Invalid AUDIENCE_IN_USE."""
    for other in Audience.objects.for_workspace(audience.workspace_id).exclude(pk=audience.pk):
        if audience.pk in engine.referenced_audiences(parse_document(AudienceDocument, other.document)):
            raise Invalid(
                "AUDIENCE_IN_USE", f"The audience {other.name!r} builds on this one; change it first."
            )
    place, prefix = _place(audience), f"audiences/{audience.pk}"
    audience.delete()
    transaction.on_commit(lambda: place.delete_prefix(prefix))


def check_document(workspace: Workspace, document: AudienceDocument, *, own_id: str = "") -> None:
    """Refuse what can be known to be wrong without data. Raises Invalid with paths to every fault."""
    _check_tables(workspace, document)
    _check_cycle(workspace, document, own_id)
    tables, audiences = open_inputs(workspace, document)
    engine.check_audience(document, tables=tables, audiences=audiences, now=timezone.now())


def _check_tables(workspace: Workspace, document: AudienceDocument) -> None:
    names = [document.table, *engine.referenced_tables(document), *document.refresh.after]
    faults = [
        FieldError("table" if name == document.table else "rule", "unknown_table", _no_table(name))
        for name in dict.fromkeys(names)
        if find_stored_table(workspace.pk, name) is None
    ]
    if faults:
        raise refusal(faults)


def _no_table(name: str) -> str:
    return f"There is no stored table {name!r}; run its pipeline first."


def _check_cycle(workspace: Workspace, document: AudienceDocument, own_id: str) -> None:
    path = [own_id]

    def visit(current: AudienceDocument) -> None:
        for name in engine.referenced_audiences(current):
            row = Audience.objects.for_workspace(workspace.pk).filter(pk=name).first()
            if row is None:
                message = f"There is no audience {name!r} in this workspace."
                raise Invalid(
                    "VALIDATION_ERROR", message, errors=[FieldError("rule", "unknown_audience", message)]
                )
            if row.pk in path:
                cycle = " → ".join([*path[path.index(row.pk) :], row.pk])
                raise Invalid("AUDIENCE_CYCLE", f"These audiences build on each other in a circle: {cycle}.")
            path.append(row.pk)
            visit(parse_document(AudienceDocument, row.document))
            path.pop()

    visit(document)


def open_inputs(
    workspace: Workspace, document: AudienceDocument
) -> tuple[dict[str, TableFiles], dict[str, TableFiles]]:
    """Return what a rule reads: the stored tables by name, the members of other audiences by id."""
    tables = {}
    for name in dict.fromkeys([document.table, *engine.referenced_tables(document)]):
        stored = find_stored_table(workspace.pk, name)
        if stored is None:
            raise Invalid("UNKNOWN_TABLE", _no_table(name))
        tables[name] = table_files(stored)
    rows = Audience.objects.for_workspace(workspace.pk).select_related("workspace")
    audiences = {name: members_of(rows.get(pk=name)) for name in engine.referenced_audiences(document)}
    return tables, audiences


def _place(audience: Audience) -> Any:
    return workspace_storage(audience.workspace.organization_id, audience.workspace_id)


def _key_type(audience: Audience) -> str:
    stored = find_stored_table(audience.workspace_id, audience.document["table"])
    for column in stored.columns if stored else []:
        if column["name"] == audience.document["key"]:
            return str(column["type"])
    return "VARCHAR"


def members_of(audience: Audience, refresh: AudienceRefresh | None = None) -> TableFiles:
    """Return the members that the last refresh (or this one) found, as a table of keys."""
    document = parse_document(AudienceDocument, audience.document)
    found = refresh or audience.refreshes.first()
    file = _place(audience).local(found.members_key) if found else None
    return engine.members_table(document, _key_type(audience), file)


def _budget(folder: Path) -> Budget:
    return Budget(
        memory_bytes=settings.QUERY_MEMORY_BYTES,
        threads=settings.ENGINE_THREADS,
        seconds=settings.AUDIENCE_SECONDS,
        spill=folder,
    )


def preview_audience(*, workspace: Workspace, document: Any) -> dict[str, Any]:
    """Return how many an audience that is not saved would have, with a count for every block of its rule."""
    given = {"name": "preview", **document} if isinstance(document, dict) else document
    parsed = parse_document(AudienceDocument, given)
    check_document(workspace, parsed)
    return _count(workspace, parsed)


def _count(workspace: Workspace, document: AudienceDocument) -> dict[str, Any]:
    tables, audiences = open_inputs(workspace, document)
    with scratch("audience") as folder:
        counted = engine.count_audience(
            document, tables=tables, audiences=audiences, now=timezone.now(), budget=_budget(folder)
        )
    return asdict(counted)


def count_audience(*, audience: Audience) -> dict[str, Any]:
    """Return the counts of an audience's rule right now, block by block."""
    return _count(audience.workspace, parse_document(AudienceDocument, audience.document))


def refresh_audience(*, audience: Audience, actor: Caller | None = None) -> AudienceRefresh:
    """Find the members anew, keep them, and tell who entered and left.

    Raises Interrupted AUDIENCE_MOVED when another refresh was first.
    """
    document = parse_document(AudienceDocument, audience.document)
    tables, audiences = open_inputs(audience.workspace, document)
    ground = ground_of(audience)
    previous = members_of(audience) if audience.generation else None
    generation = audience.generation + 1
    prefix = f"audiences/{audience.pk}/{generation}"
    with scratch("audience") as folder:
        made = engine.write_members(
            document,
            tables=tables,
            audiences=audiences,
            now=timezone.now(),
            previous=previous,
            folder=folder,
            budget=_budget(folder),
        )
        place = _place(audience)
        keys = {"members_key": f"{prefix}-members.parquet", "changes_key": f"{prefix}-changes.parquet"}
        place.put_file(keys["members_key"], made.members, move=True)
        place.put_file(keys["changes_key"], made.changes, move=True)
    with transaction.atomic():
        moved = Audience.objects.filter(pk=audience.pk, generation=audience.generation).update(
            generation=F("generation") + 1, size=made.total, refreshed_at=timezone.now(), ground=ground
        )
        if not moved:
            raise Interrupted("AUDIENCE_MOVED", "Another refresh of this audience was first; ask again.")
        refresh = AudienceRefresh.objects.create(
            audience=audience,
            generation=generation,
            version=audience.version,
            size=made.total,
            entered=made.entered,
            left=made.left,
            **keys,
        )
        _tell(audience, refresh)
    audience.refresh_from_db()
    return refresh


def _tell(audience: Audience, refresh: AudienceRefresh) -> None:
    for event, count in (("audience.entered", refresh.entered), ("audience.left", refresh.left)):
        if count:
            emit(
                event,
                workspace=audience.workspace,
                audience_id=audience.pk,
                audience=audience.name,
                generation=refresh.generation,
                count=count,
                size=refresh.size,
            )


def ground_of(audience: Audience) -> str:
    """Return a text that changes whenever a table that the audience follows does."""
    after = audience.document.get("refresh", {}).get("after", [])
    rows = StoredTable.objects.for_workspace(audience.workspace_id).filter(name__in=after).order_by("name")
    return " ".join(f"{name}:{snapshot}" for name, snapshot in rows.values_list("name", "snapshot"))


def refresh_due_audiences() -> int:
    """Refresh the audiences whose tables have changed since; return how many."""
    count = 0
    rows = Audience.objects.filter(generation__gt=0).select_related("workspace__organization")
    for audience in rows.iterator(chunk_size=200):
        if audience.document.get("refresh", {}).get("after") and ground_of(audience) != audience.ground:
            try:
                refresh_audience(audience=audience)
            except Exception:  # One audience's trouble must not keep the others from being refreshed.
                logger.exception("the audience %s could not be refreshed", audience.pk)
            else:
                count += 1
    return count


def list_members(*, audience: Audience, offset: int, limit: int) -> tuple[list[dict[str, Any]], int]:
    """Return a page of the members' keys, and how many members there are."""
    page = read_rows(members_of(audience), offset=offset, limit=limit)
    return [{"key": row[0]} for row in page.rows], audience.size or 0


def list_changes(
    *, audience: Audience, generation: int | None, change: str, offset: int, limit: int
) -> tuple[list[dict[str, Any]], int]:
    """Return a page of who entered and left at a refresh, the last one unless told, and how many did.

    Raises NotFound REFRESH_NOT_FOUND.
    """
    rows = audience.refreshes.all()
    refresh = rows.filter(generation=generation).first() if generation else rows.first()
    if refresh is None:
        raise NotFound("REFRESH_NOT_FOUND", "There is no such refresh of this audience; refresh it first.")
    document = parse_document(AudienceDocument, audience.document)
    table = engine.changes_table(document, _key_type(audience), _place(audience).local(refresh.changes_key))
    column = table.names()[1]
    where = [Where(column, "eq", change)] if change else []
    page = read_rows(table, where=where, offset=offset, limit=limit)
    shown = [{"key": row[0], "change": row[1], "generation": refresh.generation} for row in page.rows]
    return shown, count_rows(table, where=where)


def explain_member(*, audience: Audience, key: str, now: datetime | None = None) -> dict[str, Any]:
    """Return why somebody is, or is not, in an audience: true, false or unknown for every part of the rule."""
    document = parse_document(AudienceDocument, audience.document)
    tables, audiences = open_inputs(audience.workspace, document)
    with scratch("audience") as folder:
        explained = engine.explain_member(
            document,
            key,
            tables=tables,
            audiences=audiences,
            now=now or timezone.now(),
            budget=_budget(folder),
        )
    return asdict(explained)
