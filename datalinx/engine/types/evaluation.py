"""Running a type's expressions over a handful of values, in a DuckDB of their own."""

from collections.abc import Sequence

import duckdb
from sqlglot import exp

SAMPLE_SIZE = 1_000
"""How many values of a sample are looked at: enough for a share to the percent, and milliseconds to run."""

VALUE = exp.column("value", table="sample", quoted=True)
"""The TEXT expression that stands for one value of the sample."""


def results(expressions: Sequence[exp.Expression], values: Sequence[str | None]) -> list[tuple[object, ...]]:
    """Return one row for each value with the results of the expressions over `VALUE`, in order."""
    query = exp.select(*expressions).from_(_sample())
    with duckdb.connect(config={"threads": 1}) as connection:
        rows: list[tuple[object, ...]] = connection.execute(query.sql("duckdb"), [list(values)]).fetchall()
    return rows


def shares(tests: Sequence[exp.Expression], values: Sequence[str | None]) -> list[float]:
    """Return for each boolean over `VALUE` the share (0 to 1) of the first values that pass.

    NULLs and texts of blanks alone do not count. Without any value every share is 0.
    """
    sample = [value for value in values if value is not None and value.strip()][:SAMPLE_SIZE]
    if not sample or not tests:
        return [0.0] * len(tests)
    rows = results(tests, sample)
    return [sum(row[place] is True for row in rows) / len(sample) for place in range(len(tests))]


def _sample() -> exp.Expression:
    alias = exp.TableAlias(this=exp.to_identifier("sample"), columns=[exp.to_identifier("value")])
    listed = exp.Cast(this=exp.Placeholder(), to=exp.DataType.build("VARCHAR[]", dialect="duckdb"))
    return exp.Unnest(expressions=[listed], alias=alias)
