"""From a bound query to the bytes of its answer: rows as JSON, CSV, or an Arrow stream, each bounded."""

import io
from collections.abc import Iterator, Sequence
from typing import Any, cast

import duckdb
import orjson

from datalinx.engine.query.failure import answer_too_large
from datalinx.engine.query.tables import quote_name
from datalinx.engine.query.values import csv_line, is_free_text, shown_expression, shown_values

Columns = list[tuple[str, str]]
_BATCH_ROWS = 2_000


def describe(connection: duckdb.DuckDBPyConnection, sql: str, values: dict[str, Any]) -> Columns:
    """Bind a query without running it; return its columns as `(name, DuckDB type)`, names may repeat."""
    rows = connection.execute(f"{DESCRIBE}{sql}", values or None).fetchall()
    return [(str(row[0]), str(row[1]).strip('"')) for row in rows]


DESCRIBE = "DESCRIBE\n"


def shown_select(connection: duckdb.DuckDBPyConnection, columns: Columns) -> str:
    """The text that stands before a user's SQL (and `shown_end` after it) to write each value as it is shown."""
    shown = [shown_expression(connection, quote_name(f"c{i}"), kind) for i, (_, kind) in enumerate(columns)]
    return f"SELECT {', '.join(shown)} FROM (\n"


def shown_end(columns: Columns) -> str:
    # The names inside are ours by position: a query's own names may repeat or be empty.
    return f"\n) AS shown({', '.join(f'c{i}' for i in range(len(columns)))})"


def fetch_rows(
    connection: duckdb.DuckDBPyConnection, columns: Columns, limit: int
) -> Iterator[tuple[list[list[Any]], bool]]:
    """Yield batches of finished rows, `limit` at most in all, and with each whether more were left behind."""
    finish = shown_values([kind for _, kind in columns])
    left = limit
    while batch := connection.fetchmany(min(_BATCH_ROWS, left + 1)):
        yield [finish(row) for row in batch[:left]], len(batch) > left
        left -= len(batch)
        if left < 0:
            return


def rows_answer(
    connection: duckdb.DuckDBPyConnection, columns: Columns, limit: int, answer_bytes: int
) -> tuple[int, bool, list[bytes]]:
    """Row count, truncated, and the rows as one JSON array of arrays, in pieces that are never joined."""
    parts, count, size, truncated = [b"["], 0, 2, False
    for rows, more in fetch_rows(connection, columns, limit):
        count, truncated = count + len(rows), more
        if rows:
            separator = b"," if len(parts) > 1 else b""
            parts.append(separator + memoryview(orjson.dumps(rows))[1:-1])
        size += len(parts[-1])
        if size > answer_bytes:
            raise answer_too_large(answer_bytes)
    return count, truncated, [*parts, b"]"]


def csv_answer(
    connection: duckdb.DuckDBPyConnection, columns: Columns, limit: int, answer_bytes: int
) -> tuple[int, bool, list[bytes]]:
    """Row count, truncated, and the rows as CSV (RFC 4180, UTF-8) with a line of names first."""
    free = [is_free_text(kind) for _, kind in columns]
    parts = [csv_line([name for name, _ in columns], [True] * len(columns)).encode()]
    count, size, truncated = 0, len(parts[0]), False
    for rows, more in fetch_rows(connection, columns, limit):
        parts.append("".join(csv_line(row, free) for row in rows).encode())
        count, truncated = count + len(rows), more
        size += len(parts[-1])
        if size > answer_bytes:
            raise answer_too_large(answer_bytes)
    return count, truncated, parts


def arrow_answer(
    connection: duckdb.DuckDBPyConnection, limit: int, answer_bytes: int
) -> tuple[int, bool, list[bytes]]:
    """Row count, truncated, and the rows as an Arrow IPC stream with DuckDB's own types."""
    import pyarrow as pa

    reader = cast("pa.RecordBatchReader", connection.to_arrow_reader(_BATCH_ROWS))
    sink, count, truncated = io.BytesIO(), 0, False
    with pa.ipc.new_stream(sink, reader.schema) as stream:
        for batch in reader:
            kept = batch.slice(0, limit - count)
            stream.write_batch(kept)
            count += kept.num_rows
            if sink.tell() > answer_bytes:
                raise answer_too_large(answer_bytes)
            if kept.num_rows < batch.num_rows:
                truncated = True
                break
    return count, truncated, [sink.getvalue()]


def column_facts(columns: Sequence[tuple[str, str]]) -> list[dict[str, str]]:
    """Columns as the API shows them."""
    return [{"name": name, "type": kind} for name, kind in columns]
