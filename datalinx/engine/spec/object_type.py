"""The object type: an entity that people speak of, told in terms of the target table that holds it."""

from collections.abc import Iterator, Sequence
from typing import Annotated, ClassVar, Literal

from pydantic import Discriminator, Field, Tag

from datalinx.engine.spec.base import Document, Identifier, Name, Part, Text
from datalinx.engine.spec.schema import repeated_names
from datalinx.errors import FieldError

Cardinality = Literal["one_to_one", "one_to_many", "many_to_one", "many_to_many"]
Columns = Annotated[tuple[Identifier, ...], Field(min_length=1, max_length=20)]


def _kind_of_key(value: object) -> str:
    """The tag of a key, so that its faults are told of the form in which it is written."""
    return "key:columns" if isinstance(value, list | tuple) else "key:column"


Key = Annotated[
    Annotated[Identifier, Tag("key:column")] | Annotated[Columns, Tag("key:columns")],
    Discriminator(_kind_of_key),
]


class Attribute(Part):
    """What is known of each one: a column of the table, a base or semantic type, or both.

    Without `type` it is the column's own; without `column` it is not held yet.
    """

    name: Name
    description: Text = ""
    column: Identifier | None = None
    type: Identifier | None = None


class Through(Part):
    """The table that joins two entities of which many belong to many.

    `columns` there go with the `columns` of the relationship, `to_columns` with its `to_columns`.
    """

    table: Identifier
    columns: Columns
    to_columns: Columns


class EntityRelationship(Part):
    """How one entity goes with another: the columns on both sides that are equal.

    `to` is the name or the id of an object type; `many_to_many` goes `through` a table.
    """

    name: Name
    description: Text = ""
    to: Annotated[str, Field(min_length=1, max_length=255)]
    cardinality: Cardinality
    columns: Columns
    to_columns: Columns
    through: Through | None = None


class ObjectTypeDocument(Document):
    """An entity: the target table that holds it, the column (or columns) that tell one from the other, its attributes
    and its relationships."""

    shown_defaults: ClassVar[frozenset[str]] = frozenset({"description", "attributes", "relationships"})

    name: Name
    description: Text = ""
    table: Identifier
    key: Key
    attributes: Annotated[tuple[Attribute, ...], Field(max_length=1_000)] = ()
    relationships: Annotated[tuple[EntityRelationship, ...], Field(max_length=100)] = ()

    @property
    def key_columns(self) -> tuple[str, ...]:
        """The columns of the key, which may be written as one name."""
        return (self.key,) if isinstance(self.key, str) else self.key

    def faults(self) -> Iterator[FieldError]:
        yield from repeated_names([each.name for each in self.attributes], "attributes", "attribute")
        yield from repeated_names([each.name for each in self.relationships], "relationships", "relationship")
        for position, attribute in enumerate(self.attributes):
            if attribute.column is None and attribute.type is None:
                message = "An attribute needs a column, a type, or both."
                yield FieldError(f"attributes[{position}].column", "required", message)
        for position, relationship in enumerate(self.relationships):
            yield from _shape_faults(relationship, f"relationships[{position}]")


def _shape_faults(relationship: EntityRelationship, path: str) -> Iterator[FieldError]:
    through = relationship.through
    if through is None:
        if relationship.cardinality == "many_to_many":
            message = "A many_to_many relationship goes through a table: name it and its columns."
            yield FieldError(f"{path}.through", "required", message)
        yield from _length_fault(relationship.columns, relationship.to_columns, f"{path}.to_columns")
        return
    if relationship.cardinality != "many_to_many":
        message = (
            f"Only a many_to_many relationship goes through a table, not a {relationship.cardinality} one."
        )
        yield FieldError(f"{path}.through", "not_used", message)
    yield from _length_fault(relationship.columns, through.columns, f"{path}.through.columns")
    yield from _length_fault(relationship.to_columns, through.to_columns, f"{path}.through.to_columns")


def _length_fault(columns: Sequence[str], others: Sequence[str], path: str) -> Iterator[FieldError]:
    if len(columns) != len(others):
        message = f"Both sides need the same number of columns; here are {len(columns)} and {len(others)}."
        yield FieldError(path, "length_differs", message)
