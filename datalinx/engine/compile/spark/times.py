"""The functions of dates and times."""

from collections.abc import Sequence

from sqlglot import exp

from datalinx.engine.compile.spark import kinds
from datalinx.engine.compile.spark.casting import cast_to
from datalinx.engine.compile.spark.form import call, form, typed
from datalinx.engine.compile.spark.lowering import REFUSED, Lowered, Lowerer, call_type, function
from datalinx.engine.compile.spark.moments import later_of_two
from datalinx.engine.compile.spark.refusal import cannot
from datalinx.engine.types.casts import kind_of

REFUSED["age"] = "Use date_diff for the time between two dates."

_MICROS = "unix_micros(CAST(:v AS TIMESTAMPTZ))"
# Of a moment without zone, `:v`.
_PARTS = {
    "year": "year(:v)",
    "quarter": "quarter(:v)",
    "month": "month(:v)",
    "week": "weekofyear(:v)",
    "day": "day(:v)",
    "hour": "hour(:v)",
    "minute": "minute(:v)",
    "second": "second(:v)",
    "millisecond": f"(pmod({_MICROS}, 60000000) // 1000)",
    "microsecond": f"pmod({_MICROS}, 60000000)",
    "dayofweek": "(dayofweek(:v) - 1)",
    "isodow": "(weekday(:v) + 1)",
    "dayofyear": "dayofyear(:v)",
    "isoyear": "CAST(EXTRACT(YEAROFWEEK FROM :v) AS INTEGER)",
    "decade": "(year(:v) // 10)",
    "century": "((year(:v) - 1) // 100 + 1)",
}
_OF_TIME = {"hour": (1, 2), "minute": (4, 2), "second": (7, 2)}
_TRUNCATED = (
    "year",
    "quarter",
    "month",
    "week",
    "day",
    "hour",
    "minute",
    "second",
    "millisecond",
    "microsecond",
)
_SAME_PART = {"dow": "dayofweek", "doy": "dayofyear", "weekofyear": "week", "dayofmonth": "day"}


def _moment(to: Lowerer, value: Lowered, name: str) -> Lowered:
    """The value as a timestamp without zone, in UTC."""
    is_literal = value.literal is not None and value.literal.is_string
    if not is_literal and kind_of(value.type) not in {"date", "timestamp", "timestamptz"}:
        raise cannot(f"{name} of {value.type}", "Cast the value to a date or a timestamp first.")
    return cast_to(to, value, "TIMESTAMP")


def _part(to: Lowerer, node: exp.Anonymous, part: str, value: Lowered) -> Lowered:
    part = _SAME_PART.get(part, part)
    kind = kinds.type_of(
        exp.Anonymous(this="date_part", expressions=[exp.Literal.string(part), value.operand])
    )
    if value.type == "TIME":
        if part not in _OF_TIME:
            raise cannot(f"{part} of a time", "Use hour, minute or second.")
        start, size = _OF_TIME[part]
        tree = form(f"TRY_CAST(substring(:v, {start}, {size}) AS BIGINT)", v=value.tree)
        return to.made(tree, kind, value)
    value = _moment(to, value, part)
    if part == "epoch":
        micros = form(f"CAST({_MICROS} AS DOUBLE)", v=value.tree)
        seconds = exp.Div(this=micros, expression=form("1e6"), typed=True, safe=False)
        return to.made(seconds, "DOUBLE", value)
    return to.made(typed(_extracted(part, value.tree), kinds.spark_type(kind)), kind, value)


def _extracted(part: str, tree: exp.Expr) -> exp.Expr:
    if part == "isoyear":
        return call("date_part", "YEAROFWEEK", tree)
    return form(_PARTS[part], v=tree)


def _named_part(part: str) -> None:
    @function(part)
    def lower(to: Lowerer, node: exp.Anonymous, arguments: Sequence[Lowered]) -> Lowered:
        return _part(to, node, part, arguments[0])


for _name in (*_PARTS, "epoch"):
    _named_part(_name)


@function("date_part", "datepart")
def _date_part(to: Lowerer, node: exp.Anonymous, arguments: Sequence[Lowered]) -> Lowered:
    return _part(to, node, arguments[0].text.lower(), arguments[1])


@function("epoch_ms")
def _epoch_ms(to: Lowerer, node: exp.Anonymous, arguments: Sequence[Lowered]) -> Lowered:
    """Milliseconds since 1970, or from a number of them the timestamp."""
    value = arguments[0]
    if kind_of(value.type) == "whole":
        value = cast_to(to, value, "BIGINT")
        return to.strict(
            form("CAST(timestamp_micros(:v * 1000) AS TIMESTAMP)", v=value.tree), "TIMESTAMP", value
        )
    value = _moment(to, value, "epoch_ms")
    # Versions of DuckDB cut or round what is finer than a millisecond.
    half = 0 if kinds.value_of("epoch_ms(TIMESTAMP '2000-01-01 00:00:00.000999')") == 946684800000 else 500
    tree = form(f"({_MICROS} + {half} - pmod({_MICROS} + {half}, 1000)) // 1000", v=value.tree)
    return to.made(tree, "BIGINT", value)


@function("epoch_us", "epoch_ns")
def _epoch_us(to: Lowerer, node: exp.Anonymous, arguments: Sequence[Lowered]) -> Lowered:
    value = _moment(to, arguments[0], node.name)
    factor = "* 1000" if node.name.lower() == "epoch_ns" else ""
    return to.made(form(f"{_MICROS} {factor}", v=value.tree), "BIGINT", value)


def _name_of(name: str, pattern: str) -> None:
    @function(name)
    def lower(to: Lowerer, node: exp.Anonymous, arguments: Sequence[Lowered]) -> Lowered:
        value = _moment(to, arguments[0], name)
        return to.made(call("date_format", value.tree, pattern), "VARCHAR", value)


_name_of("dayname", "EEEE")
_name_of("monthname", "MMMM")


@function("last_day")
def _last_day(to: Lowerer, node: exp.Anonymous, arguments: Sequence[Lowered]) -> Lowered:
    value = _moment(to, arguments[0], "last_day")
    return to.strict(form("last_day(CAST(:v AS DATE))", v=value.tree), "DATE", value)


@function("to_timestamp")
def _to_timestamp(to: Lowerer, node: exp.Anonymous, arguments: Sequence[Lowered]) -> Lowered:
    value = cast_to(to, arguments[0], "DOUBLE")
    tree = form(
        "timestamp_micros(CASE WHEN abs(:v) < 9e12 THEN TRY_CAST(rint(:v * 1e6) AS BIGINT) END)", v=value.tree
    )
    return to.strict(tree, "TIMESTAMP WITH TIME ZONE", value)


@function("date_trunc", "datetrunc")
def _date_trunc(to: Lowerer, node: exp.Anonymous, arguments: Sequence[Lowered]) -> Lowered:
    part = arguments[0].text.lower()
    if part not in _TRUNCATED:
        raise cannot(f"date_trunc('{part}', …)", f"Use one of {', '.join(_TRUNCATED)}.")
    kind = call_type(node, arguments)
    value = _moment(to, arguments[1], "date_trunc")
    tree = call("date_trunc", part, value.tree)
    return to.strict(cast_to(to, Lowered(tree, "TIMESTAMP"), kind).tree, kind, value)


# Of two moments, how many of a part's boundaries lie before each.
_COUNTED = {
    "year": "CAST(year(:v) AS BIGINT)",
    "quarter": "CAST(year(:v) * 4 + quarter(:v) AS BIGINT)",
    "month": "CAST(year(:v) * 12 + month(:v) AS BIGINT)",
    "week": "(datediff(date_trunc('week', :v), DATE '1970-01-05') // 7)",
    "day": "CAST(datediff(:v, DATE '1970-01-01') AS BIGINT)",
    "decade": "(year(:v) // 10)",
    "century": "((year(:v) - 1) // 100)",
    "dayofweek": "CAST(datediff(:v, DATE '1970-01-01') AS BIGINT)",
    "dayofyear": "CAST(datediff(:v, DATE '1970-01-01') AS BIGINT)",
    "isodow": "CAST(datediff(:v, DATE '1970-01-01') AS BIGINT)",
}
_UNITS = {
    "hour": 3_600_000_000,
    "minute": 60_000_000,
    "second": 1_000_000,
    "epoch": 1_000_000,
    "millisecond": 1_000,
    "microsecond": 1,
}


@function("date_diff", "datediff")
def _date_diff(to: Lowerer, node: exp.Anonymous, arguments: Sequence[Lowered]) -> Lowered:
    part = arguments[0].text.lower()
    sides = [_moment(to, each, "date_diff") for each in arguments[1:]]
    if part == "week" and kinds.value_of("date_diff('week', DATE '2024-03-10', DATE '2024-03-11')") == 0:
        # Some versions of DuckDB count Mondays, others seven days.
        start, end = (side.tree for side in sides)
        return to.strict(
            form("CAST(datediff(:end, :start) // 7 AS BIGINT)", end=end, start=start), "BIGINT", *sides
        )
    if part in _COUNTED:
        start, end = (form(_COUNTED[part], v=side.tree) for side in sides)
    elif part in _UNITS:
        micros = [form(_MICROS, v=side.tree) for side in sides]
        start, end = (form(f"(:m - pmod(:m, {_UNITS[part]})) // {_UNITS[part]}", m=each) for each in micros)
    else:
        raise cannot(f"date_diff('{part}', …)", f"Use one of {', '.join((*_COUNTED, *_UNITS))}.")
    return to.strict(form("CAST(:end - :start AS BIGINT)", end=end, start=start), "BIGINT", *sides)


@function("date_sub")
def _date_sub(to: Lowerer, node: exp.Anonymous, arguments: Sequence[Lowered]) -> Lowered:
    """How many whole parts lie between; months are of different lengths, and the engines count them differently."""
    part = arguments[0].text.lower()
    units = {**_UNITS, "day": 86_400_000_000, "week": 7 * 86_400_000_000}
    if part not in units:
        raise cannot(f"date_sub('{part}', …)", f"Use date_diff, or one of {', '.join(units)}.")
    sides = [_moment(to, each, "date_sub") for each in arguments[1:]]
    start, end = (form(_MICROS, v=side.tree) for side in sides)
    return to.strict(form(f"(:end - :start) // {units[part]}", end=end, start=start), "BIGINT", *sides)


@function("make_date")
def _make_date(to: Lowerer, node: exp.Anonymous, arguments: Sequence[Lowered]) -> Lowered:
    if len(arguments) != 3:
        raise cannot("make_date of one value", "Give it a year, a month and a day.")
    values = [cast_to(to, each, "BIGINT") for each in arguments]
    year, month, day = (value.tree for value in values)
    tree = form(
        "CASE WHEN :y BETWEEN 1 AND 9999 AND :m BETWEEN 1 AND 12 AND :d BETWEEN 1 AND 31 "
        "THEN TRY_CAST(concat_ws('-', lpad(:y, 4, '0'), :m, :d) AS DATE) END",
        y=year,
        m=month,
        d=day,
    )
    return to.strict(tree, "DATE", *values)


@function("make_timestamp")
def _make_timestamp(to: Lowerer, node: exp.Anonymous, arguments: Sequence[Lowered]) -> Lowered:
    if len(arguments) == 1:
        value = cast_to(to, arguments[0], "BIGINT")
        return to.strict(form("CAST(timestamp_micros(:v) AS TIMESTAMP)", v=value.tree), "TIMESTAMP", value)
    types = ("BIGINT",) * 5 + ("DOUBLE",)
    values = [cast_to(to, each, kind) for each, kind in zip(arguments, types, strict=True)]
    year, month, day, hour, minute, second = (value.tree for value in values)
    tree = form(
        "CASE WHEN :y BETWEEN 1 AND 9999 AND :mo BETWEEN 1 AND 12 AND :d BETWEEN 1 AND 31 AND :h BETWEEN 0 AND 23 "
        "AND :mi BETWEEN 0 AND 59 AND :s >= 0 AND :s < 60 THEN try_add(TRY_CAST(TRY_CAST(concat_ws('-', lpad(:y, 4, "
        "'0'), :mo, :d) AS DATE) AS TIMESTAMP), try_make_interval(0, 0, 0, 0, TRY_CAST(:h AS INTEGER), "
        "TRY_CAST(:mi AS INTEGER), TRY_CAST(rint(:s * 1e6) AS DECIMAL(18, 0)) * 0.000001)) END",
        y=year,
        mo=month,
        d=day,
        h=hour,
        mi=minute,
        s=second,
    )
    return to.strict(tree, "TIMESTAMP", *values)


@function("timezone")
def _timezone(to: Lowerer, node: exp.Anonymous, arguments: Sequence[Lowered]) -> Lowered:
    """A local time as an instant, or an instant as a local time."""
    zone, value = arguments[0].text, arguments[1]
    if kind_of(value.type) == "timestamptz":
        tree = form("CAST(:v AS TIMESTAMP)", v=value.tree)
        if zone.upper() != "UTC":
            tree = form("CAST(from_utc_timestamp(:v, :zone) AS TIMESTAMP)", v=value.tree, zone=zone)
        return to.strict(tree, "TIMESTAMP", value)
    value = _moment(to, value, "timezone")
    instant: exp.Expr = form("CAST(:v AS TIMESTAMPTZ)", v=value.tree)
    if zone.upper() != "UTC":
        instant = later_of_two(call("to_utc_timestamp", instant, zone), instant, zone)
    return to.strict(instant, "TIMESTAMP WITH TIME ZONE", value)
