"""What an execution builds on: the stored table as local files, and the columns of its next version."""

import dataclasses
from pathlib import Path

from django.conf import settings

from apps.mappings.selectors import get_version
from apps.pipelines.models import StoredTable
from datalinx.engine import lake
from datalinx.engine.compile.plan import CompiledMapping
from datalinx.engine.execute.cursors import is_carried
from datalinx.engine.execute.results import Limits
from datalinx.engine.execute.results import StoredTable as BaseTable
from datalinx.engine.execute.stored import stored_columns
from datalinx.engine.lake import LakeColumn
from datalinx.engine.spec.pipeline import PipelineDocument
from datalinx.engine.storage import Storage
from datalinx.errors import Failed, NotFound

# With less memory than this an engine gets nowhere: fewer tables go on beside each other then.
LEAST_MEMORY_BYTES = 128 * 1024**2


def most_beside(document: PipelineDocument) -> int:
    """Return how many tables of a run of a pipeline go on beside each other at most."""
    # The session of Spark is one for all of them.
    if document.engine == "spark":
        return 1
    room = settings.ENGINE_MEMORY_BYTES // LEAST_MEMORY_BYTES
    return max(1, min(document.max_parallel_tables, room))


def engine_limits(beside: int = 1) -> Limits:
    """Return what one table's execution may use, by the settings, when `beside` of them share it."""
    return Limits(
        memory_bytes=settings.ENGINE_MEMORY_BYTES // beside,
        threads=max(1, settings.ENGINE_THREADS // beside),
        temp_bytes=Limits.temp_bytes // beside,
    )


def local_base(
    storage: Storage, stored: StoredTable | None, *, hold_in: Path
) -> tuple[BaseTable | None, dict[Path, str]]:
    """Return a stored table with local files, and the keys of these; None for a table that is not there yet."""
    if stored is None:
        return None, {}
    keys = local_files(storage, stored, hold_in=hold_in)
    return BaseTable(tuple(keys), stored.cursor, stored.output_hash or None), keys


def with_own_cursor(
    base: BaseTable, stored: StoredTable, compiled: CompiledMapping, cursor: str | None, *, replace: bool
) -> BaseTable:
    """Return a stored table for a load by `cursor`, without its own where that is of another column or type.

    Rows that meet their key are then read from the beginning. An append that does not replace the table would add
    all of them again: it raises Failed INVALID_CURSOR.
    """
    if base.cursor is None:
        return base
    before = _cursor_before(stored)
    if before in {None, cursor}:
        if cursor is None or is_carried(compiled.load, base.cursor, stored.cursor_type):
            return base
        what = f"`{cursor}`, which was of another type then ({base.cursor})"
    else:
        what = f"`{before}`, and its mapping has another one now"
    if compiled.load.mode == "append" and not replace:
        message = (
            f"`{stored.name}` was loaded up to the cursor {what}, so that new rows cannot be told from those that are "
            "there. Run it once with `full_refresh`, or take the cursor back."
        )
        raise Failed("INVALID_CURSOR", message)
    return dataclasses.replace(base, cursor=None)


def next_cursor(stored: StoredTable, compiled: CompiledMapping, cursor: str | None) -> str | None:
    """Return the cursor after which the next load of a table by `cursor` reads, None for one that reads all."""
    if compiled.load.mode == "full":
        return None
    base = BaseTable((), stored.cursor, None)
    return with_own_cursor(base, stored, compiled, cursor, replace=True).cursor


def _cursor_before(stored: StoredTable) -> str | None:
    """The cursor of the mapping that last made the table; None where that is not known."""
    try:
        document = get_version(
            stored.workspace_id, kind="mapping", key=stored.name, version=stored.mapping_version
        )
    except NotFound:
        return None
    cursor = document.get("load", {}).get("cursor")
    return None if cursor is None else str(cursor)


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
