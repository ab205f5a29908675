"""The picture of a lineage: every place once, in the order of the data, bounded, and safe."""

import re
from typing import Any
from xml.etree import ElementTree

import pytest

from datalinx.console.drawing.lineage import draw_narrow, draw_wide
from datalinx.console.lineages import (
    MOST_BOXES,
    MOST_COLUMNS,
    lineage_legend,
    lineage_picture,
    lineage_rows,
)


def link(
    source: str | None, table: str, column: str | None, to: str, target: str | None, **more: Any
) -> dict[str, Any]:
    reader = more.pop("reader", None)
    return {
        "source": source,
        "table": table,
        "column": column,
        "target_table": None if reader else to,
        "target": target,
        "kind": "direct",
        "origin": None,
        "consumer": {"type": reader, "id": "x_1", "name": to} if reader else None,
        **more,
    }


UP = [link("crm", "contacts", "mail", "people", "email"), link("crm", "contacts", "gone", "people", None)]
DOWN = [link(None, "people", "email", "top <b>&", "total", reader="query")]


@pytest.mark.parametrize("draw", [draw_wide, draw_narrow])
def test_drawing__of_both_directions__has_each_place_once_and_every_line(draw: Any) -> None:
    root = ElementTree.fromstring(draw(lineage_picture(UP, DOWN, table="people")))

    titles = [each.text for each in root.iter("text") if each.get("class") == "title"]
    assert titles == ["contacts", "people", "top <b>&"]
    paths = [each.get("class") for each in root.iter("path")]
    assert paths == ["edge k-direct", "edge k-none rows", "edge k-direct"]
    assert len([each for each in root.iter("g") if each.get("class") == "place chosen"]) == 1


def test_legend__of_lines_to_readers__names_those_that_no_field_makes() -> None:
    read = link(None, "people", "email", "big", "who", reader="object_type", kind="attribute")

    assert lineage_legend(lineage_picture([], [read], table="people")) == [
        ("k-none", "Read by what stands at its end")
    ]


def test_drawing__layers__follow_the_data() -> None:
    picture = lineage_picture(
        [*UP, link(None, "people", "email", "spend", "who"), link("crm", "contacts", "mail", "spend", "x")]
    )

    assert [[box.title for box in layer] for layer in picture.layers] == [["contacts"], ["people"], ["spend"]]


@pytest.mark.parametrize("draw", [draw_wide, draw_narrow])
def test_drawing__hundreds_of_columns_and_tables__stays_bounded(draw: Any) -> None:
    many = [link("crm", f"t{n % 40}", f"c{n}", "people", f"f{n}") for n in range(400)]
    picture = lineage_picture(many, table="people")

    assert [len(layer) for layer in picture.layers] == [MOST_BOXES + 1, 1]
    assert max(len(box.columns) for layer in picture.layers for box in layer) == MOST_COLUMNS
    drawn = draw(picture)
    height = float(re.search(r'viewBox="0 0 [\d.]+ ([\d.]+)"', drawn)[1])  # type: ignore[index]  # it is there
    assert height < 6_000
    assert "and 390 more" in drawn
    assert "and 28 more" in drawn
    assert len(lineage_rows(many)) == 400


def test_drawing__a_circle_of_tables__ends() -> None:
    picture = lineage_picture([link(None, "a", "x", "b", "x"), link(None, "b", "x", "a", "x")], table="a")

    assert {box.title for layer in picture.layers for box in layer} == {"a", "b"}


def test_drawing__narrow__stays_within_a_telephone() -> None:
    drawn = draw_narrow(lineage_picture(UP, DOWN, table="people"))
    numbers = [
        float(x)
        for x in re.findall(r"[MC ]([\d.]+) [\d.]+(?= |\")", "".join(re.findall(r' d="([^"]*)"', drawn)))
    ]

    assert max(numbers) <= 390
