"""What a dbt project says of its sources, taken over: descriptions here, tests into the target schema if asked."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from django.db import transaction

from apps.mappings.services.compile import Documents, collect_documents, compile_table
from apps.mappings.services.schemas import get_schema_document, put_schema
from apps.mappings.services.types import make_registry
from apps.sources.models import Source, SourceTable
from apps.sources.services.sources import describe_table
from apps.workspaces.models import Workspace
from datalinx.caller import Caller
from datalinx.engine.dbt.matching import ColumnMatch, KnownTable, TableMatch, match_source
from datalinx.engine.dbt.placing import Placer
from datalinx.engine.dbt.sources import DbtFile, DbtSource, read_dbt_file
from datalinx.engine.spec.base import parse_document
from datalinx.engine.spec.schema import TargetSchema
from datalinx.errors import FieldError, Invalid

_SKIPPED = frozenset({"unknown", "ambiguous", "not_chosen"})
_DIRECT = frozenset({"direct", "wildcard"})


@dataclass(frozen=True)
class Wishes:
    """What of a file is asked for, and how."""

    dbt_source: str = ""
    tables: Sequence[str] | None = None
    preview: bool = False
    apply_tests_to_schema: bool = False


@transaction.atomic
def import_dbt(*, source: Source, actor: Caller, document: str, wishes: Wishes) -> dict[str, Any]:
    """Take over what a file says of a source's tables, and return what became of each part of it.

    Asked for twice it changes nothing the second time. Raises Invalid YAML_INVALID, DBT_FILE_INVALID,
    DBT_SOURCE_NOT_CHOSEN and UNKNOWN_TABLE.
    """
    file = read_dbt_file(document)
    given = _chosen(file, source, wishes)
    rows = {row.name: row for row in source.tables.order_by("name")}
    matches = match_source(given, [_known(row) for row in rows.values()], chosen=wishes.tables)
    placer, problems = _placer(source, actor, given, matches)
    tests = [{**asdict(test), "places": [asdict(place) for place in test.places]} for test in placer.tests()]
    if not wishes.preview:
        _describe(actor, rows, matches)
        if wishes.apply_tests_to_schema:
            _add_tests(source.workspace, actor, tests)
    unsupported, jinja = file.within(given.path)
    return {
        "preview": wishes.preview,
        "dbt_source": given.name,
        "tables": [_table_to_json(match, placer) for match in matches],
        "tests_found": tests,
        "unsupported": [asdict(note) for note in unsupported],
        "jinja": jinja,
        "mappings_not_read": problems,
    }


def _chosen(file: DbtFile, source: Source, wishes: Wishes) -> DbtSource:
    names = [entry.name for entry in file.sources]
    wanted = wishes.dbt_source or (names[0] if len(names) == 1 else source.name)
    found = next((entry for entry in file.sources if entry.name == wanted), None)
    if found is None:
        said = ", ".join(repr(name[:100]) for name in names[:20])
        message = f"The file has the sources {said}; name one of them as `source`."
        raise Invalid("DBT_SOURCE_NOT_CHOSEN", message, errors=[FieldError("source", "not_chosen", message)])
    known = {table.name for table in found.tables}
    for number, name in enumerate(wishes.tables or ()):
        if name not in known:
            message = f"The source {found.name[:100]!r} of the file has no table {name!r}."
            raise Invalid(
                "UNKNOWN_TABLE", message, errors=[FieldError(f"tables[{number}]", "unknown_table", message)]
            )
    return found


def _known(row: SourceTable) -> KnownTable:
    columns = [column["name"] for column in row.columns]
    return KnownTable(row.name, columns, row.description, row.column_descriptions)


def _describe(actor: Caller, rows: Mapping[str, SourceTable], matches: Iterable[TableMatch]) -> None:
    for match in matches:
        columns = {
            column.found.name: column.after
            for column in match.columns
            if column.found.name is not None and column.outcome in {"taken", "changed"}
        }
        is_told = match.outcome in {"taken", "changed"}
        if match.found.name is not None and match.outcome not in _SKIPPED and (columns or is_told):
            table = rows[match.found.name]
            words = match.after if is_told else None
            describe_table(table=table, actor=actor, description=words, columns=columns)


def _placer(
    source: Source, actor: Caller, given: DbtSource, matches: Sequence[TableMatch]
) -> tuple[Placer, list[str]]:
    """What knows where tests belong, and the mappings that do not hold now. Who may not see mappings is told none."""
    may_see = all(actor.can(right, source.workspace_id) for right in ("mappings:view", "schemas:view"))
    documents = collect_documents(source.workspace, None if may_see else ())
    direct: dict[tuple[str, str], list[tuple[str, str]]] = {}
    broken = []
    for table in sorted(documents["mappings"]):
        try:
            for origin, column in _direct_columns(documents, table, source.name):
                direct.setdefault(origin, []).append((table, column))
        except Invalid:
            broken.append(table)
    schema = documents["schema"] if may_see else {"tables": []}
    target = parse_document(TargetSchema, {**schema, "name": schema.get("name") or "workspace"})
    return Placer(given.name, matches, direct, target, make_registry(documents["types"])), broken


def _direct_columns(documents: Documents, table: str, source: str) -> Iterable[tuple[tuple[str, str], str]]:
    """The columns of a source's tables that a mapping takes as they are, each with its target column."""
    mapping = documents["mappings"][table]["document"]
    if not any(entry.get("source") == source for entry in mapping["inputs"]):
        return []
    compiled = compile_table(documents, table)
    found = []
    for field in compiled.fields:
        for alias, column in field.references if field.kind in _DIRECT else ():
            read = compiled.input(alias).read
            if read is not None and read.source == source:
                found.append(((read.table or "", column), field.name))
    return found


def _add_tests(workspace: Workspace, actor: Caller, tests: Iterable[dict[str, Any]]) -> None:
    """Put the offered tests on their columns, all in one version of the schema, and note it in the answer."""
    document = {key: value for key, value in get_schema_document(workspace.pk).items() if key != "id"}
    tables = {table["name"]: table for table in document["tables"]}
    is_changed = False
    for test in tests:
        for place in test["places"] if test["outcome"] == "offered" else ():
            if place["present"]:
                continue
            column = next(
                each for each in tables[place["table"]]["columns"] if each["name"] == place["column"]
            )
            own = column.setdefault("tests", [])
            if place["test"] not in own:
                own.append(place["test"])
                is_changed = True
        if test["outcome"] == "offered":
            test["outcome"] = "added"
    if is_changed:
        put_schema(workspace=workspace, actor=actor, document=document)


def _table_to_json(match: TableMatch, placer: Placer) -> dict[str, Any]:
    freshness = match.given.freshness
    return {
        "path": match.given.path,
        "dbt_table": match.given.name,
        **_described(match),
        "columns": [
            {"path": column.given.path, "dbt_column": column.given.name, **_described(column)}
            for column in match.columns
        ],
        "freshness": None
        if freshness is None
        else {
            "loaded_at_field": freshness.loaded_at_field,
            "warn_after_hours": freshness.warn_after_hours,
            "error_after_hours": freshness.error_after_hours,
            "places": [asdict(place) for place in placer.fresh(match)],
        },
    }


def _described(match: TableMatch | ColumnMatch) -> dict[str, Any]:
    return {
        "table" if isinstance(match, TableMatch) else "column": match.found.name,
        "matched_by": match.found.by or None,
        "candidates": list(match.found.candidates),
        "outcome": match.outcome,
        "before": match.before,
        "after": match.after,
    }
