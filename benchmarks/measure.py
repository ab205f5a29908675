"""Measuring side by side: everybody in turn, round after round, so that what slows the machine slows all alike."""

import statistics
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

Once = Callable[[], float]
"""Does the work once and returns the seconds that it took."""


class OutputDiffers(Exception):
    """Two that should have made the same made something else; their times mean nothing."""


@dataclass(frozen=True)
class Comparison:
    """What one benchmark found. `seconds` has the measured rounds of each; ratios are of medians.

    `limit` names whom the others are measured against. `unit` is what the figures are.
    """

    id: str
    title: str
    seconds: Mapping[str, Sequence[float]]
    limit: str
    reach: str
    notes: Mapping[str, Any] = field(default_factory=dict)

    def median(self, name: str) -> float:
        """The median of somebody's rounds, in seconds."""
        return statistics.median(self.seconds[name])

    def ratio(self, name: str) -> float:
        """Somebody's median over the limit's."""
        return self.median(name) / self.median(self.limit)


def interleave(contenders: Mapping[str, Once], *, rounds: int) -> dict[str, list[float]]:
    """Let each do the work once a round, so many rounds; a first round that warms up is not counted."""
    seconds: dict[str, list[float]] = {name: [] for name in contenders}
    for number in range(rounds + 1):
        for name, once in contenders.items():
            taken = once()
            if number:
                seconds[name].append(taken)
    return seconds


def require_equal(what: str, found: Mapping[str, Any]) -> None:
    """Raise OutputDiffers unless all have made the same."""
    first, *others = found.items()
    for name, value in others:
        if value != first[1]:
            raise OutputDiffers(f"{what}: {first[0]} has {first[1]!r}, {name} has {value!r}")
