"""Writing syntax trees by example: a piece of SQL with named places, parsed once and filled many times."""

import re
from collections.abc import Callable, Mapping
from functools import cache, lru_cache
from typing import Any, cast

import orjson
import sqlglot
from sqlglot import exp

# What binds tighter than any operator may stand in a template as it is; all else gets parentheses.
# Some of sqlglot's functions print as operators (AND, //, ->>): those are binary too, and are no atoms.
_ATOMS = (exp.Column, exp.Literal, exp.Func, exp.Paren, exp.Null, exp.Boolean)

# Written by code point, so that the SQL that people read shows what is trimmed: tab, line feed, carriage
# return, and for EDGES also the no-break, zero-width, narrow and ideographic spaces and the byte-order mark.
_BLANKS = "' ' || chr(9) || chr(10) || chr(13)"
_EDGES = _BLANKS + " || chr(160) || chr(8203) || chr(8239) || chr(12288) || chr(65279)"


Place = exp.Expression | str | int | float


def sql(text: str, **places: Place) -> exp.Expression:
    """Return the tree of a DuckDB expression in which `:name` stands for each place.

    A text or a number becomes a literal, so that patterns never meet the parser; an expression is copied,
    in parentheses where its operator might bind otherwise.
    """
    return _filled(text, {name: _as_part(place) for name, place in places.items()})


def around(text: str, **places: Place) -> exp.Expression:
    """Do as `sql` does, but take the expressions themselves into the tree, where no tree holds them yet.

    For expressions that nobody else will use: a large one is not copied again by each step around it.
    """
    return _filled(text, {name: _as_part(place, take=True) for name, place in places.items()})


def _filled(text: str, parts: Mapping[str, exp.Expression]) -> exp.Expression:
    def fill(node: exp.Expression) -> exp.Expression:
        if isinstance(node, exp.Placeholder) and node.name in parts:
            part = parts[node.name]
            return part if part.parent is None else part.copy()
        return node

    return _parse(text).copy().transform(fill, copy=False)


@cache
def _parse(text: str) -> exp.Expression:
    tree = cast("exp.Expression", sqlglot.parse_one(text, dialect="duckdb"))
    for node in tree.walk():
        # Where it stands in the text: nobody asks, and each copy would cost twice as much.
        node._meta = None
    return tree


def _as_part(part: Place, *, take: bool = False) -> exp.Expression:
    if isinstance(part, str):
        return exp.Literal.string(part)
    if isinstance(part, int | float):
        return exp.Literal.number(part)
    own = part if take and part.parent is None else part.copy()
    return own if isinstance(part, _ATOMS) and not isinstance(part, exp.Binary) else exp.Paren(this=own)


def full_match(value: exp.Expression, pattern: str) -> exp.Expression:
    """Return the test that the whole value matches an RE2 pattern; NULL for NULL."""
    return sql("regexp_full_match(:value, :pattern)", value=value, pattern=pattern)


def trimmed(value: exp.Expression) -> exp.Expression:
    """Return the value without white space at its ends, Unicode's kinds in common use included.

    Looking for a set of characters at the ends costs ten times what the rest does, so it is left to the few
    values that need it: in ASCII without tabs and line ends only the space is left to trim.
    """
    return sql(
        "CASE WHEN strlen(:v) = length(:v) AND NOT contains(:v, chr(9)) AND NOT contains(:v, chr(10)) "
        "AND NOT contains(:v, chr(13)) "
        "THEN CASE WHEN starts_with(:v, ' ') OR ends_with(:v, ' ') THEN trim(:v) ELSE :v END "
        f"WHEN regexp_full_match(:v, '[!-~](?:.*[!-~])?') THEN :v ELSE trim(:v, {_EDGES}) END",
        v=value,
    )


def without_blanks(value: exp.Expression) -> exp.Expression:
    """Return the value without ASCII white space at its ends: what casts pass over."""
    return sql(f"trim(:value, {_BLANKS})", value=value)


def read(
    value: exp.Expression,
    is_valid: Callable[[exp.Expression], exp.Expression],
    result: Callable[[exp.Expression], exp.Expression] = lambda text: text,
) -> exp.Expression:
    """Return `result` of the value where it is valid, or valid once trimmed; NULL elsewhere.

    Few values carry white space at their ends, so only what fails as it stands is trimmed.
    """
    text = trimmed(value)
    return when((is_valid(value), result(value)), (is_valid(text), result(text)))


def shared(part: exp.Expression, body: exp.Expression) -> exp.Expression:
    """Return `body`, which names `part` many times and is NULL where it is; `part` is computed once.

    DuckDB finds a repeated part by itself only when a CASE asks for it before it branches.
    """
    return around("CASE WHEN :part IS NOT NULL THEN :body END", part=part.copy(), body=body)


def all_of(*conditions: exp.Expression) -> exp.Expression:
    """Return the conjunction, cheapest test first as the caller orders them."""
    return cast("exp.Expression", exp.and_(*conditions))


def when(*branches: tuple[exp.Expression, exp.Expression | str]) -> exp.Expression:
    """Return the result of the first branch (condition, result) whose condition is true, else NULL."""
    case = exp.Case()
    for condition, result in branches:
        case = case.when(condition.copy(), _as_part(result), copy=False)
    return case


# A constant MAP is searched from end to end, so a large one is cut into small ones under a binary search.
_MAP_SIZE = 256


def look_up(value: exp.Expression, entries: Mapping[str, str]) -> exp.Expression:
    """Return the entry for a text as a VARCHAR; NULL for a text that is no key."""
    return _search(value, tuple(sorted(entries.items())))


def named(
    value: exp.Expression, normal: str, key: exp.Expression, entries: Mapping[str, str]
) -> exp.Expression:
    """Return the value where it matches the pattern `normal` already, else the entry of its `key`."""
    found = look_up(key, entries)
    body = around(
        "CASE WHEN regexp_full_match(:v, :normal) THEN :v ELSE :found END",
        v=value.copy(),
        normal=normal,
        found=found,
    )
    return shared(key, body)


def _search(value: exp.Expression, entries: tuple[tuple[str, str], ...]) -> exp.Expression:
    if len(entries) <= _MAP_SIZE:
        # One literal instead of hundreds of nodes; the engine reads it once, when it plans.
        pairs = orjson.dumps(dict(entries)).decode()
        return sql(
            "(from_json(:pairs, :type))[:value]", pairs=pairs, type='"MAP(VARCHAR,VARCHAR)"', value=value
        )
    middle = len(entries) // 2
    below, above = _search(value, entries[:middle]), _search(value, entries[middle:])
    is_below = exp.LT(this=_as_part(value), expression=exp.Literal.string(entries[middle][0]))
    return exp.Case(ifs=[exp.If(this=is_below, true=below)], default=above)


@lru_cache(maxsize=64)
def one_of(words: frozenset[str]) -> str:
    """Return a pattern that matches exactly these words, common beginnings written once.

    RE2 walks it one character at a time, so thousands of words cost no more than a few.
    """
    tree: dict[str, Any] = {}
    for word in sorted(words):
        node = tree
        for letter in word:
            node = node.setdefault(letter, {})
        node[""] = {}
    return f"(?:{_alternatives(tree)})"


def _alternatives(node: dict[str, Any]) -> str:
    ends = [re.escape(letter) for letter, rest in node.items() if letter and rest == {"": {}}]
    longer = [
        re.escape(letter) + _alternatives(rest)
        for letter, rest in node.items()
        if letter and rest != {"": {}}
    ]
    choices = longer + ([ends[0] if len(ends) == 1 else f"[{''.join(ends)}]"] if ends else [])
    if len(choices) == 1 and "" not in node:
        return choices[0]
    return f"(?:{'|'.join(choices)})" + ("?" if "" in node else "")
