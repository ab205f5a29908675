"""Measuring side by side: everybody in turn, round after round, so that what slows the machine slows all alike."""

import statistics
import sys
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Taken:
    """What doing the work once took. `seconds` is the wall time of the work; the rest is there where it was looked at.

    `processor_seconds` is of the same stretch, all processes together. `process_seconds` is the wall time of a
    process that was started for the work, with its start and imports. `peak_bytes` is the most memory that the
    process and its children held at once.
    """

    seconds: float
    processor_seconds: float | None = None
    process_seconds: float | None = None
    peak_bytes: int | None = None


Once = Callable[[], Taken]
"""Does the work once and tells what it took."""


class OutputDiffers(Exception):
    """Two that should have made the same made something else; their times mean nothing."""


@dataclass(frozen=True)
class Reach:
    """What a benchmark should reach: the figure that was found, and how large it may be."""

    what: str
    figure: float
    at_most: float

    @property
    def held(self) -> bool:
        return self.figure <= self.at_most


@dataclass(frozen=True)
class Comparison:
    """What one benchmark found. `taken` has the measured rounds of each; ratios are of medians.

    `limit` names whom the others are measured against; `against` names another one for some of them. `absent`
    has those that should have been there and were not, and why.
    """

    id: str
    title: str
    taken: Mapping[str, Sequence[Taken]]
    limit: str
    reaches: Sequence[Reach]
    against: Mapping[str, str] = field(default_factory=dict)
    absent: Mapping[str, str] = field(default_factory=dict)
    notes: Mapping[str, Any] = field(default_factory=dict)

    def median(self, name: str) -> float:
        """The median of somebody's rounds, in seconds."""
        return median(self.taken[name])

    def ratio(self, name: str) -> float:
        """Somebody's median over that of whom it is measured against."""
        return over(self.taken, name, self.against.get(name, self.limit))

    def middle(self, name: str, attribute: str) -> float | None:
        """The median of another figure of somebody's rounds, unless it was not looked at."""
        found = [value for each in self.taken[name] if (value := getattr(each, attribute)) is not None]
        return statistics.median(found) if found else None

    def processor_ratio(self, name: str) -> float | None:
        """The ratio of processor time, which a busy machine changes less than it does wall time."""
        mine = self.middle(name, "processor_seconds")
        other = self.middle(self.against.get(name, self.limit), "processor_seconds")
        return mine / other if mine and other else None


def median(taken: Sequence[Taken]) -> float:
    """The median wall time of some rounds."""
    return statistics.median(each.seconds for each in taken)


def over(taken: Mapping[str, Sequence[Taken]], name: str, other: str) -> float:
    """The ratio of two medians."""
    return median(taken[name]) / median(taken[other])


def over_by(taken: Mapping[str, Sequence[Taken]], name: str, other: str) -> float:
    """The difference of two medians, in seconds."""
    return median(taken[name]) - median(taken[other])


def interleave(
    contenders: Mapping[str, Once],
    *,
    rounds: int,
    once_only: Collection[str] = (),
    check: Callable[[str], None] = lambda name: None,
) -> dict[str, list[Taken]]:
    """Let each do the work once a round, so many rounds; a first round that warms up is not counted.

    Those of `once_only`, who take minutes, work in the first counted round alone. `check` is called with a name
    whenever its work is done, outside of all clocks.
    """
    taken: dict[str, list[Taken]] = {name: [] for name in contenders}
    for number, name in _turns(contenders, rounds, once_only):
        found = contenders[name]()
        turn = f"round {number}" if number else "to warm up"
        print(f"{turn}, {name}: {found.seconds:.3f} s", file=sys.stderr, flush=True)
        check(name)
        if number:
            taken[name].append(found)
    return taken


def _turns(names: Collection[str], rounds: int, once_only: Collection[str]) -> Iterator[tuple[int, str]]:
    for number in range(rounds + 1):
        for name in names:
            if number == 1 or name not in once_only:
                yield number, name


def require_equal(what: str, found: Mapping[str, Any]) -> None:
    """Raise OutputDiffers unless all have made the same."""
    first, *others = found.items()
    for name, value in others:
        if value != first[1]:
            raise OutputDiffers(f"{what}: {first[0]} has {first[1]!r}, {name} has {value!r}")
