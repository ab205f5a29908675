"""The identity rules of a workspace: one document, put whole, checked against schema and mappings."""

from typing import Any

from django.db import transaction

from apps.mappings.models import Identity
from apps.mappings.models import Mapping as MappingRow
from apps.mappings.services.schemas import get_schema_document
from apps.workspaces.models import Workspace
from apps.workspaces.services.documents import check_if_match, record_version
from datalinx.caller import Caller
from datalinx.engine.compile.identity import tables_meant
from datalinx.engine.spec.base import document_to_json, parse_document, refusal
from datalinx.engine.spec.identity import IdentityDocument
from datalinx.engine.spec.mapping import Mapping as MappingDocument
from datalinx.errors import FieldError, Invalid


def find_identity(workspace_id: str) -> Identity | None:
    """Return the row of the rules, or None before their first PUT."""
    return Identity.objects.for_workspace(workspace_id).select_related("workspace").first()


def get_identity_document(workspace_id: str) -> dict[str, Any]:
    """Return the rules; empty with version 0 before their first PUT."""
    row = find_identity(workspace_id)
    if row is None:
        return {**document_to_json(IdentityDocument()), "version": 0}
    return {"id": row.pk, **row.document, "version": row.version, "updated_at": row.updated_at}


@transaction.atomic
def put_identity(*, workspace: Workspace, actor: Caller, document: Any, if_match: str = "") -> dict[str, Any]:
    """Replace the rules; who is who changes with the next resolution.

    Raises Invalid with paths to every fault, IDENTITY_IN_USE.
    """
    parsed = parse_document(IdentityDocument, document)
    if faults := _unknown(workspace, parsed):
        raise refusal(faults)
    _refuse_if_used(workspace, parsed)
    row = find_identity(workspace.pk) or Identity(workspace=workspace, version=0, created_by=actor.id)
    check_if_match(if_match=if_match, version=row.version)
    row.document = document_to_json(parsed)
    row.version = record_version(
        workspace=workspace, kind="identity", key="workspace", document=row.document, actor=actor
    )
    # The generation is moved by resolutions alone, one of which may end just now.
    row.save(update_fields=None if row.version == 1 else ["document", "version", "updated_at"])
    return get_identity_document(workspace.pk)


def _unknown(workspace: Workspace, document: IdentityDocument) -> list[FieldError]:
    tables = {
        table["name"]: {column["name"] for column in table["columns"]}
        for table in get_schema_document(workspace.pk)["tables"]
    }
    faults = []
    for number, entry in enumerate(document.tables):
        columns = tables.get(entry.table)
        if columns is None:
            message = f"The target schema has no table {entry.table!r}."
            faults.append(FieldError(f"tables[{number}].table", "unknown_table", message))
            continue
        named = [("key", entry.key), *((f"identifiers.{name}", name) for name in entry.identifiers)]
        faults += [
            FieldError(
                f"tables[{number}].{place}", "unknown_column", f"{entry.table!r} has no column {name!r}."
            )
            for place, name in named
            if name not in columns
        ]
    return faults


def _refuse_if_used(workspace: Workspace, document: IdentityDocument) -> None:
    """Keep what mappings put canonical ids in from. Raises Invalid IDENTITY_IN_USE."""
    left = {entry.table for entry in document.tables}
    for row in MappingRow.objects.for_workspace(workspace.pk).order_by("table_name"):
        for table in tables_meant(parse_document(MappingDocument, row.document)):
            if table and table not in left:
                what = f"canonical ids of {table!r}, which these rules leave out"
            elif not table and len(left) != 1:
                what = "canonical ids without naming the table, and these rules have not exactly one"
            else:
                continue
            message = f"The mapping of {row.table_name!r} reads {what}; change it first."
            raise Invalid("IDENTITY_IN_USE", message, errors=[FieldError("tables", "in_use", message)])
