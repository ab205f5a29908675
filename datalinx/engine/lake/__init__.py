"""The stored tables: Apache Iceberg, without a catalog service.

Engines make Parquet files, the lake commits them. A table is a corner of the storage
(`storage.within("<organization>/<workspace>/lake/<table>")`) and a **location**: the key of the metadata file
that is its present state, None before the first commit. Every `stage_…` function takes the location it builds
on, writes new files beside the old ones, changes none, and returns the next location; until the caller makes
that the present one, in its own database transaction and only if the base is still the present one, nothing
has happened. Whoever finds the base moved starts again.

Import the package (`from datalinx.engine import lake`) and use its attributes: pyiceberg, which takes its time
to load, is loaded at the first use, or by `lake.load()` where a long-lived process starts.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from datalinx.engine.lake.model import Bounds, DataFile, LakeColumn, Snapshot, Staged, Version
from datalinx.engine.lake.relation import copy_field_ids, duckdb_type, lake_table, relation_sql

if TYPE_CHECKING:
    from datalinx.engine.lake.compaction import merge_files, small_files, stage_compaction
    from datalinx.engine.lake.expiry import Sweep, expire, old_versions, orphans, sweep
    from datalinx.engine.lake.reading import columns, data_files, find_run, snapshot, snapshots, version
    from datalinx.engine.lake.restoring import restore
    from datalinx.engine.lake.staging import plan_columns, stage_append, stage_replace, stage_rewrite

__all__ = [
    "Bounds",
    "DataFile",
    "LakeColumn",
    "Snapshot",
    "Staged",
    "Sweep",
    "Version",
    "columns",
    "copy_field_ids",
    "data_files",
    "duckdb_type",
    "expire",
    "find_run",
    "lake_table",
    "load",
    "merge_files",
    "old_versions",
    "orphans",
    "plan_columns",
    "relation_sql",
    "restore",
    "small_files",
    "snapshot",
    "snapshots",
    "stage_append",
    "stage_compaction",
    "stage_replace",
    "stage_rewrite",
    "sweep",
    "version",
]

_HOMES = {
    "compaction": ("merge_files", "small_files", "stage_compaction"),
    "expiry": ("Sweep", "expire", "old_versions", "orphans", "sweep"),
    "reading": ("columns", "data_files", "find_run", "snapshot", "snapshots", "version"),
    "restoring": ("restore",),
    "staging": ("plan_columns", "stage_append", "stage_replace", "stage_rewrite"),
}


def load() -> None:
    """Load what the lake needs now, rather than at its first use."""
    for home in _HOMES:
        import_module(f"{__name__}.{home}")


def __getattr__(name: str) -> Any:
    for home, names in _HOMES.items():
        if name in names:
            return getattr(import_module(f"{__name__}.{home}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
