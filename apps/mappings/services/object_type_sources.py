"""Which columns of sources feed an object type, told from the lineage of its table."""

from typing import Any

from apps.mappings.services.compile import Documents
from apps.mappings.services.lineage import MappingLinks
from datalinx.engine.lineage.graph import Place, Traced, walk
from datalinx.engine.spec.object_type import ObjectTypeDocument


def source_mappings(documents: Documents, document: ObjectTypeDocument) -> list[dict[str, Any]]:
    """Return the source tables that feed an object type, each with its columns.

    `attribute` is what a column makes; it is null where the column only decides which rows there are. Target tables
    and blocks of SQL in between are followed through.
    """
    links, place = MappingLinks(documents), Place("table", document.table)
    found: dict[tuple[str, str], list[dict[str, Any]]] = {}
    by_column: dict[str, list[Traced]] = {}
    for attribute in document.attributes:
        if attribute.column is None:
            continue
        if attribute.column not in by_column:
            by_column[attribute.column] = walk(links, [place], column=attribute.column, direction="upstream")
        for traced in by_column[attribute.column]:
            if traced.effect == "values":
                _note(found, traced, attribute.name)
    for traced in walk(links, [place], direction="upstream"):
        # What makes a column that is no attribute feeds the table all the same.
        place_of = (traced.link.origin.source or "", traced.link.origin.name)
        if traced.effect == "rows" or place_of not in found:
            _note(found, traced, None)
    return [
        {"source": source, "table": table, "columns": columns} for (source, table), columns in found.items()
    ]


def _note(found: dict[tuple[str, str], list[dict[str, Any]]], traced: Traced, attribute: str | None) -> None:
    link = traced.link
    if link.origin.kind != "source":
        return
    line = {"column": link.column, "attribute": attribute, "kind": link.kind}
    lines = found.setdefault((link.origin.source or "", link.origin.name), [])
    if line not in lines:
        lines.append(line)
