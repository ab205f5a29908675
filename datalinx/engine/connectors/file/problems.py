"""What can be wrong with a file, said so that its owner knows where to look and what to do."""

import re
from collections.abc import Sequence

import duckdb

from datalinx.engine.connectors.base import Limits
from datalinx.errors import DatalinxError, Failed, Interrupted

MAX_NAME = 255

# DuckDB says these when the fault is not in the data: out of memory, interrupted, a limit of this process.
NOT_THE_DATA = (duckdb.OutOfMemoryException, duckdb.InterruptException, duckdb.InternalException)

# These speak of the data. Any other error is a fault of ours, and must not be taken for one of the file's.
DATA_ERRORS = (
    duckdb.InvalidInputException,
    duckdb.ConversionException,
    duckdb.OutOfRangeException,
    duckdb.IOException,
    # A line longer than the reader's buffer.
    duckdb.NotImplementedException,
)

_PLACES = (
    re.compile(r"CSV Error on (Line: \d+)"),
    re.compile(r"at byte \d+ in ((?:line|record/value) \d+)"),
    re.compile(r"in (line \d+|record/value \d+)"),
)


def unreadable(error: duckdb.Error, name: str) -> DatalinxError:
    """Return what DuckDB's error about a file means: `Failed` with a code, or `Interrupted`.

    DuckDB's own words are left out: they advise options of its reader and name paths of the server.
    """
    if isinstance(error, duckdb.InterruptException):
        return Interrupted("READ_INTERRUPTED", f"Reading {name} was stopped.")
    if isinstance(error, duckdb.OutOfMemoryException):
        return Failed(
            "MEMORY_LIMIT_REACHED", f"Reading {name} takes more memory than allowed. Split the file."
        )
    place = next((found[1] for pattern in _PLACES if (found := pattern.search(str(error)))), "")
    where = f" at {place.lower().replace(':', '').replace('record/value', 'record')}" if place else ""
    return Failed("FILE_UNREADABLE", f"{name} cannot be read{where}: it is damaged or of another format.")


def check_names(names: Sequence[str], name: str, limits: Limits) -> None:
    """Refuse names that nothing could be called: too many, too long, or holding what no one can write."""
    if len(names) > limits.columns:
        raise Failed(
            "FILE_TOO_WIDE",
            f"{name} has {len(names):,} columns; at most {limits.columns:,} can be read. "
            "If it has fewer, say its `delimiter`.",
        )
    for column in names:
        if len(column) > MAX_NAME or "\x00" in column or _has_surrogate(column):
            raise Failed(
                "FILE_HEADER_INVALID",
                f"{name} has a column named {column[:40]!r}…; a name has at most {MAX_NAME} characters "
                "and none that cannot be shown. If the file has no header, say `header: false`.",
            )


def _has_surrogate(text: str) -> bool:
    return any("\ud800" <= letter <= "\udfff" for letter in text)
