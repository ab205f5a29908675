"""What object types are looked at against, and the names and ids by which they know each other."""

import difflib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property

from datalinx.engine.spec.object_type import ObjectTypeDocument
from datalinx.engine.spec.schema import TargetColumn, TargetSchema, TargetTable
from datalinx.engine.types.registry import TypeRegistry


@dataclass(frozen=True)
class Entity:
    """An object type as the others see it."""

    name: str
    table: str


@dataclass(frozen=True)
class Ground:
    """The target schema, the types that may be named, and every object type by its id."""

    schema: TargetSchema
    types: TypeRegistry
    entities: Mapping[str, Entity]

    @cached_property
    def tables(self) -> dict[str, TargetTable]:
        """The target tables by name."""
        return {table.name: table for table in self.schema.tables}

    @cached_property
    def ids(self) -> dict[str, str]:
        """The ids of the object types by name."""
        return {entity.name: key for key, entity in self.entities.items()}

    @cached_property
    def _columns(self) -> dict[str, dict[str, TargetColumn]]:
        return {}

    def columns(self, table: TargetTable) -> dict[str, TargetColumn]:
        """The columns of a target table by name, put together when they are first asked for."""
        if table.name not in self._columns:
            self._columns[table.name] = {column.name: column for column in table.columns}
        return self._columns[table.name]

    def table_of(self, key: str) -> TargetTable | None:
        """The target table of an object type, given by its id."""
        return self.tables.get(self.entities[key].table) if key in self.entities else None


def with_ids(document: ObjectTypeDocument, ground: Ground) -> ObjectTypeDocument:
    """Return the document with its relationships leading to ids, which stay when a name changes."""
    return _led(document, lambda to: to if to in ground.entities else ground.ids.get(to, to))


def with_names(document: ObjectTypeDocument, ground: Ground) -> ObjectTypeDocument:
    """Return the document as people read it: its relationships lead to names."""
    return _led(document, lambda to: ground.entities[to].name if to in ground.entities else to)


def _led(document: ObjectTypeDocument, lead: Callable[[str], str]) -> ObjectTypeDocument:
    led = tuple(each.model_copy(update={"to": lead(each.to)}) for each in document.relationships)
    # A copy with no relationships stays one that never named any.
    return document.model_copy(update={"relationships": led}) if led else document


def near(name: str, known: Iterable[str]) -> str:
    """Return a hint at the name that was meant, empty when none comes near."""
    by_lower = {each.lower(): each for each in known}
    found = difflib.get_close_matches(name.lower(), list(by_lower), n=1)
    return f" Did you mean `{by_lower[found[0]]}`?" if found else ""
