"""The stored table: its columns, how new files of it are written, and how old ones are read."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from sqlglot import exp

from datalinx import errors
from datalinx.engine.compile.plan import CompiledMapping
from datalinx.engine.execute.results import DataFile, Limits
from datalinx.engine.execute.session import Session
from datalinx.engine.execute.text import listed, literal, quoted

VALID_FROM, VALID_TO, CURSOR = "valid_from", "valid_to", "__cursor"

_INSTANT = ("TIMESTAMP WITH TIME ZONE", "timestamptz")
_TEMPORAL = {"DATE", "TIMESTAMP", "TIMESTAMPTZ", "TIMESTAMP WITH TIME ZONE"}
_ICEBERG = {
    "VARCHAR": "string",
    "DATE": "date",
    "TIME": "time",
    "TIMESTAMP": "timestamp",
    "TIMESTAMPTZ": "timestamptz",
    "TIMESTAMP WITH TIME ZONE": "timestamptz",
    "TINYINT": "int",
    "SMALLINT": "int",
    "INTEGER": "int",
    "BIGINT": "long",
    "FLOAT": "float",
    "DOUBLE": "double",
    "UUID": "uuid",
}


@dataclass(frozen=True)
class StoredColumn:
    """A column of the stored table. `type` is DuckDB's text for its type, `iceberg` Iceberg's.

    Not of the schema are `valid_from` and `valid_to` of a history, and `__cursor`, which a merge needs to
    tell older rows when no field carries the cursor; it is not for people to see.
    """

    name: str
    type: str
    iceberg: str
    required: bool = False


def stored_columns(compiled: CompiledMapping) -> tuple[StoredColumn, ...]:
    """Return the columns of the table as the mapping stores it; the fields come first, in order.

    Raise `Invalid` `RESERVED_COLUMN` when a field has the name of a column that the load mode adds.
    """
    added: list[StoredColumn] = []
    if compiled.load.mode == "history":
        added += [StoredColumn(VALID_FROM, *_INSTANT, required=True), StoredColumn(VALID_TO, *_INSTANT)]
    if needs_cursor_column(compiled):
        kind = compiled.load.cursor_type or ""
        iceberg = _ICEBERG.get(kind) or kind.lower().replace(",", ", ")
        added.append(StoredColumn(CURSOR, kind, iceberg))
    taken = {field.name.lower() for field in compiled.fields}
    for column in added:
        if column.name in taken:
            message = f"A load of mode {compiled.load.mode} adds a column `{column.name}`: rename the field."
            raise errors.Invalid("RESERVED_COLUMN", message)
    fields = (
        StoredColumn(field.name, field.type.duckdb, field.type.iceberg, not field.nullable)
        for field in compiled.fields
    )
    return (*fields, *added)


def cursor_position(compiled: CompiledMapping) -> int | None:
    """The position of the stored column that carries the cursor, None where there is none."""
    if compiled.load.cursor is None or compiled.load.mode not in {"merge", "history"}:
        return None
    for position, field in enumerate(compiled.fields):
        value = field.value
        if isinstance(value, exp.Column) and not value.table and value.name == compiled.load.cursor:
            return position
    if compiled.load.mode == "history" and has_temporal_cursor(compiled):
        return len(compiled.fields)
    return len(stored_columns(compiled)) - 1


def has_temporal_cursor(compiled: CompiledMapping) -> bool:
    """Whether the cursor is a moment, so that a version can begin at it."""
    return compiled.load.cursor is not None and compiled.load.cursor_type in _TEMPORAL


def needs_cursor_column(compiled: CompiledMapping) -> bool:
    """Whether the stored table has to keep the cursor in a column of its own."""
    load = compiled.load
    if load.cursor is None or load.mode not in {"merge", "history"}:
        return False
    if load.mode == "history" and has_temporal_cursor(compiled):
        return False
    values = (field.value for field in compiled.fields)
    return not any(isinstance(v, exp.Column) and not v.table and v.name == load.cursor for v in values)


KEYED_FILE_BYTES = 16 * 1024**2
"""About the size of the files of a table that rows are merged into: a changed row has its whole file written again."""


@dataclass(frozen=True)
class Layout:
    """The stored columns with the ids by which files and readers know them.

    `sorted_by` are the positions of the keys of a merge. In their order, changes of keys that are close to each
    other lie in few files, and readers skip the others.
    """

    columns: tuple[StoredColumn, ...]
    field_ids: Mapping[str, int]
    sorted_by: tuple[int, ...] = ()

    @classmethod
    def of(cls, compiled: CompiledMapping, field_ids: Mapping[str, int] | None) -> "Layout":
        """The layout of a mapping's table; without ids given, columns are numbered from 1."""
        columns = stored_columns(compiled)
        ids = field_ids or {column.name: number for number, column in enumerate(columns, start=1)}
        missing = [column.name for column in columns if column.name not in ids]
        if missing:
            raise ValueError(f"no field id for {', '.join(missing)}")
        keys = compiled.load.keys if compiled.load.mode in {"merge", "history"} else ()
        positions = {field.name: position for position, field in enumerate(compiled.fields)}
        by_name = {column.name: ids[column.name] for column in columns}
        return cls(columns, by_name, tuple(positions[key] for key in keys if key in positions))

    def write(self, session: Session, select: str, folder: Path, limits: Limits) -> tuple[DataFile, ...]:
        """Write the rows of a SELECT (its columns in this layout's order) as files into a new folder."""
        names = ", ".join(
            f"CAST(c{n} AS {column.type}) AS {quoted(column.name)}" for n, column in enumerate(self.columns)
        )
        given = ", ".join(f"c{n}" for n in range(len(self.columns)))
        ids = ", ".join(f"{quoted(name)}: {number}" for name, number in self.field_ids.items())
        order, size = "", limits.file_bytes
        if self.sorted_by:
            order = " ORDER BY " + ", ".join(f"c{n}" for n in self.sorted_by)
            size = min(size, KEYED_FILE_BYTES)
        written = session.rows(
            f"COPY (SELECT {names} FROM ({select}) AS written({given}){order}) TO {literal(folder)} "
            f"(FORMAT parquet, COMPRESSION zstd, COMPRESSION_LEVEL 1, FILE_SIZE_BYTES {size}, "
            f"FIELD_IDS {{{ids}}}, RETURN_STATS)"
        )
        return tuple(DataFile(Path(row[0]), int(row[1])) for row in written if row[1])

    def read(self, files: Sequence[Path], numbers: Sequence[int] | None = None) -> str:
        """A SELECT of stored rows: columns `b0` … in this layout, and the row's place as `file` and `pos`.

        `file` is the file's position, or the one of `numbers` for it. Columns are found by id: what a file
        does not have yet is NULL, what was widened since is cast.
        """
        schema = ", ".join(
            f"{self.field_ids[column.name]}: {{'name': 'b{n}', 'type': {literal(column.type)}, 'default_value': NULL}}"
            for n, column in enumerate(self.columns)
        )
        names = ", ".join(f"b{n}" for n in range(len(self.columns)))
        file = "file_index" if numbers is None else f"{listed(numbers)}[CAST(file_index AS BIGINT) + 1]"
        return (
            f"SELECT {names}, CAST({file} AS BIGINT) AS file, file_row_number AS pos "
            f"FROM read_parquet({listed(files)}, schema = MAP {{{schema}}})"
        )


def rows_of(session: Session, files: Sequence[Path]) -> list[int]:
    """The number of rows of each Parquet file, from its footer."""
    if not files:
        return []
    found = dict(session.rows(f"SELECT file_name, num_rows FROM parquet_file_metadata({listed(files)})"))
    return [int(found[str(path)]) for path in files]
