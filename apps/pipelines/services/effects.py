"""What a run in test mode found of a table, kept with its step: numbers beside the table as it is, no values."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from apps.pipelines.models import StoredTable
from apps.pipelines.services.bases import engine_limits
from datalinx.engine import lake
from datalinx.engine.compile.plan import CompiledMapping
from datalinx.engine.execute.comparing import TableChange, compare_versions
from datalinx.engine.execute.results import TableResult
from datalinx.engine.lake import LakeColumn
from datalinx.engine.query.tables import TableFiles
from datalinx.engine.storage import Storage
from datalinx.errors import Failed

# Reasons and columns that a report names, the most frequent ones.
MAX_NAMED = 100


def describe_effect(
    storage: Storage,
    stored: StoredTable | None,
    base: tuple[Path, ...],
    *,
    compiled: CompiledMapping,
    result: TableResult,
    columns: tuple[LakeColumn, ...],
    workdir: Path,
    cancelled: Callable[[], bool],
) -> dict[str, Any]:
    """Return what would be different of a table that was made and is not published.

    `base` are the files of the present version. Where the versions cannot be compared, `not_compared` says why.
    """
    gone = set(result.removed_files)
    files = [*(path for path in base if path not in gone), *(file.path for file in result.files)]
    before = _visible(lake.columns(storage, stored.metadata_key), base) if stored is not None else None
    change, trouble = None, None
    try:
        change = compare_versions(
            before,
            _visible(columns, files),
            keys=compiled.load.keys or compiled.primary_key,
            workdir=workdir,
            limits=engine_limits(),
            cancelled=cancelled,
        )
    except Failed as error:
        # The table itself came out well; what is missing is only the comparison.
        trouble = error.message
    return {
        "rejected_by_reason": _most(result.rejected_by_reason),
        "values_nulled": _most(result.values_nulled),
        **_change_to_json(change),
        "not_compared": trouble,
    }


def _visible(columns: tuple[LakeColumn, ...], files: Sequence[Path]) -> TableFiles:
    # What the engine keeps for itself is not for people to see.
    return lake.lake_table([column for column in columns if not column.name.startswith("__")], files)


def _most(counts: Mapping[str, int]) -> dict[str, int]:
    ordered = sorted(counts.items(), key=lambda entry: (-entry[1], entry[0]))
    return {name: count for name, count in ordered[:MAX_NAMED] if count}


def _change_to_json(change: TableChange | None) -> dict[str, Any]:
    if change is None:
        return {"rows": None, "columns": [], "columns_left_off": 0, "effect": None}
    keyed = change.keyed
    return {
        "rows": {"before": change.rows_before, "after": change.rows_after},
        "columns": [asdict(column) for column in change.columns],
        "columns_left_off": change.columns_left_off,
        "effect": {**asdict(keyed), "values_changed": _most(keyed.values_changed)} if keyed else None,
    }
