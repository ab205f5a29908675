"""How a stored value looks in JSON and in CSV, decided by its type and written by DuckDB itself.

Python's own values lose on the way: instants need a time zone library, intervals their months, nanoseconds
their end, `infinity` its meaning. So DuckDB writes all of these as text, in vectors, and Python only looks
at whole numbers and floats.

| type | JSON |
|---|---|
| boolean, whole numbers to 2^53 | as they are |
| larger whole numbers, decimals | text with every digit |
| float, double | a number; NaN and the infinities are the texts `NaN`, `Infinity`, `-Infinity` |
| date, datetime, time | ISO 8601 without a zone |
| instant | ISO 8601 in UTC with `Z` |
| interval, bit, uuid, enum | DuckDB's text |
| json | its text |
| binary | base64 |
| list, struct, map | JSON of the same, with decimals and times inside as DuckDB's text |
"""

import math
from collections.abc import Callable, Sequence
from typing import Any

import orjson
from duckdb import DuckDBPyConnection
from duckdb.sqltypes import DuckDBPyType

from datalinx.engine.query.tables import quote_name

MAX_EXACT_INTEGER = 2**53

_AS_IT_IS = frozenset(
    {"BOOLEAN", "TINYINT", "SMALLINT", "INTEGER", "UTINYINT", "USMALLINT", "UINTEGER", "VARCHAR"}
)
_LARGE_INTEGERS = frozenset({"BIGINT", "UBIGINT", "HUGEINT", "UHUGEINT"})
_FLOATS = frozenset({"FLOAT", "DOUBLE"})
_DATETIMES = ("TIMESTAMP", "TIMESTAMP_S", "TIMESTAMP_MS", "TIMESTAMP_NS", "DATETIME")
_INSTANTS = ("TIMESTAMP WITH TIME ZONE", "TIMESTAMPTZ", "TIMESTAMP_NS WITH TIME ZONE", "TIMESTAMPTZ_NS")

# The cells of these types can hold whatever a source's text held, so a spreadsheet could read a formula in
# them. Numbers, dates and the like are written by DuckDB and cannot.
_FREE_TEXT = ("VARCHAR", "ENUM", "JSON", "BLOB", "STRUCT", "MAP", "UNION")
_FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")


def is_nested(kind: str) -> bool:
    return kind.endswith("]") or kind.startswith(("STRUCT", "MAP(", "UNION("))


def shown_expression(connection: DuckDBPyConnection, column: str, kind: str) -> str:
    """The SQL expression that turns one column, an SQL identifier, into what is shown of it."""
    text = f"CAST({column} AS VARCHAR)"
    if kind in _AS_IT_IS or kind in _LARGE_INTEGERS or kind == "DOUBLE":
        return column
    if kind == "FLOAT":
        # 0.1 in 32 bits is 0.10000000149… in 64; its shortest text is what was meant.
        return f"CAST({text} AS DOUBLE)"
    if kind in _INSTANTS:
        return f"regexp_replace(regexp_replace({text}, ' ', 'T'), '[+]00$', 'Z')"
    if kind in _DATETIMES:
        return f"regexp_replace({text}, ' ', 'T')"
    if kind == "BLOB":
        return f"base64({column})"
    if is_nested(kind):
        plain = _plain_type(connection.dtype(kind))
        return f"CAST(to_json(CAST({column} AS {plain})) AS VARCHAR)"
    return text


def _plain_type(kind: DuckDBPyType) -> str:
    """The same nesting with VARCHAR in the place of what JSON cannot hold exactly."""
    text = str(kind)
    if not is_nested(text):
        return text if text in _AS_IT_IS | _FLOATS | {"BIGINT", "UBIGINT", "JSON"} else "VARCHAR"
    parts = {name: _plain_type(part) for name, part in kind.children if isinstance(part, DuckDBPyType)}
    if kind.id == "struct":
        return f"STRUCT({', '.join(f'{quote_name(name)} {part}' for name, part in parts.items())})"
    if kind.id == "map":
        return f"MAP({parts['key']}, {parts['value']})"
    if kind.id in {"list", "array"}:
        size = dict(kind.children).get("size", "")
        return f"{parts['child']}[{size}]"
    return "VARCHAR"


def shown_values(kinds: Sequence[str]) -> Callable[[Sequence[Any]], list[Any]]:
    """A function that finishes one fetched row of `shown_expression` columns for JSON."""
    finishers = [(index, finish) for index, kind in enumerate(kinds) if (finish := _finisher(kind))]

    def finish_row(row: Sequence[Any]) -> list[Any]:
        values = list(row)
        for index, finish in finishers:
            if values[index] is not None:
                values[index] = finish(values[index])
        return values

    return finish_row


def _finisher(kind: str) -> Callable[[Any], Any] | None:
    if kind in _LARGE_INTEGERS:
        return _integer
    if kind in _FLOATS:
        return _float
    return _nested if is_nested(kind) else None


def _integer(value: int) -> int | str:
    return value if -MAX_EXACT_INTEGER <= value <= MAX_EXACT_INTEGER else str(value)


def _float(value: float) -> float | str:
    if math.isfinite(value):
        return value
    return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"


def _nested(text: str) -> Any:
    try:
        return _exact(orjson.loads(text))
    except orjson.JSONDecodeError:
        # A list with NaN in it is not JSON; its text is still the truth.
        return text


def _exact(value: Any) -> Any:
    if isinstance(value, list):
        return [_exact(item) for item in value]
    if isinstance(value, dict):
        return {key: _exact(item) for key, item in value.items()}
    return _integer(value) if isinstance(value, int) and not isinstance(value, bool) else value


def csv_line(values: Sequence[Any], free_text: Sequence[bool]) -> str:
    """One record of RFC 4180. NULL is an empty field and the empty text is `""`, so both come back.

    A cell of free text that a spreadsheet would run as a formula gets an apostrophe before it
    (OWASP ASVS 1.2.10).
    """
    return ",".join(_csv_cell(value, free) for value, free in zip(values, free_text, strict=True)) + "\r\n"


def is_free_text(kind: str) -> bool:
    return kind.startswith(_FREE_TEXT) or kind.endswith("]")


def _csv_cell(value: Any, free: bool) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    text = value if isinstance(value, str) else _plain(value)
    if free and text.startswith(_FORMULA_STARTS):
        text = "'" + text
    if not text or any(mark in text for mark in ',"\r\n') or text != text.strip():
        return '"' + text.replace('"', '""') + '"'
    return text


def _plain(value: Any) -> str:
    return orjson.dumps(value).decode() if isinstance(value, list | dict) else str(value)
