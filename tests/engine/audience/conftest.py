"""A shop of eight people and their orders, with the gaps that real data has."""

from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import duckdb
import pytest

from datalinx.engine.query.tables import TableFiles
from datalinx.engine.spec.audience import AudienceDocument
from datalinx.engine.spec.base import parse_document

NOW = datetime(2026, 3, 31, 12, 0, tzinfo=UTC)

CUSTOMERS = [
    # customer_id, country, lifetime_value, orders_planned, vip, joined_on, seen_at, note
    ("c1", "GB", "900.00", 3, True, "2025-01-01", "2026-03-31T11:00:00+00:00", "likes tea"),
    ("c2", "IE", "500.00", 0, False, "2026-03-01", "2026-01-01T00:00:00+00:00", "100% cotton_"),
    ("c3", "US", "100.50", None, None, "2026-03-31", None, None),
    ("c4", None, None, 7, True, None, "2026-03-30T12:00:00+00:00", "TEA"),
    ("c5", "GB", "499.99", 1, False, "2024-02-29", "2026-04-01T00:00:00+00:00", ""),
    ("c6", "FR", "-5.00", -1, None, "2025-12-31", "2025-12-31T12:00:00+00:00", "it's"),
    ("c7", "GB", "1000.00", 2, True, "2026-03-24", None, "tea, please"),
    (None, "GB", "9999.00", 9, True, "2026-03-24", None, "nobody"),
]
ORDERS = [
    # customer_id, ordered_at, amount, channel
    ("c1", "2026-03-01T00:00:00+00:00", "10.00", "web"),
    ("c1", "2025-01-01T00:00:00+00:00", "20.00", "shop"),
    ("c1", "2025-06-01T00:00:00+00:00", None, "web"),
    ("c2", "2026-03-30T00:00:00+00:00", "500.00", "shop"),
    ("c3", "2024-01-01T00:00:00+00:00", "1.00", None),
    ("c5", None, "3.00", "web"),
    ("c7", "2026-01-01T00:00:00+00:00", "70.00", "web"),
    ("c7", "2026-02-01T00:00:00+00:00", "80.00", "web"),
    (None, "2026-03-30T00:00:00+00:00", "1.00", "web"),
    ("stranger", "2026-03-30T00:00:00+00:00", "1.00", "web"),
]
CUSTOMER_COLUMNS = [
    ("customer_id", "VARCHAR"),
    ("country", "VARCHAR"),
    ("lifetime_value", "DECIMAL(18,2)"),
    ("orders_planned", "INTEGER"),
    ("vip", "BOOLEAN"),
    ("joined_on", "DATE"),
    ("seen_at", "TIMESTAMP WITH TIME ZONE"),
    ("note", "VARCHAR"),
]
ORDER_COLUMNS = [
    ("customer_id", "VARCHAR"),
    ("ordered_at", "TIMESTAMP WITH TIME ZONE"),
    ("amount", "DECIMAL(10,2)"),
    ("channel", "VARCHAR"),
]


def write_table(path: Path, columns: list[tuple[str, str]], rows: list[tuple[Any, ...]]) -> TableFiles:
    connection = duckdb.connect()
    declared = ", ".join(f'"{name}" {kind}' for name, kind in columns)
    connection.execute(f"CREATE TABLE t ({declared})")
    if rows:
        connection.executemany(f"INSERT INTO t VALUES ({', '.join('?' for _ in columns)})", rows)
    connection.execute(f"COPY t TO '{path}' (FORMAT parquet)")
    connection.close()
    return TableFiles(columns, [path])


@pytest.fixture(scope="session")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, TableFiles]:
    folder = tmp_path_factory.mktemp("shop")
    return {
        "customers": write_table(folder / "customers.parquet", CUSTOMER_COLUMNS, CUSTOMERS),
        "orders": write_table(folder / "orders.parquet", ORDER_COLUMNS, ORDERS),
    }


@pytest.fixture(scope="session")
def friends(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, TableFiles]:
    """Another audience: c1, c6, and somebody who is no customer."""
    path = tmp_path_factory.mktemp("friends") / "members.parquet"
    return {"aud_friends": write_table(path, [("customer_id", "VARCHAR")], [("c1",), ("c6",), ("gone",)])}


def audience(rule: Any, **given: Any) -> AudienceDocument:
    facts = {"name": "test", "table": "customers", "key": "customer_id", "rule": rule}
    return parse_document(AudienceDocument, facts | given)
