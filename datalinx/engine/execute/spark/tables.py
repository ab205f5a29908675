"""Tables of one execution that Spark computes and both engines read: Parquet files in the run's folder."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from datalinx.engine.execute.session import Session
from datalinx.engine.execute.spark.cluster import Cluster
from datalinx.engine.execute.text import listed, quoted

if TYPE_CHECKING:
    from pyspark.sql.types import StructType

# These files are read once or twice by machines nearby: cheap to write is what counts.
_OPTIONS = {"compression": "snappy"}


@dataclass(frozen=True)
class Tables:
    """The tables of one execution; each is known to Spark and to the worker's DuckDB under the same name."""

    cluster: Cluster
    session: Session
    folder: Path

    def keep(self, name: str, select: str, types: Mapping[str, str] | None = None, *, again: int = 0) -> int:
        """Compute a SELECT of Spark's into files, as a table; return their bytes.

        `types` are DuckDB's types of columns for which it would take the file's for another; `again` tells a
        table that takes the place of another of its name from that.
        """
        frame = self.cluster.frame(select)
        # Spark Connect goes through the whole statement again for every question, so this one answers all.
        made = self.cluster.ask(lambda: frame.schema)
        # Parquet's readers do not agree on which names a column may have.
        plain = [f"p{number}" for number in range(len(made.names))]
        kept = self.cluster.ask(lambda: frame.toDF(*plain))
        files = self.cluster.write(kept, self.folder / (f"{name}{again}" if again else name), _OPTIONS)
        self._show_spark(name, files, made)
        self._show_duckdb(name, files, plain, made.names, types or {})
        return sum(path.stat().st_size for path in files)

    def define(self, name: str, select: str) -> None:
        """Give a name to a SELECT that both engines understand; each computes it when it is used."""
        self.cluster.view(name, select)
        self.session.run(f"CREATE OR REPLACE TEMP VIEW {name} AS {select}")

    def _show_spark(self, name: str, files: Sequence[Path], made: "StructType") -> None:
        from pyspark.sql.types import StructField, StructType

        plain = StructType([StructField(f"p{number}", each.dataType) for number, each in enumerate(made)])
        frame = self.cluster.read(files, plain)
        self.cluster.ask(lambda: frame.toDF(*made.names).createOrReplaceTempView(name))

    def _show_duckdb(
        self,
        name: str,
        files: Sequence[Path],
        plain: Sequence[str],
        names: Sequence[str],
        types: Mapping[str, str],
    ) -> None:
        columns = ", ".join(
            f"{f'CAST({column} AS {types[each]})' if each in types else column} AS {quoted(each)}"
            for column, each in zip(plain, names, strict=True)
        )
        self.session.run(
            f"CREATE OR REPLACE TEMP VIEW {name} AS SELECT {columns} FROM read_parquet({listed(files)})"
        )
