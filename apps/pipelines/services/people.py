"""What resolutions found, for who reads it: canonical ids for runs, people and their links for callers."""

from collections.abc import Mapping, Sequence
from typing import Any

from apps.mappings.services.compile import Documents, table_reads
from apps.mappings.services.identity import find_identity
from apps.pipelines.models import IdentityResolution
from apps.workspaces.models import Workspace
from datalinx.engine import identity as engine
from datalinx.engine.compile.identity import SHAPE
from datalinx.engine.connectors.base import Scan
from datalinx.engine.query.rows import Where
from datalinx.engine.query.tables import quote_text, table_select
from datalinx.engine.spec.base import parse_document
from datalinx.engine.spec.identity import IdentityDocument
from datalinx.errors import Failed, FieldError, Invalid, NotFound
from datalinx.files import workspace_storage


def last_found(workspace_id: str, generation: int | None = None) -> IdentityResolution | None:
    """Return the last resolution that found who is who and whose files are kept, of a generation or of any."""
    rows = (
        IdentityResolution.objects.for_workspace(workspace_id).select_related("workspace").exclude(folder="")
    )
    if generation is not None:
        rows = rows.filter(generation=generation)
    found: IdentityResolution | None = rows.order_by("-finished_at").first()
    return found


def found_file(resolution: IdentityResolution, name: str) -> Any:
    """Return the local path of one of a resolution's files."""
    place = workspace_storage(resolution.workspace.organization_id, resolution.workspace_id)
    return place.local(f"identity/{resolution.folder}/{name}")


def canonical_ids_scan(workspace: Workspace, table: str, *, generation: int) -> Scan:
    """Return how DuckDB reads the canonical ids of a table's records, by key; nobody has one before a resolution.

    Raises Failed INPUT_MISSING when the ids of this generation are not kept any more.
    """
    resolution = last_found(workspace.pk, generation) if generation else None
    if generation and resolution is None:
        message = f"The canonical ids of generation {generation} are not kept any more; run the table anew."
        raise Failed("INPUT_MISSING", message)
    path = found_file(resolution, engine.RECORDS) if resolution is not None else None
    files = engine.file_table(engine.RECORDS, path)
    return Scan(
        sql=f"SELECT key, canonical_id FROM ({table_select(files)}) "
        f'WHERE "table" = {quote_text(table)} AND present',
        columns=SHAPE.columns,
        numbered_sql="",
        files=files.files,
        locator="row",
        label=f"canonical ids of {table}",
        rows=None,
        fingerprint=f"identity:{generation}",
    )


def identity_of(documents: Documents, tables: Sequence[str]) -> dict[str, Any]:
    """Return what a run's manifest says of the canonical ids that it puts in; nothing when it puts none in."""
    if not any(read.identity for table in tables for read in table_reads(documents, table)):
        return {}
    identity = documents["identity"]
    return {"identity": {"version": identity["version"], "generation": identity["generation"]}}


def resolution_to_json(resolution: IdentityResolution) -> dict[str, Any]:
    """Return how a resolution stands."""
    return {
        "id": resolution.pk,
        "status": resolution.status,
        "progress": resolution.progress,
        "phase": resolution.phase,
        "attempt": resolution.attempt,
        "version": resolution.version,
        "generation": resolution.generation,
        "error": resolution.error,
        "created_at": resolution.created_at,
        "started_at": resolution.started_at,
        "finished_at": resolution.finished_at,
    }


def get_stats(workspace: Workspace) -> dict[str, Any]:
    """Return who was found, and how the last resolution stands; both null before the first."""
    row, found = find_identity(workspace.pk), last_found(workspace.pk)
    last = IdentityResolution.objects.for_workspace(workspace.pk).order_by("-created_at").first()
    return {
        "version": row.version if row else 0,
        "generation": row.generation if row else 0,
        "resolved_at": found.finished_at if found else None,
        "resolved_version": found.version if found else None,
        "resolution": resolution_to_json(last) if last else None,
        "statistics": found.stats if found else None,
    }


def _found(workspace: Workspace) -> engine.Found | None:
    resolution = last_found(workspace.pk)
    if resolution is None:
        return None
    names = (engine.RECORDS, engine.CLUSTERS, engine.LINKS, engine.HISTORY)
    return engine.Found({name: found_file(resolution, name) for name in names})


def list_clusters(
    *, workspace: Workspace, at_least: int, record: str, offset: int, limit: int
) -> tuple[list[dict[str, Any]], int]:
    """Return a page of people, those with most records first, and how many there are.

    `record` names one of the records of the one person that is wanted. Raises Invalid for what names none.
    """
    found = _found(workspace)
    if found is None:
        return [], 0
    where = [Where("records", "gte", at_least)] if at_least > 1 else []
    if record:
        row = found.record(*_read_record(workspace, record, "record"))
        where.append(Where("canonical_id", "eq", row["canonical_id"] if row else ""))
    rows = found.rows(engine.CLUSTERS, where, offset=offset, limit=limit)
    return [_named(row) for row in rows], found.count(engine.CLUSTERS, where)


def get_cluster(*, workspace: Workspace, canonical_id: str) -> dict[str, Any]:
    """Return a person: records, links, history. Raises NotFound CLUSTER_NOT_FOUND."""
    found = _found(workspace)
    row = found.cluster(canonical_id) if found else None
    if row is None:
        raise NotFound("CLUSTER_NOT_FOUND", f"Nobody has the canonical id {canonical_id!r} here.")
    return _named(row)


def explain(*, workspace: Workspace, left: str, right: str) -> dict[str, Any]:
    """Return why two records are one person, or that they are not. Raises NotFound RECORD_NOT_FOUND."""
    records = [_read_record(workspace, left, "a"), _read_record(workspace, right, "b")]
    found = _found(workspace)
    for table, key in records:
        if found is None or found.record(table, key) is None:
            message = f"The last resolution saw no record {key!r} in the table {table!r}."
            raise NotFound("RECORD_NOT_FOUND", message)
    told = found.explain(records[0], records[1]) if found is not None else {}
    named = {name: {"table": table, "key": key} for name, (table, key) in zip("ab", records, strict=True)}
    return {**named, **told}


def _named(row: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "id": row["canonical_id"],
        **{name: value for name, value in row.items() if name != "canonical_id"},
    }


def _read_record(workspace: Workspace, text: str, name: str) -> tuple[str, str]:
    """Return the table and the key of a record, written `table:key`, or `key` where one table has people in it."""
    row = find_identity(workspace.pk)
    tables = parse_document(IdentityDocument, row.document if row else {}).tables
    table, colon, key = text.partition(":")
    if colon and any(entry.table == table for entry in tables):
        return table, key
    if len(tables) == 1 and text:
        return tables[0].table, text
    known = ", ".join(entry.table for entry in tables) or "none, for there are no rules"
    message = f"Name a record as table:key; the tables are {known}."
    raise Invalid("VALIDATION_ERROR", message, errors=[FieldError(name, "invalid", message)])
