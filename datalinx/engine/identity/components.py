"""Which records belong together: a union-find over numbered records that never joins more than it may.

Two arrays of 32-bit numbers are all that it keeps, 8 bytes a record; what links records is streamed past it.
A set-based form (labels passed along links in SQL until nothing changes) cannot refuse a link because of the size
that a component has by then: see docs/decisions/0012-identity.md.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterable
from dataclasses import dataclass, field


@dataclass
class Components:
    """Records 0 to `count` - 1, each at first alone. No component grows beyond `limit` records."""

    count: int
    limit: int
    parent: array[int] = field(init=False)
    size: array[int] = field(init=False)
    limited: bytearray = field(init=False)
    refused: int = 0

    def __post_init__(self) -> None:
        self.parent = array("i", range(self.count))
        self.size = array("i", (1,)) * self.count
        self.limited = bytearray(self.count)

    def root(self, record: int) -> int:
        """The record that stands for the whole component."""
        parent = self.parent
        while parent[record] != record:
            parent[record] = record = parent[parent[record]]
        return record

    def join(self, left: int, right: int) -> bool:
        """Join two records' components unless they would grow too large; whether they are one now."""
        a, b = self.root(left), self.root(right)
        if a == b:
            return True
        if self.size[a] + self.size[b] > self.limit:
            return False
        if self.size[a] < self.size[b]:
            a, b = b, a
        self.parent[b] = a
        self.size[a] += self.size[b]
        return True

    def link(self, groups: Iterable[tuple[int, int]]) -> None:
        """Link the records of each group; `groups` are (group, record), all of a group one after the other.

        A record that finds no room with those before it stands for its own part of the group: later ones may
        still be joined to it.
        """
        current, heads = -1, list[int]()
        for group, record in groups:
            if group != current:
                current, heads = group, []
            for head in heads:
                if self.join(head, record):
                    break
            else:
                self._refuse(heads, record)
                heads.append(record)

    def _refuse(self, heads: list[int], record: int) -> None:
        if heads:
            self.refused += 1
            self.limited[record] = 1
            for head in heads:
                self.limited[head] = 1

    def roots(self) -> array[int]:
        """The root of every record, in place of the parents."""
        for record in range(self.count):
            self.parent[record] = self.root(record)
        return self.parent
