"""The rows of a stored table, streamed from its files into PostgreSQL by COPY."""

from collections.abc import Callable, Generator
from contextlib import closing
from pathlib import Path
from typing import Any, cast

import psycopg
import pyarrow as pa
import pyarrow.compute as pc
from psycopg import sql
from pyarrow import csv

from datalinx.engine.connectors.base import Limits
from datalinx.engine.connectors.postgresql.types import copy_expression
from datalinx.engine.query.tables import TableFiles, quote_name, table_select
from datalinx.engine.query.trusted import open_connection
from datalinx.errors import Cancelled, Failed

# Two of DuckDB's vectors: long texts make a batch large, and only one batch is in memory.
BATCH_ROWS = 4_096
# NULL is an empty field, and every value stands in quotes, the empty text too: COPY tells them apart.
_OPTIONS = csv.WriteOptions(include_header=False, quoting_style="all_valid")


def copy_rows(
    session: psycopg.Connection[Any],
    into: sql.Identifier,
    table: TableFiles,
    *,
    limits: Limits,
    spill: Path,
    should_stop: Callable[[], bool],
) -> int:
    """Copy all rows and return how many. Raise `Failed` `VALUE_REFUSED`, `Cancelled`."""
    names = sql.SQL(", ").join(map(sql.Identifier, table.names()))
    statement = sql.SQL("COPY {} ({}) FROM STDIN (FORMAT csv)").format(into, names)
    count = 0
    # Closed here, not when the generator happens to be forgotten: the spill folder is about to go.
    batches = closing(_batches(table, limits, spill))
    with batches as rows, session.cursor() as cursor, cursor.copy(statement) as copy:
        for batch in rows:
            if should_stop():
                raise Cancelled("RUN_CANCELLED", "The run was asked to stop.")
            copy.write(_as_csv(batch))
            count += batch.num_rows
    return count


def _batches(table: TableFiles, limits: Limits, spill: Path) -> Generator[pa.RecordBatch, None, None]:
    columns = ", ".join(
        f"{copy_expression(name, kind)} AS {quote_name(name)}" for name, kind in table.columns
    )
    select = f"SELECT {columns} FROM ({table_select(table)})"
    with closing(
        open_connection(memory_bytes=limits.memory_bytes, threads=limits.threads, spill=spill)
    ) as connection:
        reader = cast("pa.RecordBatchReader", connection.sql(select).to_arrow_reader(BATCH_ROWS))
        yield from (batch for batch in reader if batch.num_rows)


def _as_csv(batch: pa.RecordBatch) -> bytes:
    sink = pa.BufferOutputStream()
    csv.write_csv(batch, sink, write_options=_OPTIONS)
    text = sink.getvalue().to_pybytes()
    if b"\x00" in text:
        raise _with_nul(batch)
    return text


def _with_nul(batch: pa.RecordBatch) -> Failed:
    for name, column in zip(batch.schema.names, batch.columns, strict=True):
        if pc.any(pc.match_substring(column, "\x00")).as_py():
            message = (
                f"The column `{name}` holds a text with the character U+0000, which PostgreSQL cannot store: take it "
                "out in the mapping."
            )
            return Failed("VALUE_REFUSED", message)
    raise AssertionError("a NUL that no column holds")
