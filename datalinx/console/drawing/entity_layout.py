"""Where the boxes of a diagram stand: in columns, what is related side by side, around what is in the middle."""

from collections import deque
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

# Boxes without any relationship stand in rows of this many.
ABREAST = 4

Neighbours = Mapping[str, Collection[str]]


@dataclass(frozen=True)
class Block:
    """Boxes that belong together: their columns from left to right, and which of them is the middle one.

    A line leads to a neighbouring column or stays within one, never farther.
    """

    columns: tuple[tuple[str, ...], ...]
    middle: int


def lay_out(keys: Sequence[str], pairs: Iterable[tuple[str, str]]) -> list[Block]:
    """Return the blocks, the largest first, and the boxes without lines last; every key stands in one of them."""
    near: dict[str, dict[str, None]] = {key: {} for key in keys}
    for one, other in pairs:
        if one != other and one in near and other in near:
            near[one][other] = None
            near[other][one] = None
    parts = sorted(_parts(keys, near), key=len, reverse=True)
    blocks = [_block(part, near) for part in parts if len(part) > 1]
    alone = [part[0] for part in parts if len(part) == 1]
    blocks += [
        Block(tuple((key,) for key in alone[start : start + ABREAST]), 0)
        for start in range(0, len(alone), ABREAST)
    ]
    return blocks


def _parts(keys: Iterable[str], near: Neighbours) -> list[list[str]]:
    """The keys in groups that hang together, each in the order in which it was found."""
    seen: set[str] = set()
    found = []
    allowed = list(keys)
    for key in allowed:
        if key not in seen:
            part = list(_distances(key, near, set(allowed)))
            seen.update(part)
            found.append(part)
    return found


def _distances(start: str, near: Neighbours, allowed: Collection[str]) -> dict[str, int]:
    found, ahead = {start: 0}, deque([start])
    while ahead:
        key = ahead.popleft()
        for other in near[key]:
            if other in allowed and other not in found:
                found[other] = found[key] + 1
                ahead.append(other)
    return found


def _block(part: Sequence[str], near: Neighbours) -> Block:
    allowed = set(part)

    def reach(key: str) -> tuple[int, int, int]:
        return max(_distances(key, near, allowed).values()), -len(near[key]), part.index(key)

    middle = min(part, key=reach)
    distances = _distances(middle, near, allowed)
    sides: tuple[dict[str, int], dict[str, int]] = {}, {}
    # What hangs together without the middle stays on one side, so that no line passes the middle.
    for group in sorted(_parts([key for key in part if key != middle], near), key=len, reverse=True):
        side = min(sides, key=len)
        side.update((key, distances[key]) for key in group)
    right, left = sides
    columns = [*reversed(_layers(left)), [middle], *_layers(right)]
    index = max(left.values(), default=0)
    return Block(tuple(map(tuple, _untangled(columns, index, near))), index)


def _layers(side: Mapping[str, int]) -> list[list[str]]:
    layers: list[list[str]] = [[] for _ in range(max(side.values(), default=0))]
    for key, distance in side.items():
        layers[distance - 1].append(key)
    return layers


def _untangled(columns: Sequence[list[str]], middle: int, near: Neighbours) -> list[list[str]]:
    """The columns with each box near the height of those that it is related to in the column further in."""
    ordered = list(columns)
    outwards = [*range(middle + 1, len(columns)), *range(middle - 1, -1, -1)]
    for index in outwards:
        inner = ordered[index - 1 if index > middle else index + 1]
        place = {key: position for position, key in enumerate(inner)}

        def height(key: str, place: Mapping[str, int] = place) -> float:
            known = [place[other] for other in near[key] if other in place]
            return sum(known) / len(known) if known else 0.0

        ordered[index] = sorted(ordered[index], key=height)
    return ordered
