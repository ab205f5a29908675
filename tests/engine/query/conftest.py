"""A small workspace of stored tables: two with files, one without, and a canary that no query may read."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import duckdb
import pytest

from datalinx.engine.query.client import QueryServer
from datalinx.engine.query.run import run_query
from datalinx.engine.query.tables import QueryResult, TableFiles

CANARY = "canary-2f9c"


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """`lake/` with the workspace's files and `other/` with those of a stranger."""
    folder = tmp_path_factory.mktemp("query")
    for name in ("lake", "other"):
        (folder / name).mkdir()
    connection = duckdb.connect()
    connection.execute(
        "COPY (SELECT i AS order_id, 'c' || (i % 100) AS customer_id, CAST(i % 50 AS DECIMAL(10,2)) AS amount,"
        " TIMESTAMPTZ '2026-01-01 00:00:00+00' + to_hours(CAST(i AS INTEGER)) AS ordered_at"
        f" FROM range(1000) t(i)) TO '{folder}/lake/orders-1.parquet'"
    )
    connection.execute(
        "COPY (SELECT 1000 AS order_id, 'c0' AS customer_id, CAST(5 AS DECIMAL(10,2)) AS amount,"
        f" TIMESTAMPTZ '2026-06-01 00:00:00+00' AS ordered_at) TO '{folder}/lake/orders-2.parquet'"
    )
    connection.execute(f"COPY (SELECT '{CANARY}' AS secret) TO '{folder}/other/secret.parquet'")
    (folder / "other" / "secret.csv").write_text(f"secret\n{CANARY}\n")
    (folder / "lake" / "secret.txt").write_text(CANARY)
    connection.close()
    return folder


@pytest.fixture(scope="session")
def tables(folder: Path) -> dict[str, TableFiles]:
    orders = [
        ("order_id", "BIGINT"),
        ("customer_id", "VARCHAR"),
        ("amount", "DECIMAL(10,2)"),
        ("ordered_at", "TIMESTAMP WITH TIME ZONE"),
    ]
    files = [folder / "lake" / "orders-1.parquet", folder / "lake" / "orders-2.parquet"]
    return {
        "orders": TableFiles(orders, files),
        "customers": TableFiles([("customer_id", "VARCHAR"), ("joined_on", "DATE"), ("score", "DOUBLE")]),
    }


@pytest.fixture(scope="session")
def server() -> Iterator[QueryServer]:
    server = QueryServer()
    yield server
    server.close()


Ask = Callable[..., QueryResult]


@pytest.fixture
def ask(tables: dict[str, TableFiles], server: QueryServer) -> Ask:
    """Run a query over the workspace with small limits; any of them can be given."""

    def ask(sql: str, **given: Any) -> QueryResult:
        limits = {
            "limit": 100,
            "seconds": 5.0,
            "memory_bytes": 256 * 1024**2,
            "tables": tables,
            "server": server,
        }
        return run_query(sql, **{**limits, **given})

    return ask
