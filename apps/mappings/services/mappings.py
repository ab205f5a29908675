"""Mappings and blocks of SQL: put whole, changed by parts, taken away."""

from collections.abc import Callable
from typing import Any

from django.db import transaction

from apps.mappings.models import Cte, Mapping
from apps.mappings.services.compile import check_ctes, check_document
from apps.workspaces.models import Workspace
from apps.workspaces.services.documents import check_if_match, record_version
from datalinx.caller import Caller
from datalinx.engine.spec.base import document_to_json, parse_document, refusal
from datalinx.engine.spec.cte import CteDocument
from datalinx.engine.spec.mapping import Mapping as MappingDocument
from datalinx.errors import FieldError, Invalid, NotFound


def find_mapping(workspace_id: str, table_name: str) -> Mapping | None:
    """Return the mapping of a target table, or None."""
    return Mapping.objects.for_workspace(workspace_id).filter(table_name=table_name).first()


def get_mapping(workspace_id: str, table_name: str) -> Mapping:
    """Return the mapping of a target table. Raises NotFound MAPPING_NOT_FOUND."""
    row = find_mapping(workspace_id, table_name)
    if row is None:
        raise NotFound("MAPPING_NOT_FOUND", f"There is no mapping of the table {table_name!r}.")
    return row


@transaction.atomic
def put_mapping(
    *, workspace: Workspace, actor: Caller, table_name: str | None, document: Any, if_match: str = ""
) -> tuple[Mapping, bool]:
    """Make (`table_name` None) or put a mapping; return it and whether it is new.

    All that can be known now is checked now. Raises Invalid with paths to every fault, MAPPING_EXISTS.
    """
    if isinstance(document, dict) and table_name is not None:
        document = {"table_name": table_name, **document}
    parsed = parse_document(MappingDocument, document)
    if table_name is not None and parsed.table_name != table_name:
        message = f"The body maps {parsed.table_name!r} and the path names {table_name!r}."
        raise Invalid("NAME_MISMATCH", message, errors=[FieldError("table_name", "mismatch", message)])
    row = find_mapping(workspace.pk, parsed.table_name)
    if row is not None and table_name is None:
        message = f"There is a mapping of {parsed.table_name!r} already; PUT replaces it."
        raise Invalid("MAPPING_EXISTS", message, errors=[FieldError("table_name", "taken", message)])
    if faults := check_document(workspace, parsed):
        raise refusal(faults)
    is_new = row is None
    row = row or Mapping(workspace=workspace, table_name=parsed.table_name, version=0, created_by=actor.id)
    check_if_match(if_match=if_match, version=row.version)
    row.document = document_to_json(parsed)
    row.version = record_version(
        workspace=workspace, kind="mapping", key=parsed.table_name, document=row.document, actor=actor
    )
    row.save()
    return row, is_new


def change_mapping(
    *,
    workspace: Workspace,
    actor: Caller,
    table_name: str,
    change: Callable[[dict[str, Any]], None],
    if_match: str = "",
) -> Mapping:
    """Change a part of a mapping: `change` edits the document, which is then checked and put as a whole."""
    row = get_mapping(workspace.pk, table_name)
    document = dict(row.document)
    document["fields"] = dict(document.get("fields", {}))
    change(document)
    return put_mapping(
        workspace=workspace, actor=actor, table_name=table_name, document=document, if_match=if_match
    )[0]


def delete_mapping(*, workspace: Workspace, actor: Caller, table_name: str) -> None:
    """Delete a mapping; the table that it made stays. Raises NotFound MAPPING_NOT_FOUND."""
    get_mapping(workspace.pk, table_name).delete()


def get_cte(workspace_id: str, name: str) -> Cte:
    """Return a block of SQL. Raises NotFound CTE_NOT_FOUND."""
    row: Cte | None = Cte.objects.for_workspace(workspace_id).filter(name=name).first()
    if row is None:
        raise NotFound("CTE_NOT_FOUND", f"There is no CTE {name!r}.")
    return row


@transaction.atomic
def put_cte(
    *, workspace: Workspace, actor: Caller, name: str | None, document: Any, if_match: str = ""
) -> tuple[Cte, bool]:
    """Make (`name` None) or put a block of SQL. Raises Invalid CTE_EXISTS, CTE_CYCLE with the cycle named."""
    if isinstance(document, dict) and name is not None:
        document = {"name": name, **document}
    parsed = parse_document(CteDocument, document)
    if name is not None and parsed.name != name:
        message = f"The body is named {parsed.name!r} and the path {name!r}."
        raise Invalid("NAME_MISMATCH", message, errors=[FieldError("name", "mismatch", message)])
    row = Cte.objects.for_workspace(workspace.pk).filter(name=parsed.name).first()
    if row is not None and name is None:
        message = f"There is a CTE {parsed.name!r} already; PUT replaces it."
        raise Invalid("CTE_EXISTS", message, errors=[FieldError("name", "taken", message)])
    is_new = row is None
    row = row or Cte(workspace=workspace, name=parsed.name, version=0, created_by=actor.id)
    check_if_match(if_match=if_match, version=row.version)
    row.document = document_to_json(parsed)
    row.version = record_version(
        workspace=workspace, kind="cte", key=parsed.name, document=row.document, actor=actor
    )
    row.save()
    # Checked with what builds on it; a fault undoes the change.
    check_ctes(workspace, parsed.name)
    return row, is_new


@transaction.atomic
def delete_cte(*, workspace: Workspace, actor: Caller, name: str) -> None:
    """Delete a block of SQL that nothing reads. Raises Invalid CTE_IN_USE."""
    row = get_cte(workspace.pk, name)
    for mapping in Mapping.objects.for_workspace(workspace.pk):
        if any(entry.get("cte") == name for entry in mapping.document.get("inputs", [])):
            raise Invalid("CTE_IN_USE", f"The mapping of {mapping.table_name!r} reads this CTE.")
    row.delete()
    for other in Cte.objects.for_workspace(workspace.pk):
        check_ctes(workspace, other.name)
