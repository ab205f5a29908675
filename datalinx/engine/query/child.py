"""One query in its own process: connect, lock down, look at the SQL twice, run it, write the answer, end."""

import contextlib
import os
import socket
import time
from collections.abc import Iterator
from typing import Any

import duckdb

from datalinx.engine.query import answers
from datalinx.engine.query.duckdb_tree import check_duckdb_tree, check_statement
from datalinx.engine.query.failure import query_failure, too_large
from datalinx.engine.query.landlock import confine_to
from datalinx.engine.query.limits import MemoryMeter, limit_time
from datalinx.engine.query.parameters import bind_parameters
from datalinx.engine.query.tables import quote_name, quote_text, table_select
from datalinx.engine.query.tree import MAX_SQL_LENGTH, check_tree, without_semicolon
from datalinx.engine.query.wire import Job, pack_answer, receive_job, refusal_to_head
from datalinx.errors import Invalid

# DuckDB may use this share of a query's memory; the rest is for what it does not count (single huge values,
# the answer on its way out).
_DUCKDB_SHARE = 0.75


def connect() -> duckdb.DuckDBPyConnection:
    """A database in memory without a thread of its own yet, so that it can be made before the job is known."""
    config: dict[str, Any] = {
        "threads": 1,
        "autoinstall_known_extensions": False,
        "autoload_known_extensions": False,
        "allow_community_extensions": False,
        "allow_persistent_secrets": False,
        "python_enable_replacements": False,
        "enable_external_file_cache": False,
        "temp_directory": "",
    }
    if not duckdb.__version__.startswith("1."):
        # Since 2.0; by default eight threads that read ahead, each of which reserves address space.
        config["async_threads"] = 0
    return duckdb.connect(":memory:", config=config)


def warm_up() -> None:
    """Load once, before any fork, what would otherwise be loaded by the first use in each process."""
    check_tree("SELECT [a, 1][1:2], $b FROM t AS x WHERE c IN (SELECT 1)", ["t"])


def serve_one(channel: socket.socket) -> None:
    """Wait for one job on `channel`, do it and answer. The process ends after it, whatever happens."""
    connection = connect()
    data, descriptor = receive_job(channel)
    job = Job.from_bytes(data)
    limit_time(job.seconds, job.threads)
    answer = _answer(connection, job)
    # An asker who has gone away is no fault.
    with contextlib.suppress(OSError), socket.socket(fileno=descriptor) as sink:
        for piece in answer:
            sink.sendall(piece)


def _answer(connection: duckdb.DuckDBPyConnection, job: Job) -> Iterator[bytes]:
    try:
        return pack_answer(*_run(connection, job))
    except Invalid as error:
        return pack_answer(refusal_to_head(error))
    except MemoryError:
        return pack_answer(refusal_to_head(too_large(job.memory_bytes)))


def _run(connection: duckdb.DuckDBPyConnection, job: Job) -> tuple[dict[str, Any], list[bytes]]:
    if missing := [name for name, table in job.tables.items() if not all(map(os.path.exists, table.files))]:
        return {"missing": missing}, []
    if job.answer == "arrow":
        # Before the lock-down, which lets nothing be read any more.
        import pyarrow.ipc  # noqa: F401
    lock_down(connection, job)
    shift = 0
    try:
        sql = _checked_sql(connection, job)
        values = bind_parameters(job.parameters, check_tree(sql, job.tables).parameters)
        check_duckdb_tree(connection, sql, job.tables)
        started = time.perf_counter()
        shift = len(answers.DESCRIBE)
        columns = answers.describe(connection, sql, values)
        head = {"columns": answers.column_facts(columns)}
        if job.answer == "check":
            return {**head, "row_count": 0, "truncated": False, "seconds": time.perf_counter() - started}, []
        before, after = "", ""
        if job.answer != "arrow":
            before, after = answers.shown_select(connection, columns), answers.shown_end(columns)
        shift = len(before.encode())
        connection.execute(before + sql + after, values or None)
        count, truncated, body = _body(connection, columns, job)
    except duckdb.Error as error:
        raise query_failure(
            error, sql=job.sql, shift=shift, tables=job.tables, memory_bytes=job.memory_bytes
        ) from error
    seconds = round(time.perf_counter() - started, 6)
    return {**head, "row_count": count, "truncated": truncated, "seconds": seconds}, body


def _checked_sql(connection: duckdb.DuckDBPyConnection, job: Job) -> str:
    if len(job.sql) > MAX_SQL_LENGTH:
        raise Invalid("SQL_NOT_ALLOWED", f"A query has at most {MAX_SQL_LENGTH:,} characters.")
    if "\x00" in job.sql:
        raise Invalid("SQL_NOT_ALLOWED", "A query must not contain the character U+0000.")
    check_statement(connection, job.sql)
    return without_semicolon(job.sql)


def _body(
    connection: duckdb.DuckDBPyConnection, columns: answers.Columns, job: Job
) -> tuple[int, bool, list[bytes]]:
    if job.answer == "arrow":
        return answers.arrow_answer(connection, job.limit, job.answer_bytes)
    write = answers.csv_answer if job.answer == "csv" else answers.rows_answer
    return write(connection, columns, job.limit, job.answer_bytes)


def lock_down(connection: duckdb.DuckDBPyConnection, job: Job) -> None:
    """Make the views, then shut every door: files, settings, threads, memory. The order matters."""
    files = sorted({file for table in job.tables.values() for file in table.files})
    meter = MemoryMeter()
    confine_to(files)
    for name, table in job.tables.items():
        connection.execute(f"CREATE VIEW {quote_name(name)} AS {table_select(table)}")
    paths = ", ".join(quote_text(str(file)) for file in files)
    memory = max(int(job.memory_bytes * _DUCKDB_SHARE), 1)
    statements = [
        "SET TimeZone = 'UTC'",
        "SET errors_as_json = true",
        "SET enable_progress_bar = false",
        "SET max_expression_depth = 250",
        "SET parquet_metadata_cache = true",
        f"SET memory_limit = '{memory}B'",
        "SET max_temp_directory_size = '0B'",
        f"SET threads = {int(job.threads)}",
        f"SET allowed_paths = [{paths}]",
        "SET enable_external_access = false",
        "SET lock_configuration = true",
    ]
    for statement in statements:
        connection.execute(statement)
    # DuckDB starts its threads with the first work: they belong to what the process has before the limit.
    connection.execute("SELECT 1").fetchall()
    meter.limit(job.memory_bytes)
