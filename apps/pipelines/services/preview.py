"""The preview of a mapping: the code of a run on a sample, with nothing kept."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from django.conf import settings

from apps.mappings.services.compile import (
    Documents,
    check_document,
    collect_documents,
    compile_table,
    mapping_from,
    table_reads,
    with_mapping,
)
from apps.pipelines.services.reading import open_scans, present_shapes, stored_scan
from apps.pipelines.services.tables import find_stored_table
from apps.workspaces.models import Workspace
from datalinx.engine.compile.plan import CompiledMapping
from datalinx.engine.execute.preview import preview_table
from datalinx.engine.execute.rejected import rejected_document
from datalinx.engine.execute.results import Limits, Preview
from datalinx.engine.spec.base import parse_document, refusal
from datalinx.engine.spec.mapping import Mapping as MappingDocument
from datalinx.errors import Invalid


@dataclass(frozen=True)
class MappingPreview:
    """What a mapping made of a sample. `documents` are those that it was compiled from, `saved` those before it.

    `rows` is the file of all its valid rows, `rows_before` that of the saved mapping's of the same sample: both
    are there when they were asked for, and the latter only when the two mappings can be compared.
    """

    documents: Documents
    saved: Documents
    proposed: bool
    compiled: CompiledMapping
    preview: Preview
    effect: dict[str, Any] | None
    rows: Path | None = None
    rows_before: Path | None = None


def _comparable(documents: Documents, mapping: MappingDocument) -> Documents | None:
    """Return the documents of the saved mapping when it reads what the new one does, so that they can be compared."""
    table = mapping.table_name
    if table not in documents["mappings"]:
        return None
    try:
        compile_table(documents, table)
    except Invalid:
        # It held once, and the target schema has changed since.
        return None
    fresh = set(table_reads(with_mapping(documents, mapping), table))
    return documents if set(table_reads(documents, table)) <= fresh else None


def effect_of(keys: Sequence[str], before: Preview, after: Preview) -> dict[str, Any]:
    """Return what a changed mapping changes of a sample: rejects gained and lost by reason, values by column.

    Values are compared by primary key, over `compared` rows that both mappings make; both are of the rows shown.
    """
    faults = [{row["locator"]: row["reason"] for row in each.rejected} for each in (before, after)]
    gained = Counter(reason for place, reason in faults[1].items() if place not in faults[0])
    lost = Counter(reason for place, reason in faults[0].items() if place not in faults[1])
    rows = [
        {tuple(row.get(key) for key in keys): row for row in each.rows} if keys else {}
        for each in (before, after)
    ]
    both = rows[0].keys() & rows[1].keys()
    changed = Counter(
        name for key in both for name, value in rows[1][key].items() if rows[0][key].get(name) != value
    )
    return {
        "rejects_gained": dict(gained),
        "rejects_lost": dict(lost),
        "compared": len(both),
        "values_changed": dict(changed),
    }


def preview_mapping(
    *,
    workspace: Workspace,
    table_name: str,
    document: Any | None = None,
    limit: int = 100,
    keep_in: Path | None = None,
) -> MappingPreview:
    """Return what a mapping, the saved one or one that was sent, makes of the first rows of its first input.

    `keep_in` is a folder of the caller's own for the files of rows.
    """
    collected = collect_documents(workspace)
    if document is None:
        mapping = mapping_from(collected, table_name)
    else:
        mapping = parse_document(MappingDocument, {"table_name": table_name, **document})
    if faults := check_document(workspace, mapping):
        raise refusal(faults)
    saved, documents = None, collected
    if document is not None:
        saved, documents = _comparable(collected, mapping), with_mapping(collected, mapping)
    table = mapping.table_name
    files = [keep_in / f"{name}.parquet" if keep_in else None for name in ("before", "after")]
    with open_scans(workspace, documents, table) as scans:
        compiled = compile_table(documents, table, shapes=present_shapes(documents, table, scans))
        limits = Limits(memory_bytes=settings.ENGINE_MEMORY_BYTES, threads=settings.ENGINE_THREADS)
        row = find_stored_table(workspace.pk, table)
        stored = stored_scan(row, None) if row is not None else None
        preview = preview_table(
            compiled, scans=scans, sample=limit, stored=stored, rows_file=files[1], limits=limits
        )
        effect = None
        if saved is not None:
            was = compile_table(saved, table, shapes=present_shapes(saved, table, scans))
            if was.input(was.first).read == compiled.input(compiled.first).read:
                before = preview_table(was, scans=scans, sample=limit, rows_file=files[0], limits=limits)
                effect = effect_of(compiled.primary_key, before, preview)
    return MappingPreview(
        documents=documents,
        saved=collected,
        proposed=document is not None,
        compiled=compiled,
        preview=preview,
        effect=effect,
        rows=files[1],
        rows_before=files[0] if effect is not None else None,
    )


def preview_to_json(found: MappingPreview) -> dict[str, Any]:
    """Return a preview as the API shows it."""
    preview = found.preview
    return {
        "columns": [{"name": name, "type": kind} for name, kind in preview.columns],
        "rows": list(preview.rows),
        "rejected": [rejected_document(dict(row)) for row in preview.rejected],
        "counts": preview.counts.as_dict(),
        "rejected_by_reason": preview.rejected_by_reason,
        "values_nulled": preview.values_nulled,
        "examples": preview.examples,
        "effect": found.effect,
        "stored": asdict(preview.stored) if preview.stored else None,
        "unmapped": list(found.compiled.unmapped),
    }
