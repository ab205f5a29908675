"""The preview of a mapping: the code of a run on a sample, with nothing kept."""

from typing import Any

from django.conf import settings

from apps.mappings.services.compile import (
    check_document,
    collect_documents,
    compile_table,
    mapping_from,
    with_mapping,
)
from apps.pipelines.services.reading import open_scans, present_shapes
from apps.workspaces.models import Workspace
from datalinx.engine.execute.preview import preview_table
from datalinx.engine.execute.rejected import rejected_document
from datalinx.engine.execute.results import Limits
from datalinx.engine.spec.base import parse_document, refusal
from datalinx.engine.spec.mapping import Mapping as MappingDocument


def preview_mapping(
    *, workspace: Workspace, table_name: str, document: Any | None = None, limit: int = 100
) -> dict[str, Any]:
    """Return what a mapping, the saved one or one that was sent, makes of the first rows of its first input."""
    documents = collect_documents(workspace)
    if document is None:
        mapping = mapping_from(documents, table_name)
    else:
        mapping = parse_document(MappingDocument, {"table_name": table_name, **document})
    if faults := check_document(workspace, mapping):
        raise refusal(faults)
    if document is not None:
        documents = with_mapping(documents, mapping)
    table = mapping.table_name
    with open_scans(workspace, documents, table) as scans:
        compiled = compile_table(documents, table, shapes=present_shapes(documents, table, scans))
        limits = Limits(memory_bytes=settings.ENGINE_MEMORY_BYTES, threads=settings.ENGINE_THREADS)
        preview = preview_table(compiled, scans=scans, sample=limit, limits=limits)
    return {
        "columns": [{"name": name, "type": kind} for name, kind in preview.columns],
        "rows": list(preview.rows),
        "rejected": [rejected_document(dict(row)) for row in preview.rejected],
        "counts": preview.counts.as_dict(),
        "rejected_by_reason": preview.rejected_by_reason,
        "values_nulled": preview.values_nulled,
        "unmapped": list(compiled.unmapped),
    }
