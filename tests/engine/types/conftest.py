"""Running one expression over many values in DuckDB."""

from collections.abc import Iterator, Sequence

import duckdb
import pytest
from sqlglot import exp

from datalinx.engine.types import library
from tests.engine.types.evaluation import Evaluate


@pytest.fixture(scope="session")
def connection() -> Iterator[duckdb.DuckDBPyConnection]:
    connection = duckdb.connect(config={"threads": 1})
    library.register(connection)
    # No result may depend on the place where the server happens to run.
    connection.execute("SET TimeZone = 'America/St_Johns'")
    yield connection
    connection.close()


@pytest.fixture(scope="session")
def evaluate(connection: duckdb.DuckDBPyConnection) -> Evaluate:
    """Return `evaluate(expression, values, type="VARCHAR", of=None)`: the results, in order, as Python values.

    `of` is an expression over the values whose result the first one takes instead of them. A normaliser names
    its input dozens of times: one written into another is a text that the engine reads for seconds.
    """

    def run(
        expression: exp.Expression,
        values: Sequence[object],
        type: str = "VARCHAR",  # noqa: A002
        of: exp.Expression | None = None,
    ) -> list[object]:
        inner = "t.value" if of is None else of.sql("duckdb")
        rows = connection.execute(
            f"SELECT {expression.sql('duckdb')} AS result FROM (SELECT {inner} AS value, t.i FROM "
            f"(SELECT unnest(CAST(? AS {type}[])) AS value, generate_subscripts(CAST(? AS {type}[]), 1) AS i) AS t"
            ") AS t ORDER BY i",
            [list(values), list(values)],
        ).fetchall()
        return [row[0] for row in rows]

    return run
