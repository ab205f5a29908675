"""Many small files made into few of a good size: the same rows, in a version that says so."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path

import duckdb

from datalinx.engine.lake.manifests import Replacing
from datalinx.engine.lake.model import DataFile, LakeColumn, Staged
from datalinx.engine.lake.relation import copy_field_ids, relation_sql
from datalinx.engine.lake.staging import commit, staged, store_files, take_files, translated
from datalinx.engine.lake.table import StagingTransaction, open_table
from datalinx.engine.query.tables import quote_name, quote_text
from datalinx.engine.storage import Storage
from datalinx.errors import Failed


def small_files(
    files: Sequence[DataFile], *, target_bytes: int, at_least: int, at_most_bytes: int
) -> list[DataFile]:
    """Return the files that are worth being merged: those under half the target, smallest first.

    None when they are fewer than `at_least`; no more than about `at_most_bytes`, the rest is for the next time.
    """
    small = sorted((file for file in files if file.size < target_bytes // 2), key=lambda file: file.size)
    if len(small) < max(at_least, 2):
        return []
    chosen: list[DataFile] = []
    size = 0
    for file in small:
        if chosen and size + file.size > at_most_bytes:
            break
        chosen.append(file)
        size += file.size
    return chosen if len(chosen) > 1 else []


def merge_files(
    connection: duckdb.DuckDBPyConnection,
    columns: Sequence[LakeColumn],
    paths: Sequence[Path],
    *,
    order_by: Sequence[str],
    folder: Path,
    target_bytes: int,
) -> list[Path]:
    """Let DuckDB write the rows of files into a new folder, in files of about the target size; return them.

    With `order_by` the rows are sorted, so that a file covers a small range of these columns and later merges
    need to look at few. Raise `Failed` `COMPACTION_UNBALANCED` when not every row arrived.
    """
    rows = connection.execute("SELECT count(*) FROM (" + relation_sql(columns, paths) + ")").fetchall()[0][0]
    known = {column.name for column in columns}
    order = ", ".join(f"{quote_name(name)} NULLS LAST" for name in order_by if name in known)
    select = relation_sql(columns, paths) + (f" ORDER BY {order}" if order else "")
    ids = copy_field_ids({column.name: column.field_id for column in columns})
    written = connection.execute(
        f"COPY ({select}) TO {quote_text(str(folder))} (FORMAT parquet, COMPRESSION zstd, COMPRESSION_LEVEL 1, "
        f"FILE_SIZE_BYTES {int(target_bytes)}, {ids}, RETURN_STATS)"
    ).fetchall()
    arrived = sum(row[1] for row in written)
    if arrived != rows:
        message = (
            f"Merging a table's files lost rows: {rows} were read and {arrived} written; nothing was changed."
        )
        raise Failed("COMPACTION_UNBALANCED", message)
    return [Path(row[0]) for row in written if row[1]]


def stage_compaction(
    storage: Storage,
    base: str,
    *,
    remove: Sequence[str],
    add: Sequence[Path],
    now: datetime,
    properties: Mapping[str, str] | None = None,
) -> Staged:
    """Stage a version with the rows of the base, those of the files `remove` in the files `add`.

    Raise `Interrupted` `FILES_NOT_CURRENT`, and `Failed` as `stage_replace` does.
    """
    table = open_table(storage, base, now=now)
    removed = take_files(table, remove)
    with translated():
        added = store_files(table, table.schema(), add)
        before, after = (sum(file.record_count for file in files) for files in (removed, added))
        if before != after:
            message = f"The merged files hold {after} rows and those that they replace {before}."
            raise Failed("COMPACTION_UNBALANCED", message)
        transaction = StagingTransaction(table)
        commit(transaction, added=added, removed=removed, properties=properties or {}, kind=Replacing)
    return staged(table, base)
