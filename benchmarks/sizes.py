"""How much is measured: the full sizes, unless the environment says otherwise."""

import os
from collections.abc import Sequence


def rows(default: int, name: str = "BENCH_ROWS") -> int:
    """The number of records."""
    return int(os.environ.get(name, default))


def growing(default: Sequence[int]) -> list[int]:
    """BENCH_GROWTH: the sizes of B2, from the smallest to the largest."""
    said = os.environ.get("BENCH_GROWTH")
    return sorted(int(each) for each in said.split()) if said else list(default)


def rounds(default: int) -> int:
    """BENCH_ROUNDS: how many rounds are counted."""
    return int(os.environ.get("BENCH_ROUNDS", default))


def threads() -> int:
    """BENCH_THREADS: how many threads everybody gets."""
    return int(os.environ.get("BENCH_THREADS", "2"))
