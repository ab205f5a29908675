"""Queries: a user's SQL over the workspace's tables, asked once or kept."""

from collections.abc import Mapping
from typing import Any, Literal

from django.conf import settings
from django.db import IntegrityError, transaction
from django.utils import timezone

from apps.analytics.models import SavedQuery
from apps.pipelines.services.tables import workspace_tables, workspace_tables_as_of
from apps.workspaces.models import Workspace
from apps.workspaces.services.documents import check_if_match, record_version
from datalinx.caller import Caller
from datalinx.engine.query.run import check_query, run_query
from datalinx.engine.query.tables import QueryResult
from datalinx.engine.spec.base import document_to_json, parse_document
from datalinx.engine.spec.query import QueryDocument
from datalinx.errors import FieldError, Invalid, NotFound

DEFAULT_LIMIT = 1_000
MAX_LIMIT = 100_000
# Results that a saved query keeps.
KEPT_ROWS = 1_000


def ask(
    *,
    workspace: Workspace,
    actor: Caller,
    sql: str,
    parameters: Mapping[str, Any] | None = None,
    limit: int = DEFAULT_LIMIT,
    answer: Literal["rows", "csv", "arrow"] = "rows",
    as_of: str = "",
) -> QueryResult:
    """Answer a read-only query over the workspace's tables. Raises Invalid SQL_NOT_ALLOWED, QUERY_TIMEOUT, …

    With `as_of`, a version's number, a run's id or a time, every table that the query names is read as it was.
    Raises NotFound SNAPSHOT_NOT_FOUND, SNAPSHOT_EXPIRED when one of them had no version then.
    """
    tables, absent = workspace_tables_as_of(workspace, as_of) if as_of else (workspace_tables(workspace), {})
    try:
        return run_query(
            sql,
            tables=tables,
            parameters=parameters,
            limit=limit,
            seconds=settings.QUERY_SECONDS,
            memory_bytes=settings.QUERY_MEMORY_BYTES,
            answer=answer,
        )
    except Invalid as error:
        named = str(error.details.get("table", "")) if error.code == "UNKNOWN_TABLE" else ""
        for name, reason in absent.items():
            if name.lower() == named.lower():
                message = f"`{name}` cannot be read as of {as_of}: {reason.message}"
                raise NotFound(reason.code, message, details={"table": name}) from error
        raise


def result_to_json(result: QueryResult) -> dict[str, Any]:
    """Return an answer in rows as the API shows it."""
    return {
        "columns": result.columns,
        "rows": result.rows,
        "row_count": result.row_count,
        "truncated": result.truncated,
        "seconds": result.seconds,
    }


def create_query(*, workspace: Workspace, actor: Caller, document: Any) -> SavedQuery:
    """Keep a query. Raises Invalid with paths to every fault, QUERY_NAME_TAKEN."""
    return _save(
        SavedQuery(workspace=workspace, version=0, created_by=actor.id), actor=actor, document=document
    )


def update_query(
    *, query: SavedQuery, actor: Caller, changes: Mapping[str, Any], if_match: str = ""
) -> SavedQuery:
    """Change the given keys of a query's document; its results go when the SQL changes."""
    check_if_match(if_match=if_match, version=query.version)
    return _save(query, actor=actor, document={**query.document, **changes})


@transaction.atomic
def _save(query: SavedQuery, *, actor: Caller, document: Any) -> SavedQuery:
    parsed = parse_document(QueryDocument, document)
    defaults = {parameter.name: parameter.default for parameter in parsed.parameters}
    # What can be known now is known now: the SQL is checked against the tables that there are.
    check_query(parsed.sql, tables=workspace_tables(query.workspace), parameters=defaults)
    if query.document and query.document.get("sql") != parsed.sql:
        query.results, query.last_run_at = None, None
    query.name, query.document = parsed.name, document_to_json(parsed)
    query.version = record_version(
        workspace=query.workspace, kind="query", key=query.pk, document=query.document, actor=actor
    )
    try:
        with transaction.atomic():
            query.save()
    except IntegrityError as error:
        message = f"There is a query named {parsed.name!r} already; choose another name."
        raise Invalid("QUERY_NAME_TAKEN", message, errors=[FieldError("name", "taken", message)]) from error
    return query


def run_saved_query(
    *,
    query: SavedQuery,
    actor: Caller,
    parameters: Mapping[str, Any] | None = None,
    limit: int = DEFAULT_LIMIT,
    as_of: str = "",
) -> dict[str, Any]:
    """Ask a kept query and keep the answer's first rows, unless it is asked of tables as they were."""
    document = parse_document(QueryDocument, query.document)
    values = {parameter.name: parameter.default for parameter in document.parameters} | dict(parameters or {})
    result = ask(
        workspace=query.workspace,
        actor=actor,
        sql=document.sql,
        parameters=values,
        limit=limit,
        as_of=as_of,
    )
    shown = result_to_json(result)
    now = timezone.now()
    if as_of:
        # What is kept is what readers take for the present.
        return {**shown, "ran_at": now}
    kept = {
        **shown,
        "rows": result.rows[:KEPT_ROWS],
        "truncated": result.truncated or len(result.rows) > KEPT_ROWS,
    }
    SavedQuery.objects.filter(pk=query.pk).update(results=kept, last_run_at=now)
    return {**shown, "ran_at": now}
