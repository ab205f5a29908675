"""Stored tables: where they lie, how they are read, and how their pointer moves."""

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from django.db import IntegrityError, transaction
from django.db.models import Q
from django.utils import timezone
from django.utils.dateparse import parse_datetime

from apps.pipelines.models import Run, RunStep, StoredTable
from apps.workspaces.models import Workspace
from datalinx.engine import lake
from datalinx.engine.lake import LakeColumn, Staged
from datalinx.engine.query.tables import TableFiles
from datalinx.engine.storage import Storage
from datalinx.errors import FieldError, Interrupted, Invalid, NotFound
from datalinx.files import workspace_storage
from datalinx.ids import new_id

# What a version says of itself beside its rows.
CURSOR = "datalinx.cursor"
CURSOR_TYPE = "datalinx.cursor-type"
OUTPUT_HASH = "datalinx.output-hash"
MAPPING_VERSION = "datalinx.mapping-version"
MERGE_KEYS = "datalinx.merge-keys"
STATE = (CURSOR, CURSOR_TYPE, OUTPUT_HASH, MAPPING_VERSION, MERGE_KEYS)


def table_storage(workspace: Workspace, table_id: str) -> Storage:
    """Return the corner of the storage that holds a table's files and nothing else."""
    return workspace_storage(workspace.organization_id, workspace.pk).within(f"lake/{table_id}")


def find_stored_table(workspace_id: str, name: str) -> StoredTable | None:
    """Return a stored table, or None when no run has written it yet."""
    return (
        StoredTable.objects.for_workspace(workspace_id).select_related("workspace").filter(name=name).first()
    )


def get_stored_table(workspace_id: str, name: str) -> StoredTable:
    """Return a stored table. Raises NotFound TABLE_NOT_FOUND."""
    table = find_stored_table(workspace_id, name)
    if table is None:
        raise NotFound("TABLE_NOT_FOUND", f"There is no stored table {name!r}; run its pipeline first.")
    return table


def move_pointer(
    *,
    workspace: Workspace,
    table: StoredTable | None,
    table_id: str,
    name: str,
    staged: Staged,
    columns: Sequence[LakeColumn],
    run: Run | None,
    cursor: str | None,
    cursor_type: str,
    mapping_version: int,
    output_hash: str = "",
) -> StoredTable:
    """Make a staged version the present one, if the version that it was built on still is.

    Within the caller's transaction. Raises Interrupted TABLE_MOVED when another run was first.
    """
    values: dict[str, Any] = {
        "metadata_key": staged.metadata_location,
        "snapshot": staged.sequence,
        # What the engine keeps for itself is not for people to see.
        "columns": [
            {"name": column.name, "type": lake.duckdb_type(column.type)}
            for column in columns
            if not column.name.startswith("__")
        ],
        "rows": staged.rows,
        "cursor": cursor,
        "cursor_type": cursor_type,
        "mapping_version": mapping_version,
        "output_hash": output_hash,
        "run": run,
    }
    if table is None:
        try:
            with transaction.atomic():
                return StoredTable.objects.create(id=table_id, workspace=workspace, name=name, **values)
        except IntegrityError as error:
            raise _moved(name) from error
    rows = StoredTable.objects.filter(pk=table.pk, metadata_key=staged.base_location)
    if not rows.update(**values, updated_at=timezone.now()):
        raise _moved(name)
    table.refresh_from_db()
    return table


def state_properties(
    *, cursor: str | None, cursor_type: str, output_hash: str, mapping_version: int, merge_keys: Sequence[str]
) -> dict[str, str]:
    """Return what a version is to say of itself beside its rows, so that a restore brings all of it back."""
    found = {MAPPING_VERSION: str(mapping_version), OUTPUT_HASH: output_hash}
    if cursor is not None:
        found |= {CURSOR: cursor, CURSOR_TYPE: cursor_type}
    if merge_keys:
        found[MERGE_KEYS] = json.dumps(list(merge_keys))
    return found


def keep_cursor(*, table: StoredTable, cursor: str | None, cursor_type: str) -> None:
    """Keep the cursor of a load that brought no row, if the version that it looked at is still the present one.

    Within the caller's transaction. Raises Interrupted TABLE_MOVED.
    """
    rows = StoredTable.objects.filter(pk=table.pk, metadata_key=table.metadata_key)
    if not rows.update(cursor=cursor, cursor_type=cursor_type, updated_at=timezone.now()):
        raise _moved(table.name)


def _moved(name: str) -> Interrupted:
    return Interrupted(
        "TABLE_MOVED", f"The table {name} was changed meanwhile; start again from what it is now."
    )


def new_table_id() -> str:
    """Return the id, and so the folder, of a table that is not there yet."""
    return new_id("tbl")


def table_files(table: StoredTable, *, as_of: str = "", hold_in: Path | None = None) -> TableFiles:
    """Return a stored table as columns and local files, at its present version or an older one.

    `as_of` is a version's number, a run's id or a time. What has to be downloaded stays for minutes, or as long
    as the folder `hold_in`. Raises NotFound SNAPSHOT_NOT_FOUND.
    """
    storage = table_storage(table.workspace, table.pk)
    found = lake.version(storage, table.metadata_key, **chosen_version(storage, table, as_of))
    # What the engine keeps for itself is not for people to see.
    columns = [column for column in found.columns if not column.name.startswith("__")]
    return lake.lake_table(columns, [storage.local(file.key, hold_in=hold_in) for file in found.files])


def chosen_version(storage: Storage, table: StoredTable, as_of: str) -> dict[str, Any]:
    """Return how the lake is asked for a version: by number, by time, or for the present one.

    Raises NotFound SNAPSHOT_NOT_FOUND, and Invalid when `as_of` is none of what it takes.
    """
    if not as_of:
        return {}
    named = _read_as_of(as_of)
    if isinstance(named, datetime):
        return {"as_of": named}
    return {"sequence": named if isinstance(named, int) else _version_after(storage, table, named)}


def _read_as_of(as_of: str) -> int | str | datetime:
    """Return what `as_of` names: a version's number, a run's id or a time. Raises Invalid when it is none."""
    if as_of.isascii() and as_of.isdigit() and len(as_of) < 10:
        return int(as_of)
    if as_of.startswith("run_"):
        return as_of
    moment = parse_moment(as_of)
    if moment is None:
        message = "as_of takes a snapshot's number, a run's id, or a time such as 2024-01-15T10:30:00Z."
        raise Invalid("VALIDATION_ERROR", message, errors=[FieldError("as_of", "invalid", message)])
    return moment


def _version_after(storage: Storage, table: StoredTable, run_id: str) -> int:
    """Return the number of the version that a run left, also one that found nothing to change."""
    if found := lake.find_run(storage, table.metadata_key, run_id):
        return found.sequence
    # A table of the same name that was deleted since has nothing to say here.
    ended = Q(run__finished_at=None) | Q(run__finished_at__gte=table.created_at)
    steps = RunStep.objects.filter(ended, run=run_id, run__workspace=table.workspace_id, table=table.name)
    number = steps.exclude(snapshot=None).values_list("snapshot", flat=True).first()
    if number is None:
        raise NotFound("SNAPSHOT_NOT_FOUND", f"The run {run_id} left no version of this table.")
    return number


def parse_moment(text: str) -> datetime | None:
    """Return an ISO 8601 time in UTC, or None when it is none. Without a zone it is UTC."""
    try:
        moment = parse_datetime(text)
        if moment is None:
            return None
        return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)
    except (ValueError, OverflowError):
        return None


def workspace_tables(workspace: Workspace) -> Mapping[str, TableFiles]:
    """Return every stored table of a workspace, by name, as columns and local files."""
    rows = StoredTable.objects.for_workspace(workspace.pk).select_related("workspace").order_by("name")
    return {row.name: table_files(row) for row in rows}


def workspace_tables_as_of(
    workspace: Workspace, as_of: str
) -> tuple[Mapping[str, TableFiles], Mapping[str, NotFound]]:
    """Return every stored table of a workspace as it was, and why those that had no version then are not there.

    `as_of` is one value for all of them, as in `table_files`. Raises Invalid when it is none of what it takes.
    """
    _read_as_of(as_of)
    found, absent = {}, {}
    rows = StoredTable.objects.for_workspace(workspace.pk).select_related("workspace").order_by("name")
    for row in rows:
        try:
            found[row.name] = table_files(row, as_of=as_of)
        except NotFound as error:
            absent[row.name] = error
    return found, absent
