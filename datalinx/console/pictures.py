"""What is drawn of a mapping, put together from what the API says of it."""

from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import urlencode

from datalinx.console.drawing.picture import Box, Curve, Origin, Picture, Target
from datalinx.console.fields import Field, Lineage

# Longer columns say how many are left out; the table beside the drawing has them all.
MOST_TARGETS = 120
MOST_ORIGINS = 40

Columns = Sequence[Mapping[str, Any]]


def mapping_picture(
    mapping: Mapping[str, Any],
    fields: Sequence[Field],
    lineage: Lineage,
    known: Mapping[tuple[str, str], Columns],
    *,
    selected: str = "",
) -> Picture:
    """Return the picture of a mapping. `known` are the columns of source tables, by source and table."""
    shown = fields[:MOST_TARGETS]
    targets = {field.name for field in shown}
    curves = dict.fromkeys(
        Curve(_key(edge), edge["column"], edge["target"], edge["kind"])
        for edge in lineage.edges
        if edge["target"] in targets
    )
    unmapped = sum(not field.kind for field in fields)
    return Picture(
        title=mapping["table_name"],
        boxes=tuple(_boxes(mapping, lineage, known)),
        targets=tuple(_target(field, selected) for field in shown),
        curves=tuple(curves),
        description=f"{mapping['table_name']}: {len(fields)} columns, {unmapped} of them unmapped.",
        more=len(fields) - len(shown),
    )


def _target(field: Field, selected: str) -> Target:
    return Target(
        name=field.name,
        type=field.type,
        kind=field.kind,
        made_of=field.text if field.kind else "",
        href=f"?{urlencode({'field': field.name})}#field",
        selected=field.name == selected,
    )


def _key(edge: Mapping[str, Any]) -> str:
    return f"{edge['source'] or ''}/{edge['table']}"


def _boxes(
    mapping: Mapping[str, Any], lineage: Lineage, known: Mapping[tuple[str, str], Columns]
) -> list[Box]:
    """Return a box for each stored relation, in the order of the inputs, then what stands behind CTEs."""
    relations: dict[tuple[str, str], list[str]] = {}
    for entry in mapping["inputs"]:
        if "cte" not in entry or entry["cte"] is None:
            place = (entry.get("source") or "", entry.get("table") or entry.get("target") or "")
            relations.setdefault(place, []).append(entry["alias"])
    for edge in lineage.edges:
        relations.setdefault((edge["source"] or "", edge["table"]), [])
    return [
        _box(source, table, aliases, lineage, known.get((source, table), ()))
        for (source, table), aliases in relations.items()
    ]


def _box(source: str, table: str, aliases: list[str], lineage: Lineage, columns: Columns) -> Box:
    types = {column["name"]: column.get("type", "") for column in columns}
    roles: dict[str, list[str]] = {}
    used: set[str] = set()
    for edge in lineage.edges:
        if (edge["source"] or "", edge["table"]) != (source, table):
            continue
        if edge["target"] is None:
            roles.setdefault(edge["column"], []).append(edge["kind"])
        else:
            used.add(edge["column"])
    names = list(dict.fromkeys((*types, *sorted(used | set(roles)))))
    needed = [name for name in names if name in used or name in roles]
    spare = set([name for name in names if name not in needed][: max(0, MOST_ORIGINS - len(needed))])
    shown = [name for name in names if name in used or name in roles or name in spare]
    return Box(
        key=f"{source}/{table}",
        title=table,
        subtitle=" · ".join((source or "target table", *(f"as {alias}" for alias in aliases))),
        columns=tuple(
            Origin(name, types.get(name, ""), name in used, tuple(dict.fromkeys(roles.get(name, ()))))
            for name in shown
        ),
        more=len(names) - len(shown),
    )
