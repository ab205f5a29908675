"""The next version of a table: files moved in, manifests and metadata written, nothing changed that was there."""

import uuid
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import pyarrow.parquet as pq
from pyiceberg import manifest as iceberg
from pyiceberg.exceptions import CommitFailedException, ValidationException
from pyiceberg.schema import Schema
from pyiceberg.table import Table, TableProperties, Transaction
from pyiceberg.table.update import AddSchemaUpdate, SetCurrentSchemaUpdate, SetPropertiesUpdate

from datalinx.engine.lake.manifests import Appending, Overwriting, live_files
from datalinx.engine.lake.model import LakeColumn, Staged
from datalinx.engine.lake.parquet import check_footer, read_footer, to_data_file
from datalinx.engine.lake.reading import RUN_ID, find_run_in, to_snapshot
from datalinx.engine.lake.schema import lake_columns, plan_schema
from datalinx.engine.lake.table import StagingTransaction, files_of, location_of, new_table, open_table
from datalinx.engine.storage import Storage
from datalinx.errors import Failed, Interrupted


def plan_columns(
    storage: Storage, base: str | None, columns: Sequence[LakeColumn], *, replace: bool
) -> tuple[LakeColumn, ...]:
    """Return the columns with the field ids that an engine must write into files for the next version.

    Raise `Invalid` `COLUMN_CHANGE_NEEDS_FULL_LOAD` when rows are to be kept (not `replace`) and cannot be.
    """
    table = open_table(storage, base) if base else None
    keeps_rows = table is not None and not replace and _rows(table) > 0
    return lake_columns(plan_schema(table.metadata if table else None, columns, keeps_rows=keeps_rows))


def stage_replace(
    storage: Storage,
    base: str | None,
    *,
    columns: Sequence[LakeColumn],
    add: Sequence[Path],
    run_id: str,
    now: datetime,
    properties: Mapping[str, str] | None = None,
) -> Staged:
    """Stage a version that holds the rows of the added files and no other.

    `base` is the present location, None for a table without a version. `add` are local Parquet files that an
    engine wrote with the ids of `plan_columns`; they are taken away into the table's folder, except those
    without rows. `properties` are kept with the version. Raise `Failed` with `SCHEMA_MISMATCH` when a file
    does not hold the columns, with `RUN_ALREADY_COMMITTED` when the base has a version of this run.
    """
    with _staging(storage, base, columns, replace=True, run_id=run_id, now=now) as stage:
        return stage.finish(_current(stage.table), add, properties)


def stage_append(
    storage: Storage,
    base: str | None,
    *,
    columns: Sequence[LakeColumn],
    add: Sequence[Path],
    run_id: str,
    now: datetime,
    properties: Mapping[str, str] | None = None,
) -> Staged:
    """Stage a version that holds the rows of the base and of the added files; see `stage_replace`."""
    with _staging(storage, base, columns, replace=False, run_id=run_id, now=now) as stage:
        return stage.finish([], add, properties)


def stage_rewrite(
    storage: Storage,
    base: str,
    *,
    columns: Sequence[LakeColumn],
    remove: Sequence[str],
    add: Sequence[Path],
    run_id: str,
    now: datetime,
    properties: Mapping[str, str] | None = None,
) -> Staged:
    """Stage a version that holds the base without the files `remove`, and the added files; see `stage_replace`.

    `remove` are keys as `data_files` gives them. Raise `Interrupted` `FILES_NOT_CURRENT` when the base does
    not have one of them: it was planned on another version.
    """
    with _staging(storage, base, columns, replace=False, run_id=run_id, now=now) as stage:
        return stage.finish(take_files(stage.table, remove), add, properties)


def take_files(table: Table, keys: Sequence[str]) -> list[iceberg.DataFile]:
    """Return the entries of files of the present version. Raise `Interrupted` `FILES_NOT_CURRENT`."""
    wanted = set(keys)
    found = [file for file in _current(table) if files_of(table).key(file.file_path) in wanted]
    if len(found) != len(wanted):
        message = "The table has changed since its files were read; start again from its present version."
        raise Interrupted("FILES_NOT_CURRENT", message)
    return found


@dataclass(frozen=True)
class _Stage:
    """One staging under way: the table as it is, the columns it will have."""

    table: Table
    base: str | None
    schema: Schema
    run_id: str

    def finish(
        self,
        removed: Sequence[iceberg.DataFile],
        add: Sequence[Path],
        properties: Mapping[str, str] | None,
    ) -> Staged:
        added = store_files(self.table, self.schema, add)
        transaction = StagingTransaction(self.table)
        self._change_columns(transaction)
        commit(
            transaction, added=added, removed=removed, properties={**(properties or {}), RUN_ID: self.run_id}
        )
        return staged(self.table, self.base)

    def _change_columns(self, transaction: Transaction) -> None:
        metadata = self.table.metadata
        if self.schema.schema_id == metadata.current_schema_id:
            return
        if all(known.schema_id != self.schema.schema_id for known in metadata.schemas):
            transaction._stage((AddSchemaUpdate(schema_=self.schema),))
        names = {TableProperties.DEFAULT_NAME_MAPPING: self.schema.name_mapping.model_dump_json()}
        transaction._stage(
            (SetCurrentSchemaUpdate(schema_id=self.schema.schema_id), SetPropertiesUpdate(updates=names))
        )


def store_files(table: Table, schema: Schema, paths: Sequence[Path]) -> list[iceberg.DataFile]:
    """Check all files, then move those with rows into the table's folder; return their entries."""
    checked: list[tuple[Path, pq.FileMetaData]] = []
    for path in paths:
        footer = read_footer(path)
        check_footer(footer, schema)
        if footer.num_rows:
            checked.append((path, footer))
    files = files_of(table)
    entries = []
    for path, footer in checked:
        # A name of its own: another attempt of the same run may have left its files, or committed them.
        key = f"data/{uuid.uuid4().hex}.parquet"
        entry = to_data_file(footer, path.stat().st_size, files.uri(key), schema, table.metadata.properties)
        files.storage.put_file(key, path, move=True)
        entries.append(entry)
    return entries


@contextmanager
def _staging(
    storage: Storage,
    base: str | None,
    columns: Sequence[LakeColumn],
    *,
    replace: bool,
    run_id: str,
    now: datetime,
) -> Iterator[_Stage]:
    present = open_table(storage, base, now=now) if base else None
    if present is not None and find_run_in(present, run_id):
        message = "This run has committed this table already; nothing is left to do for it."
        raise Failed("RUN_ALREADY_COMMITTED", message)
    keeps_rows = present is not None and not replace and _rows(present) > 0
    schema = plan_schema(present.metadata if present else None, columns, keeps_rows=keeps_rows)
    table = present or new_table(storage, schema, now=now)
    with translated():
        yield _Stage(table, base, schema, run_id)


@contextmanager
def translated() -> Iterator[None]:
    """Turn what pyiceberg says when it refuses a commit into one sentence."""
    try:
        yield
    except (CommitFailedException, ValidationException) as error:
        message = (
            "The table's next version does not fit on its present one; start again from the present one."
        )
        raise Interrupted("LAKE_COMMIT_REFUSED", message) from error


def commit(
    transaction: Transaction,
    *,
    added: Sequence[iceberg.DataFile],
    removed: Sequence[iceberg.DataFile],
    properties: Mapping[str, str],
    kind: type[Appending] | type[Overwriting] | None = None,
) -> None:
    """Write a version with files added and removed, in one snapshot."""
    kind = kind or (Overwriting if removed else Appending)
    with kind.begin(transaction, dict(properties)) as producer:
        for file in added:
            producer.append_data_file(file)
        for file in removed:
            producer.delete_data_file(file)
    transaction.commit_transaction()


def staged(table: Table, base: str | None) -> Staged:
    """Return what was just committed to a table."""
    newest = table.metadata.current_snapshot()
    if newest is None:
        raise ValueError("a staged table has a snapshot")
    made = to_snapshot(newest)
    return Staged(
        metadata_location=location_of(table),
        snapshot_id=made.snapshot_id,
        sequence=made.sequence,
        base_location=base,
        rows=made.rows,
        added_rows=made.added_rows,
        removed_rows=made.removed_rows,
    )


def _current(table: Table) -> list[iceberg.DataFile]:
    snapshot = table.metadata.current_snapshot()
    return live_files(snapshot, table.io) if snapshot else []


def _rows(table: Table) -> int:
    snapshot = table.metadata.current_snapshot()
    return to_snapshot(snapshot).rows if snapshot else 0
