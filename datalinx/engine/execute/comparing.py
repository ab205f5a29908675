"""Two versions of a table side by side: what each column holds, and which rows and values differ by key.

Only numbers come out of it, never a value.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from datalinx.engine.execute.results import Limits
from datalinx.engine.execute.session import Session
from datalinx.engine.execute.stored import VALID_TO
from datalinx.engine.execute.text import any_of, quoted
from datalinx.engine.query.tables import TableFiles, table_select

MAX_COLUMNS = 100


@dataclass(frozen=True)
class ColumnSummary:
    """How many rows have no value in a column, and about how many different values there are."""

    nulls: int
    distinct: int


@dataclass(frozen=True)
class ColumnChange:
    """A column before and after; None where the version does not have it."""

    name: str
    type: str
    before: ColumnSummary | None
    after: ColumnSummary | None


@dataclass(frozen=True)
class KeyedChange:
    """Rows of the later version by key: `gone` are those that it has no longer; `values_changed` is by column."""

    keys: tuple[str, ...]
    new: int
    changed: int
    unchanged: int
    gone: int
    values_changed: Mapping[str, int]


@dataclass(frozen=True)
class TableChange:
    """What is different. Columns beyond `MAX_COLUMNS` are counted in `columns_left_off` and not compared.

    `keyed` is None where no key tells which row is which: there is none, one version lacks it, or it repeats.
    """

    rows_before: int
    rows_after: int
    columns: tuple[ColumnChange, ...]
    columns_left_off: int
    keyed: KeyedChange | None


def compare_versions(
    before: TableFiles | None,
    after: TableFiles,
    *,
    keys: Sequence[str],
    workdir: Path,
    limits: Limits,
    cancelled: Callable[[], bool] = lambda: False,
) -> TableChange:
    """Compare two versions of a table; `before` is None for a table that is not there yet.

    Of a history the rows that have not ended are compared. Raise `Failed` with `MEMORY_EXCEEDED` or
    `FILE_UNREADABLE`, and `Cancelled` with `RUN_CANCELLED`.
    """
    versions = [after] if before is None else [before, after]
    with Session(limits=limits, workdir=workdir, cancelled=cancelled) as session:
        session.confine(files=[path for each in versions for path in each.files], folders=[workdir])
        gone = [] if before is None else [each for each in before.columns if each[0] not in after.names()]
        types = dict([*after.columns, *gone])
        shown = [*types][:MAX_COLUMNS]
        rows_before, then = _summarize(session, before, shown) if before is not None else (0, {})
        rows_after, now = _summarize(session, after, shown)
        return TableChange(
            rows_before,
            rows_after,
            tuple(ColumnChange(name, types[name], then.get(name), now.get(name)) for name in shown),
            len(types) - len(shown),
            _by_key(session, before, after, tuple(keys), shown) if before is not None else None,
        )


def _current(table: TableFiles) -> str:
    ended = f" WHERE {quoted(VALID_TO)} IS NULL" if VALID_TO in table.names() else ""
    return f"SELECT * FROM ({table_select(table)}){ended}"


def _summarize(
    session: Session, table: TableFiles, shown: Sequence[str]
) -> tuple[int, dict[str, ColumnSummary]]:
    names = [name for name in shown if name in table.names()]
    parts = [f", count({quoted(name)}), approx_count_distinct({quoted(name)})" for name in names]
    rows, *found = (
        int(each) for each in session.row(f"SELECT count(*){''.join(parts)} FROM ({_current(table)})")
    )
    return rows, {
        name: ColumnSummary(rows - filled, min(distinct, filled))
        for name, filled, distinct in zip(names, found[::2], found[1::2], strict=True)
    }


def _by_key(
    session: Session, before: TableFiles, after: TableFiles, keys: tuple[str, ...], shown: Sequence[str]
) -> KeyedChange | None:
    both = set(before.names()) & set(after.names())
    if not keys or not both.issuperset(keys):
        return None
    compared = [name for name in shown if name in both and name not in keys]
    pairs = _pairs(before, after, keys, compared)
    changed = any_of(f"d{number}" for number in range(len(compared)))
    counts = "".join(f", count(*) FILTER (d{number})" for number in range(len(compared)))
    repeated, new, gone, differ, same, *values = session.row(
        f"SELECT coalesce(sum(repeats), 0), count(*) FILTER (NOT was), count(*) FILTER (NOT is_there), "
        f"count(*) FILTER (was AND is_there AND ({changed})), "
        f"count(*) FILTER (was AND is_there AND NOT ({changed})){counts} FROM ({pairs})"
    )
    if repeated:
        return None
    changes = {name: int(count) for name, count in zip(compared, values, strict=True) if count}
    return KeyedChange(keys, int(new), int(differ), int(same), int(gone), changes)


def _pairs(before: TableFiles, after: TableFiles, keys: Sequence[str], compared: Sequence[str]) -> str:
    """A SELECT of one row for each key: whether it `was`, whether it `is_there`, `d0` … which values differ."""
    types = dict(after.columns)
    ordered = [f"k{number}" for number in range(len(keys))]

    def rows(table: TableFiles, there: str) -> str:
        # One row a key, so that a key that repeats on both sides does not multiply.
        columns = [f"TRY_CAST({quoted(name)} AS {types[name]}) AS k{n}" for n, name in enumerate(keys)]
        columns += [
            f"first(TRY_CAST({quoted(name)} AS {types[name]})) AS c{n}" for n, name in enumerate(compared)
        ]
        columns += [f"TRUE AS {there}", "count(*) - 1 AS more"]
        grouped = ", ".join(str(number + 1) for number in range(len(keys)))
        return f"SELECT {', '.join(columns)} FROM ({_current(table)}) GROUP BY {grouped}"

    on = " AND ".join(f"b.{key} IS NOT DISTINCT FROM a.{key}" for key in ordered)
    differs = "".join(
        f", coalesce(b.was AND a.is_there AND b.c{n} IS DISTINCT FROM a.c{n}, FALSE) AS d{n}"
        for n in range(len(compared))
    )
    return (
        "SELECT coalesce(b.was, FALSE) AS was, coalesce(a.is_there, FALSE) AS is_there, "
        f"coalesce(b.more, 0) + coalesce(a.more, 0) AS repeats{differs} "
        f"FROM ({rows(before, 'was')}) AS b FULL JOIN ({rows(after, 'is_there')}) AS a ON {on}"
    )
