"""B3: merging one changed record in a hundred into a stored table, against the same mapping in full."""

from pathlib import Path
from typing import Any

from benchmarks import changes, data, documents, sizes
from benchmarks.home import Home
from benchmarks.measure import Comparison, OutputDiffers, Reach, Taken, interleave, over
from benchmarks.orders import CACHE, digest_accepted, peers_folder
from benchmarks.worker import Worker

ROWS, ROUNDS = 5_000_000, 3
_MERGE = documents.MAPPING | {"load": {"mode": "merge", "keys": ["order_id"]}}
_REACHES = {"in a tenth of the keys": 0.2, "spread at random": 0.5}


class Changing:
    """One table, stored already, and a delivery of changed orders for every round.

    A merge gets the changed orders alone. In full, they lie beside the file that was there before.
    """

    def __init__(
        self, home: Home, orders: data.Orders, folder: Path, worker: Worker, *, together: bool, merge: bool
    ) -> None:
        self.home, self.orders, self.worker = home, orders, worker
        self.together, self.merge = together, merge
        self.version = 0
        folder.mkdir()
        self.delivery = folder / ("orders.csv" if merge else "orders-changed.csv")
        paths = {"orders": "orders*.csv", "countries": "countries.csv"}
        config = {"tables": {table: {"path": path} for table, path in paths.items()}}
        self.source = home.add_source("shop", [orders.orders, orders.countries], config=config)
        home.put(documents.SCHEMA, [_MERGE if merge else documents.MAPPING])
        home.run(worker=worker)
        self.counts: dict[str, Any] = {}

    def once(self) -> Taken:
        """Take in the next versions of the changed orders. Their upload is not measured."""
        self.version += 1
        rows = changes.change(self.orders, self.delivery, together=self.together, version=self.version)
        self.home.upload(self.source, [self.delivery])
        run, taken = self.home.run(worker=self.worker)
        self.counts = run.steps.get().counts
        expected = rows if self.merge else self.orders.rows + rows
        if self.counts["read"] != expected:
            raise OutputDiffers(f"the run read {self.counts['read']} records, there are {expected}")
        return taken

    def output(self) -> tuple[int, int]:
        """The digest of the table."""
        return digest_accepted(self.home.files("orders"))


def compare(home: Home) -> Comparison:
    """Measure B3. BENCH_ROWS is the number of records in the table."""
    rows = sizes.rows(ROWS)
    orders = data.generate(CACHE, rows)
    tables: dict[str, Changing] = {}
    with peers_folder() as folder, Worker() as worker:
        for place, together in ((place, place.startswith("in")) for place in _REACHES):
            for merge in (False, True):
                name = _named(place, merge=merge)
                tables[name] = Changing(
                    home.room(f"b3 {len(tables)}"),
                    orders,
                    folder / str(len(tables)),
                    worker,
                    together=together,
                    merge=merge,
                )

        def check(name: str) -> None:
            # The mapping in full comes before its merge in every round, with the same changes.
            if tables[name].merge:
                _require_same(tables, name)

        taken = interleave(
            {name: table.once for name, table in tables.items()}, rounds=sizes.rounds(ROUNDS), check=check
        )
    return Comparison(
        id="B3",
        title=f"merging 1 % of changed records into {rows:,}",
        taken=taken,
        limit=_named(next(iter(_REACHES)), merge=False),
        against={
            _named(place, merge=merge): _named(place, merge=False)
            for place in _REACHES
            for merge in (False, True)
        },
        reaches=[
            Reach(
                f"a merge over the mapping in full, changes {place}",
                over(taken, _named(place, merge=True), _named(place, merge=False)),
                most,
            )
            for place, most in _REACHES.items()
        ],
        notes={
            "rows of both": "equal, in every round",
            "last merges": {name: table.counts for name, table in tables.items() if table.merge},
            "threads": sizes.threads(),
        },
    )


def _require_same(tables: dict[str, Changing], merged: str) -> None:
    full = merged.replace("merge,", "in full,")
    found, expected = tables[merged].output(), tables[full].output()
    if found != expected:
        raise OutputDiffers(f"{full} has {expected}, {merged} has {found}")


def _named(place: str, *, merge: bool) -> str:
    return f"{'merge' if merge else 'in full'}, changes {place}"
