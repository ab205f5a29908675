"""The operators of an audience's conditions: which type takes which, how a value is read, what it compiles to.

| types | operators |
|---|---|
| text | eq ne lt lte gt gte between in not_in contains starts_with ends_with matches |
| whole numbers, decimals, floats | eq ne lt lte gt gte between in not_in |
| boolean | eq ne |
| date, datetime, timestamp | eq ne lt lte gt gte between in not_in before after within not_within |
| time | eq ne lt lte gt gte between in not_in before after |
| uuid | eq ne in not_in |
| all | is_null not_null |

NULL compared with anything is unknown, as in SQL; only `is_null` and `not_null` always know. Texts compare
case by case and by code point; `matches` finds an RE2 pattern anywhere in the text. `between` includes both
ends. `within "90 days"` is from 90 days before now until now, whole days for a date; `not_within` is its
opposite, still unknown for NULL.
"""

import uuid
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, date, datetime, time
from decimal import InvalidOperation
from typing import Any

from sqlglot import exp

from datalinx.engine.audience.numeric import compare_number, number_in, read_number
from datalinx.engine.audience.spans import parse_span
from datalinx.engine.types.casts import kind_of

_ORDER = ("eq", "ne", "lt", "lte", "gt", "gte", "between", "in", "not_in")
_CALENDAR = (*_ORDER, "before", "after", "within", "not_within")
_NUMBER = _ORDER
_NUMBERS = frozenset({"whole", "decimal", "floating"})

OPERATORS: Mapping[str, tuple[str, ...]] = {
    "text": (*_ORDER, "contains", "starts_with", "ends_with", "matches"),
    "whole": _NUMBER,
    "floating": _NUMBER,
    "decimal": _NUMBER,
    "boolean": ("eq", "ne"),
    "date": _CALENDAR,
    "timestamp": _CALENDAR,
    "timestamptz": _CALENDAR,
    "time": (*_ORDER, "before", "after"),
    "uuid": ("eq", "ne", "in", "not_in"),
}
ALWAYS = ("is_null", "not_null")

_MAX_PATTERN = 1_000
_COMPARISONS: Mapping[str, type[exp.Binary]] = {
    "eq": exp.EQ,
    "ne": exp.NEQ,
    "lt": exp.LT,
    "lte": exp.LTE,
    "gt": exp.GT,
    "gte": exp.GTE,
    "before": exp.LT,
    "after": exp.GT,
}
_TEXT_FUNCTIONS = {
    "contains": "contains",
    "starts_with": "starts_with",
    "ends_with": "ends_with",
    "matches": "regexp_matches",
}


def operators_of(duckdb_type: str) -> tuple[str, ...]:
    """The operators that a column of this type takes."""
    return (*OPERATORS.get(kind_of(duckdb_type), ()), *ALWAYS)


def condition(column: exp.Expr, duckdb_type: str, op: str, value: Any, now: datetime) -> exp.Expr:
    """The SQL of one condition on a column, true, false or NULL.

    `value` is as in the document: a scalar, or a sequence for `in`, `not_in` and `between`. Raise
    `ValueError` with a sentence when it does not fit the type. `now` is an instant with a zone.
    """
    if op in ALWAYS:
        is_null = exp.Is(this=column, expression=exp.null())
        return is_null if op == "is_null" else exp.Not(this=is_null)
    kind = kind_of(duckdb_type)
    if op in {"within", "not_within"}:
        inside = _within(column, kind, value, now)
        return inside if op == "within" else exp.Not(this=exp.Paren(this=inside))
    if op in _TEXT_FUNCTIONS:
        return exp.func(
            _TEXT_FUNCTIONS[op], column, exp.Literal.string(_pattern(op, value)), dialect="duckdb"
        )
    if op == "between":
        low, high = (read_value(kind, part) for part in value)
        if low > high:
            raise ValueError("the first of the two values is larger than the second, so nothing lies between")
        return exp.and_(
            _compare(column, duckdb_type, "gte", low), _compare(column.copy(), duckdb_type, "lte", high)
        )
    if op in {"in", "not_in"}:
        values = [read_value(kind, part) for part in value]
        if kind in _NUMBERS:
            found = number_in(column, duckdb_type, values)
        else:
            found = exp.In(this=column, expressions=[_literal(kind, part) for part in values])
        return found if op == "in" else exp.Not(this=found)
    return _compare(column, duckdb_type, op, read_value(kind, value))


def _compare(column: exp.Expr, duckdb_type: str, op: str, value: Any) -> exp.Expr:
    kind = kind_of(duckdb_type)
    if kind in _NUMBERS:
        return compare_number(column, duckdb_type, op, value)
    return _COMPARISONS[op](this=column, expression=_literal(kind, value))


def read_value(kind: str, value: Any) -> Any:
    """The Python value of a document's scalar for a family of types; `ValueError` says what is wrong."""
    if value is None:
        raise ValueError("null is equal to nothing; use is_null or not_null")
    try:
        return _READERS[kind](value)
    except (ValueError, InvalidOperation, OverflowError) as error:
        if str(error).startswith("the value"):
            raise
        raise ValueError(f"`{value}` is not {_NOUNS[kind]}") from error


def _within(column: exp.Expr, kind: str, value: Any, now: datetime) -> exp.Expr:
    if not isinstance(value, str):
        raise ValueError("the value must be a span of time such as `90 days`")  # noqa: TRY004  # one kind of fault
    now = now.astimezone(UTC)
    start: Any = parse_span(value).before(now)
    end: Any = now
    if kind == "date":
        start, end = start.date(), end.date()
    elif kind == "timestamp":
        start, end = start.replace(tzinfo=None), end.replace(tzinfo=None)
    return exp.Between(this=column, low=_literal(kind, start), high=_literal(kind, end))


def _pattern(op: str, value: Any) -> str:
    if not isinstance(value, str):
        raise ValueError("the value must be text")  # noqa: TRY004  # one kind of fault
    if op == "matches" and len(value) > _MAX_PATTERN:
        raise ValueError(f"the value is a pattern of at most {_MAX_PATTERN} characters")
    return value


def _literal(kind: str, value: Any) -> exp.Expr:
    if kind == "boolean":
        return exp.Boolean(this=value)
    if kind == "text":
        return exp.Literal.string(value)
    return exp.cast(exp.Literal.string(str(value)), _CASTS[kind], dialect="duckdb")


def _read_text(value: Any) -> str:
    if not isinstance(value, str):
        raise ValueError("the value must be text, as the column is")  # noqa: TRY004  # one kind of fault
    return value


def _read_boolean(value: Any) -> bool:
    if not isinstance(value, bool):
        raise ValueError("the value must be true or false")  # noqa: TRY004  # one kind of fault
    return value


def _read_date(value: Any) -> date:
    return date.fromisoformat(_read_text(value))


def _read_datetime(value: Any) -> datetime:
    parsed = datetime.fromisoformat(_read_text(value))
    if parsed.tzinfo is not None:
        raise ValueError("the value must have no zone, as the column has none")
    return parsed


def _read_instant(value: Any) -> datetime:
    """An instant in UTC; a value without a zone is in UTC."""
    parsed = datetime.fromisoformat(_read_text(value))
    return parsed.astimezone(UTC) if parsed.tzinfo else parsed.replace(tzinfo=UTC)


_READERS: Mapping[str, Callable[[Any], Any]] = {
    "text": _read_text,
    "whole": read_number,
    "decimal": read_number,
    "floating": read_number,
    "boolean": _read_boolean,
    "date": _read_date,
    "timestamp": _read_datetime,
    "timestamptz": _read_instant,
    "time": lambda value: time.fromisoformat(_read_text(value)),
    "uuid": lambda value: uuid.UUID(_read_text(value)),
}
_NOUNS = {
    "text": "text",
    "whole": "a number",
    "decimal": "a number",
    "floating": "a number",
    "boolean": "true or false",
    "date": "a date such as `2026-01-31`",
    "timestamp": "a date with a time such as `2026-01-31T10:00:00`",
    "timestamptz": "an instant such as `2026-01-31T10:00:00Z`",
    "time": "a time such as `10:00:00`",
    "uuid": "a UUID",
}
_CASTS = {
    "date": "DATE",
    "timestamp": "TIMESTAMP",
    "timestamptz": "TIMESTAMPTZ",
    "time": "TIME",
    "uuid": "UUID",
}


def comparable(left: str, right: str) -> bool:
    """Whether two columns of these DuckDB types can be equal: the same family, numbers being one."""
    one, other = kind_of(left), kind_of(right)
    return one == other or {one, other} <= _NUMBERS


def operator_list(names: Sequence[str]) -> str:
    """Operators for a sentence."""
    return ", ".join(names)
