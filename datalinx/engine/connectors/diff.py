"""What changed between two discoveries of a source, and whether it breaks those who read it."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from datalinx.engine.connectors.base import DiscoveredColumn, DiscoveredTable

# A column that becomes one of these still holds every value that it held.
_WIDER = {
    "INTEGER": {"BIGINT", "DOUBLE", "VARCHAR"},
    "BIGINT": {"VARCHAR"},
    "FLOAT": {"DOUBLE", "VARCHAR"},
    "DOUBLE": {"VARCHAR"},
    "DATE": {"TIMESTAMP", "VARCHAR"},
}


@dataclass(frozen=True)
class Change:
    """One difference. A table's own change has no `column`; `before` and `after` are types, or None.

    `breaking` when a mapping that reads it can no longer mean what it did: something is gone, or has a type that
    does not hold all its values.
    """

    kind: Literal["added", "removed", "changed"]
    table: str
    column: str | None
    before: str | None
    after: str | None
    breaking: bool


def diff_tables(old: Sequence[DiscoveredTable], new: Sequence[DiscoveredTable]) -> list[Change]:
    """Return the differences from `old` to `new`, by table and column name.

    A table that cannot be read now keeps what was known of it: its problem is told where it stands, and nothing
    is reported as removed that may only be damaged.
    """
    before = {table.name: table for table in old}
    after = {table.name: table for table in new}
    changes: list[Change] = []
    for name in sorted(before.keys() | after.keys()):
        if name not in after:
            changes.append(Change("removed", name, None, None, None, breaking=True))
        elif after[name].problem is not None:
            continue
        elif name not in before:
            changes.append(Change("added", name, None, None, None, breaking=False))
        else:
            changes += _diff_columns(name, before[name].columns, after[name].columns)
    return changes


def _diff_columns(
    table: str, old: Sequence[DiscoveredColumn], new: Sequence[DiscoveredColumn]
) -> list[Change]:
    before = {column.name: column for column in old}
    after = {column.name: column for column in new}
    changes: list[Change] = []
    for name in sorted(before.keys() | after.keys()):
        was, now = before.get(name), after.get(name)
        if now is None:
            changes.append(Change("removed", table, name, was.type if was else None, None, breaking=True))
        elif was is None:
            changes.append(Change("added", table, name, None, now.type, breaking=False))
        elif was.type != now.type:
            breaking = now.type not in _WIDER.get(was.type, set())
            changes.append(Change("changed", table, name, was.type, now.type, breaking=breaking))
    return changes
