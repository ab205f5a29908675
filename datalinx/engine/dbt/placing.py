"""Where the tests and the freshness that dbt asks of source columns belong here: on what is made directly of them."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal

from datalinx.engine.dbt.column_tests import DbtTest, Reference
from datalinx.engine.dbt.matching import TableMatch
from datalinx.engine.spec.schema import TargetColumn, TargetSchema, TargetTable
from datalinx.engine.types.registry import TypeRegistry

_TEXTS = frozenset({"string", "text"})
_NUMBERS = frozenset({"integer", "bigint", "float", "double", "decimal"})

Column = tuple[str, str]
"""A table and one of its columns."""


@dataclass(frozen=True)
class Place:
    """A column of the target schema with the test that it would get, or has."""

    table: str
    column: str
    test: Mapping[str, Any]
    present: bool


@dataclass(frozen=True)
class PlacedTest:
    """A test of a file, and where it belongs. Without `places` the message says why there are none."""

    path: str
    test: str
    table: str | None
    column: str | None
    outcome: Literal["offered", "present", "no_place", "not_supported"]
    places: tuple[Place, ...] = ()
    message: str = ""


@dataclass(frozen=True)
class FreshPlace:
    """What the monitoring of a target table would say of how new it has to be."""

    table: str
    timestamp_column: str
    fresh_within_hours: float | None


@dataclass(frozen=True)
class Placer:
    """Knows what the target schema has, and which of its columns are made directly of which source columns."""

    source: str
    matches: Sequence[TableMatch]
    direct: Mapping[Column, Sequence[Column]]
    schema: TargetSchema
    types: TypeRegistry

    @cached_property
    def _tables(self) -> Mapping[str, TargetTable]:
        return {table.name: table for table in self.schema.tables}

    @cached_property
    def _names(self) -> Mapping[str, tuple[str | None, Mapping[str, str | None]]]:
        """Our names of the tables of the file and of their columns, by the names that they have there."""
        return {
            match.given.name: (
                match.found.name,
                {column.given.name: column.found.name for column in match.columns},
            )
            for match in self.matches
        }

    def tests(self) -> Iterator[PlacedTest]:
        """Every test of the tables that were asked for."""
        for match in self.matches:
            for column in match.columns:
                for test in column.given.tests:
                    yield self._placed(test, match.found.name, column.found.name)

    def fresh(self, match: TableMatch) -> list[FreshPlace]:
        """Where the freshness of a table belongs: on the target columns that are made of `loaded_at_field`."""
        given = match.given.freshness
        if given is None or match.found.name is None:
            return []
        hours = given.error_after_hours or given.warn_after_hours
        column = self._names[match.given.name][1].get(given.loaded_at_field) or given.loaded_at_field
        found = self.direct.get((match.found.name, column), ())
        return [FreshPlace(target, name, hours) for target, name in found]

    def _placed(self, test: DbtTest, table: str | None, column: str | None) -> PlacedTest:
        if test.problem:
            return PlacedTest(test.path, test.kind, table, column, "not_supported", message=test.problem)
        if table is None or column is None:
            return self._nowhere(test, table, column, "The source has no such column.")
        targets = self.direct.get((table, column), ())
        if not targets:
            message = "No column of the target schema is made directly of this column."
            return self._nowhere(test, table, column, message)
        places, problem = [], ""
        for name, target in targets:
            found = self._tables.get(name)
            entry = found.column(target) if found else None
            if found is None or entry is None:
                continue
            made = self._as_ours(test, entry)
            if isinstance(made, str):
                problem = made
            else:
                places.append(Place(name, target, made, _has(found, entry, made)))
        if not places:
            return self._nowhere(test, table, column, problem)
        is_new = any(not place.present for place in places)
        outcome: Literal["offered", "present"] = "offered" if is_new else "present"
        return PlacedTest(test.path, test.kind, table, column, outcome, tuple(places), problem)

    def _nowhere(self, test: DbtTest, table: str | None, column: str | None, message: str) -> PlacedTest:
        return PlacedTest(test.path, test.kind, table, column, "no_place", message=message)

    def _as_ours(self, test: DbtTest, column: TargetColumn) -> dict[str, Any] | str:
        """The test as the schema says it, or why it cannot say it."""
        if test.kind == "accepted_values":
            base = self.types.base_of(column.type).name
            if base in _TEXTS:
                # dbt compares texts: its values are quoted unless told otherwise.
                return {"test": "accepted_values", "values": [str(value) for value in test.values]}
            if base in _NUMBERS and all(_is_number(value) for value in test.values):
                return {"test": "accepted_values", "values": list(test.values)}
            return f"The values do not fit the type {column.type} of the target column."
        if test.to is not None:
            target = self._referred(test.to)
            if isinstance(target, str):
                return target
            return {"test": "relationship", "table": target[0], "column": target[1]}
        return {"test": test.kind}

    def _referred(self, to: Reference) -> Column | str:
        if to.source is None:
            table = self._tables.get(to.table)
            column = table.column(to.column) if table else None
            if table is None or column is None:
                return f"The target schema has no column {to.table}.{to.column} to refer to."
            return table.name, column.name
        name, columns = self._names.get(to.table, (None, {}))
        if to.source != self.source or name is None:
            return f"What it refers to, {to.source}.{to.table}, is no table of this source."
        found = self.direct.get((name, columns.get(to.column) or to.column), ())
        if len(found) != 1:
            return f"{len(found)} columns of the target schema are made directly of {to.table}.{to.column}."
        return found[0]


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _has(table: TargetTable, column: TargetColumn, test: Mapping[str, Any]) -> bool:
    if test["test"] == "not_null" and not table.is_nullable(column):
        return True
    if test["test"] == "unique" and table.primary_key == (column.name,):
        return True
    return any(each.model_dump(mode="json") == test for each in column.tests)
