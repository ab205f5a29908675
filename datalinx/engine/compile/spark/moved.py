"""Dates and times moved by spans, and the spans."""

from collections.abc import Sequence

from sqlglot import exp

from datalinx.engine.compile.spark.casting import cast_to
from datalinx.engine.compile.spark.form import call, form
from datalinx.engine.compile.spark.lowering import Lowered, Lowerer, function, rule
from datalinx.engine.compile.spark.refusal import cannot
from datalinx.engine.types.casts import kind_of

# The places of `make_interval`: years, months, weeks, days, hours, minutes, seconds.
_PLACES = {"year": 0, "month": 1, "week": 2, "day": 3, "hour": 4, "minute": 5, "second": 6}
_TIMES = {
    "quarter": ("month", "3"),
    "millisecond": ("second", "0.001"),
    "microsecond": ("second", "0.000001"),
}


@rule(exp.Interval)
def _interval(to: Lowerer, node: exp.Interval) -> Lowered:
    unit = str(node.args["unit"].name).lower().removesuffix("s")
    amount = int(node.this.name)
    place, factor = _TIMES.get(unit, (unit, "1"))
    if place not in _PLACES:
        raise cannot(f"INTERVAL {unit}", "Use a unit from microsecond to year.")
    number: exp.Expr = exp.Literal.number(amount)
    if factor != "1":
        number = form(f"{amount} * {factor}") if "." in factor else exp.Literal.number(amount * int(factor))
    return Lowered(_span("make_interval", place, number), "INTERVAL")


def _span(name: str, place: str, number: exp.Expr) -> exp.Expr:
    return call(name, *([exp.Literal.number(0)] * _PLACES[place]), number)


def _maker(place: str) -> None:
    @function(f"to_{place}s")
    def lower(to: Lowerer, node: exp.Anonymous, arguments: Sequence[Lowered]) -> Lowered:
        kind = "DOUBLE" if place == "second" else ("BIGINT" if place in {"hour", "minute"} else "INTEGER")
        value = cast_to(to, arguments[0], kind)
        number = value.tree
        if place == "second":
            number = form("TRY_CAST(:v AS DECIMAL(18, 6))", v=number)
        elif kind == "BIGINT":
            number = form("TRY_CAST(:v AS INTEGER)", v=number)
        return to.strict(_span("try_make_interval", place, number), "INTERVAL", value)


for _place in _PLACES:
    _maker(_place)


def moved(to: Lowerer, node: exp.Binary, left: Lowered, right: Lowered, kind: str) -> Lowered:
    """A date or a time plus or minus something, or the days between two dates."""
    is_minus = isinstance(node, exp.Sub)
    if left.type == right.type == "DATE" and is_minus:
        return to.made(form("CAST(datediff(:a, :b) AS BIGINT)", a=left.tree, b=right.tree), kind, left, right)
    if left.type == "INTERVAL" or (kind_of(left.type) == "whole" and not is_minus):
        left, right = right, left
    if left.type == "DATE" and kind_of(right.type) == "whole":
        return _by_days(to, left, cast_to(to, right, "INTEGER"), minus=is_minus)
    if (
        right.type != "INTERVAL"
        or kind_of(left.type) not in {"date", "timestamp", "timestamptz"}
        or kind == "INTERVAL"
    ):
        raise cannot(
            f"{left.type} {'-' if is_minus else '+'} {right.type}",
            "Use date_diff, or add to_days(…) to a date.",
        )
    name = "try_subtract" if is_minus else "try_add"
    left = cast_to(to, left, kind)
    return to.strict(call(name, left.tree, right.tree), kind, left, right)


def _by_days(to: Lowerer, date: Lowered, days: Lowered, *, minus: bool) -> Lowered:
    """Far beyond the calendar Spark's days begin anew, so that far is not gone."""
    name = "date_sub" if minus else "date_add"
    tree = form(
        "CASE WHEN abs(CAST(:n AS BIGINT)) < 1000000000 THEN :moved END",
        n=days.tree,
        moved=call(name, date.tree, days.tree),
    )
    return to.strict(tree, "DATE", date, days)


@function("date_add")
def _date_add(to: Lowerer, node: exp.Anonymous, arguments: Sequence[Lowered]) -> Lowered:
    left, right = arguments
    kind = "TIMESTAMP" if right.type == "INTERVAL" and left.type == "DATE" else left.type
    return moved(to, exp.Add(), left, right, kind)
