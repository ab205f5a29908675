"""How DuckDB writes and reads the files of a stored table, so that columns are told by id and not by name."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from sqlglot import exp

from datalinx.engine.lake.model import LakeColumn

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
    names = ", ".join(_quoted(column.name) for column in columns)
    if not paths:
        nothing = ", ".join(
            f"CAST(NULL AS {duckdb_type(column.type)}) AS {_quoted(column.name)}" for column in columns
        )
        return f"SELECT {nothing} WHERE false"
    schema = ", ".join(
        f"{column.field_id}: {{'name': {_text(column.name)}, 'type': {_text(duckdb_type(column.type))}, "
        "'default_value': NULL}"
        for column in columns
    )
    files = ", ".join(_text(str(path)) for path in paths)
    return f"SELECT {names} FROM read_parquet([{files}], schema = MAP {{{schema}}})"


def _quoted(name: str) -> str:
    return exp.to_identifier(name, quoted=True).sql("duckdb")


def _text(value: str) -> str:
    return exp.Literal.string(value).sql("duckdb")
