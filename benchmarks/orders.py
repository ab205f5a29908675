"""The orders in the platform and with the peers: who does the work, and whether all have made the same of it."""

import os
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import duckdb

from benchmarks import data, documents
from benchmarks.environments import NotHere
from benchmarks.home import Home
from benchmarks.measure import OutputDiffers, Taken
from benchmarks.peers import MAPPING_PEERS, Peer

if TYPE_CHECKING:
    from benchmarks.worker import Worker

OURS = "Datalinx"
CACHE = Path(".cache/benchmarks")

Digest = dict[str, tuple[int, int]]
"""Of accepted and rejected rows, how many there are and a sum of their hashes, which no order changes."""


class Service:
    """The platform with the orders in it, ready to run. Without a worker the run is done in this process."""

    def __init__(
        self, home: Home, orders: data.Orders, *, worker: "Worker | None" = None, engine: str = "duckdb"
    ) -> None:
        self.home, self.worker, self.engine = home, worker, engine
        started = time.perf_counter()
        home.add_source("shop", [orders.orders, orders.countries])
        self.upload_seconds = time.perf_counter() - started
        home.put(documents.SCHEMA, [documents.MAPPING])
        self.planted = data.planted(orders)
        self.step: Any = None

    def once(self) -> Taken:
        """Run the mapping once, from the queue to the committed table."""
        run, taken = self.home.run(worker=self.worker, engine=self.engine)
        self.step = run.steps.get()
        return taken

    def require_planted(self, planted: data.Planted | None = None) -> None:
        """Raise OutputDiffers unless the ledger of the last run says what was planted."""
        planted = planted or self.planted
        expected = {name: getattr(planted, name) for name in ("read", "rejected", "deduplicated", "inserted")}
        found = {name: self.step.counts[name] for name in expected}
        if found != expected or self.step.rejected_by_reason != planted.rejected_by_reason:
            raise OutputDiffers(
                f"the ledger says {found} and {self.step.rejected_by_reason}, planted was {planted}"
            )

    def outputs(self) -> Digest:
        """Digests of what the last run wrote; its ledger must say what was planted."""
        self.require_planted()
        return {
            "accepted": digest_accepted(self.home.files("orders")),
            "rejected": digest_rejected([self.home.local(self.step.rejected_key)]),
        }


class ByPeer:
    """One peer with a folder for its output."""

    def __init__(self, peer: Peer, orders: data.Orders, folder: Path, *, memory_bytes: int = 0) -> None:
        from django.conf import settings

        self.peer = peer
        self.accepted, self.rejected = folder / "accepted.parquet", folder / "rejected.parquet"
        self.work = {
            "orders": str(orders.orders.resolve()),
            "countries": str(orders.countries.resolve()),
            "accepted": str(self.accepted),
            "rejected": str(self.rejected),
            "threads": settings.ENGINE_THREADS,
            "memory_bytes": memory_bytes or settings.ENGINE_MEMORY_BYTES,
        }
        self.versions: dict[str, str] = {}

    def once(self) -> Taken:
        """Let it do the work once."""
        taken, self.versions = self.peer.run(self.work)
        return taken

    def outputs(self) -> Digest:
        """Digests of what it wrote."""
        return {
            "accepted": digest_accepted(_parts(self.accepted)),
            "rejected": digest_rejected(_parts(self.rejected)),
        }


class Agreement:
    """Holds everybody's output against the first that was seen. Raises OutputDiffers where one is not equal."""

    def __init__(self, outputs: Mapping[str, Callable[[], Digest]]) -> None:
        self._outputs = outputs
        self._first: tuple[str, Digest] | None = None

    def check(self, name: str) -> None:
        """Compare what somebody has just made."""
        made = self._outputs[name]()
        first, expected = self._first = self._first or (name, made)
        for kind, digest in made.items():
            if digest != expected[kind]:
                raise OutputDiffers(f"the {kind} rows: {first} has {expected[kind]}, {name} has {digest}")


@contextmanager
def peers_folder() -> Iterator[Path]:
    """A folder for what peers write, removed at the end."""
    folder = Path(tempfile.mkdtemp(prefix="datalinx-peers-"))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def present_peers(
    peers: Sequence[Peer], orders: data.Orders, folder: Path
) -> tuple[dict[str, ByPeer], dict[str, str]]:
    """Those of the wanted peers that can be run, each with a folder, and of the others why they cannot.

    BENCH_PEERS names those that are wanted by their modules, such as `sql polars`; all are when it is not set.
    """
    wanted = os.environ.get("BENCH_PEERS")
    present, absent = {}, {}
    for peer in peers:
        short = peer.module.rpartition(".")[2].removesuffix("_mapping")
        try:
            if wanted is not None and short not in wanted.split():
                raise NotHere("not asked for")
            peer.prepare()
        except NotHere as reason:
            absent[peer.name] = f"not run: {reason}"
            continue
        place = folder / short
        place.mkdir()
        present[peer.name] = ByPeer(peer, orders, place)
    return present, absent


def all_peers(orders: data.Orders, folder: Path) -> tuple[dict[str, ByPeer], dict[str, str]]:
    """The same of every peer that does the mapping."""
    return present_peers(MAPPING_PEERS, orders, folder)


def digest_accepted(files: Sequence[str]) -> tuple[int, int]:
    """The digest of accepted rows."""
    columns = ", ".join(column["name"] for column in documents.SCHEMA["tables"][0]["columns"])
    return _digest(f"SELECT {columns} FROM read_parquet({files})")


def digest_rejected(files: Sequence[str]) -> tuple[int, int]:
    """The digest of rejected rows: the source row, and each fault's field, reason and value."""
    source_row = "json_extract_string(row, '$.order_id'), json_extract_string(row, '$.updated_at')"
    faults = "list_transform(reasons, lambda r: [r.field, r.reason, r.value])"
    return _digest(f"SELECT {source_row}, {faults} FROM read_parquet({files})")


def _digest(select: str) -> tuple[int, int]:
    with duckdb.connect() as connection:
        rows = connection.execute(f"SELECT count(*), sum(hash(found)) FROM ({select}) AS found").fetchall()
    return int(rows[0][0]), int(rows[0][1] or 0)


def _parts(path: Path) -> list[str]:
    """The files of an output: Spark writes a folder of them."""
    return [str(part) for part in sorted(path.glob("*.parquet"))] if path.is_dir() else [str(path)]
