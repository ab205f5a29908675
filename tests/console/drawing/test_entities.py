"""The diagram of object types: every box and line once, ends that say one or many, bounded, and safe."""

import re
from typing import Any
from xml.etree import ElementTree

import pytest

from datalinx.console.drawing.entities import draw_narrow, draw_wide
from datalinx.console.drawing.entity_layout import lay_out
from datalinx.console.entities import MOST_ATTRIBUTES, MOST_BOXES, entity_picture, neighbourhood

DRAWS = pytest.mark.parametrize("draw", [draw_wide, draw_narrow])
BAR, PRONGS = re.compile(r"M[\d.]+ [\d.]+ V"), re.compile(r"M[\d.]+ [\d.]+ L[\d.]+ [\d.]+ L")


def entity(name: str, *columns: str, relationships: Any = (), key: str = "") -> dict[str, Any]:
    """An object type as the API gives it; its id is its name in small letters."""
    columns = columns or ("id",)
    led = [
        {**each, "id": each["to"].lower(), "table": each["to"].lower() if each["to"] != "Nobody" else None}
        for each in relationships
    ]
    for each in led:
        each["id"] = None if each["to"] == "Nobody" else each["id"]
    return {
        "id": name.lower(),
        "name": name,
        "table": name.lower(),
        "attributes": [{"name": column, "column": column} for column in columns],
        "relationships": list(relationships),
        "resolved": {
            "key": [key or columns[0]],
            "attributes": [{"name": column, "column": column, "type": "string"} for column in columns],
            "relationships": led,
        },
    }


def relationship(to: str, cardinality: str = "many_to_one", *, by: str = "id", **more: Any) -> dict[str, Any]:
    given = {"name": "its", "to": to, "cardinality": cardinality, "columns": [by], "to_columns": ["id"]}
    return {**given, **more}


def paths(drawn: str) -> list[str]:
    return [str(each.get("d")) for each in ElementTree.fromstring(drawn).iter("path")]


@DRAWS
def test_drawing__of_entities__has_each_box_its_attributes_and_the_ends_of_each_line(draw: Any) -> None:
    orders = entity("Orders", "number", "buyer", relationships=[relationship("Customers", by="buyer")])
    tags = entity("Tags")
    through = {"table": "tagged", "columns": ["a"], "to_columns": ["b"]}
    customers = entity(
        "Customers", "id", "mail", relationships=[relationship("Tags", "many_to_many", through=through)]
    )
    drawn = draw(entity_picture([orders, customers, tags], chosen="customers", href=lambda key: f"/{key}"))
    root = ElementTree.fromstring(drawn)
    assert [each.text for each in root.iter("text") if each.get("class") == "title"] == [
        "Orders",
        "Customers",
        "Tags",
    ]
    assert {each.get("href") for each in root.iter("a")} == {"/orders", "/customers", "/tags"}
    assert len([each for each in root.iter("g") if each.get("class") == "place chosen"]) == 1
    first, second = paths(drawn)
    assert (len(BAR.findall(first)), len(PRONGS.findall(first))) == (1, 1)
    assert (len(BAR.findall(second)), len(PRONGS.findall(second))) == (0, 2)
    words = [each.text for each in root.iter("title")]
    assert "Customers: its (many to many) Tags through tagged" in words


@DRAWS
def test_drawing__of_a_relationship_that_both_sides_tell__is_one_line(draw: Any) -> None:
    back = relationship("Orders", "one_to_many", to_columns=["buyer"], name="orders")
    customers = entity("Customers", relationships=[back])
    orders = entity("Orders", "number", "buyer", relationships=[relationship("Customers", by="buyer")])
    drawn = draw(entity_picture([customers, orders]))
    assert len(paths(drawn)) == 1
    assert "orders (one to many) Orders; Orders: its (many to one) Customers" in drawn


@DRAWS
def test_drawing__of_a_relationship_to_itself_or_to_nobody__stays_in_the_picture(draw: Any) -> None:
    staff = entity(
        "Staff", "id", "boss", relationships=[relationship("Staff", by="boss"), relationship("Nobody")]
    )
    drawn = draw(entity_picture([staff]))
    width = float(re.search(r'viewBox="0 0 ([\d.]+)', drawn)[1])  # type: ignore[index]  # it is there
    points = [float(x) for x in re.findall(r"(?<=[MHC ])(\d[\d.]*) ", paths(drawn)[0])]
    assert len(paths(drawn)) == 1
    assert max(points) <= width


def test_drawing__lines_at_one_attribute__are_kept_apart() -> None:
    many = [entity(f"E{n}", "id", "of", relationships=[relationship("Hub", by="of")]) for n in range(6)]
    drawn = draw_wide(entity_picture([entity("Hub"), *many]))
    ends = [re.search(r"H([\d.]+) M", path) for path in paths(drawn)]
    heights = {(end[1], path.split()[-1]) for end, path in zip(ends, paths(drawn), strict=True) if end}
    assert len(heights) == 6


@DRAWS
def test_drawing__of_very_many__stays_bounded(draw: Any) -> None:
    columns = [f"c{n}" for n in range(300)]
    hub = entity("Hub", "id", *columns)
    many = [entity(f"E{n}", "id", relationships=[relationship("Hub", by="id")]) for n in range(200)]
    picture = entity_picture([hub, *many])
    assert (len(picture.boxes), len(picture.lines)) == (MOST_BOXES, MOST_BOXES - 1)
    assert len(picture.boxes[0].rows) == MOST_ATTRIBUTES
    assert f"and {301 - MOST_ATTRIBUTES} more" in draw(picture)


@DRAWS
def test_drawing__of_hostile_names__escapes_them(draw: Any) -> None:
    hostile = '<script>alert("1")</script>'
    drawn = draw(entity_picture([{**entity("A"), "name": hostile, "table": hostile}]))
    assert "<script" not in drawn
    ElementTree.fromstring(drawn)


def test_drawing__narrow__stays_within_a_telephone() -> None:
    chain = [
        entity(f"E{n}", "id", "of", relationships=[relationship(f"E{n - 1}", by="of")]) for n in range(1, 12)
    ]
    drawn = draw_narrow(entity_picture([entity("E0"), *chain]))
    assert max(float(x) for path in paths(drawn) for x in re.findall(r"[HMC]([\d.]+)", path)) <= 358


def test_layout__of_what_is_related__leads_every_line_to_a_neighbouring_column() -> None:
    pairs = [("a", "b"), ("b", "c"), ("c", "d"), ("d", "a"), ("a", "e"), ("e", "f"), ("f", "g"), ("x", "y")]
    blocks = lay_out(list("abcdefgxyz"), pairs)
    stands = {
        key: (number, index)
        for number, block in enumerate(blocks)
        for index, column in enumerate(block.columns)
        for key in column
    }
    assert sorted(stands) == list("abcdefgxyz")
    for one, other in pairs:
        assert stands[one][0] == stands[other][0]
        assert abs(stands[one][1] - stands[other][1]) <= 1
    assert blocks[0].columns[blocks[0].middle] == ("a",)


def test_layout__of_unrelated_boxes__stands_in_rows() -> None:
    assert [len(block.columns) for block in lay_out(list("abcdefghi"), [("a", "a")])] == [4, 4, 1]
    assert lay_out([], []) == []


def test_neighbourhood__of_one__is_itself_and_what_is_related_in_either_direction() -> None:
    orders = entity("Orders", relationships=[relationship("Customers")])
    customers = entity("Customers", relationships=[relationship("Tags")])
    found = [orders, customers, entity("Tags"), entity("Stores")]
    assert [each["name"] for each in neighbourhood(found, "customers")] == ["Orders", "Customers", "Tags"]
    assert [each["name"] for each in neighbourhood(found, "stores")] == ["Stores"]
