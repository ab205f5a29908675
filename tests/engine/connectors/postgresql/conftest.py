"""A warehouse, and what delivers to it."""

import secrets
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
import pytest

from datalinx.engine.connectors.base import Consignment, Delivered, Limits
from datalinx.engine.connectors.postgresql.connector import PostgresqlConnector
from datalinx.engine.query.tables import TableFiles
from tests.warehouse import Warehouse, make_warehouse


@pytest.fixture(scope="session")
def made_warehouse() -> Iterator[Warehouse]:
    with make_warehouse() as made:
        yield made


@pytest.fixture
def warehouse(made_warehouse: Warehouse) -> Warehouse:
    return made_warehouse.clear()


@dataclass
class Sender:
    """Delivers tables that SELECTs of DuckDB make, each version into the same target unless told otherwise."""

    warehouse: Warehouse
    folder: Path
    count: int = 0

    def table(self, select: str, *, files: int = 1) -> TableFiles:
        """Return the rows of a SELECT as a stored table of so many files."""
        self.count += 1
        paths = [self.folder / f"{self.count}-{number}.parquet" for number in range(files)]
        with duckdb.connect() as engine:
            engine.execute("SET TimeZone = 'UTC'")
            described = engine.execute(f"DESCRIBE {select}").fetchall()
            engine.execute(f"CREATE TABLE made AS SELECT *, row_number() OVER () AS n_ FROM ({select})")
            for number, path in enumerate(paths):
                part = f"SELECT * EXCLUDE (n_) FROM made WHERE n_ % {files} = {number} ORDER BY n_"
                engine.execute(f"COPY ({part}) TO '{path}' (FORMAT parquet)")
        columns = [(row[0], "VARCHAR" if row[1] == "JSON" else row[1]) for row in described]
        return TableFiles(columns, paths)

    def send(self, table: TableFiles | str, snapshot: int, **given: Any) -> Delivered:
        """Deliver a version of a table; keys of the consignment may be given."""
        stop = given.pop("should_stop", lambda: False)
        connection = given.pop("connection", None) or self.warehouse.connection()
        values = {
            "table": self.table(table) if isinstance(table, str) else table,
            "origin": "tbl_1",
            "snapshot": snapshot,
            "target": "customers",
            "mode": "replace",
            "run_id": "run_1",
            **given,
        }
        spill = self.folder / f"spill-{secrets.token_hex(4)}"
        spill.mkdir()
        return PostgresqlConnector().deliver(
            connection, Consignment(**values), limits=Limits(), spill=spill, should_stop=stop
        )

    def rows(self, columns: str = "*", table: str = "customers") -> list[tuple[Any, ...]]:
        return self.warehouse.sql(f'SELECT {columns} FROM mart."{table}" ORDER BY 1')


@pytest.fixture
def sender(warehouse: Warehouse, tmp_path: Path) -> Sender:
    return Sender(warehouse, tmp_path)
