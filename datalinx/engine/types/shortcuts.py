"""Shortcuts to what a cast or a normaliser gives: few operations that read what most files hold, NULL for all else.

A pattern costs as much as five other operations. So a text is cast first and written again: where that gives the very
text, it was written in the one form that DuckDB writes, and needs no pattern that says whether the cast may be trusted.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from sqlglot import exp

from datalinx.engine.types.base import BaseName, ResolvedType
from datalinx.engine.types.sql import sql
from datalinx.engine.types.text_casts import cast_as


@dataclass(frozen=True)
class Stage:
    """One stage of a shortcut: `lower` takes what the stage before gave and the raw value; `type` is DuckDB's name.

    The first stage takes the raw value twice. What the last one gives is NULL, or the very value of the long way.
    """

    lower: Callable[[exp.Expression, exp.Expression], exp.Expression]
    type: str = "VARCHAR"


def cast_stages(to: ResolvedType) -> tuple[Stage, ...]:
    """The shortcut to a cast of text to a base type; empty where there is none."""
    if to.base not in _WRITTEN_ALIKE:
        return ()
    kind, test = _WRITTEN_ALIKE[to.base]
    typed = kind or to.duckdb
    result = "timezone('UTC', :c)" if to.base == "timestamp" else ":c"
    return (
        # A cast that fails costs ten times one that does not: what begins with no digit, sign or point is not tried.
        Stage(
            lambda value, raw: sql(
                "CASE WHEN :v >= '-' AND :v < ':' THEN :c END", v=raw, c=cast_as(raw, typed)
            ),
            typed,
        ),
        Stage(
            lambda cast, raw: sql(
                f"CASE WHEN CAST(:c AS VARCHAR) = :v{test} THEN {result} END", c=cast, v=raw
            ),
            to.duckdb,
        ),
    )


# By base type what is cast to, the type itself if empty, and what else has to hold: DuckDB writes years before 1 and
# after 9999 in more characters.
_WRITTEN_ALIKE: Mapping[BaseName, tuple[str, str]] = {
    "integer": ("", ""),
    "bigint": ("", ""),
    "decimal": ("", ""),
    "date": ("", " AND strlen(:v) = 10"),
    "datetime": ("TIMESTAMP", " AND strlen(:v) = 19"),
    "timestamp": ("TIMESTAMP", " AND strlen(:v) = 19"),
}
