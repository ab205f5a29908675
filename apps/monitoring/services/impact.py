"""What a mapping would do to whoever reads its table, told before it is applied."""

import time
from collections.abc import Callable, Collection, Mapping
from pathlib import Path
from typing import Any

from django.conf import settings
from django.utils import timezone

from apps.analytics.models import Audience, SavedQuery
from apps.analytics.services.audiences import open_inputs
from apps.mappings.services.compile import Documents, compile_table, discovered_shapes, table_reads
from apps.monitoring.models import AlertRule, Monitoring
from apps.monitoring.services.lineage import WorkspaceLinks
from apps.pipelines.models import StoredTable
from apps.pipelines.services.preview import MappingPreview, preview_mapping, preview_to_json
from apps.workspaces.models import Workspace
from datalinx.caller import Caller
from datalinx.engine import audience as engine
from datalinx.engine.audience import Budget
from datalinx.engine.compile.plan import InputShape, SourceColumn
from datalinx.engine.execute.stored import stored_columns
from datalinx.engine.lineage.graph import Place, walk
from datalinx.engine.query.run import check_query
from datalinx.engine.query.tables import TableFiles
from datalinx.engine.spec.audience import AudienceDocument, RelatedRule
from datalinx.engine.spec.audience import walk as walk_rule
from datalinx.engine.spec.base import parse_document
from datalinx.engine.spec.identity import IdentityDocument
from datalinx.engine.spec.query import QueryDocument
from datalinx.errors import DatalinxError, Invalid
from datalinx.files import scratch

EFFECTS = ["breaks", "touched", "unaffected"]
# Readers that are looked at, nearest first, and seconds for all the audiences that are counted.
MOST_READERS = 200
AUDIENCE_SECONDS = 10.0
QUERY_SECONDS = 5.0

# What decides which rows there are, and so is read by every reader.
_ROW_PARTS = ("inputs", "joins", "filter", "group_by", "deduplicate", "load", "on_invalid")

Tables = Mapping[str, TableFiles]


def preview_change(
    *, workspace: Workspace, actor: Caller, table_name: str, document: Any | None = None, limit: int = 100
) -> dict[str, Any]:
    """Return what a mapping makes of a sample, and what it would do to the readers that the caller may see.

    Raises as `preview_mapping`.
    """
    with scratch("preview") as folder:
        found = preview_mapping(
            workspace=workspace, table_name=table_name, document=document, limit=limit, keep_in=folder
        )
        readers, left_off = _Impact(workspace, actor, found, folder).readers()
    return {**preview_to_json(found), "readers": readers, "readers_left_off": left_off}


class _Impact:
    """One change and its readers: what they read, before and after."""

    def __init__(self, workspace: Workspace, actor: Caller, found: MappingPreview, folder: Path) -> None:
        self._workspace, self._found, self._folder = workspace, found, folder
        self._table = found.compiled.table
        self._links = WorkspaceLinks(workspace, actor)
        rows = StoredTable.objects.for_workspace(workspace.pk).order_by("name")
        # Only names and types: to know what would break no file is read.
        self._before: dict[str, TableFiles] = {
            name: TableFiles([(each["name"], each["type"]) for each in columns if each["name"][:2] != "__"])
            for name, columns in rows.values_list("name", "columns")
        }
        made = [(each.name, each.type) for each in stored_columns(found.compiled) if each.name[:2] != "__"]
        self._after = {**self._before, self._table: TableFiles(made)}
        self._deadline = time.monotonic() + AUDIENCE_SECONDS

    def readers(self) -> tuple[list[dict[str, Any]], int]:
        """Return the readers, those that break first, and how many there were too many."""
        place = Place("table", self._table)
        read: dict[Place, tuple[int, set[str]]] = {}
        for traced in walk(self._links, [place], direction="downstream"):
            distance, columns = read.setdefault(traced.link.target, (traced.distance, set()))
            if distance == 1 and traced.link.origin == place and traced.link.column:
                columns.add(traced.link.column)
        read.pop(place, None)
        changed, rows_change = self._changed()
        reached = self._reached(place, changed) if not rows_change else set(read)
        found = [
            self._reader(each, distance, sorted(columns & changed), each in reached)
            for each, (distance, columns) in list(read.items())[:MOST_READERS]
        ]
        found.sort(key=lambda entry: (EFFECTS.index(entry["effect"]), entry["distance"], entry["name"]))
        return found, max(0, len(read) - MOST_READERS)

    def _reached(self, place: Place, changed: set[str]) -> set[Place]:
        """Everybody whom a change of these columns comes to; a reader of the rows alone is not."""
        traced = (
            each
            for column in sorted(changed)
            for each in walk(self._links, [place], column=column, direction="downstream")
        )
        return {each.link.target for each in traced if each.distance > 1 or each.link.column in changed}

    def _changed(self) -> tuple[set[str], bool]:
        """Return the columns that change, by what was written or as the sample shows it, and whether rows do."""
        before = dict(self._before[self._table].columns) if self._table in self._before else {}
        after = dict(self._after[self._table].columns)
        changed = {name for name in before.keys() | after.keys() if before.get(name) != after.get(name)}
        if not self._found.proposed:
            stored = self._found.preview.stored
            return changed | set(stored.values_changed if stored else ()), False
        saved = self._found.saved["mappings"].get(self._table)
        if saved is None:
            return before.keys() | after.keys(), True
        was, now = saved["document"], self._found.documents["mappings"][self._table]["document"]
        changed |= {name for name in after if _definition(was, name) != _definition(now, name)}
        effect = self._found.effect or {}
        changed |= set(effect.get("values_changed", ()))
        rows_change = any(was.get(part) != now.get(part) for part in _ROW_PARTS)
        return changed, bool(rows_change or effect.get("rejects_gained") or effect.get("rejects_lost"))

    def _reader(self, place: Place, distance: int, columns: list[str], reached: bool) -> dict[str, Any]:
        error = self._break(place) if distance == 1 else None
        members = None
        if place.kind == "audience" and error is None and reached and distance == 1:
            members = self._members(place)
        return {
            "type": place.kind,
            "id": place.id,
            "name": place.name,
            "distance": distance,
            "effect": "breaks" if error else "touched" if reached else "unaffected",
            "columns": columns,
            "error_code": error.code if error else None,
            "message": _sentence(error) if error else None,
            "members": members,
        }

    def _break(self, place: Place) -> DatalinxError | None:
        """The refusal that a reader would meet, if it does not meet one today."""
        check = _CHECKS[place.kind]
        error = _refusal(lambda: check(self, place, self._after))
        if error is None or _refusal(lambda: check(self, place, self._before)) is not None:
            return None
        return error

    def _check_query(self, place: Place, tables: Tables) -> None:
        row = SavedQuery.objects.for_workspace(self._workspace.pk).filter(pk=place.id).first()
        if row is not None:
            document = parse_document(QueryDocument, row.document)
            values = {parameter.name: parameter.default for parameter in document.parameters}
            check_query(document.sql, tables=tables, parameters=values, seconds=QUERY_SECONDS)

    def _check_rule(self, place: Place, tables: Tables) -> None:
        row = AlertRule.objects.for_workspace(self._workspace.pk).filter(pk=place.id).first()
        if row is not None and row.document.get("query"):
            check_query(row.document["query"], tables=tables, seconds=QUERY_SECONDS)

    def _check_audience(self, place: Place, tables: Tables) -> None:
        document = self._audience(place)
        if document is None:
            return
        names = engine.referenced_audiences(document)
        rows = Audience.objects.for_workspace(self._workspace.pk).filter(pk__in=names)
        audiences = {}
        for row in rows:
            other = parse_document(AudienceDocument, row.document)
            columns = dict(tables[other.table].columns) if other.table in tables else {}
            audiences[row.pk] = engine.members_table(other, columns.get(other.key, "VARCHAR"), None)
        engine.check_audience(document, tables=tables, audiences=audiences, now=timezone.now())

    def _check_watched(self, place: Place, tables: Tables) -> None:
        row = Monitoring.objects.for_workspace(self._workspace.pk).filter(pk=place.id).first()
        watched = row.document.get("tables", {}).get(self._table, {}) if row else {}
        column = watched.get("timestamp_column")
        if column and column not in self._columns(tables):
            message = f"The freshness of {self._table} goes by its column {column!r}, which would be gone."
            raise Invalid("UNKNOWN_COLUMN", message)

    def _columns(self, tables: Tables) -> Collection[str]:
        """The columns of the table that changes; one that was never stored has none."""
        return tables[self._table].names() if self._table in tables else ()

    def _check_object_type(self, place: Place, tables: Tables) -> None:
        present = self._columns(tables)
        for link in self._links.into(place):
            if link.origin.name == self._table and link.column not in present:
                what = f"Its attribute {link.field!r}" if link.field else f"Its {link.kind}"
                message = f"{what} is the column {link.column!r} of {self._table}, which would be gone."
                raise Invalid("UNKNOWN_COLUMN", message)

    def _check_table(self, place: Place, tables: Tables) -> None:
        documents: Documents = self._found.documents
        shapes = discovered_shapes(documents, place.name)
        columns = tuple(SourceColumn(name, kind) for name, kind in tables[self._table].columns)
        for read in table_reads(documents, place.name):
            if read.target == self._table:
                shapes[read.relation] = InputShape(columns)
        compile_table(documents, place.name, shapes=shapes)

    def _check_people(self, place: Place, tables: Tables) -> None:
        identity = self._found.documents.get("identity") or {"document": {}}
        entry = parse_document(IdentityDocument, identity["document"]).table(self._table)
        if entry is None or self._table not in tables:
            return
        for column in (entry.key, *entry.identifiers):
            if column not in tables[self._table].names():
                message = (
                    f"The identity rules go by the column {column!r} of {self._table}, which would be gone."
                )
                raise Invalid("UNKNOWN_COLUMN", message)

    def _audience(self, place: Place) -> AudienceDocument | None:
        row = Audience.objects.for_workspace(self._workspace.pk).filter(pk=place.id).first()
        return parse_document(AudienceDocument, row.document) if row else None

    def _members(self, place: Place) -> dict[str, int] | None:
        """Who among the sample's rows would enter and leave; None where a sample cannot say it."""
        document, found = self._audience(place), self._found
        # Counted against a part of the rows related ones would be too few for everybody.
        if document is None or document.table != self._table or _relates_to(document, self._table):
            return None
        left = self._deadline - time.monotonic()
        if found.rows is None or found.rows_before is None or left <= 0:
            return None
        made: list[engine.Membership] = []
        try:
            tables, audiences = open_inputs(self._workspace, document)
            for name, file in (("before", found.rows_before), ("after", found.rows)):
                columns = (self._before if name == "before" else self._after)[self._table].columns
                kinds = dict(columns)
                previous = (
                    engine.members_table(document, kinds[document.key], made[0].members) if made else None
                )
                folder = self._folder / f"{place.id}-{name}"
                folder.mkdir()
                made.append(
                    engine.write_members(
                        document,
                        tables={**tables, self._table: TableFiles(columns, [file])},
                        audiences=audiences,
                        now=timezone.now(),
                        previous=previous,
                        folder=folder,
                        budget=Budget(settings.QUERY_MEMORY_BYTES, settings.ENGINE_THREADS, left, folder),
                    )
                )
        except DatalinxError:
            # Its rule cannot be evaluated within the budget, or a table that it reads was never written.
            return None
        before, after = made
        return {
            "before": before.total,
            "after": after.total,
            "entering": after.entered,
            "leaving": after.left,
        }


_CHECKS: dict[str, Callable[[_Impact, Place, Tables], None]] = {
    "object_type": _Impact._check_object_type,
    "query": _Impact._check_query,
    "alert_rule": _Impact._check_rule,
    "audience": _Impact._check_audience,
    "monitoring": _Impact._check_watched,
    "table": _Impact._check_table,
    "identity": _Impact._check_people,
}


def _refusal(check: Callable[[], None]) -> DatalinxError | None:
    try:
        check()
    except DatalinxError as error:
        return error
    return None


def _relates_to(document: AudienceDocument, table: str) -> bool:
    return any(
        isinstance(rule, RelatedRule) and rule.related == table for _, rule, _ in walk_rule(document.rule)
    )


def _sentence(error: DatalinxError) -> str:
    """The first fault itself, where the error only says that there are some."""
    return error.errors[0].message if isinstance(error, Invalid) and error.errors else error.message


def _definition(document: Mapping[str, Any], name: str) -> Any:
    """What makes a column in a mapping's document: its field, or the wildcard that may bring it."""
    return document.get("fields", {}).get(name) or document.get("wildcard")
