"""Identity: which columns of which tables name a person, and the rules by which records are one person."""

from collections.abc import Iterator
from math import prod
from typing import Annotated, ClassVar

from pydantic import Field

from datalinx.engine.spec.base import Document, Identifier, Name, Part
from datalinx.errors import FieldError

# A rule looks at every combination of a table's columns for its identifiers, each in a pass of its own.
MAX_COMBINATIONS = 16


class IdentityTable(Part):
    """A stored table with people in it.

    `key` is the column that names a record; `identifiers` are columns and the kind of identifier that each holds.
    Two columns may hold the same kind.
    """

    table: Identifier
    key: Identifier
    identifiers: Annotated[dict[Identifier, Identifier], Field(min_length=1, max_length=50)]

    def columns_of(self, kind: str) -> tuple[str, ...]:
        """The columns that hold identifiers of a kind."""
        return tuple(column for column, held in self.identifiers.items() if held == kind)


class IdentityRule(Part):
    """Two records are one person when all identifiers in `match` are there and equal. Earlier rules go first."""

    name: Name
    match: Annotated[tuple[Identifier, ...], Field(min_length=1, max_length=10)]


class IdentityLimits(Part):
    """What keeps one bad value from joining the world.

    A value that more than `max_value_rows` records share links nobody; no person has more than
    `max_cluster_size` records.
    """

    max_cluster_size: Annotated[int, Field(ge=2, le=10_000)] = 50
    max_value_rows: Annotated[int, Field(ge=2, le=10_000)] = 20


class IdentityDocument(Document):
    """How records are resolved to people in a workspace."""

    shown_defaults: ClassVar[frozenset[str]] = frozenset({"tables", "rules", "limits"})

    tables: Annotated[tuple[IdentityTable, ...], Field(max_length=50)] = ()
    rules: Annotated[tuple[IdentityRule, ...], Field(max_length=20)] = ()
    limits: IdentityLimits = IdentityLimits()

    def table(self, name: str) -> IdentityTable | None:
        """The entry of a table, if it has people in it."""
        return next((entry for entry in self.tables if entry.table == name), None)

    def faults(self) -> Iterator[FieldError]:
        yield from _repeats("tables", "table", [entry.table for entry in self.tables])
        yield from _repeats("rules", "name", [rule.name for rule in self.rules])
        if bool(self.tables) != bool(self.rules):
            missing = "rules" if self.tables else "tables"
            message = "Tables without rules link nobody, and rules need tables: give both, or neither."
            yield FieldError(missing, "required", message)
        for number, rule in enumerate(self.rules):
            if fault := self._rule_fault(rule):
                yield FieldError(f"rules[{number}].match", *fault)

    def _rule_fault(self, rule: IdentityRule) -> tuple[str, str] | None:
        if len(set(rule.match)) < len(rule.match):
            return "repeated", "Each identifier stands in a rule once."
        combinations = [self.combinations(entry, rule) for entry in self.tables]
        if self.tables and not any(combinations):
            known = sorted({kind for entry in self.tables for kind in entry.identifiers.values()})
            message = f"No table has all of these identifiers; there are {', '.join(known)}."
            return "unknown_identifier", message
        if max(combinations, default=0) > MAX_COMBINATIONS:
            message = (
                f"A table holds these identifiers in more than {MAX_COMBINATIONS} combinations of columns."
            )
            return "too_many_combinations", message
        return None

    @staticmethod
    def combinations(entry: IdentityTable, rule: IdentityRule) -> int:
        """In how many ways a table's columns give the identifiers of a rule; 0 when one is missing."""
        return prod(len(entry.columns_of(kind)) for kind in rule.match)


def _repeats(path: str, key: str, names: list[str]) -> Iterator[FieldError]:
    seen: set[str] = set()
    for number, name in enumerate(names):
        if name.casefold() in seen:
            yield FieldError(f"{path}[{number}].{key}", "repeated", f"There is another {name!r} before.")
        seen.add(name.casefold())
