"""The graph of the lineage: places that have columns or read them, links between those, and walks along links."""

from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

PlaceKind = Literal[
    "source", "table", "identity", "object_type", "query", "audience", "alert_rule", "monitoring"
]
Direction = Literal["upstream", "downstream"]
Effect = Literal["values", "rows"]


@dataclass(frozen=True)
class Place:
    """A table of a source, a target table, canonical ids, or something that reads those.

    `id` is that of what has one.
    """

    kind: PlaceKind
    name: str
    source: str | None = None
    id: str = ""


@dataclass(frozen=True)
class Link:
    """A column of one place takes part in a column of another.

    `column` None is the whole of the origin; `field` None is which rows (or members) the target has.
    """

    origin: Place
    column: str | None
    target: Place
    field: str | None
    kind: str


class Links(Protocol):
    """What knows the links of a place."""

    def into(self, place: Place) -> Sequence[Link]:
        """The links that end at a place."""

    def out_of(self, place: Place) -> Sequence[Link]:
        """The links that begin at a place."""


@dataclass(frozen=True)
class Traced:
    """A link that a walk came by, how many links from its start, and what a change there can change here.

    `values`: the start takes part in the value. `rows`: it only takes part in which rows there are.
    """

    link: Link
    distance: int
    effect: Effect


def walk(
    links: Links, start: Iterable[Place], *, column: str | None = None, direction: Direction
) -> list[Traced]:
    """Every link that leads to the start (upstream) or away from it (downstream), each once, nearest first.

    With `column` only what that column of the start has to do with. A link that can be reached by values is
    told as such, although rows may lead to it too.
    """
    walker = _Walker(links, direction)
    rows = walker.follow([(1, (place, column)) for place in start], values=True)
    walker.follow(rows, values=False)
    return sorted(walker.found.values(), key=lambda traced: traced.distance)


End = tuple[Place, str | None]


class _Walker:
    """Goes nearest first: once along what makes values, then once more along all from where rows decide."""

    def __init__(self, links: Links, direction: Direction) -> None:
        self._links, self._up = links, direction == "upstream"
        self.found: dict[Link, Traced] = {}

    def follow(self, ends: list[tuple[int, End]], *, values: bool) -> list[tuple[int, End]]:
        """Walk from these ends; return those behind links that decide on rows, to be gone on from."""
        ahead, behind = deque(sorted(ends, key=lambda entry: entry[0])), list[tuple[int, End]]()
        seen = {end for _, end in ahead}
        while ahead:
            distance, (place, column) = ahead.popleft()
            for link in self._of(place, column):
                is_value = values and link.field is not None
                self.found.setdefault(link, Traced(link, distance, "values" if is_value else "rows"))
                end = (link.origin, link.column) if self._up else (link.target, link.field)
                if values and not is_value:
                    behind.append((distance + 1, end))
                elif end not in seen:
                    seen.add(end)
                    ahead.append((distance + 1, end))
        return behind

    def _of(self, place: Place, column: str | None) -> Iterator[Link]:
        """The links at this end of a column, or of the whole place."""
        for link in self._links.into(place) if self._up else self._links.out_of(place):
            own = link.field if self._up else link.column
            # What decides on rows has to do with every column, and so has what reads the whole.
            if column is None or own is None or own == column:
                yield link
