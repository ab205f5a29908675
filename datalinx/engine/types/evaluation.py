"""Running a type's expressions over a handful of values, in a DuckDB of their own."""

from collections.abc import Sequence
from itertools import islice

import duckdb
from sqlglot import exp

from datalinx.engine.types import library

SAMPLE_SIZE = 1_000
"""How many values of a sample are looked at: enough for a share to the percent, and milliseconds to run."""

VALUE = exp.column("value", table="sample", quoted=True)
"""The TEXT expression that stands for one value of the sample."""


def statement(expressions: Sequence[exp.Expression]) -> str:
    """Return the query of the expressions over the values that it is given as its one parameter."""
    return exp.select(*expressions).from_(_sample()).sql("duckdb")


def results(expressions: Sequence[exp.Expression], values: Sequence[str | None]) -> list[tuple[object, ...]]:
    """Return one row for each value with the results of the expressions over `VALUE`, in order."""
    return _rows(statement(expressions), values)


def shares(tests: Sequence[exp.Expression], values: Sequence[str | None]) -> list[float]:
    """Return for each boolean over `VALUE` the share (0 to 1) of the first values that pass.

    NULLs and texts of blanks alone do not count. Without any value every share is 0.
    """
    return shares_of_samples(statement(tests), [values], width=len(tests))[0] if tests else []


def shares_of_samples(
    query: str, samples: Sequence[Sequence[str | None]], *, width: int
) -> list[list[float]]:
    """Return the `shares` of each sample for the `width` booleans of a `statement`, which runs once."""
    kept = [[value for value in values if value and value.strip()][:SAMPLE_SIZE] for values in samples]
    rows = iter(_rows(query, [value for values in kept for value in values]) if any(kept) else [])
    found = []
    for values in kept:
        own = list(islice(rows, len(values)))
        found.append([sum(row[place] is True for row in own) / max(len(own), 1) for place in range(width)])
    return found


def _rows(query: str, values: Sequence[str | None]) -> list[tuple[object, ...]]:
    with duckdb.connect(config={"threads": 1}) as connection:
        library.register(connection)
        rows: list[tuple[object, ...]] = connection.execute(query, [list(values)]).fetchall()
    return rows


def _sample() -> exp.Expression:
    alias = exp.TableAlias(this=exp.to_identifier("sample"), columns=[exp.to_identifier("value")])
    listed = exp.Cast(this=exp.Placeholder(), to=exp.DataType.build("VARCHAR[]", dialect="duckdb"))
    return exp.Unnest(expressions=[listed], alias=alias)
