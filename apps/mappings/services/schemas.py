"""The target schema of a workspace: put whole, changed by parts, started from a template."""

import copy
from collections.abc import Mapping
from typing import Any

from django.db import transaction

from apps.mappings.models import Schema
from apps.mappings.services.types import get_registry
from apps.workspaces.models import Workspace
from apps.workspaces.services.documents import check_if_match, record_version
from datalinx.caller import Caller
from datalinx.engine.spec.base import document_to_json, parse_document, refusal
from datalinx.engine.spec.schema import TargetSchema
from datalinx.engine.spec.templates import get_template
from datalinx.errors import DatalinxError, FieldError, Invalid, NotFound
from datalinx.events import emit

EMPTY: dict[str, Any] = {"name": "", "description": "", "tables": []}


def find_schema(workspace_id: str) -> Schema | None:
    """Return the schema's row, or None before its first PUT."""
    return Schema.objects.for_workspace(workspace_id).first()


def get_schema_document(workspace_id: str) -> dict[str, Any]:
    """Return the schema document; empty with version 0 before its first PUT."""
    row = find_schema(workspace_id)
    if row is None:
        return {**EMPTY, "version": 0}
    return {"id": row.pk, **row.document, "version": row.version, "updated_at": row.updated_at}


def get_schema(workspace_id: str) -> TargetSchema:
    """Return the schema as it is typed; one without tables before its first PUT."""
    return parse_schema(get_schema_document(workspace_id))


def parse_schema(document: Mapping[str, Any]) -> TargetSchema:
    """Return a kept schema document as it is typed; the empty one has no name yet."""
    return parse_document(TargetSchema, {**document, "name": document.get("name") or "workspace"})


@transaction.atomic
def put_schema(*, workspace: Workspace, actor: Caller, document: Any, if_match: str = "") -> Schema:
    """Replace the schema. Raises Invalid with paths to every fault; the old document stays then."""
    schema = parse_document(TargetSchema, document)
    _check_types(schema, workspace)
    row = find_schema(workspace.pk) or Schema(workspace=workspace, version=0, created_by=actor.id)
    check_if_match(if_match=if_match, version=row.version)
    row.document = document_to_json(schema)
    row.version = record_version(
        workspace=workspace, kind="schema", key="workspace", document=row.document, actor=actor
    )
    row.save()
    emit("schema.changed", workspace=workspace, schema=row.document["name"], version=row.version)
    return row


def _check_types(schema: TargetSchema, workspace: Workspace) -> None:
    registry = get_registry(workspace.organization_id)
    faults = []
    for number, table in enumerate(schema.tables):
        for position, column in enumerate(table.columns):
            try:
                registry.resolve(column.type, precision=column.precision, scale=column.scale)
            except DatalinxError as error:
                path = f"tables[{number}].columns[{position}].type"
                faults.append(FieldError(path, "unknown_type", error.message))
    if faults:
        raise refusal(faults)


def apply_template(*, workspace: Workspace, actor: Caller, name: str, replace: bool = False) -> Schema:
    """Put a template's tables into the schema. Raises Invalid TABLE_EXISTS unless `replace` says so."""
    template = document_to_json(get_template(name))
    present = get_schema_document(workspace.pk)
    clashes = {table["name"] for table in present["tables"]} & {table["name"] for table in template["tables"]}
    if clashes and not replace:
        message = f"The schema has a table {sorted(clashes)[0]!r} already; send replace: true to replace it."
        raise Invalid("TABLE_EXISTS", message, errors=[FieldError("replace", "required", message)])
    kept = [table for table in present["tables"] if table["name"] not in clashes]
    document = {
        "name": present["name"] or template["name"],
        "description": present["description"] or template["description"],
        "tables": [*kept, *template["tables"]],
    }
    return put_schema(workspace=workspace, actor=actor, document=document)


def put_table(
    *, workspace: Workspace, actor: Caller, name: str | None, table: Mapping[str, Any], if_match: str = ""
) -> tuple[dict[str, Any], bool]:
    """Add a table (`name` None) or put the one of that name, order kept; return it and whether it is new."""
    document = _present(workspace)
    chosen = _name_of(table, name)
    position = _position(document["tables"], chosen)
    if name is None and position is not None:
        _refuse_taken("TABLE_EXISTS", f"There is a table {chosen!r} already; PUT replaces it.")
    document["tables"] = _placed(document["tables"], position, {**table, "name": chosen})
    saved = put_schema(workspace=workspace, actor=actor, document=document, if_match=if_match).document
    return get_table_document(saved, chosen), position is None


def delete_table(*, workspace: Workspace, actor: Caller, name: str, if_match: str = "") -> None:
    """Take a table out of the schema. Raises NotFound TABLE_NOT_FOUND."""
    document = _present(workspace)
    get_table_document(document, name)
    document["tables"] = [table for table in document["tables"] if table["name"] != name]
    put_schema(workspace=workspace, actor=actor, document=document, if_match=if_match)


def put_column(
    *,
    workspace: Workspace,
    actor: Caller,
    table: str,
    name: str | None,
    column: Mapping[str, Any],
    if_match: str = "",
) -> tuple[dict[str, Any], bool]:
    """Add a column (`name` None) or put the one of that name, order kept; return it and whether it is new."""
    document = _present(workspace)
    entry = get_table_document(document, table)
    chosen = _name_of(column, name)
    position = _position(entry["columns"], chosen)
    if name is None and position is not None:
        _refuse_taken("COLUMN_EXISTS", f"The table has a column {chosen!r} already; PUT replaces it.")
    entry["columns"] = _placed(entry["columns"], position, {**column, "name": chosen})
    saved = put_schema(workspace=workspace, actor=actor, document=document, if_match=if_match).document
    return get_column_document(saved, table, chosen), position is None


def delete_column(*, workspace: Workspace, actor: Caller, table: str, name: str, if_match: str = "") -> None:
    """Take a column out of a table. Raises NotFound COLUMN_NOT_FOUND."""
    document = _present(workspace)
    entry = get_table_document(document, table)
    get_column_document(document, table, name)
    entry["columns"] = [column for column in entry["columns"] if column["name"] != name]
    put_schema(workspace=workspace, actor=actor, document=document, if_match=if_match)


def get_table_document(document: Mapping[str, Any], name: str) -> dict[str, Any]:
    """Return one table of a schema document. Raises NotFound TABLE_NOT_FOUND."""
    for table in document["tables"]:
        if table["name"] == name:
            found: dict[str, Any] = table
            return found
    raise NotFound("TABLE_NOT_FOUND", f"The target schema has no table {name!r}.")


def get_column_document(document: Mapping[str, Any], table: str, name: str) -> dict[str, Any]:
    """Return one column of a schema document. Raises NotFound COLUMN_NOT_FOUND."""
    for column in get_table_document(document, table)["columns"]:
        if column["name"] == name:
            return dict(column)
    raise NotFound("COLUMN_NOT_FOUND", f"The table {table!r} has no column {name!r}.")


def _present(workspace: Workspace) -> dict[str, Any]:
    row = find_schema(workspace.pk)
    return copy.deepcopy(row.document if row else {**EMPTY, "name": workspace.name})


def _name_of(entry: Mapping[str, Any], name: str | None) -> str:
    given = entry.get("name", name)
    if name is not None and given != name:
        message = f"The body is named {given!r} and the path {name!r}; make them the same."
        raise Invalid("NAME_MISMATCH", message, errors=[FieldError("name", "mismatch", message)])
    if not isinstance(given, str):
        message = "A name is needed."
        raise Invalid("VALIDATION_ERROR", message, errors=[FieldError("name", "required", message)])
    return given


def _position(entries: list[Any], name: str) -> int | None:
    return next((index for index, entry in enumerate(entries) if entry["name"] == name), None)


def _placed(entries: list[Any], position: int | None, entry: Any) -> list[Any]:
    if position is None:
        return [*entries, entry]
    return [*entries[:position], entry, *entries[position + 1 :]]


def _refuse_taken(code: str, message: str) -> None:
    raise Invalid(code, message, errors=[FieldError("name", "taken", message)])
