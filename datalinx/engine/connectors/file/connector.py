"""The connector of files: CSV, TSV, JSON, JSON lines and Parquet in the upload area of a source."""

import os
from collections.abc import Sequence
from fnmatch import fnmatchcase
from typing import ClassVar

import duckdb
from pydantic import BaseModel

from datalinx.engine.connectors.base import (
    DiscoveredTable,
    Mode,
    Problem,
    Sample,
    Scan,
    SourceContext,
    TestStep,
)
from datalinx.engine.connectors.file.area import AreaFile, area_of, list_files
from datalinx.engine.connectors.file.compression import check_compressed
from datalinx.engine.connectors.file.config import FileConfig, FileCredentials, TableOptions
from datalinx.engine.connectors.file.delimited import inspect_delimited
from datalinx.engine.connectors.file.facts import Cache, FileFacts, facts_of
from datalinx.engine.connectors.file.json_records import inspect_json
from datalinx.engine.connectors.file.parquet import inspect_parquet
from datalinx.engine.connectors.file.problems import unreadable
from datalinx.engine.connectors.file.recognise import recognise
from datalinx.engine.connectors.file.relation import ReadFile, build_scan, fingerprint_of, merged_columns
from datalinx.engine.connectors.file.tables import TableFiles, assign_files
from datalinx.engine.connectors.reading import identifier, is_pattern, reader
from datalinx.engine.connectors.values import json_value, shown_value
from datalinx.engine.spec.base import parse_document
from datalinx.errors import DatalinxError, Failed, Invalid, NotFound


class FileConnector:
    """Files that people upload: each a table, read where it lies."""

    name: ClassVar[str] = "file"
    title: ClassVar[str] = "Files"
    description: ClassVar[str] = (
        "CSV, TSV, JSON, JSON lines and Parquet files, gzip or zstd compressed or not."
    )
    config_model: ClassVar[type[BaseModel]] = FileConfig
    credentials_model: ClassVar[type[BaseModel]] = FileCredentials
    reads: ClassVar[bool] = True
    writes: ClassVar[bool] = False
    uploads: ClassVar[bool] = True
    addressed_by: ClassVar[frozenset[str]] = frozenset()

    def test(self, context: SourceContext) -> list[TestStep]:
        """Look at the area and at every file in it; nothing is read over a network."""
        steps = [
            TestStep("network", True, "The files lie in the platform's own storage."),
            TestStep("authentication", True, "No credentials are needed."),
        ]
        try:
            config = parse_document(FileConfig, dict(context.config))
            parse_document(FileCredentials, dict(context.credentials))
            if context.area is None or not context.area.exists():
                return [*steps, TestStep("access", True, "The upload area is made with the first upload.")]
            if not os.access(context.area, os.R_OK | os.X_OK):
                return [*steps, TestStep("access", False, "The upload area cannot be read by the platform.")]
            files = list_files(context.area, context.limits)
        except DatalinxError as error:
            return [*steps, TestStep("access", False, error.message)]
        steps.append(TestStep("access", True, f"The upload area holds {len(files)} files."))
        if not files and not config.tables:
            return [*steps, TestStep("tables", True, "There is no file yet; upload the first.")]
        return [*steps, self._tables_step(context)]

    def discover(
        self,
        context: SourceContext,
        *,
        mode: Mode = "all",
        tables: tuple[str, ...] = (),
        pattern: str = "",
    ) -> list[DiscoveredTable]:
        """Return the tables, by name: all, the selected `tables`, or those that match the glob `pattern`.

        Each file is read once to its end, unless it was before. `Invalid` `TABLE_NOT_FOUND` when a selected table
        is not there.
        """
        found = _tables(context)
        if mode == "selected":
            missing = [name for name in tables if name not in found]
            if missing:
                raise _no_table(missing[0], list(found))
            found = {name: found[name] for name in tables}
        elif mode == "pattern":
            found = {name: table for name, table in found.items() if fnmatchcase(name, pattern)}
        return [_discovered(context, table) for table in found.values()]

    def scan(self, context: SourceContext, table: str) -> Scan:
        """Return how DuckDB reads the table; raise `NotFound` or `Failed` when it cannot."""
        files = _read_files(context, _table(context, table))
        columns, _ = merged_columns(files)
        return build_scan(files, columns, context.limits)

    def preview(self, context: SourceContext, table: str, *, limit: int = 50) -> Sample:
        """Return the first `limit` rows."""
        files = _read_files(context, _table(context, table))
        columns, _ = merged_columns(files)
        scan = build_scan(files, columns, context.limits)
        try:
            with reader(scan.files, context.limits) as connection:
                rows = connection.execute(_preview_sql(scan, limit + 1)).fetchall()
        except duckdb.Error as error:
            raise unreadable(error, scan.label) from error
        shown = tuple(tuple(json_value(value) for value in row) for row in rows[:limit])
        return Sample(tuple(columns), shown, truncated=len(rows) > limit)

    def _tables_step(self, context: SourceContext) -> TestStep:
        try:
            found = self.discover(context)
        except DatalinxError as error:
            return TestStep("tables", False, error.message)
        problems = [table.problem.message for table in found if table.problem]
        if problems:
            return TestStep("tables", False, problems[0])
        return TestStep(
            "tables", True, f"{len(found)} tables: {', '.join(table.name for table in found[:10])}."
        )


def _preview_sql(scan: Scan, limit: int) -> str:
    values = ", ".join(shown_value(identifier(column.name), column.type) for column in scan.columns)
    return f"SELECT {values} FROM ({scan.sql}) AS source LIMIT {int(limit)}"


def _tables(context: SourceContext) -> dict[str, TableFiles]:
    config = parse_document(FileConfig, dict(context.config))
    area = area_of(context.area)
    return assign_files(config, list_files(area, context.limits) if area.is_dir() else [])


def _table(context: SourceContext, name: str) -> TableFiles:
    found = _tables(context)
    if name not in found:
        raise _no_table(name, list(found))
    table = found[name]
    if table.problem:
        raise Failed(table.problem.code, table.problem.message)
    return table


def _no_table(name: str, known: Sequence[str]) -> NotFound:
    has = f"It has {', '.join(known[:10])}." if known else "It holds no files yet."
    return NotFound("TABLE_NOT_FOUND", f"The source has no table {name[:100]!r}. {has}")


def _discovered(context: SourceContext, table: TableFiles) -> DiscoveredTable:
    names = tuple(file.name for file in table.files)
    if table.problem:
        return DiscoveredTable(table.name, files=names, problem=table.problem)
    try:
        files = _read_files(context, table)
    except (Failed, Invalid) as error:
        return DiscoveredTable(table.name, files=names, problem=Problem(error.code, error.message))
    columns, notices = merged_columns(files)
    return DiscoveredTable(
        table.name,
        columns=tuple(columns),
        rows=sum(each.facts.rows for each in files),
        malformed=sum(each.facts.malformed for each in files),
        files=names,
        fingerprint=fingerprint_of(files),
        notices=(*(notice for each in files for notice in each.facts.notices), *notices),
    )


def _read_files(context: SourceContext, table: TableFiles) -> list[ReadFile]:
    def inspect(file: AreaFile, options: TableOptions, cache: Cache) -> FileFacts:
        return _inspect(context, file, options, cache)

    return [ReadFile(file, *facts_of(context, file, table.options, inspect)) for file in table.files]


def _inspect(context: SourceContext, file: AreaFile, options: TableOptions, cache: Cache) -> FileFacts:
    if is_pattern(file.path):
        raise Failed("FILE_NAME_INVALID", f"{file.name} cannot be read: rename it without `*`, `?` and `[`.")
    kind = recognise(file.path, file.name, options.format)
    if kind.compression != "none":
        check_compressed(file.path, file.name, kind.compression, context.limits)
    if kind.format == "parquet":
        return inspect_parquet(file, context.limits)
    if kind.format in {"json", "jsonl"}:
        return inspect_json(file, options, cache, kind, context.limits)
    return inspect_delimited(file, options, cache, kind, context.limits)
