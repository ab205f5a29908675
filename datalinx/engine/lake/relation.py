"""How DuckDB writes and reads the files of a stored table, so that columns are told by id and not by name."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from sqlglot import exp

from datalinx.engine.lake.model import LakeColumn
from datalinx.engine.query.tables import TableFiles, table_select

_DUCKDB_TYPES = {
    "boolean": "BOOLEAN",
    "int": "INTEGER",
    "long": "BIGINT",
    "float": "FLOAT",
    "double": "DOUBLE",
    "date": "DATE",
    "time": "TIME",
    "timestamp": "TIMESTAMP",
    "timestamptz": "TIMESTAMP WITH TIME ZONE",
    "string": "VARCHAR",
    "uuid": "UUID",
    "binary": "BLOB",
}


def duckdb_type(type_: str) -> str:
    """Return the DuckDB type of an Iceberg type. A JSON column is stored, and read, as text."""
    if type_.startswith("decimal("):
        return "DECIMAL" + type_.removeprefix("decimal").replace(" ", "")
    return _DUCKDB_TYPES[type_]


def copy_field_ids(field_ids: Mapping[str, int]) -> str:
    """Return the option for DuckDB's `COPY … (FORMAT parquet, <here>)` that puts the ids into a file."""
    return "FIELD_IDS {" + ", ".join(f"{_quoted(name)}: {id_}" for name, id_ in field_ids.items()) + "}"


def relation_sql(columns: Sequence[LakeColumn], paths: Sequence[Path]) -> str:
    """Return a SELECT of a table's columns from its files, which may be older than the columns.

    A column that a file does not have yet is NULL there, one that was widened since is cast, and one that was
    renamed is found by its id. Without files it gives no rows.
    """
    return table_select(lake_table(columns, paths))


def lake_table(columns: Sequence[LakeColumn], paths: Sequence[Path]) -> TableFiles:
    """Return a table of the lake as queries read it."""
    return TableFiles(
        [(column.name, duckdb_type(column.type)) for column in columns],
        paths,
        [column.field_id for column in columns],
    )


def _quoted(name: str) -> str:
    return exp.to_identifier(name, quoted=True).sql("duckdb")
