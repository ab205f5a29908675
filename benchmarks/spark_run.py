"""B10: the mapping on Spark, through the service and in PySpark by hand, with rows equal to those of DuckDB."""

from benchmarks import data, peers, sizes
from benchmarks.environments import require_program
from benchmarks.home import Home
from benchmarks.measure import Comparison, Reach, interleave, over
from benchmarks.orders import CACHE, OURS, Agreement, Service, peers_folder, present_peers
from benchmarks.worker import Worker

ROWS, ROUNDS = 1_000_000, 3
BY_HAND = peers.PYSPARK_MAPPING.name
ON_SPARK, ON_DUCKDB = f"{OURS}, engine spark", f"{OURS}, engine duckdb"


def compare(home: Home) -> Comparison:
    """Measure B10. BENCH_ROWS is the number of records; both have as many threads. Raises NotHere without Java."""
    require_program("java")
    rows = sizes.rows(ROWS)
    orders = data.generate(CACHE, rows)
    with peers_folder() as folder, Worker() as worker:
        present, absent = present_peers((peers.PYSPARK_MAPPING,), orders, folder)
        everybody = {
            ON_DUCKDB: Service(home.room("b10 duckdb"), orders, worker=worker),
            **present,
            ON_SPARK: Service(home.room("b10 spark"), orders, worker=worker, engine="spark"),
        }
        agreement = Agreement({name: each.outputs for name, each in everybody.items()})
        taken = interleave(
            {name: each.once for name, each in everybody.items()},
            rounds=sizes.rounds(ROUNDS),
            check=agreement.check,
        )
    return Comparison(
        id="B10",
        title=f"one mapping run on Spark, {rows:,} records of CSV",
        taken=taken,
        limit=BY_HAND if BY_HAND in taken else ON_DUCKDB,
        reaches=[Reach(f"{ON_SPARK} over {BY_HAND}", over(taken, ON_SPARK, BY_HAND), 1.2)]
        if BY_HAND in taken
        else [],
        absent=absent,
        notes={"accepted and rejected rows": "equal to DuckDB's, in every round", "threads": sizes.threads()},
    )
