"""From a workspace's documents to what the engine compiles: collected once, so that a run carries them along."""

import difflib
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict
from graphlib import CycleError, TopologicalSorter
from typing import Any

from apps.mappings.models import Cte, Identity
from apps.mappings.models import Mapping as MappingRow
from apps.mappings.services.schemas import get_schema_document, parse_schema
from apps.mappings.services.types import list_own_types, make_registry
from apps.sources.models import SourceTable
from apps.workspaces.models import Workspace
from datalinx.engine.compile.context import Identified
from datalinx.engine.compile.dbt import dbt_field, dbt_model
from datalinx.engine.compile.identity import SHAPE as CANONICAL_IDS
from datalinx.engine.compile.inputs import describe_cte, reads_of_cte
from datalinx.engine.compile.lineage import lineage
from datalinx.engine.compile.loading import key_warnings
from datalinx.engine.compile.mapping import check_mapping, compile_mapping, required_reads
from datalinx.engine.compile.plan import CompiledMapping, InputShape, Read, SourceColumn
from datalinx.engine.compile.wildcard import effective_wildcard
from datalinx.engine.spec.base import parse_document, refusal
from datalinx.engine.spec.identity import IdentityDocument
from datalinx.engine.spec.mapping import Mapping as MappingDocument
from datalinx.engine.spec.schema import RelationshipTest, TargetSchema, TargetTable
from datalinx.engine.types.registry import TypeRegistry
from datalinx.errors import DatalinxError, FieldError, Invalid, NotFound

# What compiling needs, as JSON: {schema, schema_version, mappings, ctes, types, sources, identity}.
Documents = Mapping[str, Any]
Shapes = Mapping[str, InputShape]


def collect_documents(workspace: Workspace, tables: Sequence[str] | None = None) -> dict[str, Any]:
    """Return the documents that the mappings of these tables (all of them when None) are compiled from.

    Plain JSON: a run keeps it, so that it can be repeated and explained although the documents change.
    """
    schema = get_schema_document(workspace.pk)
    rows = MappingRow.objects.for_workspace(workspace.pk)
    if tables is not None:
        rows = rows.filter(table_name__in=tables)
    return {
        "schema": {key: schema[key] for key in ("name", "description", "tables") if key in schema},
        "schema_version": schema["version"],
        "mappings": {row.table_name: {"version": row.version, "document": row.document} for row in rows},
        "ctes": {row.name: row.document["sql"] for row in Cte.objects.for_workspace(workspace.pk)},
        "types": list_own_types(workspace.organization_id),
        "sources": _sources(workspace),
        "identity": _identity(workspace),
    }


def _identity(workspace: Workspace) -> dict[str, Any] | None:
    row = Identity.objects.for_workspace(workspace.pk).first()
    if row is None or not row.document.get("tables"):
        return None
    return {"version": row.version, "generation": row.generation, "document": row.document}


def identified_tables(documents: Documents) -> Identified:
    """Return the tables whose records have canonical ids, with the type of their keys."""
    # Runs of before there were identity rules carry documents without them.
    identity = documents.get("identity")
    if identity is None:
        return {}
    registry, schema, found = make_registry(documents["types"]), _schema(documents), {}
    for entry in parse_document(IdentityDocument, identity["document"]).tables:
        table = schema.table(entry.table)
        column = table.column(entry.key) if table is not None else None
        if column is not None:
            found[entry.table] = registry.resolve(column.type, precision=column.precision, scale=column.scale)
    return found


def _sources(workspace: Workspace) -> dict[str, Any]:
    found: dict[str, Any] = {}
    rows = SourceTable.objects.filter(source__workspace=workspace).select_related("source")
    for row in rows.order_by("source__name", "name"):
        source = found.setdefault(row.source.name, {"id": row.source.pk, "tables": {}})
        source["tables"][row.name] = [[column["name"], column["type"]] for column in row.columns]
    return found


def check_document(workspace: Workspace, mapping: MappingDocument) -> list[FieldError]:
    """Return every fault of a mapping that can be known without data; empty when it can run."""
    documents = collect_documents(workspace)
    table = _schema(documents).table(mapping.table_name)
    if table is None:
        message = f"The target schema has no table {mapping.table_name!r}."
        return [FieldError("table_name", "unknown_table", message)]
    if faults := _input_faults(documents, mapping):
        return faults
    try:
        shapes = _shapes(documents, mapping)
    except Invalid as error:
        return list(error.errors) or [FieldError("inputs", error.code, error.message)]
    return check_mapping(
        mapping,
        table=table,
        inputs=shapes,
        types=make_registry(documents["types"]),
        ctes=documents["ctes"],
        identified=identified_tables(documents),
    )


def _input_faults(documents: Documents, mapping: MappingDocument) -> list[FieldError]:
    faults = []
    sources, targets = documents["sources"], {table["name"] for table in documents["schema"]["tables"]}
    for index, entry in enumerate(mapping.inputs):
        if entry.source is not None and entry.source not in sources:
            message = f"There is no discovered source {entry.source!r}.{_near(entry.source, sources)}"
            faults.append(FieldError(f"inputs[{index}].source", "unknown_source", message))
        elif entry.source is not None and entry.table not in sources[entry.source]["tables"]:
            known = sources[entry.source]["tables"]
            message = (
                f"The source {entry.source!r} has no table {entry.table!r}.{_near(entry.table or '', known)}"
            )
            faults.append(FieldError(f"inputs[{index}].table", "unknown_table", message))
        elif entry.target is not None and entry.target not in targets:
            message = f"The target schema has no table {entry.target!r}.{_near(entry.target, targets)}"
            faults.append(FieldError(f"inputs[{index}].target", "unknown_table", message))
        elif entry.cte is not None and entry.cte not in documents["ctes"]:
            message = f"There is no CTE {entry.cte!r}.{_near(entry.cte, documents['ctes'])}"
            faults.append(FieldError(f"inputs[{index}].cte", "unknown_cte", message))
    return faults


def _near(name: str, known: Any) -> str:
    near = difflib.get_close_matches(name, list(known), n=1)
    return f" Did you mean {near[0]!r}?" if near else ""


def _schema(documents: Documents) -> TargetSchema:
    return parse_schema(documents["schema"])


def mapping_from(documents: Documents, table: str) -> MappingDocument:
    """Return the mapping of a table. Raises NotFound MAPPING_NOT_FOUND."""
    entry = documents["mappings"].get(table)
    if entry is None:
        raise NotFound("MAPPING_NOT_FOUND", f"There is no mapping of the table {table!r}.")
    return parse_document(MappingDocument, entry["document"])


def target_table(documents: Documents, name: str) -> TargetTable:
    """Return a table of the target schema. Raises Invalid UNKNOWN_TABLE."""
    table = _schema(documents).table(name)
    if table is None:
        raise Invalid("UNKNOWN_TABLE", f"The target schema has no table {name!r} any more.")
    return table


def _shapes(documents: Documents, mapping: MappingDocument) -> dict[str, InputShape]:
    """Return the shapes of the stored relations that a mapping reads, as the last discovery saw them."""
    registry = make_registry(documents["types"])
    found = {}
    for read in _reads(documents, mapping):
        shape = _shape(documents, registry, read)
        if shape is not None:
            found[read.relation] = shape
    return found


def _reads(documents: Documents, mapping: MappingDocument) -> tuple[Read, ...]:
    return required_reads(mapping, ctes=documents["ctes"], identified=identified_tables(documents))


def _shape(documents: Documents, registry: TypeRegistry, read: Read) -> InputShape | None:
    if read.identity is not None:
        return CANONICAL_IDS
    if read.target is not None:
        table = _schema(documents).table(read.target)
        return None if table is None else InputShape(target_columns(table, registry))
    columns = documents["sources"].get(read.source, {}).get("tables", {}).get(read.table)
    return None if columns is None else InputShape(tuple(SourceColumn(name, kind) for name, kind in columns))


def target_columns(table: TargetTable, registry: TypeRegistry) -> tuple[SourceColumn, ...]:
    """Return a target table's columns with the DuckDB types that the lake stores."""
    return tuple(
        SourceColumn(
            column.name,
            registry.resolve(column.type, precision=column.precision, scale=column.scale).duckdb,
        )
        for column in table.columns
    )


def compile_table(documents: Documents, table: str, *, shapes: Shapes | None = None) -> CompiledMapping:
    """Compile the mapping of a table. `shapes`, when given, are what the inputs look like right now.

    Raises Invalid with every fault and its path.
    """
    mapping = mapping_from(documents, table)
    if faults := _input_faults(documents, mapping):
        raise refusal(faults)
    return compile_mapping(
        mapping,
        table=target_table(documents, table),
        inputs=_shapes(documents, mapping) if shapes is None else shapes,
        types=make_registry(documents["types"]),
        ctes=documents["ctes"],
        identified=identified_tables(documents),
        version=documents["mappings"][table]["version"],
    )


def discovered_shapes(documents: Documents, table: str) -> dict[str, InputShape]:
    """Return the shapes of a mapping's inputs as the last discovery saw them, by relation."""
    return _shapes(documents, mapping_from(documents, table))


def table_reads(documents: Documents, table: str) -> tuple[Read, ...]:
    """Return the stored relations that the mapping of a table reads."""
    return _reads(documents, mapping_from(documents, table))


def unmapped_columns(documents: Documents, table: str) -> list[str] | None:
    """Return the columns that the mapping of a table leaves out, or None when there is no mapping.

    Raises Invalid when the mapping does not compile any more.
    """
    if table not in documents["mappings"]:
        return None
    return list(compile_table(documents, table).unmapped)


def order_tables(documents: Documents, tables: Sequence[str]) -> list[str]:
    """Return the tables so that each comes after those that it reads. Raises Invalid TABLE_CYCLE."""
    graph = {table: dependencies(documents, table) & set(tables) for table in tables}
    tested = {table: wanted_before(documents, table) & set(tables) for table in tables}
    # A test that looks a value up in another table wants that one first, but not at the price of a circle.
    with suppress(CycleError):
        return list(TopologicalSorter(tested).static_order())
    try:
        return list(TopologicalSorter(graph).static_order())
    except CycleError as error:
        cycle = " → ".join(str(name) for name in error.args[1])
        raise Invalid("TABLE_CYCLE", f"These tables read each other in a circle: {cycle}.") from error


def wanted_before(documents: Documents, table: str) -> set[str]:
    """Return the target tables that are to be made before a table: those it reads, and those it is tested against."""
    return dependencies(documents, table) | _tested_against(documents, table) - {table}


def _tested_against(documents: Documents, table: str) -> set[str]:
    columns = target_table(documents, table).columns
    return {test.table for column in columns for test in column.tests if isinstance(test, RelationshipTest)}


def dependencies(documents: Documents, table: str) -> set[str]:
    """Return the target tables that the mapping of a table reads."""
    return {read.target for read in table_reads(documents, table) if read.target is not None}


def effective_of(workspace: Workspace, table: str) -> list[dict[str, Any]]:
    """Return what a mapping's wildcard does with each column of its input; empty without a wildcard."""
    documents = collect_documents(workspace)
    mapping = mapping_from(documents, table)
    if mapping.wildcard is None:
        return []
    compiled = compile_table(documents, table)
    found = effective_wildcard(
        mapping.wildcard,
        InputShape(compiled.input(mapping.wildcard.input).columns),
        table=target_table(documents, table),
        explicit=set(mapping.fields),
    )
    return [asdict(entry) for entry in found]


def dbt_code(workspace: Workspace, table: str) -> str:
    """Return the mapping of a table as a dbt model."""
    return dbt_model(compile_table(collect_documents(workspace), table))


def dbt_field_code(workspace: Workspace, table: str, field: str, document: Any | None = None) -> str:
    """Return the SQL of one field of the saved mapping, or of one that was sent.

    Raises NotFound FIELD_NOT_FOUND, and Invalid with every fault of what was sent.
    """
    documents = collect_documents(workspace)
    if document is not None:
        mapping = parse_document(MappingDocument, {"table_name": table, **document})
        if faults := check_document(workspace, mapping):
            raise refusal(faults)
        table, documents = mapping.table_name, with_mapping(documents, mapping)
    compiled = compile_table(documents, table)
    if field not in {entry.name for entry in compiled.fields}:
        raise NotFound("FIELD_NOT_FOUND", f"The mapping of {table!r} has no field {field!r}.")
    return dbt_field(compiled, field)


def lineage_from_documents(documents: Documents, table: str) -> list[dict[str, Any]]:
    """Return the column lineage of a table, told from what is compiled."""
    return [{"target_table": table, **asdict(edge)} for edge in lineage(compile_table(documents, table))]


def validate(workspace: Workspace, table: str, document: Any | None) -> dict[str, Any]:
    """Return whether a mapping, the saved one or one that was sent, holds, with every fault and its place."""
    if document is None:
        mapping = mapping_from(collect_documents(workspace), table)
    else:
        try:
            mapping = parse_document(MappingDocument, {"table_name": table, **document})
        except Invalid as error:
            return _verdict(list(error.errors), None)
    faults = check_document(workspace, mapping)
    documents = with_mapping(collect_documents(workspace), mapping)
    return _verdict(faults, None if faults else compile_table(documents, mapping.table_name))


def with_mapping(documents: Documents, mapping: MappingDocument) -> dict[str, Any]:
    """Return the documents with a mapping put in that is not saved."""
    from datalinx.engine.spec.base import document_to_json

    entry = {"version": 0, "document": document_to_json(mapping)}
    return {**documents, "mappings": {**documents["mappings"], mapping.table_name: entry}}


def _verdict(faults: Sequence[FieldError], compiled: CompiledMapping | None) -> dict[str, Any]:
    unmapped = compiled.unmapped if compiled is not None else ()
    return {
        "valid": not faults,
        "complete": not faults and not unmapped,
        "errors": [fault.as_dict() for fault in faults],
        "unmapped": list(unmapped),
        "warnings": [each.as_dict() for each in key_warnings(compiled)] if compiled is not None else [],
    }


def cte_columns(workspace: Workspace, name: str) -> list[dict[str, Any]]:
    """Return the columns that a CTE gives, each with DuckDB's name of its type. Raises Invalid UNKNOWN_CTE."""
    documents = collect_documents(workspace, tables=())
    registry = make_registry(documents["types"])
    reads = reads_of_cte(name, documents["ctes"])
    shapes = {read.relation: shape for read in reads if (shape := _shape(documents, registry, read))}
    return [asdict(column) for column in describe_cte(name, ctes=documents["ctes"], inputs=shapes)]


def check_ctes(workspace: Workspace, changed: str) -> None:
    """Refuse a change of a CTE that breaks it, what builds on it, or a mapping that reads it. Raises Invalid."""
    documents = collect_documents(workspace)
    for name in documents["ctes"]:
        _check_cte(documents, name)
    for table, entry in documents["mappings"].items():
        mapping = parse_document(MappingDocument, entry["document"])
        if any(given.cte is not None for given in mapping.inputs) and (
            faults := check_document(workspace, mapping)
        ):
            message = f"The mapping of {table!r} reads {changed!r} and would break: {faults[0].message}"
            raise Invalid("CTE_BREAKS_MAPPING", message, errors=faults)


def _check_cte(documents: Documents, name: str) -> None:
    probe = {"name": "probe", "columns": [{"name": "probe", "type": "string"}]}
    mapping = parse_document(
        MappingDocument,
        {"table_name": "probe", "inputs": [{"alias": "probe", "cte": name}], "wildcard": {"input": "probe"}},
    )
    try:
        faults = check_mapping(
            mapping,
            table=parse_document(TargetTable, probe),
            inputs=_shapes(documents, mapping),
            types=make_registry(documents["types"]),
            ctes=documents["ctes"],
        )
    except DatalinxError as error:
        raise Invalid(
            error.code, f"{name}: {error.message}", errors=[FieldError("sql", error.code, error.message)]
        ) from error
    if faults:
        inside = [FieldError("sql", fault.code, fault.message) for fault in faults]
        raise Invalid(faults[0].code, f"{name}: {faults[0].message}", errors=inside)
