"""Scores: how good the stored tables are, looked at when they change or when somebody asks."""

import logging
from collections.abc import Sequence
from typing import Any

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from apps.mappings.services.compile import collect_documents, target_table
from apps.mappings.services.schemas import get_schema_document
from apps.mappings.services.types import get_registry
from apps.monitoring.models import Monitoring, QualityScore
from apps.pipelines.models import RunStep, StoredTable
from apps.pipelines.services.tables import find_stored_table, table_files
from apps.workspaces.models import Workspace
from apps.workspaces.services.documents import check_if_match, record_version
from datalinx.caller import Caller
from datalinx.engine.quality import LastRun, QualityOptions, TableScore, score_table
from datalinx.engine.spec.base import document_to_json, parse_document, refusal
from datalinx.engine.spec.monitoring import MonitoringDocument, TableMonitoring
from datalinx.errors import FieldError, NotFound
from datalinx.files import scratch

logger = logging.getLogger(__name__)


def get_monitoring(workspace_id: str) -> dict[str, Any]:
    """Return what is watched; the defaults with version 0 before the first PUT."""
    row = Monitoring.objects.for_workspace(workspace_id).first()
    if row is None:
        return {**document_to_json(MonitoringDocument()), "version": 0}
    return {"id": row.pk, **row.document, "version": row.version, "updated_at": row.updated_at}


@transaction.atomic
def put_monitoring(
    *, workspace: Workspace, actor: Caller, document: Any, if_match: str = ""
) -> dict[str, Any]:
    """Replace what is watched. Raises Invalid with paths to every fault."""
    parsed = parse_document(MonitoringDocument, document)
    known = {table["name"] for table in get_schema_document(workspace.pk)["tables"]}
    unknown = [name for name in parsed.tables if name not in known]
    if unknown:
        raise refusal(
            [
                FieldError(f"tables.{name}", "unknown_table", f"There is no target table {name!r}.")
                for name in unknown
            ]
        )
    row = Monitoring.objects.for_workspace(workspace.pk).first()
    row = row or Monitoring(workspace=workspace, version=0, created_by=actor.id)
    check_if_match(if_match=if_match, version=row.version)
    row.document = document_to_json(parsed)
    row.version = record_version(
        workspace=workspace, kind="monitoring", key="workspace", document=row.document, actor=actor
    )
    row.save()
    return get_monitoring(workspace.pk)


def score_tables(*, workspace: Workspace, tables: Sequence[str] | None = None) -> list[QualityScore]:
    """Look at stored tables now, all of them unless told, and keep the scores. Raises NotFound TABLE_NOT_FOUND."""
    rows = StoredTable.objects.for_workspace(workspace.pk).select_related("workspace").order_by("name")
    if tables:
        rows = rows.filter(name__in=tables)
        missing = set(tables) - {row.name for row in rows}
        if missing:
            raise NotFound("TABLE_NOT_FOUND", f"There is no stored table {sorted(missing)[0]!r}.")
    in_schema = {table["name"] for table in get_schema_document(workspace.pk)["tables"]}
    return [_score(row) for row in rows if row.name in in_schema]


def _score(stored: StoredTable) -> QualityScore:
    workspace = stored.workspace
    table = target_table(collect_documents(workspace, [stored.name]), stored.name)
    names = {relationship.references.table for relationship in table.relationships}
    related = {name: table_files(row) for name in names if (row := find_stored_table(workspace.pk, name))}
    watched = parse_document(MonitoringDocument, _plain(workspace.pk)).tables.get(
        stored.name, TableMonitoring()
    )
    with scratch("quality") as folder:
        found = score_table(
            table,
            table_files(stored),
            related=related,
            types=get_registry(workspace.organization_id),
            now=timezone.now(),
            options=_options(stored, watched),
            memory_bytes=settings.QUERY_MEMORY_BYTES,
            threads=settings.ENGINE_THREADS,
            seconds=settings.AUDIENCE_SECONDS,
            spill=folder,
        )
    return _keep(stored, found)


def _plain(workspace_id: str) -> dict[str, Any]:
    row = Monitoring.objects.for_workspace(workspace_id).first()
    return dict(row.document) if row else {}


def _options(stored: StoredTable, watched: TableMonitoring) -> QualityOptions:
    """Return the engine's options, with the last run's counts behind accuracy."""
    given: dict[str, Any] = {}
    if watched.dimensions is not None:
        given["dimensions"] = watched.dimensions
    if watched.timestamp_column is not None:
        given["timestamp_column"] = watched.timestamp_column
    if watched.fresh_within_hours is not None:
        given["fresh_within_hours"] = watched.fresh_within_hours
    step = RunStep.objects.filter(run=stored.run_id, table=stored.name).first() if stored.run_id else None
    if step is not None and step.counts:
        given["last_run"] = LastRun(read=step.counts.get("read", 0), rejected=step.counts.get("rejected", 0))
    return QualityOptions(**given)


def _keep(stored: StoredTable, found: TableScore) -> QualityScore:
    values = found.as_dict()
    return QualityScore.objects.create(
        workspace=stored.workspace,
        table=stored.name,
        snapshot=stored.snapshot,
        rows=found.rows,
        score=found.score,
        grade=found.grade or "",
        dimensions=values["dimensions"],
        columns=values["columns"],
    )


def score_changed_tables() -> int:
    """Look at every watched table whose present version has no score yet; return how many were looked at."""
    count = 0
    rows = StoredTable.objects.select_related("workspace__organization").order_by("updated_at")
    for stored in rows.iterator(chunk_size=200):
        scored = QualityScore.objects.for_workspace(stored.workspace_id).filter(
            table=stored.name, snapshot__gte=stored.snapshot
        )
        if scored.exists() or not _plain(stored.workspace_id).get("enabled", True):
            continue
        try:
            count += len(score_tables(workspace=stored.workspace, tables=[stored.name]))
        except Exception:  # One table's trouble must not keep the others from being looked at.
            logger.exception("the table %s could not be scored", stored.pk)
    return count


def latest_scores(workspace_id: str) -> list[QualityScore]:
    """Return the newest score of each table, by name."""
    newest: dict[str, QualityScore] = {}
    tables = StoredTable.objects.for_workspace(workspace_id).values_list("name", flat=True)
    for name in tables:
        row = (
            QualityScore.objects.for_workspace(workspace_id)
            .filter(table=name)
            .order_by("-created_at")
            .first()
        )
        if row is not None:
            newest[name] = row
    return [newest[name] for name in sorted(newest)]


def latest_score(workspace_id: str, table: str) -> QualityScore:
    """Return a table's newest score. Raises NotFound SCORE_NOT_FOUND."""
    rows = QualityScore.objects.for_workspace(workspace_id).filter(table=table)
    row: QualityScore | None = rows.order_by("-created_at").first()
    if row is None:
        raise NotFound(
            "SCORE_NOT_FOUND", f"The table {table!r} has no score yet; POST /api/monitoring/run makes one."
        )
    return row
