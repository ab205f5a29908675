"""B2: how time grows with the records, and whether memory stays within its limit; ours and the SQL by hand."""

from collections.abc import Sequence
from pathlib import Path

from benchmarks import data, peers, sizes
from benchmarks.home import Home
from benchmarks.measure import Comparison, Reach, Taken, interleave, over
from benchmarks.orders import CACHE, OURS, Agreement, ByPeer, Service, peers_folder
from benchmarks.worker import Worker

SIZES, ROUNDS, LARGEST_ROUNDS = (1_000_000, 5_000_000, 20_000_000), 3, 1
LIMIT_BYTES = 2 * 1024**3
BY_HAND = peers.SQL_MAPPING.name
_MANY = 10_000_000


def compare(home: Home) -> Comparison:
    """Measure B2. BENCH_GROWTH has the sizes. Each size has a worker that has run it once before."""
    rows = sizes.growing(SIZES)
    taken: dict[str, list[Taken]] = {}
    with peers_folder() as folder:
        for each in rows:
            taken |= _measure(home, each, folder, limit=0)
        taken |= _measure(home, rows[-1], folder, limit=LIMIT_BYTES)
    hand = {name: _under(BY_HAND, name) for name in taken if name.startswith(OURS)}
    return Comparison(
        id="B2",
        title=f"one mapping run, growing from {rows[0]:,} to {rows[-1]:,} records of CSV",
        taken=taken,
        limit=next(iter(hand.values())),
        against=hand | {name: name for name in hand.values()},
        reaches=[*_growth(taken, rows), *_memory(taken, rows[-1])],
        notes={
            "accepted and rejected rows": "equal, in every round",
            "ledger": "as planted, in every round",
            "memory limit of the last pair, megabytes": round(LIMIT_BYTES / 1e6),
            "threads": sizes.threads(),
        },
    )


def _measure(home: Home, rows: int, folder: Path, *, limit: int) -> dict[str, list[Taken]]:
    """Both at one size; what they wrote is gone afterwards, as it may be gigabytes."""
    orders = data.generate(CACHE, rows)
    name = _named(rows, limit)
    place = folder / f"{rows}-{limit}"
    place.mkdir()
    environment = {"DATALINX_MEMORY_LIMIT": str(limit)} if limit else {}
    with Worker(environment) as worker:
        service = Service(home.room(f"b2 {rows} {limit}"), orders, worker=worker)
        by_hand = ByPeer(peers.SQL_MAPPING, orders, place, memory_bytes=limit)
        everybody = {f"{OURS}{name}": service, f"{BY_HAND}{name}": by_hand}
        agreement = Agreement({who: each.outputs for who, each in everybody.items()})
        rounds = sizes.rounds(ROUNDS)
        taken = interleave(
            {who: each.once for who, each in everybody.items()},
            rounds=min(rounds, LARGEST_ROUNDS) if rows >= _MANY else rounds,
            check=agreement.check,
        )
    by_hand.accepted.unlink()
    by_hand.rejected.unlink()
    return taken


def _named(rows: int, limit: int) -> str:
    return f", {rows:,}" + (f", {limit // 1024**2:,} MiB" if limit else "")


def _under(other: str, name: str) -> str:
    return other + name.removeprefix(OURS)


def _growth(taken: dict[str, list[Taken]], rows: Sequence[int]) -> list[Reach]:
    """How much more ours takes at the largest size than at each smaller one, over the same of the SQL by hand."""
    last = _named(rows[-1], 0)
    found = []
    for each in rows[:-1]:
        name = _named(each, 0)
        ours = over(taken, OURS + last, OURS + name)
        by_hand = over(taken, BY_HAND + last, BY_HAND + name)
        what = (
            f"growth from {each:,} to {rows[-1]:,}: {ours:.2f} times, by hand {by_hand:.2f} times; the ratio"
        )
        found.append(Reach(what, ours / by_hand, 1.1))
    return found


def _memory(taken: dict[str, list[Taken]], rows: int) -> list[Reach]:
    """The most memory of the worker and its children over the limit that it was given."""
    name = _named(rows, LIMIT_BYTES)
    peaks = {who: max(each.peak_bytes or 0 for each in taken[who + name]) for who in (OURS, BY_HAND)}
    what = f"peak memory over the limit (by hand {peaks[BY_HAND] / LIMIT_BYTES:.2f})"
    return [Reach(f"{OURS}, {what}", peaks[OURS] / LIMIT_BYTES, 1.3)] if peaks[OURS] else []
