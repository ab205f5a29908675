"""A desk to try mappings on: inputs as files, a mapping and a table as documents, and what comes of them."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from datalinx.engine.compile.context import Identified
from datalinx.engine.compile.mapping import compile_mapping
from datalinx.engine.compile.plan import CompiledMapping, InputShape, SourceColumn
from datalinx.engine.connectors.base import Part, Scan
from datalinx.engine.execute import (
    Guards,
    Limits,
    Preview,
    StoredTable,
    TableResult,
    preview_table,
    run_table,
)
from datalinx.engine.spec.base import parse_document
from datalinx.engine.spec.mapping import Mapping as MappingDocument
from datalinx.engine.spec.schema import TargetTable
from datalinx.engine.types.registry import TypeRegistry

NOW = datetime(2026, 5, 1, 12, 0, tzinfo=UTC)
LIMITS = Limits(memory_bytes=512 * 1024**2, threads=2)
NO_GUARDS = Guards(empty_source="allow", max_deleted_share=None)
TYPES = TypeRegistry()

Row = Sequence[str | None]


@dataclass
class Outcome:
    """A result with what is in its files; `rows` are those of the whole table as it would be stored."""

    result: TableResult
    rows: list[dict[str, Any]]
    rejected: list[dict[str, Any]]

    @property
    def counts(self) -> dict[str, int]:
        """The counts that are not zero."""
        return {name: n for name, n in self.result.counts.as_dict().items() if n and name != "written"}

    def column(self, name: str) -> list[Any]:
        """The values of one column, sorted."""
        return sorted((row[name] for row in self.rows), key=lambda value: (value is None, value))

    @property
    def reasons(self) -> list[tuple[str | None, str | None, str]]:
        """Locator, field and first reason of every rejected row."""
        return [(each["locator"], each["field"], each["reason"]) for each in self.rejected]


@dataclass
class Desk:
    """One target table and its mapping. What `run` makes becomes the stored table of the next run."""

    folder: Path
    scans: dict[str, Scan] = field(default_factory=dict)
    table: dict[str, Any] = field(default_factory=dict)
    mapping: dict[str, Any] = field(default_factory=dict)
    ctes: dict[str, str] = field(default_factory=dict)
    identified: Identified = field(default_factory=dict)
    stored: StoredTable = field(default_factory=StoredTable)
    runs: int = 0
    execute: Callable[..., TableResult] = run_table

    def csv(self, alias: str, columns: Sequence[str], rows: Sequence[Row]) -> None:
        """Let the input `alias` be a CSV file of these rows; None is an unquoted empty field."""
        path = self.folder / f"{alias}-{len(list(self.folder.iterdir()))}.csv"
        lines = [",".join(_cell(value) for value in row) for row in [columns, *rows]]
        path.write_text("".join(line + "\n" for line in lines), encoding="utf-8", newline="")
        self.scans[alias] = csv_scan([Part(f"{alias}.csv", path, len(rows))], columns)

    def target(self, *columns: str, key: Sequence[str] = (), required: Sequence[str] = ()) -> None:
        """Let the table have these columns, written as `name type`."""
        parts = [column.split() for column in columns]
        self.table = {
            "name": "customers",
            "primary_key": list(key),
            "columns": [
                {"name": name, "type": kind, "nullable": name not in required} for name, kind in parts
            ],
        }

    def map(self, fields: dict[str, Any], **more: Any) -> None:
        """Let the mapping have these fields; a text is a direct source."""
        full = {
            name: {"type": "direct", "source": entry} if isinstance(entry, str) else entry
            for name, entry in fields.items()
        }
        inputs = more.pop("inputs", None) or [
            {"alias": alias, "source": "crm", "table": alias} for alias in self.scans
        ]
        self.mapping = {"table_name": "customers", "inputs": inputs, "fields": full, **more}

    def compiled(self) -> CompiledMapping:
        return compile_mapping(
            parse_document(MappingDocument, self.mapping),
            table=parse_document(TargetTable, self.table),
            inputs={alias: InputShape(scan.columns) for alias, scan in self.scans.items()},
            types=TYPES,
            ctes=self.ctes,
            identified=self.identified,
            version=4,
        )

    def run(self, *, guards: Guards = NO_GUARDS, keep: bool = True, **more: Any) -> Outcome:
        """Execute, read the table back, and take it as stored unless `keep` is false."""
        self.runs += 1
        result = self.execute(
            self.compiled(),
            scans=self.scans,
            workdir=self.folder / f"run-{self.runs}",
            now=more.pop("now", NOW + timedelta(hours=self.runs)),
            limits=more.pop("limits", LIMITS),
            guards=guards,
            base=self.stored,
            **more,
        )
        gone = set(result.removed_files)
        files = [path for path in self.stored.files if path not in gone]
        files += [file.path for file in result.files]
        if keep:
            self.stored = StoredTable(tuple(files), result.cursor, result.output_hash)
        return Outcome(
            result, read_rows(files), read_rows([result.rejected_path] if result.rejected_path else [])
        )

    def preview(self, **more: Any) -> Preview:
        return preview_table(self.compiled(), scans=self.scans, limits=LIMITS, **more)


def csv_scan(parts: Sequence[Part], columns: Sequence[str]) -> Scan:
    """A scan of CSV files whose columns are all text."""
    types = ", ".join(f"{_literal(name)}: 'VARCHAR'" for name in columns)
    reads = [
        f"SELECT * FROM read_csv({_literal(str(part.path))}, header=true, auto_detect=false, delim=',', quote='\"', "
        f"escape='\"', allow_quoted_nulls=false, columns={{{types}}})"
        for part in parts
    ]
    numbered = [
        f"SELECT *, {_literal(part.label)} AS __file, row_number() OVER () AS __record FROM ({read})"
        for part, read in zip(parts, reads, strict=True)
    ]
    return Scan(
        sql=" UNION ALL ".join(reads),
        numbered_sql=" UNION ALL ".join(numbered),
        columns=tuple(SourceColumn(name, "VARCHAR") for name in columns),
        files=tuple(part.path for part in parts),
        parts=tuple(parts),
        rows=sum(part.rows for part in parts),
        label=parts[0].label,
    )


def parquet_scan(parts: Sequence[Part], columns: Sequence[tuple[str, str]]) -> Scan:
    """A scan of Parquet files, whose rows DuckDB numbers by itself."""
    names = ", ".join(_quoted(name) for name, _ in columns)
    paths = ", ".join(_literal(str(part.path)) for part in parts)
    labels = " ".join(f"WHEN {_literal(str(part.path))} THEN {_literal(part.label)}" for part in parts)
    return Scan(
        sql=f"SELECT {names} FROM read_parquet([{paths}])",
        numbered_sql=(
            f"SELECT {names}, CASE filename {labels} END AS __file, file_row_number + 1 AS __record "
            f"FROM read_parquet([{paths}])"
        ),
        numbering="free",
        locator="row",
        columns=tuple(SourceColumn(name, kind) for name, kind in columns),
        files=tuple(part.path for part in parts),
        parts=tuple(parts),
        rows=sum(part.rows for part in parts),
        label=parts[0].label,
    )


def read_rows(paths: Sequence[Path]) -> list[dict[str, Any]]:
    """The rows of Parquet files."""
    return [row for path in paths for row in pq.read_table(path).to_pylist()]


def _cell(value: str | None) -> str:
    return "" if value is None else '"' + value.replace('"', '""') + '"'


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _literal(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path)
