"""A whole stored table as a stream of bytes: CSV, JSON lines or Parquet, whatever its size in bounded memory.

DuckDB writes each row's text and Arrow joins the rows, so that no row passes through Python by itself. Values look
as in `values.py`, and a CSV as in the answers to queries: a cell of free text that a spreadsheet would run as a
formula gets an apostrophe before it. JSON lines and Parquet hold every value as it is.
"""

import io
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import IO, Any, Literal, cast

import duckdb
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from datalinx.engine.query.tables import TableFiles, quote_name, quote_text, table_select
from datalinx.engine.query.trusted import open_connection
from datalinx.engine.query.values import MAX_EXACT_INTEGER, csv_line, is_free_text, shown_expression

ExportFormat = Literal["csv", "jsonl", "parquet"]
FORMATS: tuple[ExportFormat, ...] = ("csv", "jsonl", "parquet")

_TEXT_ROWS = 20_000
_GROUP_ROWS = 122_880
_EXACT_AS_NUMBER = {"BIGINT", "UBIGINT", "HUGEINT", "UHUGEINT"}
# What RFC 4180 wants quoted, and what readers would trim: as `values.py` has it.
_QUOTED = r"""[",\r\n]|^\s|\s$|^$"""
_FORMULA = r"^[=+\-@\t\r]"


def export_table(
    table: TableFiles, form: ExportFormat, *, memory_bytes: int, threads: int, spill: Path | None = None
) -> Iterator[bytes]:
    """Yield a table as one file, piece by piece, in the order of its files."""
    with closing(open_connection(memory_bytes=memory_bytes, threads=threads, spill=spill)) as connection:
        if form == "parquet":
            yield from _parquet(connection, table)
            return
        if form == "csv":
            yield csv_line(table.names(), [True] * len(table.columns)).encode()
        lines = _csv_lines(connection, table) if form == "csv" else _json_lines(connection, table)
        yield from _joined(connection, lines)


def _joined(connection: duckdb.DuckDBPyConnection, select: str) -> Iterator[bytes]:
    for batch in _batches(connection, select, _TEXT_ROWS):
        lines = batch.column(0)
        whole = pa.ListArray.from_arrays(pa.array([0, len(lines)], pa.int32()), lines)
        # The stubs take one text for any of its kinds.
        joined: Any = pc.binary_join(whole, "")
        yield bytes(joined[0].as_buffer())


def _parquet(connection: duckdb.DuckDBPyConnection, table: TableFiles) -> Iterator[bytes]:
    # Otherwise a UUID would arrive as text; with it a truth value arrives as a number, see `_as_stored`.
    connection.execute("SET arrow_lossless_conversion = true")
    sink = _Drain()
    reader = _reader(connection, table_select(table), _GROUP_ROWS)
    schema = _as_stored(pa.RecordBatch.from_pylist([], schema=reader.schema)).schema
    with pq.ParquetWriter(cast("IO[bytes]", sink), schema, compression="zstd") as writer:
        for batch in reader:
            writer.write_batch(_as_stored(batch))
            yield from sink.drained()
    yield from sink.drained()


def _as_stored(batch: pa.RecordBatch) -> pa.RecordBatch:
    """Return a batch with truth values as such, which Parquet has."""
    columns = [
        cast("Any", column).storage.cast(pa.bool_()) if isinstance(column.type, pa.Bool8Type) else column
        for column in batch.columns
    ]
    return pa.RecordBatch.from_arrays(columns, names=batch.schema.names)


def _batches(connection: duckdb.DuckDBPyConnection, select: str, rows: int) -> Iterator[pa.RecordBatch]:
    return (batch for batch in _reader(connection, select, rows) if batch.num_rows)


def _reader(connection: duckdb.DuckDBPyConnection, select: str, rows: int) -> pa.RecordBatchReader:
    return cast("pa.RecordBatchReader", connection.sql(select).to_arrow_reader(rows))


def _csv_lines(connection: duckdb.DuckDBPyConnection, table: TableFiles) -> str:
    texts, cells = [], []
    for number, (name, kind) in enumerate(table.columns):
        text = f"CAST({_shown(connection, name, kind)} AS VARCHAR)"
        if is_free_text(kind):
            text = f"CASE WHEN regexp_matches({text}, {quote_text(_FORMULA)}) THEN '''' || {text} ELSE {text} END"
        texts.append(f"{text} AS t{number}")
        quoted = f"""'"' || replace(t{number}, '"', '""') || '"'"""
        needs = f"regexp_matches(t{number}, {quote_text(_QUOTED)})"
        cells.append(f"CASE WHEN t{number} IS NULL THEN '' WHEN {needs} THEN {quoted} ELSE t{number} END")
    line = " || ',' || ".join(cells)
    return f"SELECT {line} || chr(13) || chr(10) AS line FROM (SELECT {', '.join(texts)} FROM ({table_select(table)}))"


def _json_lines(connection: duckdb.DuckDBPyConnection, table: TableFiles) -> str:
    fields = []
    for name, kind in table.columns:
        shown = _shown(connection, name, kind)
        if kind in _EXACT_AS_NUMBER:
            exact = f"{shown} BETWEEN -{MAX_EXACT_INTEGER} AND {MAX_EXACT_INTEGER}"
            shown = f"CASE WHEN {exact} THEN to_json({shown}) ELSE to_json(CAST({shown} AS VARCHAR)) END"
        elif kind in {"FLOAT", "DOUBLE"}:
            number = f"CAST({quote_name(name)} AS {kind})"
            shown = f"CASE WHEN isfinite({number}) THEN to_json({number}) ELSE to_json({shown}) END"
        fields.append(f"{quote_name(name)} := {shown}")
    packed = f"struct_pack({', '.join(fields)})"
    return f"SELECT CAST(to_json({packed}) AS VARCHAR) || chr(10) AS line FROM ({table_select(table)})"


def _shown(connection: duckdb.DuckDBPyConnection, name: str, kind: str) -> str:
    """The SQL expression of a value as it is shown; floats as text where they are no numbers of JSON."""
    column = quote_name(name)
    if kind in {"FLOAT", "DOUBLE"}:
        return (
            f"CASE WHEN isnan({column}) THEN 'NaN' WHEN isinf({column}) AND {column} > 0 THEN 'Infinity' "
            f"WHEN isinf({column}) THEN '-Infinity' ELSE CAST({column} AS VARCHAR) END"
        )
    return shown_expression(connection, column, kind)


class _Drain(io.RawIOBase):
    """A file that keeps what is written until it is asked for, and knows how much that was in all."""

    def __init__(self) -> None:
        super().__init__()
        self._parts: list[bytes] = []
        self._size = 0

    def writable(self) -> bool:
        return True

    def write(self, data: object) -> int:
        part = bytes(cast("bytes", data))
        self._parts.append(part)
        self._size += len(part)
        return len(part)

    def tell(self) -> int:
        return self._size

    def drained(self) -> list[bytes]:
        parts, self._parts = self._parts, []
        return [b"".join(parts)] if parts else []
