"""Comparing a number column with any number, exactly: never a cast that fails, never a detour through floats.

A value that the column's type cannot hold (half a piece, more digits than the scale) is first brought to the
column's own grid: `x < 1.5` over whole numbers is `x <= 1`, `x = 1.5` is true for none.
"""

import re
from collections.abc import Callable, Sequence
from decimal import ROUND_FLOOR, Context, Decimal

from sqlglot import exp

from datalinx.engine.types.casts import kind_of

MAX_DIGITS = 38
_EXACT = Context(prec=8 * MAX_DIGITS)
_DECIMAL = re.compile(r"\((\d+)\s*,\s*(\d+)\)")
_DEFAULT_DECIMAL = (18, 3)
_BITS = {"TINYINT": 8, "SMALLINT": 16, "INTEGER": 32, "BIGINT": 64, "HUGEINT": 128}


def read_number(value: object) -> Decimal:
    """A document's number, or the text of one, of at most 38 digits on either side of the point."""
    if isinstance(value, bool):
        raise ValueError("the value must be a number")  # noqa: TRY004  # one kind of fault
    number = Decimal(str(value))
    if (
        not number.is_finite()
        or len(number.as_tuple().digits) > MAX_DIGITS
        or abs(number.adjusted()) > MAX_DIGITS
    ):
        raise ValueError(f"the value must be a number of at most {MAX_DIGITS} digits")
    return number


def compare_number(column: exp.Expr, duckdb_type: str, op: str, value: Decimal) -> exp.Expr:
    """`column op value` for eq, ne, lt, lte, gt, gte; NULL for NULL."""
    if (literal := _literal(duckdb_type, value)) is not None:
        return _OPERATORS[op](column, literal)
    low, high, scale = _range(duckdb_type)
    if not low <= value <= high:
        return _always(column, op in ({"lt", "lte", "ne"} if value > 0 else {"gt", "gte", "ne"}))
    if op in {"eq", "ne"}:
        return _always(column, op == "ne")
    floor = exp.cast(exp.Literal.string(format(_floor(value, scale), "f")), duckdb_type, dialect="duckdb")
    return _OPERATORS["lte" if op in {"lt", "lte"} else "gt"](column, floor)


def number_in(column: exp.Expr, duckdb_type: str, values: Sequence[Decimal]) -> exp.Expr:
    """`column IN values`; NULL for NULL."""
    literals = [literal for value in values if (literal := _literal(duckdb_type, value)) is not None]
    return exp.In(this=column, expressions=literals) if literals else _always(column, answer=False)


def _literal(duckdb_type: str, value: Decimal) -> exp.Expr | None:
    """The value as SQL if a column of this type can hold it."""
    if kind_of(duckdb_type) == "floating":
        return exp.cast(exp.Literal.string(str(value)), "DOUBLE")
    low, high, scale = _range(duckdb_type)
    if not low <= value <= high or _floor(value, scale) != value:
        return None
    return exp.cast(exp.Literal.string(format(_floor(value, scale), "f")), duckdb_type, dialect="duckdb")


def _floor(value: Decimal, scale: int) -> Decimal:
    return value.quantize(Decimal(1).scaleb(-scale), rounding=ROUND_FLOOR, context=_EXACT)


def _range(duckdb_type: str) -> tuple[Decimal, Decimal, int]:
    """The smallest and the largest value of a type, and its digits after the point."""
    if kind_of(duckdb_type) == "whole":
        bits = _BITS.get(duckdb_type.upper().removeprefix("U"), 128)
        signed = not duckdb_type.upper().startswith("U")
        low, high = (-(2 ** (bits - 1)), 2 ** (bits - 1) - 1) if signed else (0, 2**bits - 1)
        return Decimal(low), Decimal(high), 0
    found = _DECIMAL.search(duckdb_type)
    precision, scale = (int(found[1]), int(found[2])) if found else _DEFAULT_DECIMAL
    most = Decimal(10**precision - 1).scaleb(-scale, context=_EXACT)
    # A minus sign would round to the thread's own context.
    return most.copy_negate(), most, scale


def _always(column: exp.Expr, answer: bool) -> exp.Expr:
    """True or false for every value, and still unknown where there is none."""
    return _OPERATORS["eq" if answer else "ne"](column, column.copy())


def _binary(kind: type[exp.Binary]) -> Callable[[exp.Expr, exp.Expr], exp.Expr]:
    return lambda left, right: kind(this=left, expression=right)


_OPERATORS = {
    "eq": _binary(exp.EQ),
    "ne": _binary(exp.NEQ),
    "lt": _binary(exp.LT),
    "lte": _binary(exp.LTE),
    "gt": _binary(exp.GT),
    "gte": _binary(exp.GTE),
}
