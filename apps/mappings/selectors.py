"""What is read of documents: versions, differences, the state of mappings, the schema against the tables."""

from collections.abc import Iterator, Mapping
from typing import Any

from django.apps import apps
from django.db.models import QuerySet

from apps.mappings.services.schemas import get_schema_document
from apps.workspaces.models import DocumentVersion, Workspace
from datalinx.errors import NotFound


def list_versions(workspace_id: str, *, kind: str, key: str) -> QuerySet[Any]:
    """Return the versions of a document, newest first, without the documents."""
    rows = DocumentVersion.objects.for_workspace(workspace_id).filter(kind=kind, key=key)
    return rows.order_by("-version").values("version", "created_at", "created_by")


def get_version(workspace_id: str, *, kind: str, key: str, version: int) -> dict[str, Any]:
    """Return a document as it was at a version. Raises NotFound VERSION_NOT_FOUND."""
    rows = DocumentVersion.objects.for_workspace(workspace_id).filter(kind=kind, key=key)
    row = rows.filter(version=version).first() if version < 2**31 else None
    if row is None:
        raise NotFound("VERSION_NOT_FOUND", f"There is no version {version} of this document.")
    return {**row.document, "version": row.version, "created_at": row.created_at}


def diff_versions(workspace_id: str, *, kind: str, key: str, older: int, newer: int) -> list[dict[str, Any]]:
    """Return what changed between two versions: paths with the value before and after."""
    before = get_version(workspace_id, kind=kind, key=key, version=older)
    after = get_version(workspace_id, kind=kind, key=key, version=newer)
    for document in (before, after):
        del document["version"], document["created_at"]
    return list(diff_values(before, after, ""))


def diff_values(before: Any, after: Any, path: str) -> Iterator[dict[str, Any]]:
    """Yield the places where two JSON values differ. Lists of named things are compared by name."""
    before, after = _by_name(before), _by_name(after)
    if isinstance(before, dict) and isinstance(after, dict):
        for key in dict.fromkeys((*before, *after)):
            inner = f"{path}.{key}" if path else str(key)
            if key not in after:
                yield {"change": "removed", "path": inner, "before": before[key], "after": None}
            elif key not in before:
                yield {"change": "added", "path": inner, "before": None, "after": after[key]}
            else:
                yield from diff_values(before[key], after[key], inner)
    elif before != after:
        yield {"change": "changed", "path": path, "before": before, "after": after}


def _by_name(value: Any) -> Any:
    if (
        isinstance(value, list)
        and value
        and all(isinstance(entry, Mapping) and "name" in entry for entry in value)
    ):
        return {entry["name"]: entry for entry in value}
    return value


def schema_sync(workspace: Workspace) -> list[dict[str, Any]]:
    """Return the target schema against the stored tables: in_sync, not_built, differs, or not_in_schema.

    The stored tables belong to an app further right, which Django finds by name.
    """
    stored_model = apps.get_model("pipelines", "StoredTable")
    stored = {row.name: row for row in stored_model.objects.for_workspace(workspace.pk)}
    tables = {table["name"]: table for table in get_schema_document(workspace.pk)["tables"]}
    found = []
    for name in dict.fromkeys((*tables, *stored)):
        wanted = [column["name"] for column in tables.get(name, {}).get("columns", [])]
        present = [column["name"] for column in stored[name].columns] if name in stored else []
        status = "in_sync"
        if name not in tables:
            status = "not_in_schema"
        elif name not in stored:
            status = "not_built"
        elif set(wanted) != set(present):
            status = "differs"
        missing = [column for column in wanted if column not in present] if name in stored else []
        extra = [column for column in present if column not in wanted] if name in tables else []
        found.append({"table": name, "status": status, "missing_columns": missing, "extra_columns": extra})
    return found
