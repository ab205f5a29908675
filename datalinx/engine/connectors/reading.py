"""DuckDB as a reader of a source's files: a connection that sees these files and nothing else, and quoting."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import duckdb

from datalinx.engine.connectors.base import Limits


@contextmanager
def reader(files: Sequence[Path], limits: Limits) -> Iterator[duckdb.DuckDBPyConnection]:
    """Open a DuckDB connection that may read `files` alone, within the memory and threads of `limits`."""
    connection = duckdb.connect(
        config={
            "memory_limit": f"{max(limits.memory_bytes // 1_000_000, 64)}MB",
            "threads": max(limits.threads, 1),
            "autoinstall_known_extensions": "false",
            "autoload_known_extensions": "false",
            # Nothing is spilled: what does not fit into memory is refused.
            "temp_directory": "",
        }
    )
    try:
        # The files are named by people; the paths pass as values of a list, never as a pattern.
        connection.execute(f"SET allowed_paths = {literals(str(path) for path in files)}")
        connection.execute("SET enable_external_access = false")
        connection.execute("SET lock_configuration = true")
        yield connection
    finally:
        connection.close()


def literal(text: str) -> str:
    """Return the text as an SQL string."""
    return "'" + text.replace("'", "''") + "'"


def literals(texts: Iterable[str]) -> str:
    """Return the texts as an SQL list of strings."""
    return "[" + ", ".join(literal(text) for text in texts) + "]"


def identifier(name: str) -> str:
    """Return the name as a quoted SQL identifier."""
    return '"' + name.replace('"', '""') + '"'


def struct(entries: Sequence[tuple[str, str]]) -> str:
    """Return names and texts as an SQL struct, such as the `columns` of DuckDB's readers."""
    return "{" + ", ".join(f"{literal(name)}: {literal(text)}" for name, text in entries) + "}"


def call(function: str, paths: Sequence[Path], options: Mapping[str, str | int | bool]) -> str:
    """Return the call of a table function of DuckDB over files. A text among the options is SQL already."""
    shown = [
        f"{name} = {str(value).lower() if isinstance(value, bool) else value}"
        for name, value in options.items()
    ]
    return f"{function}({', '.join([literals([str(path) for path in paths]), *shown])})"


def is_pattern(path: Path) -> bool:
    """Whether DuckDB would take the path of one file for a pattern of several."""
    return any(letter in str(path) for letter in "*?[")
