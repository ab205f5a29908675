"""What a mapping reads, opened: source tables through their connectors, target tables from the lake."""

from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from typing import Any

from apps.mappings.services.compile import Documents, discovered_shapes, table_reads
from apps.pipelines.models import StoredTable
from apps.pipelines.services.people import canonical_ids_scan
from apps.pipelines.services.tables import find_stored_table, table_files
from apps.sources.models import Source
from apps.sources.services.sources import open_context
from apps.workspaces.models import Workspace
from datalinx.engine.compile.plan import InputShape, Read, SourceColumn
from datalinx.engine.connectors import get_reader
from datalinx.engine.connectors.base import FILE_COLUMN, RECORD_COLUMN, Scan
from datalinx.engine.query.tables import quote_text, table_select
from datalinx.errors import Failed


@contextmanager
def open_scans(
    workspace: Workspace, documents: Documents, table: str, *, given: Mapping[str, Scan] | None = None
) -> Iterator[dict[str, Scan]]:
    """Give the scans of all that the mapping of a table reads, by relation, while the block runs.

    What is `given` is not opened.

    Raises Failed SOURCE_MISSING, INPUT_MISSING, and what a connector raises.
    """
    shapes = discovered_shapes(documents, table)
    with ExitStack() as stack:
        found = dict(given or {})
        for read in table_reads(documents, table):
            if read.relation not in found:
                found[read.relation] = _open(stack, workspace, documents, read, shapes)
        yield found


def _open(
    stack: ExitStack, workspace: Workspace, documents: Documents, read: Read, shapes: Mapping[str, InputShape]
) -> Scan:
    if read.target is not None:
        return _open_target(workspace, read.target, shapes.get(read.relation))
    if read.identity is not None:
        return canonical_ids_scan(workspace, read.identity, generation=documents["identity"]["generation"])
    source_id = documents["sources"].get(read.source, {}).get("id", "")
    source = (
        Source.objects.for_workspace(workspace.pk).select_related("workspace").filter(pk=source_id).first()
    )
    if source is None:
        raise Failed("SOURCE_MISSING", f"The source {read.source!r} is not there any more; map another one.")
    context = stack.enter_context(open_context(source))
    return get_reader(source.connector).scan(context, read.table or "")


def _open_target(workspace: Workspace, name: str, shape: InputShape | None) -> Scan:
    stored = find_stored_table(workspace.pk, name)
    if stored is None:
        raise Failed(
            "INPUT_MISSING", f"The table {name!r}, which this mapping reads, was never written; run it first."
        )
    return stored_scan(stored, shape)


def stored_scan(stored: StoredTable, shape: InputShape | None, *, snapshot: int | None = None) -> Scan:
    """Return how DuckDB reads a stored table, at the version `snapshot` or as it is; `shape` chooses the columns.

    Raises NotFound SNAPSHOT_NOT_FOUND.
    """
    version = snapshot or stored.snapshot
    files = table_files(stored, as_of=str(snapshot or ""))
    if shape:
        files = files.only({column.name for column in shape.columns})
    sql = table_select(files)
    label = quote_text(stored.name)
    return Scan(
        sql=sql,
        columns=tuple(SourceColumn(name, kind) for name, kind in files.columns),
        numbered_sql=f"SELECT *, {label} AS {FILE_COLUMN}, row_number() OVER () AS {RECORD_COLUMN} FROM ({sql})",
        files=files.files,
        locator="row",
        label=stored.name,
        rows=stored.rows if version == stored.snapshot else None,
        fingerprint=f"{stored.pk}:{version}",
    )


def scans_as_read(
    workspace: Workspace, documents: Documents, table: str, inputs: Mapping[str, Any]
) -> dict[str, Scan]:
    """Return the stored tables that a mapping reads, each at the version that a run read.

    `inputs` are those of the run's manifest. A table that was made anew since is left out. Raises NotFound
    SNAPSHOT_NOT_FOUND.
    """
    shapes = discovered_shapes(documents, table)
    found = {}
    for read in table_reads(documents, table):
        if read.target is None or read.relation not in inputs:
            continue
        stored = find_stored_table(workspace.pk, read.target)
        table_id, _, version = inputs[read.relation]["fingerprint"].partition(":")
        if stored is not None and stored.pk == table_id:
            found[read.relation] = stored_scan(stored, shapes.get(read.relation), snapshot=int(version))
    return found


def present_shapes(documents: Documents, table: str, scans: Mapping[str, Scan]) -> dict[str, InputShape]:
    """Return what the inputs look like right now, without columns that no discovery has seen.

    A new column takes part from the next discovery on; one that is gone makes the mapping fail by name.
    """
    found = {}
    for relation, known in discovered_shapes(documents, table).items():
        names = {column.name for column in known.columns}
        columns = tuple(column for column in scans[relation].columns if column.name in names)
        found[relation] = InputShape(columns)
    return found
