"""What a query reads and what it gives back: tables as columns and files, results as columns and rows."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from datalinx.errors import Invalid

# A column's type comes from the platform's own catalog, and goes into SQL text all the same: so it is
# held to the letters that DuckDB's type names are made of.
_TYPE = re.compile(r"^[A-Za-z][A-Za-z0-9_ ]*(\(\d+(, ?\d+)?\))?(\[\d*\])*$")


@dataclass(frozen=True)
class TableFiles:
    """A stored table at one snapshot: its columns as `(name, DuckDB type)` and its Parquet files.

    No files is an empty table with typed columns. A column that a file does not have is NULL there, so
    files written before a column was added stay readable.
    """

    columns: tuple[tuple[str, str], ...]
    files: tuple[Path, ...] = ()

    def __init__(self, columns: Sequence[tuple[str, str]], files: Sequence[Path | str] = ()) -> None:
        for name, kind in columns:
            if not _TYPE.match(kind):
                raise Invalid("INVALID_TYPE", f"The column `{name}` has no readable type: `{kind}`.")
        object.__setattr__(self, "columns", tuple((name, kind) for name, kind in columns))
        object.__setattr__(self, "files", tuple(Path(file).absolute() for file in files))

    def names(self) -> list[str]:
        return [name for name, _ in self.columns]


@dataclass(frozen=True)
class QueryResult:
    """The answer to a query. `columns` are `{"name", "type"}` with DuckDB's type names.

    `truncated` says that there were more rows than the limit. `seconds` is the time inside the engine.
    For CSV and Arrow answers `rows` is empty and `body` holds the bytes.
    """

    columns: list[dict[str, str]]
    rows: list[list[Any]]
    row_count: int
    truncated: bool
    seconds: float
    body: bytes = field(default=b"", repr=False)


def quote_name(name: str) -> str:
    """An SQL identifier that means exactly `name`."""
    return '"' + name.replace('"', '""') + '"'


def quote_text(text: str) -> str:
    """An SQL string literal that means exactly `text`."""
    return "'" + text.replace("'", "''") + "'"


def table_select(table: TableFiles) -> str:
    """`SELECT` of every column of a table, each in its declared type, from exactly its files.

    The `schema` of `read_parquet` maps by name: a missing column is NULL, one more is left out.
    """
    if not table.columns:
        raise Invalid("INVALID_TYPE", "A stored table needs at least one column.")
    if not table.files:
        typed = (f"CAST(NULL AS {kind}) AS {quote_name(name)}" for name, kind in table.columns)
        return f"SELECT {', '.join(typed)} WHERE false"
    names = ", ".join(quote_name(name) for name in table.names())
    files = ", ".join(quote_text(str(file)) for file in table.files)
    schema = ", ".join(
        f"{quote_text(name)}: {{'name': {quote_text(name)}, 'type': {quote_text(kind)}, 'default_value': NULL}}"
        for name, kind in table.columns
    )
    return f"SELECT {names} FROM read_parquet([{files}], schema = MAP {{{schema}}})"
