"""Rows of one key: the first in order stays, or none when nobody said which."""

import json

import pytest

from datalinx.engine.execute import Guards
from datalinx.errors import Failed
from tests.engine.execute.conftest import Desk


@pytest.fixture
def versions(desk: Desk) -> Desk:
    desk.csv(
        "c",
        ["id", "n", "at"],
        [
            ["1", "1", "2024-01-01"],
            ["1", "2", "2024-03-01"],
            ["1", "bad", "2024-09-01"],
            ["2", "3", None],
            ["2", "4", "2024-02-01"],
            ["3", "5", "2024-01-01"],
        ],
    )
    desk.target("id string", "n integer", key=["id"])
    desk.map({"id": "c.id", "n": "c.n"}, deduplicate={"keys": ["id"], "order_by": ["c.at DESC"]})
    return desk


def test_run__deduplicate__keeps_the_first_valid_row_of_each_key(versions: Desk) -> None:
    outcome = versions.run()
    assert outcome.counts == {"read": 6, "rejected": 1, "deduplicated": 2, "inserted": 3}
    assert outcome.column("n") == [2, 4, 5]


def test_run__deduplicate_ascending__puts_missing_values_last(versions: Desk) -> None:
    versions.map({"id": "c.id", "n": "c.n"}, deduplicate={"keys": ["id"], "order_by": ["c.at"]})
    assert versions.run().column("n") == [1, 4, 5]


def test_run__deduplicate_without_order__keeps_the_first_row_of_the_file(versions: Desk) -> None:
    versions.map({"id": "c.id", "n": "c.n"}, deduplicate={"keys": ["id"]})
    assert versions.run().column("n") == [1, 3, 5]


def test_run__deduplicate_by_two_keys__looks_at_both(versions: Desk) -> None:
    versions.target("id string", "n integer", "at date")
    versions.map({"id": "c.id", "n": "c.n", "at": "c.at"}, deduplicate={"keys": ["id", "at"]})
    assert versions.run().counts == {"read": 6, "rejected": 1, "inserted": 5}


def test_run__a_repeated_key_without_deduplicate__rejects_all_its_rows(versions: Desk) -> None:
    versions.map({"id": "c.id", "n": "c.n"})
    outcome = versions.run()
    assert outcome.counts == {"read": 6, "rejected": 5, "inserted": 1}
    assert outcome.result.rejected_by_reason == {"duplicate_key": 4, "cast_failed": 1}
    repeated = [row for row in outcome.rejected if row["reason"] == "duplicate_key"]
    assert [row["locator"] for row in repeated] == ["c.csv:1", "c.csv:2", "c.csv:4", "c.csv:5"]
    assert json.loads(repeated[0]["row"]) == {"id": "1", "n": "1", "at": "2024-01-01"}
    assert (repeated[0]["field"], repeated[0]["value"]) == ("id", "1")


def test_run__deduplicate_by_another_key__still_checks_the_primary_key(versions: Desk) -> None:
    versions.map({"id": "c.id", "n": "c.n"}, deduplicate={"keys": ["n"]})
    assert versions.run().counts == {"read": 6, "rejected": 5, "inserted": 1}


def test_run__a_composite_key__shows_its_values_together(desk: Desk) -> None:
    desk.csv("c", ["a", "b"], [["1", "x"], ["1", "x"], ["1", "y"]])
    desk.target("a integer", "b string", key=["b", "a"])
    desk.map({"a": "c.a", "b": "c.b"})
    outcome = desk.run()
    assert outcome.counts == {"read": 3, "rejected": 2, "inserted": 1}
    assert {(row["field"], row["value"]) for row in outcome.rejected} == {("a", "x, 1")}


def test_run__repeated_keys_where_invalid_rows_fail_the_run__fails(versions: Desk) -> None:
    versions.csv("c", ["id", "n", "at"], [["1", "1", None], ["2", "2", None], ["1", "3", None]])
    versions.map({"id": "c.id", "n": "c.n"}, on_invalid="fail")
    with pytest.raises(Failed) as caught:
        versions.run(guards=Guards())
    assert caught.value.details["reason"] == "duplicate_key"
    assert caught.value.details["locator"] == "c.csv:1"
