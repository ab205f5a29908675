"""Walks along the lineage: how far they go, each way, and what a change at their start can change."""

from collections.abc import Sequence
from dataclasses import dataclass

from datalinx.engine.lineage.graph import Link, Place, walk

CRM = Place("source", "contacts", "crm")
PEOPLE, SPEND = Place("table", "people"), Place("table", "spend")
TOP = Place("query", "top", id="qry_1")
BIG, BIGGER = Place("audience", "big", id="aud_1"), Place("audience", "bigger", id="aud_2")

MAIL = Link(CRM, "mail", PEOPLE, "email", "decorated")
AMOUNT = Link(CRM, "amount", PEOPLE, "amount", "direct")
GONE = Link(CRM, "deleted", PEOPLE, None, "filter")
SUM = Link(PEOPLE, "amount", SPEND, "total", "aggregate")
BY = Link(PEOPLE, "email", SPEND, None, "group")
SHOWN = Link(SPEND, "total", TOP, "total", "query")
RULE = Link(SPEND, "total", BIG, None, "rule")
BUILT = Link(BIG, None, BIGGER, None, "audience")
ALL = (MAIL, AMOUNT, GONE, SUM, BY, SHOWN, RULE, BUILT)


@dataclass
class Known:
    """Links that are all there from the beginning."""

    links: Sequence[Link] = ALL

    def into(self, place: Place) -> list[Link]:
        return [link for link in self.links if link.target == place]

    def out_of(self, place: Place) -> list[Link]:
        return [link for link in self.links if link.origin == place]


def found(start: Place, column: str | None, direction: str) -> dict[Link, tuple[int, str]]:
    traced = walk(Known(), [start], column=column, direction=direction)  # type: ignore[arg-type]
    return {each.link: (each.distance, each.effect) for each in traced}


def test_walk__downstream_of_a_value__goes_to_all_that_is_made_of_it() -> None:
    assert found(CRM, "amount", "downstream") == {
        AMOUNT: (1, "values"),
        SUM: (2, "values"),
        SHOWN: (3, "values"),
        RULE: (3, "rows"),
        BUILT: (4, "rows"),
    }


def test_walk__downstream_of_a_filter__changes_rows_of_everything_behind() -> None:
    assert found(CRM, "deleted", "downstream") == {
        GONE: (1, "rows"),
        SUM: (2, "rows"),
        BY: (2, "rows"),
        SHOWN: (3, "rows"),
        RULE: (3, "rows"),
        BUILT: (4, "rows"),
    }


def test_walk__upstream_of_a_column__names_what_decides_on_its_rows_too() -> None:
    assert found(TOP, "total", "upstream") == {
        SHOWN: (1, "values"),
        SUM: (2, "values"),
        BY: (2, "rows"),
        AMOUNT: (3, "values"),
        GONE: (3, "rows"),
        MAIL: (3, "rows"),
    }


def test_walk__the_two_directions__agree() -> None:
    places = {link.origin for link in ALL} | {link.target for link in ALL}
    down = {(each, link) for each in places for link in found(each, None, "downstream")}
    up = {(each, link) for each in places for link in found(each, None, "upstream")}
    for link in ALL:
        above = {each for each, other in down if other == link}
        assert above == {link.origin} | {
            origin
            for origin in places
            if any((origin, other) in down for other in ALL if other.target == link.origin)
        }
        assert (link.target, link) in up


def test_walk__a_circle__ends() -> None:
    links = Known((SUM, Link(SPEND, "total", PEOPLE, "amount", "direct")))

    assert len(walk(links, [PEOPLE], column="amount", direction="downstream")) == 2
