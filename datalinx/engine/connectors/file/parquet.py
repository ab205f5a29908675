"""Parquet: columns keep their types where the engine has them, and become the nearest that it has elsewhere."""

from collections.abc import Sequence
from pathlib import Path

import duckdb

from datalinx.engine.connectors.base import Limits
from datalinx.engine.connectors.file.area import AreaFile
from datalinx.engine.connectors.file.facts import FileColumn, FileFacts
from datalinx.engine.connectors.file.problems import check_names, unreadable
from datalinx.engine.connectors.naming import distinct_names
from datalinx.engine.connectors.reading import call, identifier, reader

# The types that the engine works with, by what DuckDB calls a Parquet column's type.
_KEPT = frozenset(
    {
        "VARCHAR",
        "BOOLEAN",
        "INTEGER",
        "BIGINT",
        "FLOAT",
        "DOUBLE",
        "DATE",
        "TIME",
        "TIMESTAMP",
        "UUID",
        "BLOB",
        "JSON",
    }
    | {"TIMESTAMP WITH TIME ZONE"}
)
_READ_AS = {
    "TINYINT": "INTEGER",
    "SMALLINT": "INTEGER",
    "UTINYINT": "INTEGER",
    "USMALLINT": "INTEGER",
    "UINTEGER": "BIGINT",
    "UBIGINT": "DECIMAL(20,0)",
    "TIMESTAMP_S": "TIMESTAMP",
    "TIMESTAMP_MS": "TIMESTAMP",
    "TIMESTAMP_NS": "TIMESTAMP",
    "TIME_NS": "TIME",
    # What pandas writes of an instant; DuckDB 1.5 reads it as the type without nanoseconds by itself.
    "TIMESTAMPTZ_NS": "TIMESTAMP WITH TIME ZONE",
    "TIMESTAMP_NS WITH TIME ZONE": "TIMESTAMP WITH TIME ZONE",
}


def inspect_parquet(file: AreaFile, limits: Limits) -> FileFacts:
    """Return the file's facts from its footer; raise `Failed` when it has none that can be read."""
    relation = call("read_parquet", [file.path], {})
    counted = call("parquet_file_metadata", [file.path], {})
    try:
        with reader([file.path], limits) as connection:
            described = connection.execute(f"DESCRIBE SELECT * FROM {relation}").fetchall()
            rows = connection.execute(f"SELECT sum(num_rows) FROM {counted}").fetchone()
    except duckdb.Error as error:
        raise unreadable(error, file.name) from error
    keys = [str(row[0]) for row in described]
    check_names(keys, file.name, limits)
    names, notices = distinct_names(keys)
    types = [engine_type(str(row[1])) for row in described]
    return FileFacts(
        layout="parquet",
        compression="none",
        columns=tuple(FileColumn(*column) for column in zip(keys, names, types, strict=True)),
        rows=int(rows[0] or 0) if rows else 0,
        notices=tuple(notices),
    )


def parquet_select(facts: FileFacts, paths: Sequence[Path]) -> tuple[str, list[str]]:
    """Return DuckDB's reader of files with the same facts, and an expression for each column."""
    return call("read_parquet", paths, {}), [_value(column) for column in facts.columns]


def engine_type(duckdb_type: str) -> str:
    """Return the type that a column of a DuckDB type is read as; what is nested is JSON, the unknown is text."""
    if duckdb_type in _KEPT or duckdb_type.startswith("DECIMAL("):
        return duckdb_type
    if duckdb_type.endswith("]") or duckdb_type.startswith(("STRUCT(", "MAP(", "UNION(")):
        return "JSON"
    return _READ_AS.get(duckdb_type, "VARCHAR")


def _value(column: FileColumn) -> str:
    # A column of the kept types is its own value: DuckDB drops a cast to the same type.
    function = "to_json({})" if column.type == "JSON" else f"CAST({{}} AS {column.type})"
    return function.format(identifier(column.key))
