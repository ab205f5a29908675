"""B1: one mapping run through the service, from the queue to the committed table, against SQL by hand."""

import os
import shutil
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import duckdb

from benchmarks import data, documents
from benchmarks.home import Home
from benchmarks.measure import Comparison, OutputDiffers, interleave, require_equal
from benchmarks.peers import SQL_MAPPING, Peer

OURS = "Datalinx"
PEERS: tuple[Peer, ...] = (SQL_MAPPING,)
CACHE = Path(".cache/benchmarks")


class Service:
    """The platform with the orders in it, ready to run."""

    def __init__(self, home: Home, orders: data.Orders) -> None:
        self.home = home
        started = time.perf_counter()
        home.add_source("shop", [orders.orders, orders.countries])
        self.upload_seconds = time.perf_counter() - started
        home.put(documents.SCHEMA, [documents.MAPPING])
        self.step: Any = None

    def once(self) -> float:
        """Run the mapping once."""
        started = time.perf_counter()
        run = self.home.run()
        seconds = time.perf_counter() - started
        self.step = run.steps.get()
        return seconds

    def require_planted(self, planted: data.Planted) -> None:
        """Raise OutputDiffers unless the ledger of the last run says what was planted."""
        expected = {name: getattr(planted, name) for name in ("read", "rejected", "deduplicated", "inserted")}
        found = {name: self.step.counts[name] for name in expected}
        if found != expected or self.step.rejected_by_reason != planted.rejected_by_reason:
            raise OutputDiffers(
                f"the ledger says {found} and {self.step.rejected_by_reason}, planted was {planted}"
            )

    def outputs(self) -> dict[str, Any]:
        """Digests of the accepted and the rejected rows of the last run."""
        return {
            "accepted": digest_accepted(self.home.files("orders")),
            "rejected": digest_rejected([self.home.local(self.step.rejected_key)]),
        }


class ByPeer:
    """One peer with a folder for its output."""

    def __init__(self, peer: Peer, orders: data.Orders, folder: Path) -> None:
        from django.conf import settings

        self.peer = peer
        self.accepted, self.rejected = folder / "accepted.parquet", folder / "rejected.parquet"
        self.work = {
            "orders": str(orders.orders.resolve()),
            "countries": str(orders.countries.resolve()),
            "accepted": str(self.accepted),
            "rejected": str(self.rejected),
            "threads": settings.ENGINE_THREADS,
            "memory_bytes": settings.ENGINE_MEMORY_BYTES,
        }
        self.versions: dict[str, str] = {}

    def once(self) -> float:
        """Let it do the work once."""
        result = self.peer.run(self.work)
        self.versions = result["versions"]
        return float(result["seconds"])

    def outputs(self) -> dict[str, Any]:
        """Digests of what it wrote."""
        return {
            "accepted": digest_accepted([str(self.accepted)]),
            "rejected": digest_rejected([str(self.rejected)]),
        }


def digest_accepted(files: Sequence[str]) -> tuple[int, int]:
    """The number of rows and a sum of their hashes, which no order changes."""
    columns = ", ".join(column["name"] for column in documents.SCHEMA["tables"][0]["columns"])
    return _digest(f"SELECT {columns} FROM read_parquet({files})")


def digest_rejected(files: Sequence[str]) -> tuple[int, int]:
    """The same of rejected rows: the source row, and each fault's field, reason and value."""
    source_row = "json_extract_string(row, '$.order_id'), json_extract_string(row, '$.updated_at')"
    faults = "list_transform(reasons, lambda r: [r.field, r.reason, r.value])"
    return _digest(f"SELECT {source_row}, {faults} FROM read_parquet({files})")


def _digest(select: str) -> tuple[int, int]:
    with duckdb.connect() as connection:
        found = connection.execute(f"SELECT count(*), sum(hash(found)) FROM ({select}) AS found").fetchall()[
            0
        ]
    return int(found[0]), int(found[1] or 0)


def compare(home: Home) -> Comparison:
    """Measure B1. BENCH_ROWS is the number of records, BENCH_ROUNDS that of measured rounds."""
    rows, rounds = int(os.environ.get("BENCH_ROWS", "1000000")), int(os.environ.get("BENCH_ROUNDS", "3"))
    orders = data.generate(CACHE, rows)
    service = Service(home, orders)
    folder = Path(tempfile.mkdtemp(prefix="datalinx-peers-"))
    try:
        peers = {}
        for number, peer in enumerate(PEERS):
            (folder / str(number)).mkdir()
            peers[peer.name] = ByPeer(peer, orders, folder / str(number))
        contenders = {OURS: service.once, **{name: peer.once for name, peer in peers.items()}}
        seconds = interleave(contenders, rounds=rounds)
        service.require_planted(data.planted(orders))
        for kind in ("accepted", "rejected"):
            found = {
                OURS: service.outputs()[kind],
                **{name: peer.outputs()[kind] for name, peer in peers.items()},
            }
            require_equal(f"the {kind} rows", found)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    return Comparison(
        id="B1",
        title=f"one mapping run, {rows:,} records of CSV",
        seconds=seconds,
        limit=SQL_MAPPING.name,
        reach="1.15 × at most",
        notes={
            "megabytes": round(orders.orders.stat().st_size / 1e6),
            "upload and discovery before it, seconds": round(service.upload_seconds, 3),
            "accepted and rejected rows": "equal",
            "ledger": "as planted",
            "versions": {name: peer.versions for name, peer in peers.items()},
        },
    )
