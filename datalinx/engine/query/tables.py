"""What a query reads and what it gives back: tables as columns and files, results as columns and rows."""

import re
from collections.abc import Collection, Sequence
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

    No files is an empty table with typed columns. `field_ids`, one for each column, tell the columns in the
    files: names alone would show the values of a dropped column under a later one of its name. Without ids
    (files that are no table of the lake) names tell. A column that a file does not have is NULL there, so
    files written before a column was added stay readable.
    """

    columns: tuple[tuple[str, str], ...]
    files: tuple[Path, ...] = ()
    field_ids: tuple[int, ...] = ()

    def __init__(
        self,
        columns: Sequence[tuple[str, str]],
        files: Sequence[Path | str] = (),
        field_ids: Sequence[int] = (),
    ) -> None:
        for name, kind in columns:
            if not _TYPE.match(kind):
                raise Invalid("INVALID_TYPE", f"The column `{name}` has no readable type: `{kind}`.")
        if field_ids and len(field_ids) != len(columns):
            raise ValueError("a table has an id for each column, or none at all")
        object.__setattr__(self, "columns", tuple((name, kind) for name, kind in columns))
        object.__setattr__(self, "files", tuple(Path(file).absolute() for file in files))
        object.__setattr__(self, "field_ids", tuple(int(each) for each in field_ids))

    def names(self) -> list[str]:
        return [name for name, _ in self.columns]

    def only(self, names: Collection[str]) -> "TableFiles":
        """Return the table with these of its columns alone, in its own order."""
        kept = [number for number, (name, _) in enumerate(self.columns) if name in names]
        ids = [self.field_ids[number] for number in kept] if self.field_ids else []
        return TableFiles([self.columns[number] for number in kept], self.files, ids)


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

    The `schema` of `read_parquet` maps by id, or by name where there are none: a column that a file does not
    have is NULL there, one that was widened since is cast, and one more is left out.
    """
    if not table.columns:
        raise Invalid("INVALID_TYPE", "A stored table needs at least one column.")
    if not table.files:
        typed = (f"CAST(NULL AS {kind}) AS {quote_name(name)}" for name, kind in table.columns)
        return f"SELECT {', '.join(typed)} WHERE false"
    names = ", ".join(quote_name(name) for name in table.names())
    files = ", ".join(quote_text(str(file)) for file in table.files)
    keys = [str(each) for each in table.field_ids] or [quote_text(name) for name in table.names()]
    schema = ", ".join(
        f"{key}: {{'name': {quote_text(name)}, 'type': {quote_text(kind)}, 'default_value': NULL}}"
        for key, (name, kind) in zip(keys, table.columns, strict=True)
    )
    return f"SELECT {names} FROM read_parquet([{files}], schema = MAP {{{schema}}})"
