"""The joins of a mapping, from pairs of column names to conditions that raise for no value."""

from functools import reduce

from sqlglot import exp

from datalinx.engine.compile.names import Reference, Scope
from datalinx.engine.compile.plan import CompiledJoin
from datalinx.engine.compile.steps import as_text
from datalinx.engine.spec.mapping import Join
from datalinx.engine.types.casts import kind_of

# Kinds of values that DuckDB compares with each other without a cast that could fail.
_COMPARABLE = ({"whole", "decimal", "floating"}, {"date", "timestamp", "timestamptz"})


def compile_join(join: Join, scope: Scope) -> CompiledJoin:
    """Compile one join; raise `Invalid` `UNKNOWN_COLUMN` for a name that its input does not have."""
    conditions: list[exp.Expression] = []
    for left_name, right_name in join.on:
        left = Reference(join.left, scope.column(join.left, left_name))
        right = Reference(join.right, scope.column(join.right, right_name))
        conditions.append(_equal(left, right))
    both = (
        reduce(lambda left, right: exp.And(this=left, expression=right), conditions) if conditions else None
    )
    return CompiledJoin(join.right, join.type, both)


def _equal(left: Reference, right: Reference) -> exp.Expression:
    """Equality; values of different kinds (a number and the text of a CSV file) are compared as text."""
    kinds = {kind_of(left.column.type), kind_of(right.column.type)}
    if len(kinds) == 1 or any(kinds <= group for group in _COMPARABLE):
        return exp.EQ(this=left.expression, expression=right.expression)
    sides = (as_text(side.expression, side.column.type) for side in (left, right))
    return exp.EQ(this=next(sides), expression=next(sides))
