"""What SQL cannot say: functions of a library, called once for each distinct value that needs them.

Types write such a call into their expressions as a function of one text, behind a condition that few rows
meet, and with an argument that is NULL or empty for all others. Each engine answers it in its own way from the one
Python function here:

* DuckDB calls an Arrow function with the values of a branch alone (`register`); it asks the library once for
  each distinct one and remembers the last thousands.
* An engine that cannot do so collects the distinct arguments, asks `answers`, and joins those back.
* What has no Python beside it (an exported dbt project) leaves the calls out (`without_calls`): the few values
  that need them are then not valid.
"""

from collections.abc import Callable, Iterable
from functools import lru_cache
from typing import Any

import duckdb
import idna
import pyarrow as pa
from duckdb.func import ARROW, SPECIAL
from sqlglot import exp

# More distinct values than this are asked for again, and an answer takes the library some ten microseconds.
_REMEMBERED = 10_000
MAX_DOMAIN = 253


@lru_cache(maxsize=_REMEMBERED)
def domain_to_ascii(domain: str) -> str | None:
    """Return a domain name in its ASCII form (`xn--…`), None when IDNA 2008 does not admit it.

    It is mapped by UTS 46 first (case, width, composed letters, ideographic full stops), without its
    transitional rules: `faß.de` is `xn--fa-hia.de`.
    """
    if not 0 < len(domain) <= MAX_DOMAIN:
        return None
    try:
        ascii_form = idna.encode(domain, uts46=True, std3_rules=True, transitional=False).decode("ascii")
    except UnicodeError:
        # All errors of the library are kinds of it.
        return None
    return ascii_form if len(ascii_form) <= MAX_DOMAIN else None


LIBRARY: dict[str, Callable[[str], str | None]] = {"domain_to_ascii": domain_to_ascii}
"""The functions by the name under which expressions call them."""


def call(name: str, value: exp.Expression) -> exp.Expression:
    """Return the call of a library's function; `value` should be NULL or empty where the answer is of no interest."""
    return exp.Anonymous(this=name, expressions=[value.copy()])


def calls_in(tree: exp.Expr) -> list[exp.Anonymous]:
    """Return the calls of a library's functions in an expression."""
    return [node for node in tree.find_all(exp.Anonymous) if node.name in LIBRARY]


def without_calls(tree: exp.Expression) -> exp.Expression:
    """Return the expression with every such call replaced by a NULL text."""

    def replace(node: exp.Expression) -> exp.Expression:
        if isinstance(node, exp.Anonymous) and node.name in LIBRARY:
            return exp.cast(exp.null(), "VARCHAR", dialect="duckdb")
        return node

    return tree.transform(replace)


def answers(name: str, values: Iterable[str | None]) -> dict[str, str | None]:
    """Return what the function answers for each distinct value; NULL is never asked for."""
    function = LIBRARY[name]
    return {value: function(value) for value in dict.fromkeys(values) if value is not None}


def register(connection: duckdb.DuckDBPyConnection) -> None:
    """Let a connection of DuckDB run expressions that call the functions."""
    for name, function in _ARROW_FUNCTIONS.items():
        # By default a function that answers NULL is an error.
        connection.create_function(name, function, ["VARCHAR"], "VARCHAR", type=ARROW, null_handling=SPECIAL)


def _over_arrow(name: str) -> Callable[[Any], Any]:
    """The function from an Arrow column of texts to one of answers."""

    def answer(column: Any) -> Any:
        values: list[str | None] = column.to_pylist()
        found = answers(name, values)
        return pa.array([None if value is None else found[value] for value in values], pa.string())

    return answer


# Made once: what is registered refers to nothing of the connection, which so can be freed.
_ARROW_FUNCTIONS = {name: _over_arrow(name) for name in LIBRARY}
