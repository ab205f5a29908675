"""A workspace's mappings as a dbt project to download."""

import io
import zipfile
from collections.abc import Mapping

from apps.mappings.services.compile import (
    Documents,
    collect_documents,
    compile_table,
    order_tables,
    table_reads,
    target_columns,
    target_table,
)
from apps.mappings.services.types import make_registry
from apps.sources.models import Source, SourceTable
from apps.sources.services.sources import open_context
from apps.workspaces.models import Workspace
from datalinx.engine.compile.dbt_project import FOLDER, Project, ProjectSource, dbt_project
from datalinx.engine.compile.plan import CompiledMapping, Read
from datalinx.engine.connectors import get_reader
from datalinx.engine.query.tables import quote_text
from datalinx.errors import DatalinxError, Invalid, NotFound

# The same project is the same file, byte for byte: nothing in it tells when it was made.
_MADE_AT = (1980, 1, 1, 0, 0, 0)


def write_dbt_project(workspace: Workspace) -> bytes:
    """Return the project as a zip file. Raises Invalid when a mapping does not compile, NotFound without any."""
    documents = collect_documents(workspace)
    names = order_tables(documents, sorted(documents["mappings"]))
    if not names:
        raise NotFound("MAPPING_NOT_FOUND", "The workspace has no mapping yet; make one first.")
    reads: dict[str, Read] = {}
    for name in names:
        for read in table_reads(documents, name):
            # Canonical ids are refused by the model that reads them.
            if read.target not in names and read.identity is None:
                reads.setdefault(f"{read.source}\x00{read.table}\x00{read.target}", read)
    files = dbt_project(
        Project(
            workspace.name,
            [(_compiled(documents, name), target_table(documents, name)) for name in names],
            [_source(workspace, documents, read) for _, read in sorted(reads.items())],
        )
    )
    return _zipped(files)


def _compiled(documents: Documents, name: str) -> CompiledMapping:
    try:
        return compile_table(documents, name)
    except Invalid as error:
        message = f"The mapping of {name!r} does not hold: {error.message}"
        raise Invalid(error.code, message, errors=error.errors) from error


def _source(workspace: Workspace, documents: Documents, read: Read) -> ProjectSource:
    if read.target is not None:
        table = target_table(documents, read.target)
        stored = target_columns(table, make_registry(documents["types"]))
        said = {column.name: column.description for column in table.columns}
        kinds = [(column.name, column.type) for column in stored]
        return ProjectSource(read, kinds, description=table.description, column_descriptions=said)
    rows = SourceTable.objects.filter(source__workspace=workspace, source__name=read.source, name=read.table)
    row = rows.select_related("source__workspace").first()
    if row is None:
        raise Invalid("UNKNOWN_TABLE", f"The source {read.source!r} has no table {read.table!r} any more.")
    columns = [(column["name"], column["type"]) for column in row.columns]
    sql = _portable_sql(row.source, row.name)
    files = row.files if sql else ()
    return ProjectSource(read, columns, sql, files, row.description, row.column_descriptions)


def _portable_sql(source: Source, table: str) -> str:
    """Return the SELECT that reads a table's uploaded files as a run does, wherever their folder is.

    Empty for what a run reads from elsewhere (a database, a copy that was made of a file).
    """
    connector = get_reader(source.connector)
    if not connector.uploads:
        return ""
    try:
        with open_context(source) as context:
            if context.area is None:
                return ""
            scan = connector.scan(context, table)
            area = context.area
            if not all(path.is_relative_to(area) for path in scan.files):
                return ""
            sql = scan.sql
            for path in scan.files:
                name = path.relative_to(area).as_posix().replace("'", "''")
                sql = sql.replace(quote_text(str(path)), f"'{FOLDER}/{name}'")
            return "" if str(area) in sql else sql
    except DatalinxError:
        # A file that cannot be read now is named in the project all the same.
        return ""


def _zipped(files: Mapping[str, str]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for path, text in sorted(files.items()):
            archive.writestr(zipfile.ZipInfo(path, _MADE_AT), text.encode(), zipfile.ZIP_DEFLATED)
    return buffer.getvalue()
