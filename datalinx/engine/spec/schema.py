"""The target schema: the tables that a workspace's data is brought into."""

from collections.abc import Iterator, Sequence
from typing import Annotated, ClassVar, Literal

from pydantic import Field

from datalinx.engine.spec.base import Document, Identifier, Name, Part, Scalar, Text
from datalinx.errors import FieldError

MAX_DECIMAL_PRECISION = 38


class NotNullTest(Part):
    test: Literal["not_null"]


class UniqueTest(Part):
    test: Literal["unique"]


class AcceptedValuesTest(Part):
    test: Literal["accepted_values"]
    values: Annotated[tuple[Scalar, ...], Field(min_length=1, max_length=1_000)]


class RegexTest(Part):
    test: Literal["regex"]
    pattern: Annotated[Text, Field(min_length=1, max_length=1_000)]


class RangeTest(Part):
    """Bounds are inclusive; dates and times are ISO 8601 text."""

    test: Literal["range"]
    min: int | float | Text | None = None
    max: int | float | Text | None = None


class RelationshipTest(Part):
    test: Literal["relationship"]
    table: Identifier
    column: Identifier


ColumnTest = Annotated[
    NotNullTest | UniqueTest | AcceptedValuesTest | RegexTest | RangeTest | RelationshipTest,
    Field(discriminator="test"),
]


class TargetColumn(Part):
    """A column of a target table. `type` names a base type or a semantic type."""

    name: Identifier
    type: Identifier
    nullable: bool = True
    description: Text = ""
    pii: Identifier | None = None
    precision: Annotated[int, Field(ge=1, le=MAX_DECIMAL_PRECISION)] | None = None
    scale: Annotated[int, Field(ge=0, le=MAX_DECIMAL_PRECISION)] | None = None
    tests: Annotated[tuple[ColumnTest, ...], Field(max_length=50)] = ()


class References(Part):
    table: Identifier
    columns: Annotated[tuple[Identifier, ...], Field(min_length=1, max_length=20)]


class Relationship(Part):
    """How rows of this table belong to rows of another."""

    name: Name
    columns: Annotated[tuple[Identifier, ...], Field(min_length=1, max_length=20)]
    references: References
    cardinality: Literal["many_to_one", "one_to_one", "one_to_many", "many_to_many"] = "many_to_one"
    description: Text = ""


class TargetTable(Document):
    """A target table. Its own document too, so that it can be read and replaced alone."""

    shown_defaults: ClassVar[frozenset[str]] = frozenset({"primary_key", "relationships"})

    name: Identifier
    description: Text = ""
    primary_key: Annotated[tuple[Identifier, ...], Field(max_length=20)] = ()
    columns: Annotated[tuple[TargetColumn, ...], Field(min_length=1, max_length=1_000)]
    relationships: Annotated[tuple[Relationship, ...], Field(max_length=100)] = ()

    def column(self, name: str) -> TargetColumn | None:
        """The column of this name; case does not count, as names are unique without it."""
        return next((column for column in self.columns if column.name.lower() == name.lower()), None)

    def is_nullable(self, column: TargetColumn) -> bool:
        """Whether a row may leave the column empty; a key never may."""
        return column.nullable and column.name not in self.primary_key

    def faults(self) -> Iterator[FieldError]:
        yield from repeated_names([column.name for column in self.columns], "columns", "column")
        for position, name in enumerate(self.primary_key):
            yield from _known_column(self, name, f"primary_key[{position}]")
        for position, column in enumerate(self.columns):
            if (column.scale or 0) > (column.precision or MAX_DECIMAL_PRECISION):
                path = f"columns[{position}].scale"
                yield FieldError(path, "scale_over_precision", "The scale is larger than the precision.")
        for number, relationship in enumerate(self.relationships):
            for position, name in enumerate(relationship.columns):
                yield from _known_column(self, name, f"relationships[{number}].columns[{position}]")


class TargetSchema(Document):
    """The target schema of a workspace."""

    shown_defaults: ClassVar[frozenset[str]] = frozenset({"description", "tables"})

    name: Name
    description: Text = ""
    tables: Annotated[tuple[TargetTable, ...], Field(max_length=500)]

    def table(self, name: str) -> TargetTable | None:
        """The table of exactly this name."""
        return next((table for table in self.tables if table.name == name), None)

    def faults(self) -> Iterator[FieldError]:
        yield from repeated_names([table.name for table in self.tables], "tables", "table")
        for position, table in enumerate(self.tables):
            for fault in (*table.faults(), *self._reference_faults(table)):
                yield FieldError(f"tables[{position}].{fault.field}", fault.code, fault.message)

    def _reference_faults(self, table: TargetTable) -> Iterator[FieldError]:
        for number, relationship in enumerate(table.relationships):
            path = f"relationships[{number}].references"
            other = self.table(relationship.references.table)
            if other is None:
                message = f"The schema has no table `{relationship.references.table}`."
                yield FieldError(f"{path}.table", "unknown_table", message)
                continue
            if len(relationship.columns) != len(relationship.references.columns):
                message = "Both sides of a relationship need the same number of columns."
                yield FieldError(f"{path}.columns", "length_differs", message)
            for position, name in enumerate(relationship.references.columns):
                yield from _known_column(other, name, f"{path}.columns[{position}]")


def repeated_names(names: Sequence[str], path: str, noun: str) -> Iterator[FieldError]:
    """A fault for each name that stands there twice; SQL does not tell `Email` from `email`."""
    seen: set[str] = set()
    for position, name in enumerate(names):
        if name.lower() in seen:
            message = f"The {noun} `{name}` stands here twice (case does not count)."
            yield FieldError(f"{path}[{position}].name", "duplicate_name", message)
        seen.add(name.lower())


def _known_column(table: TargetTable, name: str, path: str) -> Iterator[FieldError]:
    if name not in {column.name for column in table.columns}:
        yield FieldError(path, "unknown_column", f"The table `{table.name}` has no column `{name}`.")
