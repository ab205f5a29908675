"""How an operation that may raise becomes one that cannot, with the condition under which it would have.

Each such operation gets a TRY of its own, always of the same form. Around more than one, DuckDB's optimizer
takes out what two of them share and computes it outside of both, where it raises after all.
"""

from functools import reduce
from typing import cast

from sqlglot import exp

Condition = exp.Expr | None
"""A condition that is TRUE or FALSE for every row; None for one that is never true."""


def attempt(tree: exp.Expr) -> exp.Expr:
    """The operation with NULL in place of an error."""
    return exp.Anonymous(this="TRY", expressions=[tree])


def strict_attempt(tree: exp.Expr, *arguments: exp.Expr) -> tuple[exp.Expr, exp.Expr]:
    """Value and failure of an operation that is NULL for NULL arguments alone."""
    value = attempt(tree)
    known = [exp.not_(is_null(argument)) for argument in arguments if not isinstance(argument, exp.Literal)]
    return value, reduce(_and, known, is_null(value))


def packed_attempt(tree: exp.Expr) -> tuple[exp.Expr, exp.Expr]:
    """Value and failure of an operation that may be NULL by itself: the list around it tells NULL from an error."""
    packed = attempt(exp.Anonymous(this="list_value", expressions=[tree]))
    value = exp.Anonymous(this="list_extract", expressions=[packed, exp.Literal.number(1)])
    return value, is_null(packed)


def is_null(tree: exp.Expr) -> exp.Expr:
    """Whether the value is missing."""
    return exp.Is(this=tree.copy(), expression=exp.null())


def either(*conditions: Condition) -> Condition:
    """Whether one of the conditions holds."""
    found = [condition for condition in conditions if condition is not None]
    return (
        reduce(lambda left, right: exp.Or(this=closed(left), expression=closed(right)), found)
        if found
        else None
    )


def where(guard: exp.Expr, condition: Condition) -> Condition:
    """The condition, where the guard holds."""
    return None if condition is None else _and(closed(guard.copy()), closed(condition))


def first_of(branches: list[tuple[exp.Expr, Condition, Condition]], default: Condition) -> Condition:
    """The failure of a CASE: of the conditions up to the one that holds, and of its result.

    A branch is (condition, its failure, the failure of its result).
    """
    if default is None and all(test is None and result is None for _, test, result in branches):
        return None
    case = exp.Case()
    for condition, test_failure, result_failure in branches:
        if test_failure is not None:
            case = case.when(test_failure, exp.true())
        case = case.when(condition.copy(), result_failure if result_failure is not None else exp.false())
    return case.else_(default if default is not None else exp.false())


def _and(left: exp.Expr, right: exp.Expr) -> exp.Expr:
    return exp.And(this=left, expression=right)


def closed(tree: exp.Expr) -> exp.Expression:
    """The condition in parentheses where one beside it could bind into it."""
    made = exp.Paren(this=tree) if isinstance(tree, exp.Connector | exp.Not) else tree
    return cast("exp.Expression", made)
