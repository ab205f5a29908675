"""The meaning of a mapping in plain Python, row by row: slow, and written apart from the engine's code.

It knows the pools of values below and no more of the types: what each text means is written down, not computed.
"""

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any

Source = dict[str, str | None]
Values = dict[str, Any]

BAD = object()

# What a text means in a column of a type; None stays None.
MEANINGS: dict[str, dict[str, Any]] = {
    "integer": {
        "1": 1,
        " 2 ": 2,
        "03": 3,
        "4": 4,
        "-1": -1,
        "x": BAD,
        "1.5": BAD,
        "": BAD,
        "99999999999": BAD,
    },
    "date": {
        "2024-01-01": date(2024, 1, 1),
        "2024-01-02": date(2024, 1, 2),
        "2024-01-03": date(2024, 1, 3),
        "2024-02-30": BAD,
        "soon": BAD,
    },
    "email": {"a@example.com": "a@example.com", "b@example.com": "b@example.com", "nobody": BAD, "@": BAD},
    "string": {},
}
REASONS = {"integer": "cast_failed", "date": "cast_failed", "email": "invalid_email"}


@dataclass(frozen=True)
class Field:
    """A target column made directly of a source column."""

    name: str
    source: tuple[str, str]
    type: str
    required: bool = False
    on_invalid: str | None = None


@dataclass(frozen=True)
class Case:
    """A mapping, as far as the reference knows mappings."""

    fields: tuple[Field, ...]
    key: tuple[str, ...] = ()
    join: str | None = None
    keeps: str | None = None
    deduplicate: tuple[str, ...] = ()
    order: tuple[tuple[str, bool], ...] = ()
    mode: str = "full"
    on_invalid: str = "quarantine"
    cursor: bool = False
    lookback_days: int = 0
    delete_missing: bool = False


@dataclass
class Expected:
    """What an execution is to give."""

    counts: Counter[str] = field(default_factory=Counter)
    rows: list[Values] = field(default_factory=list)
    rejected: Counter[tuple[Any, ...]] = field(default_factory=Counter)
    cursor: date | None = None


@dataclass
class Row:
    """A row on its way: its place in the first input, its source values and its target values."""

    place: int | None
    c: Source
    o: Source
    values: Values = field(default_factory=dict)
    faults: list[tuple[str, str]] = field(default_factory=list)


# Filters as users write them, and as Python says them; None is unknown.
FILTERS: dict[str, Callable[[Row], bool | None]] = {
    "c.k = 'a'": lambda row: None if row.c["k"] is None else row.c["k"] == "a",
    "c.k is not null": lambda row: row.c["k"] is not None,
    "c.k <> 'a' or c.id = '1'": lambda row: _either(
        None if row.c["k"] is None else row.c["k"] != "a", None if row.c["id"] is None else row.c["id"] == "1"
    ),
}


def execute(
    case: Case, c: list[Source], o: list[Source], *, stored: list[Values], cursor: date | None
) -> Expected:
    """Execute a case on its inputs and the rows stored before."""
    result = Expected(cursor=cursor)
    read = _read(case, c, cursor)
    if case.cursor:
        found = [at for _, row in read if isinstance(at := _meaning("date", row["at"]), date)]
        result.cursor = max([*found, *([cursor] if cursor else [])], default=None)
    result.counts["read"] = len(read)
    rows = _joined(case, read, o, result)
    kept = [row for row in rows if case.keeps is None or FILTERS[case.keeps](row)]
    result.counts["filtered"] = len(rows) - len(kept)
    for row in kept:
        _check(case, row, result)
    valid = [row for row in kept if not row.faults]
    valid = _deduplicated(case, valid, result)
    _reject_repeated(case, valid)
    for row in kept:
        if row.faults:
            result.counts["rejected"] += 1
            result.rejected[(row.place, row.faults[0], tuple(row.faults))] += 1
    valid = [row for row in valid if not row.faults]
    _load(case, valid, kept, stored, result)
    return result


def _read(case: Case, c: list[Source], cursor: date | None) -> list[tuple[int, Source]]:
    numbered = list(enumerate(c, start=1))
    if not case.cursor or cursor is None:
        return numbered
    start = cursor - timedelta(days=case.lookback_days)
    read = []
    for place, row in numbered:
        at = _meaning("date", row["at"])
        if at > start if isinstance(at, date) else case.mode == "merge":
            read.append((place, row))
    return read


def _joined(case: Case, read: list[tuple[int, Source]], o: list[Source], result: Expected) -> list[Row]:
    nothing_c, nothing_o = dict.fromkeys(("id", "n", "at", "mail", "k")), dict.fromkeys(("id", "m"))
    if case.join is None:
        return [Row(place, row, nothing_o) for place, row in read]
    rows, met = [], set()
    for place, row in read:
        partners = [n for n, other in enumerate(o) if row["id"] is not None and other["id"] == row["id"]]
        met.update(partners)
        rows += [Row(place, row, o[n]) for n in partners]
        if partners:
            result.counts["joined_in"] += len(partners) - 1
        elif case.join in {"left", "full"}:
            rows.append(Row(place, row, nothing_o))
        else:
            result.counts["joined_out"] += 1
    if case.join in {"right", "full"}:
        alone = [other for n, other in enumerate(o) if n not in met]
        rows += [Row(None, nothing_c, other) for other in alone]
        result.counts["joined_in"] += len(alone)
    return rows


def _check(case: Case, row: Row, result: Expected) -> None:
    for each in case.fields:
        alias, column = each.source
        text = (row.c if alias == "c" else row.o)[column]
        value = _meaning(each.type, text)
        faults = [(each.name, REASONS[each.type])] if value is BAD else []
        if faults and (each.on_invalid or case.on_invalid) == "null":
            result.counts["values_nulled"] += 1
            value, faults = None, []
        if not faults and value is None and (each.required or each.name in case.key):
            faults = [(each.name, "null_not_allowed")]
        row.values[each.name] = None if faults else value
        row.faults += faults


def _deduplicated(case: Case, rows: list[Row], result: Expected) -> list[Row]:
    if not case.deduplicate:
        return rows
    groups: dict[tuple[Any, ...], list[Row]] = {}
    for row in rows:
        groups.setdefault(_key(case.deduplicate, row.values), []).append(row)
    kept = []
    for group in groups.values():
        kept.append(_in_order(case, group)[0])
        result.counts["deduplicated"] += len(group) - 1
    return kept


def _in_order(case: Case, rows: list[Row]) -> list[Row]:
    rows = sorted(
        rows, key=lambda row: [_last(row.place), *(_last(row.values[each.name]) for each in case.fields)]
    )
    # Sorting is stable, backwards too: the least important term first.
    for column, descending in reversed(case.order):
        ranked = [(_rank(case, row, column), row) for row in rows]
        given = sorted((pair for pair in ranked if pair[0] is not None), key=_first, reverse=descending)
        rows = [row for _, row in given] + [row for rank, row in ranked if rank is None]
    return rows


def _rank(case: Case, row: Row, column: str) -> Any:
    """What an order by a source column compares: what a field made of it means, else its text."""
    kinds = [each.type for each in case.fields if each.source == ("c", column)]
    value = _meaning(kinds[0] if kinds and kinds[0] != "email" else "string", row.c[column])
    return None if value is BAD else value


def _first(pair: tuple[Any, Row]) -> Any:
    return pair[0]


def _reject_repeated(case: Case, rows: list[Row]) -> None:
    if not case.key or (case.deduplicate and set(case.deduplicate) <= set(case.key)):
        return
    seen = Counter(_key(case.key, row.values) for row in rows)
    first = next(each.name for each in case.fields if each.name in case.key)
    for row in rows:
        if seen[_key(case.key, row.values)] > 1:
            row.faults = [(first, "duplicate_key")]


def _load(case: Case, rows: list[Row], kept: list[Row], stored: list[Values], result: Expected) -> None:
    counts = result.counts
    if case.mode in {"full", "append"}:
        counts["inserted"] = len(rows)
        counts["deleted"] = len(stored) if case.mode == "full" else 0
        result.rows = [row.values for row in rows] + (stored if case.mode == "append" else [])
        return
    table = {_key(case.key, values): values for values in stored}
    for row in rows:
        key = _key(case.key, row.values)
        old = table.get(key)
        if old is None:
            counts["inserted"] += 1
        elif old == row.values or (case.cursor and _is_older(row.values["at"], old["at"])):
            counts["unchanged"] += 1
            continue
        else:
            counts["updated"] += 1
        table[key] = row.values
    if case.delete_missing:
        present = {_key(case.key, row.values) for row in kept}
        gone = [key for key in table if key not in present]
        counts["deleted"] = len(gone)
        for key in gone:
            del table[key]
    result.rows = list(table.values())


def _meaning(kind: str, text: str | None) -> Any:
    return text if text is None or kind == "string" else MEANINGS[kind][text]


def _key(names: Iterable[str], values: Values) -> tuple[Any, ...]:
    return tuple(values[name] for name in names)


def _last(value: Any) -> tuple[bool, Any]:
    return (value is None, value if value is not None else 0)


def _is_older(mine: date | None, theirs: date | None) -> bool:
    return theirs is not None and (mine is None or mine < theirs)


def _either(one: bool | None, other: bool | None) -> bool | None:
    if one or other:
        return True
    return None if one is None or other is None else False
