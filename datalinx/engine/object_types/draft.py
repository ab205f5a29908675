"""Object types proposed from a target schema: one for each table whose rows can be told apart."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace

from datalinx.engine.object_types.check import same_family
from datalinx.engine.object_types.ground import Ground
from datalinx.engine.spec.object_type import (
    Attribute,
    Cardinality,
    EntityRelationship,
    ObjectTypeDocument,
    Through,
)
from datalinx.engine.spec.schema import RelationshipTest, TargetColumn, TargetTable, UniqueTest

# Names that say nothing of whose key it is.
_ANYBODYS = frozenset({"id", "key", "uuid", "code", "name"})
# A day is the same day everywhere, and no sign that rows belong together.
_MOMENTS = frozenset({"date", "datetime", "timestamp", "time", "boolean"})


@dataclass(frozen=True)
class LeftOut:
    """A table, or one of its relationships, that nothing is proposed for, and why."""

    table: str
    relationship: str | None
    reason: str


@dataclass(frozen=True)
class Drafts:
    """What is proposed for tables without an object type, with relationships that lead to names, and what is not."""

    object_types: tuple[ObjectTypeDocument, ...]
    left_out: tuple[LeftOut, ...]


@dataclass(frozen=True)
class _Reference:
    """Columns of a table that name rows of another."""

    name: str
    columns: tuple[str, ...]
    table: str
    to_columns: tuple[str, ...]
    cardinality: Cardinality
    description: str = ""


def draft_object_types(ground: Ground) -> Drafts:
    """Return an object type for each target table that has none.

    Relationships are those of the schema, those that a relationship test demands, and those that the name of
    another table's key tells. A table of nothing but two such keys becomes a many_to_many relationship.
    """
    return _Drafting(ground).drafts()


@dataclass
class _Drafting:
    ground: Ground
    left_out: list[LeftOut] = field(default_factory=list)

    def drafts(self) -> Drafts:
        references = {table.name: list(self._references(table)) for table in self.ground.schema.tables}
        named = {entity.table: entity.name for entity in self.ground.entities.values()}
        taken = list(self.ground.ids)
        fresh, joining = [], []
        for table in self.ground.schema.tables:
            if table.name in named:
                continue
            if _joins_two(table, references[table.name]):
                joining.append(table)
            elif _key(table):
                fresh.append(table)
            else:
                self._leave_out(table, "It has no primary key, and no column is tested to be unique.")
        for table in fresh:
            named[table.name] = _title(table, taken)
            taken.append(named[table.name])
        made = {table.name: self._relationships(table, references[table.name], named) for table in fresh}
        for table in joining:
            self._join(table, references[table.name], named, made)
        documents = (self._document(table, named[table.name], made[table.name]) for table in fresh)
        return Drafts(tuple(documents), tuple(self.left_out))

    def _leave_out(self, table: TargetTable, reason: str, relationship: str | None = None) -> None:
        self.left_out.append(LeftOut(table.name, relationship, reason))

    def _document(
        self, table: TargetTable, name: str, relationships: Iterable[EntityRelationship]
    ) -> ObjectTypeDocument:
        key = _key(table)
        return ObjectTypeDocument(
            name=name,
            description=table.description,
            table=table.name,
            key=key[0] if len(key) == 1 else key,
            attributes=tuple(map(self._attribute, table.columns)),
            relationships=tuple(relationships),
        )

    def _attribute(self, column: TargetColumn) -> Attribute:
        given: dict[str, str] = {"name": column.name, "column": column.name}
        if column.description:
            given["description"] = column.description
        # What a value means is said; how it is stored follows the column.
        if self.ground.types.semantic(column.type):
            given["type"] = column.type
        return Attribute(**given)

    def _references(self, table: TargetTable) -> Iterator[_Reference]:
        found: dict[tuple[tuple[str, ...], str], _Reference] = {}
        for each in (*_declared(table), *_tested(table), *self._by_name(table)):
            if each.table in self.ground.tables:
                found.setdefault((each.columns, each.table), each)
        taken: set[str] = set()
        for each in found.values():
            name = (
                each.name if each.name.lower() not in taken else f"{each.name} by {', '.join(each.columns)}"
            )
            taken.add(name.lower())
            yield replace(each, name=name)

    def _by_name(self, table: TargetTable) -> Iterator[_Reference]:
        """References that only the name of another table's key tells."""
        types, own = self.ground.types, self.ground.columns(table)
        for other in self.ground.schema.tables:
            key = other.primary_key
            if other.name == table.name or set(key) == set(table.primary_key) or not own.keys() >= set(key):
                continue
            theirs = self.ground.columns(other)
            telling = {name for name in key if types.base_of(theirs[name].type).name not in _MOMENTS}
            fits = all(same_family(types, own[name].type, theirs[name].type) for name in key)
            # Without a key, or with one that anybody may have, there is nothing to tell.
            if not fits or telling <= _ANYBODYS:
                continue
            yield _Reference(_called(key, other.name), key, other.name, key, "many_to_one")

    def _relationships(
        self, table: TargetTable, references: Iterable[_Reference], named: dict[str, str]
    ) -> list[EntityRelationship]:
        made = []
        for each in references:
            if each.table not in named:
                self._leave_out(table, f"There is no object type for the table `{each.table}`.", each.name)
            elif each.cardinality == "many_to_many":
                self._leave_out(table, "The schema does not say which table it goes through.", each.name)
            else:
                plain = EntityRelationship(
                    name=each.name,
                    to=named[each.table],
                    cardinality=each.cardinality,
                    columns=each.columns,
                    to_columns=each.to_columns,
                )
                described = {"description": each.description} if each.description else {}
                made.append(plain.model_copy(update=described))
        return made

    def _join(
        self,
        table: TargetTable,
        references: list[_Reference],
        named: dict[str, str],
        made: dict[str, list[EntityRelationship]],
    ) -> None:
        """Put a table that only joins two others as a relationship where a proposed one of them can hold it."""
        for own, other in (references, references[::-1]):
            if own.table in made and other.table in named:
                taken = {each.name.lower() for each in made[own.table]}
                plain = named[other.table].lower()
                made[own.table].append(
                    EntityRelationship(
                        name=plain if plain not in taken else f"{plain} by {table.name}",
                        to=named[other.table],
                        cardinality="many_to_many",
                        columns=own.to_columns,
                        to_columns=other.to_columns,
                        through=Through(table=table.name, columns=own.columns, to_columns=other.columns),
                    )
                )
                reason = f"It is the relationship from `{named[own.table]}` to `{named[other.table]}`."
                self._leave_out(table, reason)
                return
        self._leave_out(table, f"It only joins `{references[0].table}` and `{references[1].table}`.")


def _declared(table: TargetTable) -> Iterator[_Reference]:
    for each in table.relationships:
        yield _Reference(
            each.name,
            each.columns,
            each.references.table,
            each.references.columns,
            each.cardinality,
            each.description,
        )


def _tested(table: TargetTable) -> Iterator[_Reference]:
    for column in table.columns:
        for test in column.tests:
            if isinstance(test, RelationshipTest):
                own = (column.name,)
                kind: Cardinality = "one_to_one" if own == table.primary_key else "many_to_one"
                yield _Reference(_called(own, test.table), own, test.table, (test.column,), kind)


def _called(columns: tuple[str, ...], table: str) -> str:
    """The name of a reference by `customer_id`: customer."""
    bare = columns[0].removesuffix("_id").removesuffix("_key") if len(columns) == 1 else ""
    return bare.replace("_", " ") or table.replace("_", " ")


def _joins_two(table: TargetTable, references: list[_Reference]) -> bool:
    if len(references) != 2:
        return False
    used = [*references[0].columns, *references[1].columns]
    return sorted(used) == sorted(column.name for column in table.columns)


def _key(table: TargetTable) -> tuple[str, ...]:
    if table.primary_key:
        return table.primary_key
    unique = (
        column.name for column in table.columns if any(isinstance(test, UniqueTest) for test in column.tests)
    )
    return tuple(name for name in [next(unique, "")] if name)


def _title(table: TargetTable, taken: Iterable[str]) -> str:
    """The name of a table as people write it: `order_lines` is `Order lines`; another one is told by its table."""
    words = table.name.replace("_", " ").strip()
    plain = f"{words[:1].upper()}{words[1:]}" or table.name
    return plain if plain.lower() not in {name.lower() for name in taken} else f"{plain} ({table.name})"
