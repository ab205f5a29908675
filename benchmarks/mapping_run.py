"""B1: one mapping run through the service, from the queue to the committed table, against those who do the same."""

from benchmarks import data, peers, sizes
from benchmarks.home import Home
from benchmarks.measure import Comparison, Reach, interleave, over
from benchmarks.orders import CACHE, OURS, Agreement, Service, all_peers, peers_folder
from benchmarks.worker import Worker

ROWS, ROUNDS = 5_000_000, 3
BY_HAND = peers.SQL_MAPPING.name
_FACTORS = {
    peers.POLARS_MAPPING.name: 1.0,
    peers.DLT_MAPPING.name: 0.4,
    peers.DBT_MAPPING.name: 0.4,
    peers.SQLMESH_MAPPING.name: 0.4,
}


def compare(home: Home) -> Comparison:
    """Measure B1. BENCH_ROWS is the number of records, BENCH_ROUNDS that of measured rounds."""
    rows, rounds = sizes.rows(ROWS), sizes.rounds(ROUNDS)
    orders = data.generate(CACHE, rows)
    with peers_folder() as folder, Worker() as worker:
        service = Service(home.room("b1"), orders, worker=worker)
        present, absent = all_peers(orders, folder)
        everybody = {OURS: service, **present}
        agreement = Agreement({name: each.outputs for name, each in everybody.items()})
        taken = interleave(
            {name: each.once for name, each in everybody.items()},
            rounds=rounds,
            once_only=[name for name, each in present.items() if each.peer.slow],
            check=agreement.check,
        )
    bounds = {BY_HAND: 1.15, **_FACTORS}
    return Comparison(
        id="B1",
        title=f"one mapping run, {rows:,} records of CSV",
        taken=taken,
        limit=BY_HAND,
        reaches=[
            Reach(f"{OURS} over {name}", over(taken, OURS, name), most)
            for name, most in bounds.items()
            if name in taken
        ],
        absent=absent,
        notes={
            "megabytes": round(orders.orders.stat().st_size / 1e6),
            "upload and discovery before it, seconds": round(service.upload_seconds, 3),
            "accepted and rejected rows": "equal, in every round",
            "ledger": "as planted, in every round",
            "threads": sizes.threads(),
            "versions": {name: peer.versions for name, peer in present.items()},
        },
    )
