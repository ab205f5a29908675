"""B1 with dlt: Arrow batches loaded into DuckDB as they are, then the SQL by hand."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from benchmarks.peers.answer import Work, answer
from benchmarks.peers.sql import accepted, copy, rejected, staged

_BLOCK_BYTES = 16 * 1024**2


def prepare(work: Work) -> Callable[[], None]:
    """Import dlt and return what does the work."""
    folder = Path(work["accepted"]).parent
    os.environ |= {"RUNTIME__DLTHUB_TELEMETRY": "false", "DLT_DATA_DIR": str(folder / "dlt")}
    import dlt
    import duckdb
    import pyarrow as pa

    pa.set_cpu_count(work["threads"])
    database = str(folder / "warehouse.duckdb")
    Path(database).unlink(missing_ok=True)

    def do() -> None:
        pipeline = dlt.pipeline(
            "orders",
            pipelines_dir=str(folder / "pipelines"),
            destination=dlt.destinations.duckdb(database),
            dataset_name="raw",
        )
        tables = [
            dlt.resource(_read(work[name]), name=name, write_disposition="replace")
            for name in ("orders", "countries")
        ]
        pipeline.run(tables, loader_file_format="parquet")
        config: dict[str, Any] = {
            "threads": work["threads"],
            "memory_limit": f"{work['memory_bytes']}B",
            "preserve_insertion_order": "false",
        }
        with duckdb.connect(database, config=config) as connection:
            connection.execute(f"CREATE TEMP TABLE staged AS {staged('raw.orders', 'raw.countries')}")
            connection.execute(copy(accepted("staged"), work["accepted"]))
            connection.execute(copy(rejected("staged"), work["rejected"]))

    return do


def _read(path: str) -> Iterator[Any]:
    """The batches of a CSV file, all of it text."""
    import pyarrow as pa
    from pyarrow import csv

    with Path(path).open(encoding="utf-8") as opened:
        names = opened.readline().strip().split(",")
    with csv.open_csv(
        path,
        read_options=csv.ReadOptions(block_size=_BLOCK_BYTES),
        convert_options=csv.ConvertOptions(
            column_types=dict.fromkeys(names, pa.string()), strings_can_be_null=True, null_values=[""]
        ),
    ) as reader:
        for batch in reader:
            yield pa.Table.from_batches([batch])


if __name__ == "__main__":
    answer(prepare, "dlt", "duckdb", "pyarrow")
