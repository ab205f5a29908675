"""Casts: from any type of a source to a base type, NULL where the value does not fit.

Text has rules of its own (`text_casts`). A typed value follows the same principle: it fits when nothing that
it says is lost. 12.0 fits an integer and 12.5 does not; a timestamp fits a date at midnight UTC only; an
instant and a zoneless time meet in UTC. Binary floating point is the exception that its nature asks for: a
double fits a decimal when rounding to the scale moves it by no more than the noise of binary arithmetic
(one part in 10^12; for a 32-bit float in 10^6), so 0.1 + 0.2 fits scale 2 and 1.239 does not. NaN and the
infinities fit no number.
"""

import re
from collections.abc import Callable, Mapping

from sqlglot import exp

from datalinx.engine.types.base import BaseName, ResolvedType
from datalinx.engine.types.sql import sql
from datalinx.engine.types.text_casts import TEXT_CASTS, cast_as, in_calendar

TypedCast = Callable[[exp.Expression, str, ResolvedType], exp.Expression]

_KINDS: Mapping[str, tuple[str, ...]] = {
    "text": ("VARCHAR", "TEXT", "STRING", "CHAR", "BPCHAR", "ENUM"),
    "json": ("JSON",),
    "boolean": ("BOOLEAN", "BOOL", "LOGICAL"),
    "whole": (
        *("TINYINT", "SMALLINT", "INTEGER", "INT", "BIGINT", "HUGEINT", "INT128"),
        *("UTINYINT", "USMALLINT", "UINTEGER", "UBIGINT", "UHUGEINT", "BIGNUM", "VARINT"),
    ),
    "floating": ("FLOAT", "REAL", "DOUBLE"),
    "decimal": ("DECIMAL", "NUMERIC"),
    "date": ("DATE",),
    "time": ("TIME", "TIME_NS"),
    "timestamp": ("TIMESTAMP", "DATETIME", "TIMESTAMP_S", "TIMESTAMP_MS", "TIMESTAMP_NS"),
    "timestamptz": ("TIMESTAMP WITH TIME ZONE", "TIMESTAMPTZ"),
    "uuid": ("UUID",),
    "binary": ("BLOB", "BYTEA", "BINARY", "VARBINARY"),
    "nested": ("STRUCT", "MAP", "UNION", "LIST", "TUPLE", "VARIANT"),
    "null": ('"NULL"', "NULL"),
}
_KIND_OF = {name: kind for kind, names in _KINDS.items() for name in names}


def kind_of(duckdb_type: str) -> str:
    """Return the family of a DuckDB type's text: text, whole, decimal, timestamptz, nested, … or other."""
    name = duckdb_type.strip().upper()
    if name.endswith("]"):
        return "nested"
    return _KIND_OF.get(re.sub(r"\s*\(.*\)$", "", name, flags=re.DOTALL), "other")


def cast_from(value: exp.Expression, from_duckdb_type: str, to: ResolvedType) -> exp.Expression:
    """Return `value` as the type `to`: NULL when it is NULL or does not fit, never an error.

    `from_duckdb_type` is the value's type as DuckDB writes it (`VARCHAR`, `DECIMAL(18,3)`). A pair for which
    `can_cross` is false gives a NULL of the target's type.
    """
    kind = kind_of(from_duckdb_type)
    if kind == "text":
        text = value if from_duckdb_type.strip().upper() == "VARCHAR" else _as_text(value)
        return TEXT_CASTS[to.base](text, to)
    lower = _TYPED.get((kind, to.base)) or _TYPED_ANY.get(to.base) if kind != "null" else None
    if lower is None:
        return cast_as(exp.null(), to.duckdb)
    return lower(value, from_duckdb_type.strip().upper(), to)


def can_cross(from_duckdb_type: str, to: ResolvedType) -> bool:
    """Tell whether any value of the source's type could ever fit the target (boolean to date: none)."""
    kind = kind_of(from_duckdb_type)
    return kind in {"text", "null"} or (kind, to.base) in _TYPED or to.base in _TYPED_ANY


def _as_text(value: exp.Expression) -> exp.Expression:
    return sql("CAST(:v AS VARCHAR)", v=value)


def _keep(value: exp.Expression, source: str, to: ResolvedType) -> exp.Expression:
    return value


def _try(value: exp.Expression, source: str, to: ResolvedType) -> exp.Expression:
    return value if source == to.duckdb else cast_as(value, to.duckdb)


def _finite(value: exp.Expression, source: str, to: ResolvedType) -> exp.Expression:
    # What is not finite is no number that a sum, a comparison or another reader could use.
    number = _try(value, source, to)
    return sql("CASE WHEN isfinite(:n) THEN :n END", n=number)


def _whole_only(value: exp.Expression, source: str, to: ResolvedType) -> exp.Expression:
    return sql("CASE WHEN :v = trunc(:v) THEN :cast END", v=value, cast=cast_as(value, to.duckdb))


def _is_one(value: exp.Expression, source: str, to: ResolvedType) -> exp.Expression:
    return sql("CASE WHEN :v = 1 THEN TRUE WHEN :v = 0 THEN FALSE END", v=value)


def _boolean_to_decimal(value: exp.Expression, source: str, to: ResolvedType) -> exp.Expression:
    return cast_as(sql("CAST(:v AS INTEGER)", v=value), to.duckdb)


def _decimal_to_decimal(value: exp.Expression, source: str, to: ResolvedType) -> exp.Expression:
    figures = re.search(r"\(\s*\d+\s*,\s*(\d+)\s*\)", source)
    scale = int(figures.group(1)) if figures else 3
    if scale <= (to.scale or 0):
        return _try(value, source, to)
    # Compared in the source's own type: decimals of far scales have no common one.
    shorter = cast_as(value, to.duckdb)
    return sql(
        "CASE WHEN :back = :v THEN :shorter END", back=cast_as(shorter, source), v=value, shorter=shorter
    )


def _floating_to_decimal(value: exp.Expression, source: str, to: ResolvedType) -> exp.Expression:
    """Small figures are cast as numbers; large ones by their shortest text, so that 1e20 has no made-up digits."""
    noise = 1e-12 if source == "DOUBLE" else 1e-6
    by_number = cast_as(value, to.duckdb)
    number = sql(
        "CASE WHEN abs(:v) < :limit THEN :by_number ELSE :by_text END",
        v=value,
        limit=float(f"9e{14 - (to.scale or 0)}"),
        by_number=by_number,
        by_text=cast_as(_as_text(value), to.duckdb),
    )
    return sql(
        "CASE WHEN abs(CAST(:number AS DOUBLE) - :v) <= abs(:v) * :noise THEN :number END",
        number=number,
        v=value,
        noise=noise,
    )


def _date(value: exp.Expression, source: str, to: ResolvedType) -> exp.Expression:
    return in_calendar(value, "DATE")


def _local(value: exp.Expression, source: str) -> exp.Expression:
    """Any zoneless timestamp as TIMESTAMP; versions of DuckDB round nanoseconds differently, so they are cut."""
    if source == "TIMESTAMP_NS":
        return sql("make_timestamp(epoch_ns(:v) // 1000)", v=value)
    return value if source == "TIMESTAMP" else cast_as(value, "TIMESTAMP")


def _timestamp_to_datetime(value: exp.Expression, source: str, to: ResolvedType) -> exp.Expression:
    return in_calendar(_local(value, source), "TIMESTAMP")


def _timestamp_to_timestamp(value: exp.Expression, source: str, to: ResolvedType) -> exp.Expression:
    local = in_calendar(_local(value, source), "TIMESTAMP")
    return sql("timezone('UTC', :v)", v=local)


def _timestamp_to_date(value: exp.Expression, source: str, to: ResolvedType) -> exp.Expression:
    local = in_calendar(_local(value, source), "TIMESTAMP")
    return sql("CASE WHEN :v = date_trunc('day', :v) THEN CAST(:v AS DATE) END", v=local)


def _instant(value: exp.Expression, source: str, to: ResolvedType) -> exp.Expression:
    return in_calendar(value, "TIMESTAMP WITH TIME ZONE")


def _instant_to_datetime(value: exp.Expression, source: str, to: ResolvedType) -> exp.Expression:
    return sql("timezone('UTC', :v)", v=_instant(value, source, to))


def _instant_to_date(value: exp.Expression, source: str, to: ResolvedType) -> exp.Expression:
    return _timestamp_to_date(_instant_to_datetime(value, source, to), "TIMESTAMP", to)


def _date_to_datetime(value: exp.Expression, source: str, to: ResolvedType) -> exp.Expression:
    return sql("CAST(:v AS TIMESTAMP)", v=in_calendar(value, "DATE"))


def _date_to_timestamp(value: exp.Expression, source: str, to: ResolvedType) -> exp.Expression:
    return sql("timezone('UTC', :v)", v=_date_to_datetime(value, source, to))


def _to_text(value: exp.Expression, source: str, to: ResolvedType) -> exp.Expression:
    """Dates and times are written in ISO 8601, bytes as the UTF-8 that they hold, nested values as JSON."""
    match kind_of(source):
        case "json":
            return _unquoted(value)
        case "timestamp":
            return sql("replace(CAST(:v AS VARCHAR), ' ', 'T')", v=_local(value, source))
        case "timestamptz":
            return sql("replace(CAST(timezone('UTC', :v) AS VARCHAR), ' ', 'T') || 'Z'", v=value)
        case "binary":
            return sql("TRY(decode(:v))", v=value)
        case "nested":
            return sql("CAST(to_json(:v) AS VARCHAR)", v=value)
    return _as_text(value)


def _unquoted(value: exp.Expression) -> exp.Expression:
    """A JSON string without its quotes, other JSON values as they are written, JSON's null as NULL."""
    return sql("json_extract_string(:v, '$')", v=value)


def _json_by_text(value: exp.Expression, source: str, to: ResolvedType) -> exp.Expression:
    return TEXT_CASTS[to.base](_unquoted(value), to)


def _to_json(value: exp.Expression, source: str, to: ResolvedType) -> exp.Expression:
    match kind_of(source):
        case "json":
            return _as_text(value)
        case "floating":
            return sql("CASE WHEN isfinite(:v) THEN CAST(to_json(:v) AS VARCHAR) END", v=value)
        case "boolean" | "whole" | "decimal":
            return sql("CAST(to_json(:v) AS VARCHAR)", v=value)
        case "nested":
            # A number inside may be NaN, which DuckDB writes and JSON does not have.
            return TEXT_CASTS["json"](_to_text(value, source, to), to)
    return sql("CAST(to_json(:v) AS VARCHAR)", v=_to_text(value, source, to))


_NUMBERS = ("whole", "floating", "decimal")

_TYPED: dict[tuple[str, BaseName], TypedCast] = {
    ("boolean", "boolean"): _keep,
    **{(kind, "boolean"): _is_one for kind in _NUMBERS},
    **{("boolean", base): _try for base in ("integer", "bigint", "float", "double")},
    ("boolean", "decimal"): _boolean_to_decimal,
    **{("whole", base): _try for base in ("integer", "bigint", "float", "double", "decimal")},
    **{(kind, base): _whole_only for kind in ("floating", "decimal") for base in ("integer", "bigint")},
    **{("floating", base): _finite for base in ("float", "double")},
    **{("decimal", base): _try for base in ("float", "double")},
    ("floating", "decimal"): _floating_to_decimal,
    ("decimal", "decimal"): _decimal_to_decimal,
    ("date", "date"): _date,
    ("date", "datetime"): _date_to_datetime,
    ("date", "timestamp"): _date_to_timestamp,
    ("timestamp", "date"): _timestamp_to_date,
    ("timestamp", "datetime"): _timestamp_to_datetime,
    ("timestamp", "timestamp"): _timestamp_to_timestamp,
    ("timestamptz", "date"): _instant_to_date,
    ("timestamptz", "datetime"): _instant_to_datetime,
    ("timestamptz", "timestamp"): _instant,
    ("time", "time"): _try,
    ("uuid", "uuid"): _keep,
    ("binary", "binary"): _keep,
    **{
        ("json", base): _json_by_text
        for base in TEXT_CASTS
        if base not in {"string", "text", "json", "binary"}
    },
}

# Everything can be written as text, and as JSON.
_TYPED_ANY: dict[BaseName, TypedCast] = {"string": _to_text, "text": _to_text, "json": _to_json}
