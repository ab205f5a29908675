"""A table of the lake and an engine that writes files for it."""

from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path
from typing import Any

import duckdb
import pytest

from datalinx.engine import lake
from datalinx.engine.storage import Storage

START = datetime(2024, 1, 1, tzinfo=UTC)
COLUMNS = (
    lake.LakeColumn("id", "long", required=True),
    lake.LakeColumn("name", "string"),
    lake.LakeColumn("amount", "decimal(18, 2)"),
)


@dataclass
class Workbench:
    """One table, its present location, and a clock that goes on an hour with each version."""

    storage: Storage
    work: Path
    connection: duckdb.DuckDBPyConnection
    base: str | None = None
    columns: Sequence[lake.LakeColumn] = COLUMNS
    runs: Any = field(default_factory=lambda: count(1))
    hours: Any = field(default_factory=count)

    def file(self, select: str, *, replace: bool = False, ids: dict[str, int] | None = None) -> Path:
        """Let the engine write a file with the columns of a SELECT."""
        self.work.mkdir(exist_ok=True)
        path = self.work / f"{next(self.runs)}-engine.parquet"
        if ids is None:
            plan = lake.plan_columns(self.storage, self.base, self.columns, replace=replace)
            ids = {column.name: column.field_id for column in plan}
        self.connection.execute(f"COPY ({select}) TO '{path}' (FORMAT parquet, {lake.copy_field_ids(ids)})")
        return path

    def rows(self, *ids: int) -> str:
        """Return a SELECT of rows with these ids."""
        listed = ", ".join(f"({i}::BIGINT)" for i in ids)
        values = f"(VALUES {listed})" if ids else "(SELECT 1::BIGINT WHERE false)"
        return f"SELECT id, 'name ' || id AS name, (id / 4)::DECIMAL(18, 2) AS amount FROM {values} t(id)"

    def now(self) -> datetime:
        return START + timedelta(hours=next(self.hours))

    def replace(self, select: str, **given: Any) -> lake.Staged:
        return self.keep(self.stage("replace", [self.file(select, replace=True)], **given))

    def append(self, select: str, **given: Any) -> lake.Staged:
        return self.keep(self.stage("append", [self.file(select)], **given))

    def rewrite(self, remove: Sequence[str], select: str, **given: Any) -> lake.Staged:
        return self.keep(self.stage("rewrite", [self.file(select)], remove=remove, **given))

    def stage(self, how: str, add: Sequence[Path], **given: Any) -> lake.Staged:
        given = {"columns": self.columns, "run_id": f"run_{next(self.runs)}", "now": self.now()} | given
        staged: lake.Staged = getattr(lake, f"stage_{how}")(self.storage, self.base, add=add, **given)
        return staged

    def keep(self, staged: lake.Staged) -> lake.Staged:
        """Move the pointer."""
        assert staged.base_location == self.base
        self.base = staged.metadata_location
        return staged

    def files(self, **version: Any) -> list[lake.DataFile]:
        return lake.data_files(self.storage, self.base, **version)

    def read(self, what: str = "id", **version: Any) -> list[Any]:
        """Return the values of an expression over a version, sorted, as DuckDB reads it."""
        columns = lake.columns(self.storage, self.base, **version)
        paths = [self.storage.local(file.key) for file in self.files(**version)]
        rows = self.connection.execute(f"SELECT {what} FROM ({lake.relation_sql(columns, paths)})").fetchall()
        return sorted(row[0] if len(row) == 1 else row for row in rows)

    def stored(self) -> set[str]:
        return {found.key for found in self.storage.list()}


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Workbench]:
    storage = Storage.open(str(tmp_path / "files"), tmp_path / "cache")
    with closing(duckdb.connect()) as connection:
        yield Workbench(storage.within("org/ws/lake/table"), tmp_path / "work", connection)


@pytest.fixture
def any_bench(storage: Storage, tmp_path: Path) -> Iterator[Workbench]:
    """The same in a folder and in a bucket."""
    with closing(duckdb.connect()) as connection:
        yield Workbench(storage.within("org/ws/lake/table"), tmp_path / "work", connection)
