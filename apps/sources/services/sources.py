"""Sources: made, changed, tested, discovered, filled by upload."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any, Protocol

from django.conf import settings
from django.db import IntegrityError, transaction
from django.utils import timezone

from apps.sources.models import Source, SourceTable
from apps.sources.services.documents import check_documents
from apps.workspaces.models import Workspace
from datalinx.caller import Caller
from datalinx.engine.connectors import get_reader
from datalinx.engine.connectors.base import (
    DiscoveredColumn,
    DiscoveredTable,
    Limits,
    Mode,
    Problem,
    SourceContext,
    TestStep,
)
from datalinx.engine.connectors.diff import Change, diff_tables
from datalinx.errors import FieldError, Invalid, NotFound
from datalinx.events import emit
from datalinx.files import scratch, workspace_storage
from datalinx.redaction import remember
from datalinx.sealed import seal, unseal


class Uploaded(Protocol):
    """A file on its way in: its name, and its content in pieces."""

    name: str | None

    def chunks(self) -> Iterator[bytes]: ...


def create_source(
    *,
    workspace: Workspace,
    actor: Caller,
    name: str,
    connector: str,
    config: Mapping[str, Any] | None = None,
    credentials: Mapping[str, Any] | None = None,
) -> Source:
    """Make a source.

    Raises Invalid SOURCE_NAME_TAKEN, UNKNOWN_CONNECTOR, CONNECTOR_CANNOT_READ, and for faults of the documents.
    """
    check_documents(get_reader(connector), config or {}, credentials or {})
    source = Source(workspace=workspace, connector=connector, created_by=actor.id)
    return _save(source, name=name, config=config or {}, credentials=credentials)


def update_source(*, source: Source, actor: Caller, **values: Any) -> Source:
    """Change a source; its credentials are replaced in place when they are given."""
    config = values.get("config", source.config)
    credentials = values.get("credentials")
    if values.get("connector", source.connector) != source.connector:
        message = "A source keeps its connector; make another source instead."
        raise Invalid("CONNECTOR_IS_FIXED", message, errors=[FieldError("connector", "fixed", message)])
    given = credentials if credentials is not None else open_credentials(source)
    check_documents(get_reader(source.connector), config, given)
    if config != source.config or credentials is not None:
        source.status = Source.Status.UNTESTED
    return _save(source, name=values.get("name", source.name), config=config, credentials=credentials)


def _save(
    source: Source, *, name: str, config: Mapping[str, Any], credentials: Mapping[str, Any] | None
) -> Source:
    source.name, source.config = name, dict(config)
    if credentials is not None:
        source.sealed_credentials = seal(dict(credentials), context=f"source:{source.pk}")
    try:
        with transaction.atomic():
            source.save()
    except IntegrityError as error:
        message = f"There is a source named {name!r} already; choose another name."
        raise Invalid("SOURCE_NAME_TAKEN", message, errors=[FieldError("name", "taken", message)]) from error
    return source


def delete_source(*, source: Source, actor: Caller) -> None:
    """Delete a source with what was uploaded into it. Tables that pipelines wrote from it stay."""
    key = upload_prefix(source)
    files = source_storage(source)
    source.delete()
    transaction.on_commit(lambda: files.delete_prefix(key))


def open_credentials(source: Source) -> dict[str, Any]:
    """Return a source's credentials as they were given."""
    if not source.sealed_credentials:
        return {}
    credentials = dict(unseal(source.sealed_credentials, context=f"source:{source.pk}"))
    remember(credentials, scope=source.workspace_id)
    return credentials


def source_storage(source: Source) -> Any:
    """Return the storage of the source's workspace."""
    return workspace_storage(source.workspace.organization_id, source.workspace_id)


def upload_prefix(source: Source) -> str:
    """Return where uploads into this source lie, within its workspace's storage."""
    return f"uploads/{source.pk}"


def engine_limits() -> Limits:
    """Return what a connector may use for one call."""
    return Limits(memory_bytes=settings.ENGINE_MEMORY_BYTES, threads=settings.ENGINE_THREADS)


@contextmanager
def open_context(source: Source) -> Iterator[SourceContext]:
    """Give the source as its connector sees it, with its uploads in a local folder while the block runs."""
    with scratch("source") as folder:
        area = None
        if get_reader(source.connector).uploads:
            area = source_storage(source).local_folder(upload_prefix(source), hold_in=folder / "area")
        yield SourceContext(
            config=source.config,
            credentials=open_credentials(source),
            allow=settings.OUTBOUND_ALLOW_CIDRS,
            area=area,
            cache=Path(settings.HOME) / "cache" / "sources" / source.pk,
            limits=engine_limits(),
        )


def test_source(*, source: Source, actor: Caller) -> list[TestStep]:
    """Try a source step by step, and note how it went."""
    with open_context(source) as context:
        steps = get_reader(source.connector).test(context)
    passed = all(step.passed for step in steps)
    source.status = Source.Status.OK if passed else Source.Status.FAILED
    source.last_tested_at = timezone.now()
    source.save(update_fields=["status", "last_tested_at", "updated_at"])
    return steps


def test_unsaved_source(
    *, connector: str, config: Mapping[str, Any], credentials: Mapping[str, Any]
) -> list[TestStep]:
    """Try settings that are not saved."""
    kind = get_reader(connector)
    check_documents(kind, config, credentials)
    with scratch("source") as folder:
        return kind.test(
            SourceContext(
                config=config,
                credentials=credentials,
                allow=settings.OUTBOUND_ALLOW_CIDRS,
                cache=folder,
                limits=engine_limits(),
            )
        )


def discover_source(
    *, source: Source, actor: Caller, mode: Mode = "all", tables: Sequence[str] = (), pattern: str = ""
) -> list[Change]:
    """Look at a source's tables, keep what was found, and return how it differs from the last time.

    With a selection or a pattern, only tables that it covers are compared, kept and taken away.
    """
    with open_context(source) as context:
        kind = get_reader(source.connector)
        found = kind.discover(context, mode=mode, tables=tuple(tables), pattern=pattern)
    covered = {table.name for table in found} | set(tables)
    known = [as_discovered(row) for row in source.tables.all() if mode == "all" or row.name in covered]
    changes = diff_tables(known, found)
    _keep(source, known=[table.name for table in known], found=found, changes=changes)
    return changes


@transaction.atomic
def _keep(
    source: Source, *, known: Iterable[str], found: Sequence[DiscoveredTable], changes: Sequence[Change]
) -> None:
    now = timezone.now()
    # The first look finds everything new, which is no change of anything.
    if changes and source.discovered_at is not None:
        _tell(source, changes)
    gone = set(known) - {table.name for table in found}
    source.tables.filter(name__in=gone).delete()
    for table in found:
        SourceTable.objects.update_or_create(
            source=source,
            name=table.name,
            defaults={
                "columns": [asdict(column) for column in table.columns],
                "rows": table.rows,
                "malformed": table.malformed,
                "files": list(table.files),
                "fingerprint": table.fingerprint,
                "notices": list(table.notices),
                "problem": asdict(table.problem) if table.problem else None,
                "discovered_at": now,
            },
        )
    source.discovered_at = now
    source.save(update_fields=["discovered_at", "updated_at"])


def _tell(source: Source, changes: Sequence[Change]) -> None:
    emit(
        "schema.changed",
        workspace=source.workspace,
        source_id=source.pk,
        source=source.name,
        tables=sorted({change.table for change in changes}),
        change_count=len(changes),
        breaking=any(change.breaking for change in changes),
    )


def as_discovered(row: SourceTable) -> DiscoveredTable:
    """Return a kept table as the engine's value."""
    return DiscoveredTable(
        name=row.name,
        columns=tuple(DiscoveredColumn(**column) for column in row.columns),
        rows=row.rows,
        malformed=row.malformed,
        files=tuple(row.files),
        fingerprint=row.fingerprint,
        notices=tuple(row.notices),
        problem=Problem(**row.problem) if row.problem else None,
    )


def upload_files(*, source: Source, actor: Caller, files: Sequence[Uploaded], table: str = "") -> list[str]:
    """Store uploaded files, each replacing one of its name at once, and return the names.

    With `table`, the one file takes that name and keeps its ending. Discovery follows, so that tables are there.
    Raises Invalid UPLOADS_NOT_TAKEN, NO_FILE, NAME_INVALID; TooLarge FILE_TOO_LARGE.
    """
    if not get_reader(source.connector).uploads:
        raise Invalid("UPLOADS_NOT_TAKEN", f"A source of the kind {source.connector} takes no uploads.")
    if not files or (table and len(files) > 1):
        message = "Send one file or more as the multipart field `file`; with `table` exactly one."
        raise Invalid("NO_FILE", message, errors=[FieldError("file", "required", message)])
    names = [_stored_name(upload.name or "", table) for upload in files]
    place = source_storage(source)
    for upload, name in zip(files, names, strict=True):
        key = f"{upload_prefix(source)}/{name}"
        with place.open_write(key, max_bytes=settings.MAX_UPLOAD_BYTES) as writer:
            for chunk in upload.chunks():
                writer.write(chunk)
    discover_source(source=source, actor=actor)
    return names


def _stored_name(name: str, table: str) -> str:
    plain = name.replace("\\", "/").rpartition("/")[2].strip()
    if not plain or plain.startswith(".") or not plain.isprintable() or len(plain.encode()) > 200:
        message = f"The file's name {plain[:50]!r} cannot be used; rename the file."
        raise Invalid("NAME_INVALID", message, errors=[FieldError("file", "invalid", message)])
    if not table:
        return plain
    if "/" in table or "\\" in table or table.startswith(".") or not table.isprintable():
        message = "A table's name has no slashes and does not begin with a dot."
        raise Invalid("NAME_INVALID", message, errors=[FieldError("table", "invalid", message)])
    _, dot, ending = plain.partition(".")
    return f"{table}{dot}{ending}"


def get_table(*, source: Source, name: str) -> SourceTable:
    """Return a discovered table. Raises NotFound TABLE_NOT_FOUND."""
    row = source.tables.filter(name=name).first()
    if row is None:
        raise NotFound(
            "TABLE_NOT_FOUND", f"The source {source.name} has no table {name!r}; discover it first."
        )
    row.source = source
    return row


def describe_table(
    *,
    table: SourceTable,
    actor: Caller,
    description: str | None = None,
    columns: Mapping[str, str] | None = None,
) -> SourceTable:
    """Set a table's own words and those of its columns. Raises Invalid UNKNOWN_COLUMN."""
    names = {column["name"] for column in table.columns}
    unknown = [name for name in columns or {} if name not in names]
    if unknown:
        message = f"The table {table.name} has no column {unknown[0]!r}."
        errors = [FieldError(f"column_descriptions.{unknown[0]}", "unknown_column", message)]
        raise Invalid("UNKNOWN_COLUMN", message, errors=errors)
    if description is not None:
        table.description = description
    table.column_descriptions = {**table.column_descriptions, **(columns or {})}
    table.save(update_fields=["description", "column_descriptions"])
    return table
