"""Stored tables: where they lie, how they are read, and how their pointer moves."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from django.db import IntegrityError, transaction
from django.utils import timezone
from django.utils.dateparse import parse_datetime

from apps.pipelines.models import Run, StoredTable
from apps.workspaces.models import Workspace
from datalinx.caller import Caller
from datalinx.engine import lake
from datalinx.engine.lake import LakeColumn, Staged
from datalinx.engine.query.tables import TableFiles
from datalinx.engine.storage import Storage
from datalinx.errors import FieldError, Interrupted, Invalid, NotFound
from datalinx.files import workspace_storage
from datalinx.ids import new_id


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
    cursor: Any,
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
        "mapping_version": mapping_version,
        "output_hash": output_hash,
        "run": run,
    }
    moved = Interrupted(
        "TABLE_MOVED", f"Another run changed the table {name} meanwhile; this one starts again."
    )
    if table is None:
        try:
            with transaction.atomic():
                return StoredTable.objects.create(id=table_id, workspace=workspace, name=name, **values)
        except IntegrityError as error:
            raise moved from error
    rows = StoredTable.objects.filter(pk=table.pk, metadata_key=staged.base_location)
    if not rows.update(**values, updated_at=timezone.now()):
        raise moved
    table.refresh_from_db()
    return table


def new_table_id() -> str:
    """Return the id, and so the folder, of a table that is not there yet."""
    return new_id("tbl")


def table_files(table: StoredTable, *, as_of: str = "") -> TableFiles:
    """Return a stored table as columns and local files, at its present version or an older one.

    `as_of` is a version's number, a run's id or a time. Raises NotFound SNAPSHOT_NOT_FOUND.
    """
    storage = table_storage(table.workspace, table.pk)
    chosen = _version(storage, table, as_of)
    files = lake.data_files(storage, table.metadata_key, **chosen)
    if chosen:
        columns = [
            (column.name, lake.duckdb_type(column.type))
            for column in lake.columns(storage, table.metadata_key, **chosen)
            if not column.name.startswith("__")
        ]
    else:
        columns = [(column["name"], column["type"]) for column in table.columns]
    return TableFiles(columns, [storage.local(file.key) for file in files])


def _version(storage: Storage, table: StoredTable, as_of: str) -> dict[str, Any]:
    if not as_of:
        return {}
    if as_of.isascii() and as_of.isdigit() and len(as_of) < 10:
        return {"sequence": int(as_of)}
    if as_of.startswith("run_"):
        found = lake.find_run(storage, table.metadata_key, as_of)
        if found is None:
            raise NotFound("SNAPSHOT_NOT_FOUND", f"The run {as_of} left no version of this table.")
        return {"sequence": found.sequence}
    moment = parse_moment(as_of)
    if moment is None:
        message = "as_of takes a snapshot's number, a run's id, or a time such as 2024-01-15T10:30:00Z."
        raise Invalid("VALIDATION_ERROR", message, errors=[FieldError("as_of", "invalid", message)])
    return {"as_of": moment}


def parse_moment(text: str) -> datetime | None:
    """Return an ISO 8601 time in UTC, or None when it is none. Without a zone it is UTC."""
    try:
        moment = parse_datetime(text)
    except ValueError:
        return None
    if moment is None:
        return None
    return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)


def workspace_tables(workspace: Workspace) -> Mapping[str, TableFiles]:
    """Return every stored table of a workspace, by name, as columns and local files."""
    rows = StoredTable.objects.for_workspace(workspace.pk).select_related("workspace").order_by("name")
    return {row.name: table_files(row) for row in rows}


def restore_table(*, table: StoredTable, actor: Caller, snapshot: int) -> StoredTable:
    """Bring a version back as the newest one. Raises NotFound SNAPSHOT_NOT_FOUND."""
    storage = table_storage(table.workspace, table.pk)
    staged = lake.restore(storage, table.metadata_key, sequence=snapshot, now=timezone.now())
    columns = lake.columns(storage, staged.metadata_location)
    with transaction.atomic():
        return move_pointer(
            workspace=table.workspace,
            table=table,
            table_id=table.pk,
            name=table.name,
            staged=staged,
            columns=columns,
            run=None,
            # What was read since is not there any more: the next incremental load starts from the beginning.
            cursor=None,
            mapping_version=table.mapping_version,
        )
