"""What is drawn and told of object types, put together from what the API says of them."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from datalinx.console.drawing.entities import EntityBox, EntityLine, EntityPicture, EntityRow

# More than these are told by their number alone; the table has them all.
MOST_ATTRIBUTES = 8
MOST_BOXES = 60

ObjectType = Mapping[str, Any]
# How a relationship is read from its other end.
INVERSE = {
    "one_to_one": "one_to_one",
    "one_to_many": "many_to_one",
    "many_to_one": "one_to_many",
    "many_to_many": "many_to_many",
}


def entity_picture(
    object_types: Sequence[ObjectType], *, href: Callable[[str], str] = lambda _: "", chosen: str = ""
) -> EntityPicture:
    """Return the picture of object types and of the relationships among them."""
    shown = object_types[:MOST_BOXES]
    joins = _join_columns(shown)
    boxes = tuple(_box(each, joins.get(each["id"], set()), href, chosen) for each in shown)
    lines = tuple(_lines(shown))
    return EntityPicture(
        boxes, lines, f"Diagram of {len(boxes)} object types and {len(lines)} relationships between them."
    )


def neighbourhood(object_types: Sequence[ObjectType], chosen: str) -> list[ObjectType]:
    """Return an object type and those that it is directly related to, in either direction."""
    near = {chosen}
    for each in object_types:
        ids = {relationship["id"] for relationship in each["resolved"]["relationships"]}
        if each["id"] == chosen:
            near |= ids
        elif chosen in ids:
            near.add(each["id"])
    return [each for each in object_types if each["id"] in near]


def _join_columns(object_types: Iterable[ObjectType]) -> dict[str, set[str]]:
    """The columns by which each object type is related, from its own side or from the other."""
    found: dict[str, set[str]] = {}
    for each in object_types:
        for relationship, to in _leading(each):
            found.setdefault(each["id"], set()).update(relationship["columns"])
            found.setdefault(to, set()).update(relationship["to_columns"])
    return found


def _leading(object_type: ObjectType) -> Iterable[tuple[Mapping[str, Any], str]]:
    """The relationships of an object type with the ids that they lead to; without those that lead nowhere."""
    resolved = object_type["resolved"]["relationships"]
    for relationship, led in zip(object_type["relationships"], resolved, strict=True):
        if led["id"] is not None:
            yield relationship, led["id"]


def _box(each: ObjectType, joins: set[str], href: Callable[[str], str], chosen: str) -> EntityBox:
    key, attributes = each["resolved"]["key"], each["resolved"]["attributes"]
    needed = [row["name"] for row in attributes if row["column"] in key or row["column"] in joins]
    spare = [row["name"] for row in attributes if row["name"] not in needed]
    kept = {*needed, *spare[: max(0, MOST_ATTRIBUTES - len(needed))]}
    rows = tuple(
        EntityRow(row["name"], row["type"] or "", is_key=row["column"] in key)
        for row in attributes
        if row["name"] in kept
    )
    return EntityBox(
        key=each["id"],
        title=each["name"],
        subtitle=each["table"],
        rows=rows,
        more=len(attributes) - len(rows),
        href=href(each["id"]),
        chosen=each["id"] == chosen,
    )


def _lines(shown: Sequence[ObjectType]) -> Iterable[EntityLine]:
    """A line for each relationship; one that both sides tell is one line."""
    by_id = {each["id"]: each for each in shown}
    found: dict[Any, EntityLine] = {}
    for each in shown:
        for relationship, to in _leading(each):
            if to not in by_id:
                continue
            start = (each["id"], tuple(relationship["columns"]))
            end = (to, tuple(relationship["to_columns"]))
            through = (relationship.get("through") or {}).get("table")
            cardinality = relationship["cardinality"]
            words = f"{each['name']}: {relationship['name']} ({cardinality.replace('_', ' ')}) {by_id[to]['name']}"
            words += f" through {through}" if through else ""
            if told := found.get((end, start, through, INVERSE[cardinality])):
                found[end, start, through, INVERSE[cardinality]] = EntityLine(
                    told.start, told.end, told.start_many, told.end_many, f"{told.words}; {words}"
                )
                continue
            found[start, end, through, cardinality] = EntityLine(
                (each["id"], _attribute_of(each, start[1])),
                (to, _attribute_of(by_id[to], end[1])),
                cardinality.startswith("many"),
                cardinality.endswith("many"),
                words,
            )
    return found.values()


def _attribute_of(each: ObjectType, columns: Sequence[str]) -> str:
    """The attribute of the first of these columns, empty when none is."""
    rows = each["resolved"]["attributes"]
    return next((str(row["name"]) for column in columns for row in rows if row["column"] == column), "")


def attribute_sources(object_type: ObjectType) -> dict[str, list[str]]:
    """Return the source columns behind each attribute; empty for who may not see mappings."""
    feeds: dict[str, list[str]] = {}
    for each in object_type.get("source_mappings") or ():
        for line in each["columns"]:
            if line["attribute"] is not None:
                text = f"{each['source']}.{each['table']}.{line['column']}"
                feeds.setdefault(line["attribute"], []).append(text)
    return feeds
