"""The platform's own DuckDB connections, in this process: for SQL that the platform wrote, never a user's."""

import os
import threading
from functools import cache
from pathlib import Path

import duckdb

_LOCK = threading.Lock()


def open_connection(
    *, memory_bytes: int, threads: int, spill: Path | None = None
) -> duckdb.DuckDBPyConnection:
    """A database in memory with its own limits. `spill` is a folder that nobody else uses, else nothing spills."""
    connection = duckdb.connect(
        ":memory:",
        config={
            "threads": threads,
            "memory_limit": f"{memory_bytes}B",
            "temp_directory": str(spill) if spill else "",
            "autoinstall_known_extensions": False,
            "autoload_known_extensions": False,
            "python_enable_replacements": False,
        },
    )
    connection.execute("SET TimeZone = 'UTC'")
    connection.execute("SET enable_progress_bar = false")
    return connection


def shared_cursor() -> duckdb.DuckDBPyConnection:
    """A cursor on this process's shared connection, for short reads such as a page of rows. Close it after use."""
    with _LOCK:
        # A forked child must not use its parent's threads, so the process id is part of the key.
        return _shared(os.getpid()).cursor()


@cache
def _shared(_pid: int) -> duckdb.DuckDBPyConnection:
    return open_connection(memory_bytes=512 * 1024**2, threads=2)
