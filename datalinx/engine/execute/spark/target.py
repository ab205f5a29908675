"""The stored table as Spark reads and writes it: columns by their ids, rows by their file and place."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from datalinx.engine.execute.loads import Target
from datalinx.engine.execute.results import DataFile
from datalinx.engine.execute.session import Session
from datalinx.engine.execute.spark.cluster import location
from datalinx.engine.execute.spark.tables import Tables
from datalinx.engine.execute.spark.text import literal as spark_literal
from datalinx.engine.execute.stored import StoredColumn, rows_of
from datalinx.engine.execute.text import listed, literal

if TYPE_CHECKING:
    from pyspark.sql import DataFrame
    from pyspark.sql.types import StructType

_OPTIONS = {"compression": "zstd", "parquet.compression.codec.zstd.level": "1"}
_FIELD_ID = "parquet.field.id"

_SPARK = {
    "boolean": "BOOLEAN",
    "int": "INT",
    "long": "BIGINT",
    "float": "FLOAT",
    "double": "DOUBLE",
    "date": "DATE",
    "timestamp": "TIMESTAMP_NTZ",
    "timestamptz": "TIMESTAMP",
    "string": "STRING",
    "binary": "BINARY",
}
# What Spark cannot store, or not in every version: it handles their text, and DuckDB writes the files again.
_AS_TEXT = frozenset({"uuid", "time"})


@dataclass(frozen=True)
class SparkTarget(Target):
    """Where Spark loads. `bytes_read` is about how much is new, which decides the number of files."""

    instant: str = "TIMESTAMP"
    hash: str = "xxhash64"
    tables: Tables | None = None
    bytes_read: int = 0
    _shown: dict[tuple[Path, ...], str] = field(default_factory=dict)
    _rewritten: set[Path] = field(default_factory=set)

    def read(self, files: Sequence[Path], numbers: Sequence[int] | None = None) -> str:
        key = tuple(files)
        if numbers is not None:
            self._rewritten.update(files)
        if key not in self._shown:
            self._shown[key] = f"stored{len(self._shown)}"
            self._show(self._shown[key], files, numbers)
        return f"SELECT * FROM {self._shown[key]}"

    def write(self, session: Session, select: str, name: str) -> tuple[DataFile, ...]:
        tables = self._tables
        columns = self.layout.columns
        frame = tables.cluster.frame(select)
        casts = [f"CAST(c{n} AS {_type(column)}) AS c{n}" for n, column in enumerate(columns)]

        def shaped() -> "DataFrame":
            plain = frame.toDF(*(f"c{n}" for n in range(len(columns)))).selectExpr(*casts)
            named = [
                plain[f"c{n}"].alias(column.name, metadata={_FIELD_ID: self.layout.field_ids[column.name]})
                for n, column in enumerate(columns)
            ]
            return plain.select(*named).coalesce(self._file_count())

        needs_duckdb = any(column.iceberg in _AS_TEXT for column in columns)
        folder = self.folder / (f"{name}-text" if needs_duckdb else name)
        written = tables.cluster.write(tables.cluster.ask(shaped), folder, _OPTIONS)
        if needs_duckdb:
            return self.layout.write(
                session, f"SELECT * FROM read_parquet({listed(written)})", self.folder / name, self.limits
            )
        rows = rows_of(session, written)
        return tuple(DataFile(path, count) for path, count in zip(written, rows, strict=True) if count)

    def _file_count(self) -> int:
        """Files of about the wanted size, and some of a quarter of it rather than a single one."""
        size = (
            self.bytes_read + sum(path.stat().st_size for path in self._rewritten)
        ) / self.limits.file_bytes
        return max(1, math.ceil(size), min(4, math.ceil(size * 4)))

    def _show(self, name: str, files: Sequence[Path], numbers: Sequence[int] | None) -> None:
        """Let stored rows be a table of both engines."""
        tables = self._tables
        tables.session.run(f"CREATE TEMP VIEW {name} AS {self.layout.read(files, numbers)}")
        readable = self._readable(name, files)
        frame = tables.cluster.read(readable, self._schema(by_id=readable == list(files)))
        place = ("_metadata.file_path AS path", "_metadata.row_index AS pos")
        rows = f"{name}_rows"
        tables.cluster.ask(lambda: frame.selectExpr("*", *place).createOrReplaceTempView(rows))
        known = range(len(files)) if numbers is None else numbers
        places = [
            f"({spark_literal(spelled)}, {number}L)"
            for path, number in zip(readable, known, strict=True)
            for spelled in _spellings(path)
        ]
        columns = ", ".join(f"r.b{n}" for n in range(len(self.layout.columns)))
        tables.cluster.view(
            name,
            f"SELECT {columns}, f.file, r.pos FROM {rows} AS r JOIN (VALUES {', '.join(places)}) AS f(path, file) "
            "ON f.path = r.path",
        )

    def _readable(self, name: str, files: Sequence[Path]) -> list[Path]:
        """The files, or copies of them where they hold what Spark cannot read."""
        columns = self.layout.columns
        if not any(column.iceberg in _AS_TEXT for column in columns):
            return list(files)
        session, folder = self._tables.session, self.folder / name
        folder.mkdir()
        values = ", ".join(
            f"CAST(b{n} AS VARCHAR) AS b{n}" if column.iceberg in _AS_TEXT else f"b{n}"
            for n, column in enumerate(columns)
        )
        session.keep_order(True)
        copies = []
        for number, path in enumerate(files):
            copies.append(folder / f"{number}.parquet")
            session.run(
                f"COPY (SELECT {values} FROM ({self.layout.read([path])})) TO {literal(copies[-1])} (FORMAT parquet)"
            )
        session.keep_order(False)
        return copies

    def _schema(self, *, by_id: bool) -> "StructType":
        from pyspark.sql.types import StructField, StructType

        return StructType(
            [
                StructField(
                    f"b{n}",
                    _data_type(_type(column)),
                    nullable=True,
                    metadata={_FIELD_ID: self.layout.field_ids[column.name]} if by_id else None,
                )
                for n, column in enumerate(self.layout.columns)
            ]
        )

    @property
    def _tables(self) -> Tables:
        if self.tables is None:
            raise ValueError("the target has no tables")
        return self.tables


def _type(column: StoredColumn) -> str:
    """Spark's type for a stored column."""
    if column.iceberg in _AS_TEXT:
        return "STRING"
    return _SPARK.get(column.iceberg) or column.iceberg.upper()


def _data_type(name: str) -> Any:
    from pyspark.sql import types

    if name.startswith("DECIMAL"):
        precision, scale = name.removeprefix("DECIMAL(").removesuffix(")").split(",")
        return types.DecimalType(int(precision), int(scale))
    found = {
        "BOOLEAN": types.BooleanType,
        "INT": types.IntegerType,
        "BIGINT": types.LongType,
        "FLOAT": types.FloatType,
        "DOUBLE": types.DoubleType,
        "DATE": types.DateType,
        "TIMESTAMP_NTZ": types.TimestampNTZType,
        "TIMESTAMP": types.TimestampType,
        "STRING": types.StringType,
        "BINARY": types.BinaryType,
    }
    return found[name]()


def _spellings(path: Path) -> set[str]:
    """How Spark may spell the place of a file: with one slash, and with unusual characters escaped or not."""
    plain = location(path).replace("file:///", "file:/")
    return {plain, "file:" + quote(plain.removeprefix("file:")), location(path)}
