"""One private DuckDB for one table: bounded, cut off from all files but its own, and stoppable at any moment."""

import errno
import os
import threading
from collections.abc import Callable, Iterable
from pathlib import Path
from types import TracebackType
from typing import Any

import duckdb

from datalinx import errors
from datalinx.engine.execute.results import Limits
from datalinx.engine.execute.text import listed, literal, quoted
from datalinx.engine.types import library

# How often a caller's `cancelled` is asked and its `progress` told, and how long a statement that was
# interrupted may go on before it is left to itself: DuckDB looks for an interrupt only between vectors.
POLL_SECONDS = 0.1
GRACE_SECONDS = 3.0

# Statements of this process that did not heed their interrupt.
_left: list[threading.Event] = []

ENGINE = f"duckdb {duckdb.__version__}"

DISK_FULL = (
    "The disk for work in progress is full, so this could not be done. An operator has to make room there."
)
_NO_SPACE = (os.strerror(errno.ENOSPC), os.strerror(errno.EDQUOT))

# What DuckDB's own errors mean to the owner of the data: class, code, sentence. The first that fits counts.
_MEANINGS: tuple[tuple[type[duckdb.Error], str, str], ...] = (
    (
        duckdb.OutOfMemoryException,
        "MEMORY_EXCEEDED",
        (
            "The table needs more memory or temporary space than a run may use; give runs more, or read less "
            "at once with a cursor."
        ),
    ),
    (
        duckdb.IOException,
        "FILE_UNREADABLE",
        "A file could not be read or written; check that it is there and whole.",
    ),
    (
        duckdb.InvalidInputException,
        "SOURCE_UNREADABLE",
        "The data could not be read as what its source says that it is; discover the source again.",
    ),
)


class Session:
    """A DuckDB in memory, used by one thread at a time.

    Statements run in a thread of their own while the caller's polls `cancelled` and tells `tick` the finished
    share of the statement (0 to 1). `workdir` holds what is spilled; without it nothing is.
    """

    def __init__(
        self,
        *,
        limits: Limits,
        workdir: Path | None,
        cancelled: Callable[[], bool] = lambda: False,
        tick: Callable[[float], None] = lambda share: None,
    ) -> None:
        self._cancelled = cancelled
        self.tick = tick
        self._abandoned = False
        self._connection = duckdb.connect(
            ":memory:",
            config={
                "threads": limits.threads,
                "memory_limit": f"{limits.memory_bytes}B",
                "autoinstall_known_extensions": False,
            },
        )
        library.register(self._connection)
        spill = workdir / "spill" if workdir else None
        self._set("temp_directory", literal(spill or ""))
        self._set("max_temp_directory_size", literal(f"{limits.temp_bytes if spill else 0}B"))
        self._set("TimeZone", "'UTC'")
        self._set("enable_progress_bar", "true")
        self._set("enable_progress_bar_print", "false")
        self._set("progress_bar_time", "0")
        self._set("preserve_insertion_order", "false")

    def __enter__(self) -> "Session":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        # A statement that does not heed its interrupt still uses the connection, which ends with it.
        if not self._abandoned:
            self._connection.close()

    def confine(self, *, files: Iterable[Path], folders: Iterable[Path]) -> None:
        """From now on open no file but these and what is in these folders. Cannot be undone."""
        self._set("allowed_paths", listed(files))
        self._set("allowed_directories", listed(folders))
        self._set("enable_external_access", "false")

    def keep_order(self, wanted: bool) -> None:
        """Whether the next statements keep the order of the rows that they read."""
        self._set("preserve_insertion_order", str(wanted).lower())

    def rows(self, sql: str) -> list[tuple[Any, ...]]:
        """Run one statement and return its rows.

        Raise `Cancelled` `RUN_CANCELLED` when `cancelled` says so before or during it, and `Failed` with a
        code and a sentence of ours when DuckDB cannot do it.
        """
        self._stop_if_cancelled()
        task = _Task(self._connection, sql)
        try:
            while not task.ended.wait(POLL_SECONDS):
                self._stop_if_cancelled()
                self.tick(max(0.0, self._connection.query_progress()) / 100)
        except BaseException:
            self._interrupt(task)
            raise
        if task.error is not None:
            raise _translated(task.error) from task.error
        return task.rows

    def run(self, sql: str) -> None:
        """Run one statement whose rows are of no interest."""
        self.rows(sql)

    def row(self, sql: str) -> tuple[Any, ...]:
        """Run one statement and return its only row."""
        (only,) = self.rows(sql)
        return only

    def number(self, sql: str) -> int:
        """Run one statement and return its only value, a whole number; NULL is 0."""
        return int(self.row(sql)[0] or 0)

    def _set(self, name: str, value: str) -> None:
        self._connection.execute(f"SET {quoted(name)} = {value}")

    def _stop_if_cancelled(self) -> None:
        if self._cancelled():
            raise errors.Cancelled(
                "RUN_CANCELLED", "The run was cancelled; nothing of this table was published."
            )

    def _interrupt(self, task: "_Task") -> None:
        """Stop a statement; one interrupt may fall between two parts of it, so it is repeated."""
        for _ in range(int(GRACE_SECONDS / POLL_SECONDS)):
            self._connection.interrupt()
            if task.ended.wait(POLL_SECONDS):
                return
        self._abandoned = True
        _left.append(task.ended)


def statements_left() -> int:
    """Return how many statements still go on in this process though nobody waits for them.

    They use memory and a processor, and nothing but the end of the process stops them.
    """
    return sum(not ended.is_set() for ended in _left)


class _Task:
    """One statement in a thread of its own."""

    def __init__(self, connection: duckdb.DuckDBPyConnection, sql: str) -> None:
        self.rows: list[tuple[Any, ...]] = []
        self.error: BaseException | None = None
        self.ended = threading.Event()
        threading.Thread(target=self._run, args=(connection, sql), name="duckdb", daemon=True).start()

    def _run(self, connection: duckdb.DuckDBPyConnection, sql: str) -> None:
        try:
            self.rows = connection.execute(sql).fetchall()
        # Whatever it is, it belongs to the thread that asked.
        except BaseException as error:
            self.error = error
        finally:
            self.ended.set()


def _translated(error: BaseException) -> BaseException:
    """The error in our words; what is not DuckDB's stays as it is."""
    if not isinstance(error, duckdb.Error):
        return error
    detail = str(error).splitlines()[0][:500] if str(error) else type(error).__name__
    if isinstance(error, duckdb.IOException) and any(words in str(error) for words in _NO_SPACE):
        return errors.Failed("DISK_FULL", DISK_FULL, details={"engine": detail})
    for kind, code, sentence in _MEANINGS:
        if isinstance(error, kind):
            return errors.Failed(code, sentence, details={"engine": detail})
    message = (
        "The engine could not run the mapping. This is a fault of the platform: report it with the details."
    )
    return errors.Failed("ENGINE_ERROR", message, details={"engine": detail})
