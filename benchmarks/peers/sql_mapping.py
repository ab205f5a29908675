"""B1 by hand: reads once, stages typed columns, copies twice."""

from collections.abc import Callable
from pathlib import Path

from benchmarks.peers.answer import Work, answer
from benchmarks.peers.sql import accepted, copy, read_csv, rejected, staged


def prepare(work: Work) -> Callable[[], None]:
    """Import DuckDB and return what does the work."""
    import duckdb

    config = {"threads": work["threads"], "memory_limit": f"{work['memory_bytes']}B"}
    config |= {"temp_directory": str(Path(work["accepted"]).parent), "preserve_insertion_order": "false"}

    def do() -> None:
        with duckdb.connect(config=config) as connection:
            source = staged(read_csv(work["orders"]), read_csv(work["countries"]))
            connection.execute(f"CREATE TEMP TABLE staged AS {source}")
            connection.execute(copy(accepted("staged"), work["accepted"]))
            connection.execute(copy(rejected("staged"), work["rejected"]))

    return do


if __name__ == "__main__":
    answer(prepare, "duckdb")
