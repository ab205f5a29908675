"""Names of dbt beside our own: exactly, as the export writes them, without case, and never by a guess."""

from typing import Any

import pytest

from datalinx.engine.dbt.matching import Found, KnownTable, find_names, match_source
from datalinx.engine.dbt.sources import read_dbt_file


def names(*wanted: str, ours: list[str]) -> list[str | None]:
    return [found.name for found in find_names([{"name": each} for each in wanted], ours)]


@pytest.mark.parametrize(
    ("wanted", "ours", "found"),
    [
        (["a"], ["a", "A"], ["a"]),
        (["A"], ["a"], ["a"]),
        (["aB"], ["ab", "AB"], [None]),
        (["x"], ["a"], [None]),
        (["a", "A"], ["a", "A"], ["a", "A"]),
        # The one that says it exactly has it.
        (["a", "A"], ["a"], ["a", None]),
        (["Ab", "aB"], ["ab"], [None, None]),
        (["my _{x"], ["my {{x"], ["my {{x"]),
        (["STRASSE"], ["straße"], ["straße"]),
    ],
)
def test_find__a_name__is_found_when_one_alone_fits(
    wanted: list[str], ours: list[str], found: list[str | None]
) -> None:
    assert names(*wanted, ours=ours) == found


def test_find__several_that_fit__are_told() -> None:
    (found,) = find_names([{"name": "aB"}], ["ab", "AB"])
    assert found == Found(candidates=("AB", "ab"))


def test_find__an_identifier__goes_before_the_name() -> None:
    wanted = [{"identifier": "crm_contacts", "name": "contacts"}, {"identifier": "x", "name": "orders"}]
    found = find_names(wanted, ["contacts", "CRM_CONTACTS", "orders"])
    assert [(each.name, each.by) for each in found] == [("CRM_CONTACTS", "identifier"), ("orders", "name")]


def outcomes(column: dict[str, Any], before: str) -> str:
    (source,) = read_dbt_file(
        str({"sources": [{"name": "s", "tables": [{"name": "t", "columns": [column]}]}]})
    ).sources
    (match,) = match_source(source, [KnownTable("t", ["a"], "", {"a": before})])
    return match.columns[0].outcome


@pytest.mark.parametrize(
    ("given", "before", "outcome"),
    [
        ("new", "", "taken"),
        ("new", "old", "changed"),
        ("old", "old", "unchanged"),
        # What a file leaves out is no wish to have it deleted.
        ("", "old", "undescribed"),
        (" ", "old", "undescribed"),
        ("x" * 2_001, "old", "too_long"),
    ],
)
def test_match__a_description__says_what_becomes_of_it(given: str, before: str, outcome: str) -> None:
    assert outcomes({"name": "A", "description": given}, before) == outcome
    assert outcomes({"name": "b", "description": given}, before) == "unknown"
