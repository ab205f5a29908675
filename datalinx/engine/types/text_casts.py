"""Casts from text: for each base type a pattern that says what fits, so that no engine's leniency decides.

The rules, the same for every source of text:

* ASCII white space around a number, a date, a time, a boolean or a UUID is no part of it; inside it is.
* A cast never loses what the text says. A text with more digits than the column keeps does not fit
  (`1.239` into scale 2, `12.5` into an integer, a time of day into a date), zeros apart: `12.0` is 12.
  Whoever wants it shorter says so with a decorator (round, truncate, parse_date).
* Exact numbers are written in digits: no exponent (a spreadsheet's `1.23E+11` has lost its digits already),
  no grouping, no currency, no hexadecimal. float and double take an exponent and nothing that is not finite.
* Dates and times are ISO 8601, extended form, years 0001 to 9999, `T` or one space between, seconds
  optional, no 24:00 and no leap second. Fractions of a second are kept to the microsecond, finer digits are
  cut. A text without an offset is read as UTC for `timestamp`; one with an offset is that instant's UTC time
  for `datetime`. Other ways of writing a date are the business of `parse_date`.
* Digits are ASCII digits.
"""

from collections.abc import Callable

from sqlglot import exp

from datalinx.engine.types.base import BaseName, ResolvedType
from datalinx.engine.types.sql import full_match, sql, when, without_blanks

TextCast = Callable[[exp.Expression, ResolvedType], exp.Expression]

_B = r"[ \t\r\n]*"
_YEAR = r"(?:[1-9][0-9]{3}|0[1-9][0-9]{2}|00[1-9][0-9]|000[1-9])"
_DAY = _YEAR + r"-[0-9]{2}-[0-9]{2}"
_MINUTES = r"(?:[01][0-9]|2[0-3]):[0-5][0-9]"
_SECONDS = r":[0-5][0-9](?:\.[0-9]{1,9})?"
_OFFSET = r"(?:Z|[+-](?:0[0-9]|1[0-5])(?::?[0-5][0-9])?)"
_MIDNIGHT = r"[T ]00:00(?::00(?:\.0+)?)?(?:Z|[+-]00:?00)?"
_UUID = r"[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}"

_FLOATING = _B + r"[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]{1,4})?" + _B
_WHOLE = _B + r"[+-]?[0-9]+(?:\.0*)?" + _B
_TRUE = _B + r"(?:[Tt](?:[Rr][Uu][Ee])?|[Yy](?:[Ee][Ss])?|[Oo][Nn]|1)" + _B
_FALSE = _B + r"(?:[Ff](?:[Aa][Ll][Ss][Ee])?|[Nn][Oo]?|[Oo][Ff][Ff]|0)" + _B


def cast_as(value: exp.Expression, duckdb_type: str) -> exp.Expression:
    """Return `TRY_CAST(value AS type)`."""
    return exp.TryCast(this=value.copy(), to=exp.DataType.build(duckdb_type, dialect="duckdb"), safe=True)


def _text(value: exp.Expression, to: ResolvedType) -> exp.Expression:
    return value


def _whole(value: exp.Expression, to: ResolvedType) -> exp.Expression:
    return when((full_match(value, _WHOLE), cast_as(value, to.duckdb)))


def _floating(value: exp.Expression, to: ResolvedType) -> exp.Expression:
    # DuckDB reads 1e400 as infinity: what is not finite did not fit.
    number = cast_as(value, to.duckdb)
    return when((sql("regexp_full_match(:v, :p) AND isfinite(:n)", v=value, p=_FLOATING, n=number), number))


def _decimal(value: exp.Expression, to: ResolvedType) -> exp.Expression:
    return when(
        (full_match(value, decimal_pattern(to.precision or 1, to.scale or 0)), cast_as(value, to.duckdb))
    )


def decimal_pattern(precision: int, scale: int) -> str:
    """Return the pattern of the texts that a decimal(precision, scale) holds without loss."""
    whole = f"0*[0-9]{{1,{precision - scale}}}" if precision > scale else "0+"
    fraction = f"[0-9]{{0,{scale}}}0*"
    bare_fraction = f"[0-9]{{1,{scale}}}0*" if scale else "0+"
    return rf"{_B}[+-]?(?:{whole}(?:\.{fraction})?|\.{bare_fraction}){_B}"


def _boolean(value: exp.Expression, to: ResolvedType) -> exp.Expression:
    return when((full_match(value, _TRUE), exp.true()), (full_match(value, _FALSE), exp.false()))


def _date(value: exp.Expression, to: ResolvedType) -> exp.Expression:
    day = sql("left(:v, 10)", v=without_blanks(value))
    return when(
        (full_match(value, _DAY), cast_as(value, "DATE")),
        (full_match(value, f"{_B}{_DAY}(?:{_MIDNIGHT})?{_B}"), cast_as(day, "DATE")),
    )


Branch = tuple[exp.Expression, exp.Expression]


def _guarded(value: exp.Expression, pattern: str, duckdb_type: str) -> tuple[Branch, Branch]:
    """The branches of a pattern: as it stands, and with blanks around it, which cost a trim."""
    return (
        (full_match(value, pattern), cast_as(value, duckdb_type)),
        (full_match(value, f"{_B}{pattern}{_B}"), cast_as(without_blanks(value), duckdb_type)),
    )


def _local(value: exp.Expression) -> tuple[Branch, Branch]:
    """The branches of texts without an offset, as TIMESTAMP."""
    return _guarded(value, f"{_DAY}(?:[T ]{_MINUTES}(?:{_SECONDS})?)?", "TIMESTAMP")


def _zoned(value: exp.Expression) -> tuple[Branch, ...]:
    """The branches of texts with an offset, as TIMESTAMP WITH TIME ZONE.

    DuckDB 1.5 wants the seconds in such a text, so they are written in where they were left out. An offset
    can move the first and the last hours of the calendar out of it.
    """
    instant = "TIMESTAMP WITH TIME ZONE"
    with_seconds = sql("left(:t, 16) || ':00' || substr(:t, 17)", t=without_blanks(value))
    without_seconds = full_match(value, f"{_B}{_DAY}[T ]{_MINUTES}{_OFFSET}{_B}")
    branches = (
        *_guarded(value, f"{_DAY}[T ]{_MINUTES}{_SECONDS}{_OFFSET}", instant),
        (without_seconds, cast_as(with_seconds, instant)),
    )
    return tuple((test, in_calendar(moment, instant)) for test, moment in branches)


def _datetime(value: exp.Expression, to: ResolvedType) -> exp.Expression:
    zoned = [(test, sql("timezone('UTC', :v)", v=instant)) for test, instant in _zoned(value)]
    return when(*_local(value), *zoned)


def _timestamp(value: exp.Expression, to: ResolvedType) -> exp.Expression:
    local = [(test, sql("timezone('UTC', :v)", v=moment)) for test, moment in _local(value)]
    return when(*_zoned(value), *local)


_CALENDAR = {
    "DATE": "CASE WHEN :v BETWEEN DATE '0001-01-01' AND DATE '9999-12-31' THEN :v END",
    "TIMESTAMP": "CASE WHEN :v BETWEEN TIMESTAMP '0001-01-01 00:00:00' "
    "AND TIMESTAMP '9999-12-31 23:59:59.999999' THEN :v END",
    "TIMESTAMP WITH TIME ZONE": "CASE WHEN :v BETWEEN TIMESTAMPTZ '0001-01-01 00:00:00+00' "
    "AND TIMESTAMPTZ '9999-12-31 23:59:59.999999+00' THEN :v END",
}


def in_calendar(value: exp.Expression, duckdb_type: str) -> exp.Expression:
    """Return the value if it lies in the years 1 to 9999 (UTC), which every reader of the lake has."""
    return sql(_CALENDAR[duckdb_type], v=value)


def _time(value: exp.Expression, to: ResolvedType) -> exp.Expression:
    return when(*_guarded(value, f"{_MINUTES}(?:{_SECONDS})?", "TIME"))


# DuckDB's reader also takes NaN, Infinity and a comma before a closing bracket, which are no JSON (RFC 8259).
# Only texts in which these letters occur pay for looking outside the strings.
_SUSPICIOUS = r",\s*[\]}]|[Nn][Aa][Nn]|[Ii][Nn][Ff]"
_STRING = r'"(?:[^"\\]|\\.)*"'


def _json(value: exp.Expression, to: ResolvedType) -> exp.Expression:
    return sql(
        "CASE WHEN json_valid(:v) AND NOT (regexp_matches(:v, :suspicious) AND "
        "regexp_matches(regexp_replace(:v, :string, '', 'g'), :suspicious)) THEN :v END",
        v=value,
        suspicious=_SUSPICIOUS,
        string=_STRING,
    )


def _uuid(value: exp.Expression, to: ResolvedType) -> exp.Expression:
    return when(*_guarded(value, _UUID, "UUID"))


def _binary(value: exp.Expression, to: ResolvedType) -> exp.Expression:
    return sql("encode(:v)", v=value)


TEXT_CASTS: dict[BaseName, TextCast] = {
    "string": _text,
    "text": _text,
    "integer": _whole,
    "bigint": _whole,
    "float": _floating,
    "double": _floating,
    "decimal": _decimal,
    "boolean": _boolean,
    "date": _date,
    "datetime": _datetime,
    "timestamp": _timestamp,
    "time": _time,
    "json": _json,
    "uuid": _uuid,
    "binary": _binary,
}
