"""What an execution builds on: the stored table as local files, and the columns of its next version."""

from pathlib import Path

from django.conf import settings

from apps.pipelines.models import StoredTable
from datalinx.engine import lake
from datalinx.engine.compile.plan import CompiledMapping
from datalinx.engine.execute.results import Limits
from datalinx.engine.execute.results import StoredTable as BaseTable
from datalinx.engine.execute.stored import stored_columns
from datalinx.engine.lake import LakeColumn
from datalinx.engine.storage import Storage


def engine_limits() -> Limits:
    """Return what one table's execution may use, by the settings."""
    return Limits(memory_bytes=settings.ENGINE_MEMORY_BYTES, threads=settings.ENGINE_THREADS)


def local_base(
    storage: Storage, stored: StoredTable | None, *, hold_in: Path
) -> tuple[BaseTable | None, dict[Path, str]]:
    """Return a stored table with local files, and the keys of these; None for a table that is not there yet."""
    if stored is None:
        return None, {}
    keys = local_files(storage, stored, hold_in=hold_in)
    return BaseTable(tuple(keys), stored.cursor, stored.output_hash or None), keys


def local_files(
    storage: Storage, stored: StoredTable, *, hold_in: Path, sequence: int | None = None
) -> dict[Path, str]:
    """Return the files of a version of a table, the present one when none is named, with their keys.

    Raises NotFound SNAPSHOT_NOT_FOUND.
    """
    files = lake.data_files(storage, stored.metadata_key, sequence=sequence)
    return {storage.local(file.key, hold_in=hold_in): file.key for file in files}


def next_columns(
    storage: Storage, stored: StoredTable | None, compiled: CompiledMapping, *, replace: bool
) -> tuple[LakeColumn, ...]:
    """Return the columns of a table's next version with their field ids. Raises Invalid when rows do not fit."""
    wanted = [
        LakeColumn(name=column.name, type=column.iceberg, required=column.required)
        for column in stored_columns(compiled)
    ]
    return lake.plan_columns(storage, stored.metadata_key if stored else None, wanted, replace=replace)
