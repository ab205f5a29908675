"""What the plan reads, brought to where Spark can read it: one Parquet file for each input, in its own order.

Sources are read by their connectors' SELECTs, which only DuckDB understands: text files are cleaned by them, and
records that are no rows told from rows. The n-th row of the file is the n-th row of the input, so Spark's number
of a row in its file is the row's place. Columns are named by their position.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from sqlglot import exp

from datalinx import errors
from datalinx.engine.compile.plan import CompiledMapping
from datalinx.engine.compile.spark import spark_type
from datalinx.engine.connectors.base import Scan
from datalinx.engine.execute.session import Session
from datalinx.engine.execute.spark.text import quoted as spark_quoted
from datalinx.engine.execute.text import literal, quoted

# DuckDB's types that Parquet or Spark do not have, and in which their values are handed over.
_HANDED_AS = {
    **dict.fromkeys(("UUID", "TIME", "TIME_NS", "JSON"), "VARCHAR"),
    "UTINYINT": "SMALLINT",
    "USMALLINT": "INTEGER",
    "UINTEGER": "BIGINT",
    "UBIGINT": "DECIMAL(20,0)",
    **dict.fromkeys(("HUGEINT", "INT128", "UHUGEINT"), "DECIMAL(38,0)"),
    **dict.fromkeys(("TIMESTAMP_S", "TIMESTAMP_MS", "TIMESTAMP_NS"), "TIMESTAMP"),
}


@dataclass(frozen=True)
class Extract:
    """An input as a Parquet file. `scan` reads it back with DuckDB, `numbered` also its `place`.

    `schema` and `columns` are for Spark.
    """

    path: Path
    scan: Scan
    numbered: str
    schema: str
    columns: tuple[str, ...]


def extract(
    session: Session, compiled: CompiledMapping, scans: Mapping[str, Scan], folder: Path
) -> dict[str, Extract]:
    """Write each input of the plan into a folder; return them by relation. `scans` are known to be whole."""
    folder.mkdir(parents=True, exist_ok=True)
    session.keep_order(True)
    found = {
        read.relation: _extract(session, scans[read.relation], folder / f"{number}.parquet")
        for number, read in enumerate(compiled.reads)
    }
    session.keep_order(False)
    return found


def handed_as(duckdb_type: str) -> str | None:
    """Return the type in which Spark gets values of a type, None where it can have none of them."""
    try:
        spark = spark_type(duckdb_type)
    except errors.Invalid:
        return None
    if "INTERVAL" in spark or "VOID" in spark:
        return None
    name = duckdb_type.strip().upper()
    if spark == "STRING":
        return "VARCHAR"
    if name in _HANDED_AS:
        return _HANDED_AS[name]
    if not spark.startswith(("ARRAY", "STRUCT", "MAP")):
        return duckdb_type
    return _nested(duckdb_type)


def _nested(duckdb_type: str) -> str:
    """A nested type with every type inside of it handed over as if it stood alone."""

    def change(node: exp.Expression) -> exp.Expression:
        if isinstance(node, exp.DataType) and not node.expressions:
            other = handed_as(node.sql(dialect="duckdb"))
            return exp.DataType.build(other, dialect="duckdb") if other else node
        return node

    return exp.DataType.build(duckdb_type, dialect="duckdb").transform(change).sql(dialect="duckdb")


def _extract(session: Session, scan: Scan, path: Path) -> Extract:
    written, back, schema, columns = [], [], [], []
    for number, column in enumerate(scan.columns):
        handed = handed_as(column.type)
        name = f"p{number}"
        kept = handed or "VARCHAR"
        value = quoted(column.name) if kept == column.type else f"CAST({quoted(column.name)} AS {kept})"
        written.append(f"{value} AS {name}")
        restored = name if kept == column.type else f"CAST({name} AS {column.type})"
        back.append(f"{restored} AS {quoted(column.name)}")
        if handed is not None:
            schema.append(f"{name} {spark_type(column.type)}")
            columns.append(f"{name} AS {spark_quoted(column.name)}")
    # A table without columns that could be written has rows all the same.
    written = written or ["TRUE AS p0"]
    ((rows,),) = session.rows(
        f"COPY (SELECT {', '.join(written)} FROM ({scan.sql})) TO {literal(path)} (FORMAT parquet, COMPRESSION snappy)"
    )
    sql = f"SELECT {', '.join(back)} FROM read_parquet({literal(path)})"
    return Extract(
        path,
        replace(scan, sql=sql, numbered_sql="", numbering="serial", rows=int(rows)),
        f"SELECT {', '.join([*back, 'file_row_number + 1 AS place'])} "
        f"FROM read_parquet({literal(path)}, file_row_number = true)",
        ", ".join(schema),
        tuple(columns),
    )
