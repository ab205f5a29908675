"""What sampled rows would do to the table as it is stored: rows that are new, and values that change."""

from collections.abc import Sequence

from datalinx.engine.compile.plan import CompiledMapping
from datalinx.engine.connectors.base import Scan
from datalinx.engine.execute.results import StoredEffect
from datalinx.engine.execute.session import Session
from datalinx.engine.execute.staged import Staged
from datalinx.engine.execute.stored import CURSOR, VALID_FROM, VALID_TO
from datalinx.engine.execute.text import any_of, quoted

_ADDED_BY_LOADS = frozenset({VALID_FROM, VALID_TO, CURSOR})


def against_stored(
    session: Session, compiled: CompiledMapping, staged: Staged, stored: Scan
) -> StoredEffect | None:
    """Compare the valid rows with the stored ones by key; None where no key tells which row is which."""
    present = {column.name for column in stored.columns}
    numbers = {field.name: number for number, field in enumerate(compiled.fields)}
    keys = tuple(compiled.load.keys or compiled.primary_key)
    if not keys or any(key not in present or key not in numbers for key in keys):
        return None
    compared = [name for name in numbers if name in present and name not in keys]
    rows = _rows(compiled, staged, stored, keys, compared)
    changes = [f"count(*) FILTER (d{number})" for number in range(len(compared))]
    changed = any_of(f"d{number}" for number in range(len(compared)))
    found = session.row(
        f"SELECT count(*) FILTER (NOT there), count(*) FILTER (there AND ({changed})), "
        f"count(*) FILTER (there AND NOT ({changed})){''.join(f', {each}' for each in changes)} FROM ({rows})"
    )
    counts = dict(zip(compared, (int(each) for each in found[3:]), strict=True))
    return StoredEffect(
        keys=keys,
        new=int(found[0]),
        changed=int(found[1]),
        unchanged=int(found[2]),
        values_changed={name: count for name, count in counts.items() if count},
        columns_added=tuple(name for name in numbers if name not in present),
        columns_removed=tuple(sorted(present - numbers.keys() - _ADDED_BY_LOADS)),
    )


def _rows(
    compiled: CompiledMapping,
    staged: Staged,
    stored: Scan,
    keys: Sequence[str],
    compared: Sequence[str],
) -> str:
    """A SELECT of one row for each valid row: whether its key is `there`, and `d0` … which values differ."""
    numbers = {field.name: number for number, field in enumerate(compiled.fields)}

    def theirs(name: str) -> str:
        # What the column's type was changed to is what the stored value would become.
        return f"TRY_CAST(b.{quoted(name)} AS {compiled.fields[numbers[name]].type.duckdb})"

    current = f" WHERE {quoted(VALID_TO)} IS NULL" if _is_history(compiled, stored) else ""
    on = " AND ".join(f"s.v{numbers[key]} IS NOT DISTINCT FROM {theirs(key)}" for key in keys)
    differs = [
        f", coalesce(bool_or(b.there AND s.v{numbers[name]} IS DISTINCT FROM {theirs(name)}), FALSE) AS d{place}"
        for place, name in enumerate(compared)
    ]
    return (
        f"SELECT coalesce(bool_or(b.there), FALSE) AS there{''.join(differs)} "
        f"FROM (SELECT s.rowid AS rid, s.* {staged.valid()}) AS s "
        f"LEFT JOIN (SELECT *, TRUE AS there FROM ({stored.sql}){current}) AS b ON {on} GROUP BY s.rid"
    )


def _is_history(compiled: CompiledMapping, stored: Scan) -> bool:
    return compiled.load.mode == "history" and VALID_TO in {column.name for column in stored.columns}
