"""What is counted of each column, as SQL aggregates over one pass of the table."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlglot import exp

from datalinx.engine.audience.operators import condition, operators_of
from datalinx.engine.quality.model import Dimension
from datalinx.engine.query.patterns import pattern_fault
from datalinx.engine.spec.schema import (
    AcceptedValuesTest,
    RangeTest,
    RegexTest,
    TargetColumn,
    UniqueTest,
)
from datalinx.engine.types.registry import TypeRegistry
from datalinx.engine.types.sql import sql


@dataclass(frozen=True)
class Measure:
    """Two aggregates of one column for one dimension: how many values passed, of how many that were checked."""

    dimension: Dimension
    column: str
    passed: exp.Expr
    checked: exp.Expr


def column_measures(
    column: TargetColumn, duckdb_type: str, types: TypeRegistry, now: datetime
) -> list[Measure]:
    """Everything that one pass counts of a column; only what can be measured."""
    value = exp.column(column.name, quoted=True)
    made = [
        Measure(
            "completeness",
            column.name,
            count_if(_is_filled(value, duckdb_type)),
            exp.func("count", exp.Star()),
        )
    ]
    tests: tuple[tuple[Dimension, exp.Expr | None], ...] = (
        ("consistency", _is_normal(column, value, duckdb_type, types)),
        ("validity", _is_valid(column, value, duckdb_type, types, now)),
        ("accuracy", _is_plausible(column, value, duckdb_type, now)),
    )
    for dimension, test in tests:
        if test is not None:
            checked = count_if(exp.not_(exp.Is(this=exp.paren(test.copy()), expression=exp.null())))
            made.append(Measure(dimension, column.name, count_if(test), checked))
    if any(isinstance(each, UniqueTest) for each in column.tests):
        distinct = exp.Count(this=exp.Distinct(expressions=[value.copy()]))
        made.append(Measure("uniqueness", column.name, distinct, exp.func("count", value.copy())))
    return made


def count_if(test: exp.Expr) -> exp.Expr:
    """How many rows pass a test."""
    return exp.Filter(this=exp.func("count", exp.Star()), expression=exp.Where(this=test))


def _is_filled(value: exp.Expression, duckdb_type: str) -> exp.Expr:
    """Not NULL, and for a text not blank."""
    if duckdb_type == "VARCHAR":
        return sql("regexp_matches(:v, '\\S')", v=value)
    return exp.not_(exp.Is(this=value.copy(), expression=exp.null()))


def _is_normal(
    column: TargetColumn, value: exp.Expression, duckdb_type: str, types: TypeRegistry
) -> exp.Expr | None:
    """Written the one way of its type; a plain text without white space at its ends or doubled inside."""
    if duckdb_type != "VARCHAR":
        return None
    semantic = types.semantic(column.type)
    if semantic is None:
        return sql("NOT regexp_matches(:v, '^\\s|\\s$|\\s\\s')", v=value)
    normal = semantic.normalise(value.copy())
    return sql("CASE WHEN :v IS NOT NULL THEN coalesce(:v = :normal, FALSE) END", v=value, normal=normal)


def _is_valid(
    column: TargetColumn, value: exp.Expression, duckdb_type: str, types: TypeRegistry, now: datetime
) -> exp.Expr | None:
    """Passes its semantic type's check, and its own patterns."""
    semantic = types.semantic(column.type)
    tests: list[exp.Expr] = [] if semantic is None else [semantic.check(value.copy())]
    for test in column.tests:
        if isinstance(test, RegexTest) and pattern_fault(test.pattern) is None:
            tests += _possible(value, duckdb_type, now, {"matches": test.pattern})
    return exp.and_(*tests) if tests else None


def _is_plausible(
    column: TargetColumn, value: exp.Expression, duckdb_type: str, now: datetime
) -> exp.Expr | None:
    """Lies within what is declared to be true of the world: its accepted values and its range."""
    tests: list[exp.Expr] = []
    for test in column.tests:
        if isinstance(test, AcceptedValuesTest):
            tests += _possible(
                value, duckdb_type, now, {"in": [item for item in test.values if item is not None]}
            )
        if isinstance(test, RangeTest):
            bounds = {"gte": test.min, "lte": test.max}
            tests += _possible(
                value, duckdb_type, now, {op: end for op, end in bounds.items() if end is not None}
            )
    return exp.and_(*tests) if tests else None


def _possible(
    value: exp.Expression, duckdb_type: str, now: datetime, wanted: Mapping[str, Any]
) -> list[exp.Expr]:
    """The conditions that can be asked of this type; one that cannot is nothing that was measured."""
    made: list[exp.Expr] = []
    for op, operand in wanted.items():
        if op in operators_of(duckdb_type) and operand != []:
            try:
                made.append(exp.paren(condition(value.copy(), duckdb_type, op, operand, now)))
            except ValueError:
                continue
    return made
