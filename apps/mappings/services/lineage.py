"""The lineage of target tables, told from what their mappings compile to, and what object types read of them."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property

from apps.mappings.services.compile import Documents, compile_table, table_reads
from apps.mappings.services.object_types import list_object_types
from datalinx.engine.compile.identity import NAME as IDENTITY
from datalinx.engine.compile.identity import SHAPE
from datalinx.engine.compile.lineage import lineage
from datalinx.engine.compile.plan import Edge, Read
from datalinx.engine.lineage.graph import Link, Place
from datalinx.engine.lineage.readers import object_type_links
from datalinx.engine.spec.base import parse_document
from datalinx.engine.spec.identity import IdentityDocument
from datalinx.engine.spec.object_type import ObjectTypeDocument
from datalinx.errors import Invalid

PEOPLE = Place("identity", "identity")
_KEY, _ID = (column.name for column in SHAPE.columns)


@dataclass
class MappingLinks:
    """The links of the mappings in a set of documents; each is compiled when it is first asked for."""

    documents: Documents
    _known: dict[str, list[Link]] = field(default_factory=dict)

    def into(self, place: Place) -> Sequence[Link]:
        """What makes a target table, or canonical ids.

        A mapping that does not compile any more reads its inputs as a whole.
        """
        if place == PEOPLE:
            return self._identifying
        if place.kind != "table" or place.name not in self.documents["mappings"]:
            return ()
        if place.name not in self._known:
            try:
                self._known[place.name] = table_links(self.documents, place.name)
            except Invalid:
                origins = [origin for origin, tables in self._readers.items() if place.name in tables]
                self._known[place.name] = [Link(origin, None, place, None, "broken") for origin in origins]
        return self._known[place.name]

    def out_of(self, place: Place) -> Sequence[Link]:
        """What the mappings make of a table, and whether people are told by it."""
        tables = self._readers.get(place, ())
        links = [link for table in tables for link in self.into(Place("table", table))] + self._identifying
        return [link for link in links if link.origin == place]

    @cached_property
    def _identifying(self) -> list[Link]:
        """What canonical ids are told by: the keys of records, and their identifiers."""
        identity = self.documents.get("identity") or {"document": {}}
        return [
            Link(Place("table", entry.table), column, PEOPLE, field, "identity")
            for entry in parse_document(IdentityDocument, identity["document"]).tables
            for column, field in [(entry.key, _KEY), *((name, _ID) for name in entry.identifiers)]
        ]

    @cached_property
    def _readers(self) -> dict[Place, list[str]]:
        """Which mappings read which stored relation."""
        found: dict[Place, list[str]] = {}
        for table in self.documents["mappings"]:
            try:
                reads = table_reads(self.documents, table)
            except Invalid:
                # Not even what it reads can be told, such as when a block of SQL is gone.
                continue
            for place in dict.fromkeys(place_of(read) for read in reads):
                found.setdefault(place, []).append(table)
        return found


def place_of(read: Read) -> Place:
    """Return the stored relation of a read."""
    if read.target is not None:
        return Place("table", read.target)
    if read.identity is not None:
        return PEOPLE
    return Place("source", read.table or "", read.source)


def table_links(documents: Documents, table: str) -> list[Link]:
    """Return the links into a table. Raises NotFound, and Invalid when its mapping does not compile."""
    return [
        Link(
            _origin(edge),
            edge.column,
            Place("table", table),
            edge.target,
            edge.kind,
        )
        for edge in lineage(compile_table(documents, table))
    ]


def _origin(edge: Edge) -> Place:
    if edge.source is not None:
        return Place("source", edge.table, edge.source)
    # No target table can have this name.
    return PEOPLE if edge.table.startswith(f"{IDENTITY}:") else Place("table", edge.table)


def list_object_type_links(workspace_id: str) -> list[Link]:
    """Return the links of every object type of a workspace."""
    rows = list_object_types(workspace_id)
    tables = {row.pk: row.document["table"] for row in rows}
    return [
        link
        for row in rows
        for link in object_type_links(
            Place("object_type", row.name, id=row.pk),
            parse_document(ObjectTypeDocument, row.document),
            tables,
        )
    ]
