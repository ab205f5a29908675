"""The lineage of a workspace from its sources to whoever reads the tables, as far as the caller may know it."""

from collections.abc import Mapping, Sequence
from typing import Any, Literal

from apps.analytics.services.lineage import list_audience_links, list_query_links
from apps.mappings.services.compile import collect_documents, target_table
from apps.mappings.services.lineage import MappingLinks, list_object_type_links, table_links
from apps.monitoring.models import AlertRule, Monitoring
from apps.pipelines.models import StoredTable
from apps.sources.models import SourceTable
from apps.workspaces.models import Workspace
from datalinx.caller import Caller
from datalinx.engine.lineage.graph import Link, Place, Traced, walk
from datalinx.engine.lineage.readers import query_links
from datalinx.errors import Invalid, NotFound

Direction = Literal["", "upstream", "downstream"]


class WorkspaceLinks:
    """The links of a workspace. Whatever reads the tables is there for whoever may see it."""

    def __init__(self, workspace: Workspace, caller: Caller) -> None:
        self.documents = collect_documents(workspace)
        self._sees_mappings = caller.can("mappings:view", workspace.pk)
        self._mappings = MappingLinks(self.documents)
        self._readers = _reader_links(workspace, caller)

    def into(self, place: Place) -> Sequence[Link]:
        """The links that end at a place."""
        if place.kind in {"table", "identity"}:
            return self._mappings.into(place) if self._sees_mappings else ()
        return [link for link in self._readers if link.target == place]

    def out_of(self, place: Place) -> Sequence[Link]:
        """The links that begin at a place."""
        made = self._mappings.out_of(place) if self._sees_mappings else ()
        return [*made, *(link for link in self._readers if link.origin == place)]


def _reader_links(workspace: Workspace, caller: Caller) -> list[Link]:
    def may(permission: str) -> bool:
        return caller.can(permission, workspace.pk)

    rows = StoredTable.objects.for_workspace(workspace.pk).order_by("name")
    tables = {row.name: [column["name"] for column in row.columns] for row in rows.only("name", "columns")}
    return [
        *(list_object_type_links(workspace.pk) if may("schemas:view") else ()),
        *(list_query_links(workspace.pk, tables) if may("queries:view") else ()),
        *(list_audience_links(workspace.pk) if may("audiences:view") else ()),
        *(_rule_links(workspace.pk, tables) if may("alerts:view") else ()),
        *(_monitoring_links(workspace.pk) if may("monitoring:view") else ()),
    ]


def _rule_links(workspace_id: str, tables: Mapping[str, Sequence[str]]) -> list[Link]:
    found = []
    for row in AlertRule.objects.for_workspace(workspace_id).order_by("name"):
        place, document = Place("alert_rule", row.name, id=row.pk), row.document
        if sql := document.get("query"):
            found += query_links(place, sql, tables)
        elif table := document.get("table"):
            found.append(Link(Place("table", table), None, place, None, "measure"))
    return found


def _monitoring_links(workspace_id: str) -> list[Link]:
    row = Monitoring.objects.for_workspace(workspace_id).first()
    if row is None:
        return []
    place = Place("monitoring", "monitoring", id=row.pk)
    return [
        Link(Place("table", table), watched["timestamp_column"], place, None, "timestamp")
        for table, watched in row.document.get("tables", {}).items()
        if watched.get("timestamp_column")
    ]


def trace_target(
    *, workspace: Workspace, actor: Caller, table: str, column: str, direction: Direction
) -> list[Traced]:
    """Return the lineage of a target table: its mapping's own links, or all the way up or down.

    Raises NotFound MAPPING_NOT_FOUND, COLUMN_NOT_FOUND; Invalid when its own mapping does not compile.
    """
    if not direction:
        documents = collect_documents(workspace)
        links = table_links(documents, table)
        _check_column(documents, table, column)
        return [
            Traced(link, 1, "values" if link.field else "rows")
            for link in links
            if not column or link.field in {None, column}
        ]
    known = WorkspaceLinks(workspace, actor)
    place = Place("table", table)
    if table not in known.documents["mappings"]:
        raise NotFound("MAPPING_NOT_FOUND", f"There is no mapping of the table {table!r}.")
    _check_column(known.documents, table, column)
    return walk(known, [place], column=column or None, direction=direction)


def _check_column(documents: Mapping[str, Any], table: str, column: str) -> None:
    if not column:
        return
    try:
        known = {each.name for each in target_table(documents, table).columns}
    except Invalid:
        known = set()
    if column not in known:
        raise NotFound("COLUMN_NOT_FOUND", f"The table {table!r} has no column {column!r}.")


def trace_source(
    *, workspace: Workspace, actor: Caller, table: SourceTable, column: str, direction: Direction
) -> list[Traced]:
    """Return what is made of a source's table; nothing lies upstream of one. Raises NotFound COLUMN_NOT_FOUND."""
    if column and column not in {each["name"] for each in table.columns}:
        raise NotFound("COLUMN_NOT_FOUND", f"The table {table.name!r} has no column {column!r}.")
    place = Place("source", table.name, table.source.name)
    known = WorkspaceLinks(workspace, actor)
    return walk(known, [place], column=column or None, direction=direction or "downstream")


def traced_to_json(traced: Traced) -> dict[str, Any]:
    """Return a link as the API shows it. `consumer` and `origin` stand for what is no table."""
    link = traced.link
    has_table, makes_table = link.origin.kind in {"source", "table"}, link.target.kind == "table"
    return {
        "source": link.origin.source,
        "table": link.origin.name if has_table else None,
        "column": link.column,
        "target_table": link.target.name if makes_table else None,
        "target": link.field,
        "kind": link.kind,
        "origin": None if has_table else _named(link.origin),
        "consumer": None if makes_table else _named(link.target),
        "effect": traced.effect,
        "distance": traced.distance,
    }


def _named(place: Place) -> dict[str, str]:
    return {"type": place.kind, "id": place.id, "name": place.name}
