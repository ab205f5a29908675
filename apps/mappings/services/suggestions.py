"""Suggestions of fields: made from names and sampled values, then accepted, changed or refused by a person."""

import re
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any

from django.db import transaction
from django.utils import timezone

from apps.mappings.models import Suggestion
from apps.mappings.services.compile import check_document, collect_documents, target_table
from apps.mappings.services.mappings import change_mapping, find_mapping, put_mapping
from apps.mappings.services.types import get_registry
from apps.sources.models import SourceTable
from apps.sources.services.sources import engine_limits, open_context
from apps.workspaces.models import Workspace
from datalinx.caller import Caller
from datalinx.engine.connectors import get_reader
from datalinx.engine.execute.results import Limits
from datalinx.engine.spec.base import parse_document
from datalinx.engine.spec.mapping import Mapping as MappingDocument
from datalinx.engine.spec.schema import TargetTable
from datalinx.engine.suggest import SAMPLE_ROWS, TableSample, suggest_fields, table_score
from datalinx.engine.suggest import Suggestion as Found
from datalinx.engine.types.registry import TypeRegistry
from datalinx.errors import FieldError, Invalid, NotFound

# Tables that are compared by their names alone, and those of them whose values are looked at.
MAX_TABLES = 500
MAX_SAMPLED = 3
# A semantic type is taken for the meaning of a column only when nearly all of its values have it.
SURE_SHARE, SURE_SCORE = 0.9, 0.7


@dataclass(frozen=True)
class Choice:
    """A source's table that could be an input, under its alias."""

    alias: str
    table: SourceTable


def suggest_mapping(
    *, workspace: Workspace, actor: Caller, table_name: str, source: str = "", table: str = ""
) -> None:
    """Suggest a field for each column of a target table that no field makes; earlier open suggestions go.

    A mapping's own inputs are looked at; where there is no mapping yet, `source` and `table`, or else the
    tables of the workspace whose names fit best. Raises Invalid UNKNOWN_TABLE, UNKNOWN_INPUT.
    """
    documents = collect_documents(workspace)
    target = target_table(documents, table_name)
    mapping = _saved_mapping(documents, table_name)
    wanted = [column.name for column in target.columns if column.name not in _made(workspace, mapping)]
    groups = _groups(workspace, target, mapping, source, table)
    types = get_registry(workspace.organization_id)
    refused = {
        (row.field, tuple(row.columns))
        for row in _of_table(workspace, table_name).filter(status=Suggestion.Status.REJECTED)
    }
    best: list[Found] = []
    for group in groups:
        with _samples(group) as samples:
            meanings = _meanings(samples, types)
            found = suggest_fields(
                target,
                [sample for sample, _ in samples],
                types=types,
                targets=wanted,
                refused=refused,
                meanings=meanings,
                limits=_limits(),
            )
        if sum(each.confidence for each in found) > sum(each.confidence for each in best):
            best = found
    _replace_open(workspace, actor, table_name, best)


def accept_suggestion(
    *,
    workspace: Workspace,
    actor: Caller,
    table_name: str,
    suggestion_id: str,
    field: Any | None = None,
    if_match: str = "",
) -> Suggestion:
    """Put the suggested field, or `field` in its stead, into the mapping, which is made if there is none.

    Raises NotFound SUGGESTION_NOT_FOUND, Invalid SUGGESTION_DECIDED, SUGGESTION_OUTDATED, and what a
    mapping's check raises.
    """
    with transaction.atomic():
        row = _decide(workspace, actor, table_name, suggestion_id, Suggestion.Status.ACCEPTED)
        chosen = row.proposal if field is None else field
        given = {"alias": row.alias, "source": row.source, "table": row.source_table}
        if find_mapping(workspace.pk, table_name) is None:
            document = {"table_name": table_name, "inputs": [given], "fields": {row.field: chosen}}
            put_mapping(workspace=workspace, actor=actor, table_name=table_name, document=document)
            return row

        def add(document: dict[str, Any]) -> None:
            if given not in [
                {key: entry.get(key) for key in ("alias", "source", "table")} for entry in document["inputs"]
            ]:
                message = (
                    f"The mapping no longer reads {row.source!r}, {row.source_table!r} as `{row.alias}`; "
                    "ask for suggestions again."
                )
                raise Invalid("SUGGESTION_OUTDATED", message)
            document["fields"][row.field] = chosen

        change_mapping(workspace=workspace, actor=actor, table_name=table_name, change=add, if_match=if_match)
        return row


def reject_suggestion(
    *, workspace: Workspace, actor: Caller, table_name: str, suggestion_id: str
) -> Suggestion:
    """Refuse a suggestion: these columns are not suggested for this field again.

    Raises NotFound SUGGESTION_NOT_FOUND, Invalid SUGGESTION_DECIDED.
    """
    return _decide(workspace, actor, table_name, suggestion_id, Suggestion.Status.REJECTED)


def list_field_states(workspace: Workspace, table_name: str) -> list[dict[str, Any]]:
    """Return for each column of a target table whether it is mapped, unmapped, an error or ambiguous.

    A column that is not mapped carries its open suggestion, if there is one. Raises Invalid UNKNOWN_TABLE.
    """
    documents = collect_documents(workspace)
    target = target_table(documents, table_name)
    mapping = _saved_mapping(documents, table_name)
    made = _made(workspace, mapping)
    faults: dict[str, list[FieldError]] = {}
    for fault in check_document(workspace, mapping) if mapping is not None else []:
        parts = fault.field.split(".")
        if parts[0] == "fields" and len(parts) > 1:
            faults.setdefault(parts[1], []).append(fault)
    rows = _of_table(workspace, table_name).filter(status=Suggestion.Status.OPEN)
    offered = {row.field: row for row in rows}
    found = []
    for column in target.columns:
        row = offered.get(column.name) if column.name not in made else None
        state = "mapped" if column.name in made else "unmapped"
        if column.name in faults:
            state = "error"
        elif row is not None and row.ambiguous:
            state = "ambiguous"
        errors = [fault.as_dict() for fault in faults.get(column.name, [])]
        found.append(
            {"field": column.name, "type": column.type, "state": state, "errors": errors, "suggestion": row}
        )
    return found


def _of_table(workspace: Workspace, table_name: str) -> Any:
    return Suggestion.objects.for_workspace(workspace.pk).filter(table_name=table_name)


def _saved_mapping(documents: dict[str, Any], table_name: str) -> MappingDocument | None:
    entry = documents["mappings"].get(table_name)
    return parse_document(MappingDocument, entry["document"]) if entry else None


def _made(workspace: Workspace, mapping: MappingDocument | None) -> set[str]:
    """The columns that a mapping makes, by a field or by its wildcard."""
    from apps.mappings.services.compile import effective_of

    if mapping is None:
        return set()
    spread = effective_of(workspace, mapping.table_name) if mapping.wildcard else []
    return {*mapping.fields, *(entry["target"] for entry in spread if entry["state"] == "mapped")}


def _groups(
    workspace: Workspace, target: TargetTable, mapping: MappingDocument | None, source: str, table: str
) -> list[list[Choice]]:
    """What to look at: the inputs of a mapping together, or single tables, of which the best one will do."""
    rows = SourceTable.objects.filter(source__workspace=workspace, problem__isnull=True).select_related(
        "source"
    )
    if mapping is not None:
        chosen = [
            Choice(entry.alias, row)
            for entry in mapping.inputs
            if entry.kind == "source" and (not source or (source, table) == (entry.source, entry.table))
            for row in rows.filter(source__name=entry.source, name=entry.table)
        ]
        if not chosen and source:
            message = f"The mapping does not read {table!r} of {source!r}; add it to its inputs first."
            raise Invalid("UNKNOWN_INPUT", message, errors=[FieldError("table", "unknown_input", message)])
        return [chosen] if chosen else []
    if source:
        named = rows.filter(source__name=source, name=table).first()
        if named is None:
            message = f"There is no discovered table {table!r} in a source {source!r}."
            raise Invalid("UNKNOWN_INPUT", message, errors=[FieldError("table", "unknown_input", message)])
        return [[Choice(_alias(table), named)]]
    scored = [
        (table_score(target, row.name, [column["name"] for column in row.columns]), row)
        for row in rows.order_by("source__name", "name")[:MAX_TABLES]
    ]
    scored.sort(key=lambda pair: -pair[0])
    return [[Choice(_alias(row.name), row)] for score, row in scored[:MAX_SAMPLED] if score > 0]


def _alias(table: str) -> str:
    """A short alias that a person could have chosen: the table's first letters."""
    words = re.findall(r"[a-z0-9]+", table.lower())
    alias = "_".join(words)[:30].strip("_")
    return alias if alias and alias[0].isalpha() else "input"


@contextmanager
def _samples(group: Sequence[Choice]) -> Iterator[list[tuple[TableSample, list[list[str]]]]]:
    """Give each table with its scan and the texts of its first rows, column by column."""
    with ExitStack() as stack:
        found = []
        for choice in group:
            source = choice.table.source
            context = stack.enter_context(open_context(source))
            connector = get_reader(source.connector)
            scan = connector.scan(context, choice.table.name)
            rows = connector.preview(context, choice.table.name, limit=SAMPLE_ROWS).rows
            texts = [
                [str(row[place]) for row in rows if row[place] not in {None, ""}]
                if column.type == "VARCHAR"
                else []
                for place, column in enumerate(scan.columns)
            ]
            sample = TableSample(source.name, choice.table.name, choice.alias, scan.columns, scan)
            found.append((sample, texts))
        yield found


def _meanings(
    samples: Sequence[tuple[TableSample, list[list[str]]]], types: TypeRegistry
) -> dict[tuple[str, str], str]:
    """The semantic types that columns plainly have, told from their values."""
    found = {}
    for sample, texts in samples:
        names = [column.name for column in sample.columns]
        detected = types.detect_columns(list(zip(names, texts, strict=True)))
        for name, guesses in zip(names, detected, strict=True):
            if guesses and guesses[0].share >= SURE_SHARE and guesses[0].score >= SURE_SCORE:
                found[sample.alias, name] = guesses[0].name
    return found


def _limits() -> Limits:
    limits = engine_limits()
    return Limits(memory_bytes=limits.memory_bytes, threads=limits.threads)


@transaction.atomic
def _replace_open(workspace: Workspace, actor: Caller, table_name: str, found: Sequence[Found]) -> None:
    _of_table(workspace, table_name).filter(status=Suggestion.Status.OPEN).delete()
    Suggestion.objects.bulk_create(
        Suggestion(
            workspace=workspace,
            created_by=actor.id,
            table_name=table_name,
            field=each.target,
            source=each.source,
            source_table=each.table,
            alias=each.alias,
            columns=list(each.proposal.columns),
            proposal=each.proposal.field,
            confidence=each.confidence,
            ambiguous=each.ambiguous,
            reasons=_reasons(each),
            alternatives=[
                {
                    "proposal": other.proposal.field,
                    "confidence": other.confidence,
                    "reasons": _reasons(other),
                }
                for other in each.alternatives
            ],
        )
        for each in found
    )


def _reasons(found: Found) -> list[dict[str, str]]:
    return [{"code": reason.code, "message": reason.message} for reason in found.reasons]


def _decide(
    workspace: Workspace, actor: Caller, table_name: str, suggestion_id: str, status: str
) -> Suggestion:
    rows = _of_table(workspace, table_name).filter(pk=suggestion_id)
    # One update decides who was first.
    decided = rows.filter(status=Suggestion.Status.OPEN).update(
        status=status, decided_by=actor.id, decided_at=timezone.now()
    )
    row: Suggestion | None = rows.first()
    if row is None:
        raise NotFound("SUGGESTION_NOT_FOUND", "There is no such suggestion for this table.")
    if not decided:
        raise Invalid("SUGGESTION_DECIDED", f"The suggestion is {row.status} already.")
    return row
