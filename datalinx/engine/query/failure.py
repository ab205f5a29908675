"""What went wrong inside DuckDB, as one of our errors: its sentence without paths, with line and column."""

import json
import re
from collections.abc import Mapping
from typing import Any

import duckdb

from datalinx.engine.query.tables import TableFiles
from datalinx.engine.query.tree import position_of
from datalinx.errors import FieldError, Invalid

_PATH = re.compile(r"(?:file://|(?<![\w:/.]))(?:/[^\s/'\"`,;:()\[\]]+){2,}")
_SIZE = re.compile(r"out of memory|failed to allocate|bad_?alloc|could not allocate", re.IGNORECASE)
_MAX_MESSAGE = 1_000


def too_large(memory_bytes: int) -> Invalid:
    """The error of a query that needed more memory than it may have."""
    return Invalid(
        "QUERY_TOO_LARGE",
        f"The query needs more than the {memory_bytes // 1024**2} MB of memory that a query may use. "
        "Read fewer columns or rows, or group before joining.",
        details={"memory_bytes": memory_bytes},
    )


def timed_out(seconds: float) -> Invalid:
    """The error of a query that ran longer than it may."""
    return Invalid(
        "QUERY_TIMEOUT",
        f"The query did not end within {seconds:g} seconds. Read less, or filter earlier.",
        details={"seconds": seconds},
    )


def answer_too_large(answer_bytes: int) -> Invalid:
    """The error of an answer that would be larger than an answer may be."""
    return Invalid(
        "QUERY_TOO_LARGE",
        f"The answer is larger than {answer_bytes / 1024**2:g} MB. Select fewer columns, or set a lower limit.",
        details={"answer_bytes": answer_bytes},
    )


def query_failure(
    error: duckdb.Error, *, sql: str, shift: int, tables: Mapping[str, TableFiles], memory_bytes: int
) -> Invalid:
    """Turn DuckDB's error (written as JSON, see `errors_as_json`) into `SQL_INVALID`, `SQL_NOT_ALLOWED` or
    `QUERY_TOO_LARGE`.

    `shift` is how many bytes of our own stood before the user's SQL in the text that ran.
    """
    facts = _facts(error)
    message = _clean(str(facts.get("exception_message") or "The query could not be run"), sql, tables)
    if isinstance(error, duckdb.OutOfMemoryException) or _SIZE.search(message):
        return too_large(memory_bytes)
    if "expression depth" in message:
        return Invalid("SQL_NOT_ALLOWED", "The query is nested too deeply. Write it as a plain SELECT.")
    if isinstance(error, duckdb.PermissionException):
        return Invalid("SQL_NOT_ALLOWED", "A query reads the tables of its workspace and nothing else.")
    place = _place(facts, sql, shift)
    where = f" (line {place['line']}, column {place['column']})" if place else ""
    message = f"{message.rstrip('.!')}{where}."
    kind = str(facts.get("exception_type", "")).lower().replace(" ", "_")
    return Invalid(
        "SQL_INVALID",
        message,
        details={**place, "kind": kind},
        errors=[FieldError("sql", kind or "invalid", message)],
    )


def _facts(error: duckdb.Error) -> dict[str, Any]:
    """DuckDB's own facts about an error; a message that is not JSON is the only fact then."""
    text = str(error)
    start = text.find("{")
    try:
        facts = json.loads(text[start:]) if start >= 0 else None
    except json.JSONDecodeError:
        facts = None
    if isinstance(facts, dict):
        return facts
    return {"exception_message": text, "exception_type": type(error).__name__.removesuffix("Exception")}


def _clean(message: str, sql: str, tables: Mapping[str, TableFiles]) -> str:
    """DuckDB's sentence in one line, with no path of ours and no line of our own SQL in it."""
    for name, table in tables.items():
        for file in table.files:
            message = message.replace(str(file), f"<{name}>")
    message = message.partition("\n\nLINE ")[0]
    message = _PATH.sub(lambda match: match[0] if match[0] in sql else "<file>", message)
    return " ".join(message.split())[:_MAX_MESSAGE]


def _place(facts: Mapping[str, Any], sql: str, shift: int) -> dict[str, int]:
    try:
        offset = int(facts["position"]) - shift
    except (KeyError, ValueError):
        return {}
    encoded = sql.encode()
    if not 0 <= offset <= len(encoded):
        return {}
    return position_of(sql, len(encoded[:offset].decode(errors="ignore")))
