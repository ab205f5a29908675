"""Writing syntax trees by example: a piece of SQL with named places, parsed once and filled many times."""

from functools import cache, lru_cache
from typing import cast

import sqlglot
from sqlglot import exp

# What binds tighter than any operator may stand in a template as it is; all else gets parentheses.
# Some of sqlglot's functions print as operators (AND, //, ->>): those are binary too, and are no atoms.
_ATOMS = (exp.Column, exp.Literal, exp.Func, exp.Paren, exp.Null, exp.Boolean)

# Written by code point, so that the SQL that people read shows what is trimmed: tab, line feed, carriage
# return, and for EDGES also the no-break, zero-width, narrow and ideographic spaces and the byte-order mark.
_BLANKS = "' ' || chr(9) || chr(10) || chr(13)"
_EDGES = _BLANKS + " || chr(160) || chr(8203) || chr(8239) || chr(12288) || chr(65279)"


def sql(text: str, **places: exp.Expression | str | int | float) -> exp.Expression:
    """Return the tree of a DuckDB expression in which `:name` stands for each place.

    A text or a number becomes a literal, so that patterns never meet the parser; an expression is copied,
    in parentheses where its operator might bind otherwise.
    """

    def fill(node: exp.Expression) -> exp.Expression:
        if isinstance(node, exp.Placeholder) and node.name in places:
            return _as_part(places[node.name])
        return node

    return _parse(text).copy().transform(fill, copy=False)


@cache
def _parse(text: str) -> exp.Expression:
    return cast("exp.Expression", sqlglot.parse_one(text, dialect="duckdb"))


def _as_part(part: exp.Expression | str | float) -> exp.Expression:
    if isinstance(part, str):
        return exp.Literal.string(part)
    if isinstance(part, int | float):
        return exp.Literal.number(part)
    is_atom = isinstance(part, _ATOMS) and not isinstance(part, exp.Binary)
    return part.copy() if is_atom else exp.Paren(this=part.copy())


def full_match(value: exp.Expression, pattern: str) -> exp.Expression:
    """Return the test that the whole value matches an RE2 pattern; NULL for NULL."""
    return sql("regexp_full_match(:value, :pattern)", value=value, pattern=pattern)


def trimmed(value: exp.Expression) -> exp.Expression:
    """Return the value without white space at its ends, Unicode's kinds in common use included."""
    return sql(f"trim(:value, {_EDGES})", value=value)


def without_blanks(value: exp.Expression) -> exp.Expression:
    """Return the value without ASCII white space at its ends: what casts pass over."""
    return sql(f"trim(:value, {_BLANKS})", value=value)


def all_of(*conditions: exp.Expression) -> exp.Expression:
    """Return the conjunction, cheapest test first as the caller orders them."""
    return cast("exp.Expression", exp.and_(*conditions))


def when(*branches: tuple[exp.Expression, exp.Expression | str]) -> exp.Expression:
    """Return the result of the first branch (condition, result) whose condition is true, else NULL."""
    case = exp.Case()
    for condition, result in branches:
        case = case.when(condition, _as_part(result), copy=False)
    return case


def look_up(value: exp.Expression, entries: dict[str, str]) -> exp.Expression:
    """Return the entry of a constant MAP; NULL for a key that it lacks."""
    return sql("(:map)[:value]", map=_constant_map(tuple(entries.items())), value=value)


@lru_cache(maxsize=64)
def _constant_map(entries: tuple[tuple[str, str], ...]) -> exp.Expression:
    pairs = [
        exp.PropertyEQ(this=exp.Literal.string(key), expression=exp.Literal.string(entry))
        for key, entry in entries
    ]
    return exp.ToMap(this=exp.Struct(expressions=pairs))
