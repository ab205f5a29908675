"""Versions of documents: counted up at every change, all of them kept."""

from collections.abc import Mapping
from typing import Any

from django.db.models import Max

from apps.workspaces.models import DocumentVersion, Workspace
from datalinx.caller import Caller
from datalinx.errors import Invalid


def record_version(
    *, workspace: Workspace, kind: str, key: str, document: Mapping[str, Any], actor: Caller
) -> int:
    """Keep a document as the next version of its kind and key, and return the number. Within a transaction."""
    rows = DocumentVersion.objects.for_workspace(workspace.pk).filter(kind=kind, key=key)
    version = (rows.aggregate(last=Max("version"))["last"] or 0) + 1
    DocumentVersion.objects.create(
        workspace=workspace, kind=kind, key=key, version=version, document=document, created_by=actor.id
    )
    return version


def check_if_match(*, if_match: str, version: int) -> None:
    """Refuse a change that was made on top of an older version. Raises Invalid VERSION_CONFLICT."""
    wanted = if_match.strip().removeprefix("W/").strip('"')
    if wanted and wanted not in {"*", str(version)}:
        message = f"The document is at version {version}, not {wanted}: read it again and change that."
        raise Invalid("VERSION_CONFLICT", message, details={"version": version})
