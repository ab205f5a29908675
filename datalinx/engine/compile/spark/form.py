"""Writing Spark's expressions by example: a piece of SQL with named places, parsed once and filled many times.

The pieces are parsed without knowledge of functions, so that what they call is printed as it stands here; types
are written by DuckDB's names, which the printer turns into Spark's (TIMESTAMP is Spark's TIMESTAMP_NTZ).

What a piece names many times is written many times, and each piece around it multiplies that. So a large part is
bound to a name: as the parameter of a function that is applied to it, the one way that an expression of Spark's has.
"""

import itertools
from collections import Counter
from collections.abc import Callable, Mapping
from functools import cache
from typing import cast

from sqlglot import exp

from datalinx.engine.compile.parsing import parse_one

Place = exp.Expr | str | int

# What binds tighter than any operator.
_ATOMS = (exp.Column, exp.Literal, exp.Func, exp.Paren, exp.Null, exp.Boolean, exp.Identifier, exp.Dot)

# A part of so many nodes is bound to a name where writing it anew each time would take so many.
_LARGE_PART = 20
_LARGE_TOTAL = 160
# No name of a column has this sign, which is no part of any text either.
_BOUND = "\x00let"
_numbers = itertools.count()


def form(text: str, **places: Place) -> exp.Expression:
    """Return the tree of `text`, in which `:name` stands for each place; texts and numbers become literals."""
    parts = {name: _part(place) for name, place in places.items()}
    for name in _shared(text, parts):
        part, rest = parts[name], {other: each for other, each in places.items() if other != name}
        return bound(part, lambda value, name=name, rest=rest: form(text, **{name: value, **rest}))  # type: ignore[misc]
    return _filled(text, parts)


def bound(tree: exp.Expr, build: Callable[[exp.Expr], exp.Expr]) -> exp.Expression:
    """Return what `build` makes of the tree, which is bound to a name if it is large and stands there often."""
    size = sum(1 for _ in tree.walk())
    if size <= _LARGE_PART:
        return cast("exp.Expression", build(tree))
    name = exp.to_identifier(f"{_BOUND}{next(_numbers)}", quoted=True)
    body = build(name)
    places = [node for node in body.find_all(exp.Identifier) if node.name == name.name]
    if len(places) < 2 or size * len(places) <= _LARGE_TOTAL:
        return cast("exp.Expression", _unbound(body, name.name, tree))
    return named(tree, build)


def is_large(tree: exp.Expr) -> bool:
    """Whether a part is better not written several times."""
    return sum(1 for _ in tree.walk()) > _LARGE_PART


def named(tree: exp.Expr, build: Callable[[exp.Expr], exp.Expr]) -> exp.Expression:
    """Return what `build` makes of the tree, which is computed once under a name."""
    name = exp.to_identifier(f"{_BOUND}{next(_numbers)}", quoted=True)
    function = exp.Lambda(this=build(name), expressions=[name.copy()])
    return call("element_at", call("transform", call("array", tree), function), 1)


def numbered(tree: exp.Expr) -> exp.Expr:
    """Return the tree with its bound names numbered from 1, in the order in which they stand there."""
    names: dict[str, str] = {}
    for node in tree.find_all(exp.Identifier):
        if node.name.startswith(_BOUND):
            node.set("this", names.setdefault(node.name, f"let {len(names) + 1}"))
    return tree


def _unbound(body: exp.Expr, name: str, tree: exp.Expr) -> exp.Expr:
    def replaced(node: exp.Expression) -> exp.Expression:
        is_name = isinstance(node, exp.Identifier) and node.name == name
        return cast("exp.Expression", closed(tree.copy())) if is_name else node

    return body.transform(replaced, copy=False)


def _filled(text: str, parts: Mapping[str, exp.Expr]) -> exp.Expression:
    def fill(node: exp.Expression) -> exp.Expression:
        if isinstance(node, exp.Placeholder) and node.name in parts:
            return cast("exp.Expression", parts[node.name].copy())
        return node

    return _parsed(text).copy().transform(fill, copy=False)


def _shared(text: str, parts: Mapping[str, exp.Expr]) -> list[str]:
    """The names of the parts that are large and stand there often."""
    found = []
    for name, count in _occurrences(text).items():
        if count > 1 and name in parts:
            size = sum(1 for _ in parts[name].walk())
            if size > _LARGE_PART and size * count > _LARGE_TOTAL:
                found.append(name)
    return found


@cache
def _occurrences(text: str) -> Counter[str]:
    return Counter(place.name for place in _parsed(text).find_all(exp.Placeholder))


def call(name: str, *arguments: Place) -> exp.Expression:
    """Return a call of Spark's function."""
    return exp.Anonymous(this=name, expressions=[_bare(argument) for argument in arguments])


def closed(tree: exp.Expr) -> exp.Expr:
    """Return the tree, in parentheses where an operator beside it could bind into it."""
    if isinstance(tree, _ATOMS) and not isinstance(tree, exp.Binary):
        return tree
    return exp.Paren(this=tree)


def when(condition: exp.Expr, result: exp.Expr, default: exp.Expr | None = None) -> exp.Expression:
    """Return the CASE of one branch."""
    return exp.Case(ifs=[exp.If(this=condition, true=result)], default=default)


def is_null(tree: exp.Expr) -> exp.Expression:
    """Return whether the value is missing."""
    return exp.Is(this=closed(tree), expression=exp.null())


def is_known(tree: exp.Expr) -> exp.Expression:
    """Return whether the value is there."""
    return exp.Not(this=is_null(tree))


def either(*conditions: exp.Expr | None) -> exp.Expr | None:
    """Return whether one of the conditions holds; None when there is none."""
    made: exp.Expr | None = None
    for condition in conditions:
        if condition is not None:
            made = condition if made is None else exp.Or(this=closed(made), expression=closed(condition))
    return made


def both(left: exp.Expr, right: exp.Expr) -> exp.Expression:
    """Return whether both conditions hold."""
    return exp.And(this=closed(left), expression=closed(right))


def typed(tree: exp.Expr, spark_type: str) -> exp.Expression:
    """Return Spark's TRY_CAST to a type written as Spark writes it."""
    return exp.TryCast(this=tree, to=exp.DataType.build(spark_type, dialect="spark"), safe=True)


@cache
def _parsed(text: str) -> exp.Expression:
    return parse_one(text)


def _bare(place: Place) -> exp.Expr:
    if isinstance(place, str):
        return exp.Literal.string(place)
    if isinstance(place, int):
        return exp.Literal.number(place)
    return place


def _part(place: Place) -> exp.Expr:
    return closed(_bare(place))
