"""Reading only what is new, and what an older cursor may not do."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest

from datalinx.engine.execute import Guards
from datalinx.engine.execute.cursors import is_carried
from tests.engine.execute.conftest import Desk


def people(desk: Desk, *rows: Sequence[str | None], carried: bool = True, **load: Any) -> None:
    desk.csv("c", ["id", "name", "at"], rows)
    fields = {"id": "c.id", "name": "c.name", **({"at": "c.at"} if carried else {})}
    desk.target("id integer", "name string", *(["at datetime"] if carried else []), key=["id"])
    desk.map(fields, load={"mode": "merge", "cursor": "c.at", **load})


ADA, BOB = ["1", "Ada", "2024-01-01 10:00:00"], ["2", "Bob", "2024-01-05 10:00:00"]
CARRIED = pytest.mark.parametrize("carried", [True, False])


def test_cursor__the_second_run__reads_only_newer_rows(desk: Desk) -> None:
    people(desk, ADA, BOB)
    assert desk.run().counts == {"read": 2, "inserted": 2}
    people(desk, ADA, ["2", "Bobby", "2024-01-05 10:00:00"], ["3", "Cyd", "2024-01-06 10:00:00"])
    outcome = desk.run()
    assert outcome.counts == {"read": 1, "inserted": 1}
    assert outcome.result.cursor == "2024-01-06 10:00:00"
    assert outcome.column("name") == ["Ada", "Bob", "Cyd"]


def test_cursor__nothing_new__is_no_empty_source_and_keeps_the_cursor(desk: Desk) -> None:
    people(desk, ADA, BOB)
    first = desk.run()
    outcome = desk.run(guards=Guards())
    assert outcome.counts == {}
    assert outcome.result.cursor == first.result.cursor == "2024-01-05 10:00:00"


@CARRIED
def test_cursor__a_lookback__reads_recent_rows_again(desk: Desk, carried: bool) -> None:
    load = {"lookback": "2 days", "carried": carried}
    people(desk, ADA, BOB, **load)
    desk.run()
    people(desk, ADA, ["2", "Bobby", "2024-01-05 10:00:00"], ["3", "Cyd", "2024-01-04 10:00:00"], **load)
    outcome = desk.run()
    assert outcome.counts == {"read": 2, "inserted": 1, "updated": 1}
    assert outcome.column("name") == ["Ada", "Bobby", "Cyd"]


@CARRIED
def test_cursor__an_older_row__never_wins(desk: Desk, carried: bool) -> None:
    load = {"lookback": "1 month", "carried": carried}
    people(desk, ["1", "Ada", "2024-01-20 10:00:00"], **load)
    desk.run()
    people(desk, ["1", "Old", "2024-01-19 10:00:00"], ["2", "Bob", "2024-01-21 10:00:00"], **load)
    outcome = desk.run()
    assert outcome.counts == {"read": 2, "inserted": 1, "unchanged": 1}
    assert outcome.column("name") == ["Ada", "Bob"]


@CARRIED
def test_cursor__a_newer_row_of_equal_values__still_beats_one_between(desk: Desk, carried: bool) -> None:
    load = {"lookback": "1 month", "carried": carried}
    for name, day in (("Ada", 10), ("Ada", 20), ("Old", 15)):
        people(desk, ["1", name, f"2024-01-{day} 10:00:00"], **load)
        outcome = desk.run()
    assert outcome.counts == {"read": 1, "unchanged": 1}
    assert outcome.column("name") == ["Ada"]


def test_cursor__rows_without_one__are_merged_each_time_and_never_win(desk: Desk) -> None:
    people(desk, ADA, ["2", "Bob", None])
    desk.run()
    people(desk, ["1", "Nobody", None], ["2", "Bobby", None], ["3", "Cyd", None])
    outcome = desk.run()
    assert outcome.counts == {"read": 3, "inserted": 1, "updated": 1, "unchanged": 1}
    assert outcome.column("name") == ["Ada", "Bobby", "Cyd"]


def test_cursor__an_append__adds_rows_without_one_only_once(desk: Desk) -> None:
    people(desk, ADA, ["2", "Bob", None], mode="append")
    desk.run()
    assert desk.run().counts == {}


def test_cursor__rejected_and_filtered_rows__move_it_too(desk: Desk) -> None:
    people(desk, ADA, ["x", "Bob", "2024-02-01 10:00:00"], ["3", "Cyd", "2024-03-01 10:00:00"])
    desk.mapping["filter"] = "c.name <> 'Cyd'"
    outcome = desk.run()
    assert outcome.counts == {"read": 3, "filtered": 1, "rejected": 1, "inserted": 1}
    assert outcome.result.cursor == "2024-03-01 10:00:00"
    assert desk.run().counts == {}


def test_cursor__rejected_rows_of_an_incremental_run__keep_their_place(desk: Desk) -> None:
    people(desk, ADA, BOB)
    desk.run()
    people(desk, ADA, BOB, ["x", "Cyd", "2024-01-06 10:00:00"])
    assert desk.run().reasons == [("c.csv:3", "id", "cast_failed")]


def test_cursor__of_numbers__compares_numbers(desk: Desk) -> None:
    desk.target("id integer", "seq bigint", key=["id"])
    for rows in ([["1", "9"]], [["1", "9"], ["2", "10"]]):
        desk.csv("c", ["id", "seq"], rows)
        desk.map({"id": "c.id", "seq": "c.seq"}, load={"mode": "merge", "cursor": "c.seq"})
        outcome = desk.run()
    assert outcome.counts == {"read": 1, "inserted": 1}
    assert outcome.result.cursor == "10"


def test_rebuild__with_a_cursor__reads_everything(desk: Desk) -> None:
    people(desk, ADA, BOB)
    desk.run()
    assert desk.run(rebuild=True).counts == {"read": 2, "inserted": 2, "deleted": 2}


def test_cursor__of_a_grouped_mapping__is_that_of_the_groups(desk: Desk) -> None:
    desk.target("at date", "n integer", key=["at"])
    desk.csv("c", ["id", "at"], [["1", "2024-01-01"], ["2", "2024-01-02"], ["3", "2024-01-02"]])
    count = {"type": "aggregate", "expression": "count(*)"}
    load = {"mode": "merge", "cursor": "c.at", "lookback": "1 day"}
    desk.map({"at": "c.at", "n": count}, group_by=["c.at"], load=load)
    assert desk.run().result.cursor == "2024-01-02"
    desk.csv("c", ["id", "at"], [["1", "2024-01-01"], ["2", "2024-01-02"], ["3", "2024-01-03"]])
    outcome = desk.run()
    assert outcome.counts == {"read": 2, "inserted": 1, "updated": 1}
    assert outcome.column("n") == [1, 1, 1]


@pytest.mark.parametrize("mode", ["merge", "history"])
@pytest.mark.parametrize(
    ("first", "later"), [("9", "10"), ("31/01/2024", "01/02/2024"), ("2024-01-09", "2024-01-10")]
)
def test_cursor__of_text_that_no_column_tells_the_type_of__loses_no_row(
    desk: Desk, mode: str, first: str, later: str
) -> None:
    people(desk, ["1", "Ada", first], mode=mode, carried=False)
    desk.run()
    people(desk, ["1", "Ada", first], ["2", "Bob", later], ["3", "Cyd", None], mode=mode, carried=False)
    outcome = desk.run()
    assert outcome.column("name") == ["Ada", "Bob", "Cyd"]
    assert outcome.counts["inserted"] == 2


def test_rebuild__with_a_cursor_that_was_ahead_of_its_rows__begins_again_from_what_is_there(
    desk: Desk,
) -> None:
    people(desk, ADA, ["2", "Bob", "9999-01-01 00:00:00"])
    desk.run()
    people(desk, ADA, BOB)
    assert desk.run(rebuild=True).result.cursor == "2024-01-05 10:00:00"
    people(desk, ADA, BOB, ["3", "Cyd", "2024-01-06 10:00:00"])
    assert desk.run().counts == {"read": 1, "inserted": 1}


@pytest.mark.parametrize(
    ("before", "cursor", "now", "same"),
    [
        ("INTEGER", "5", "BIGINT", True),
        ("DECIMAL(18,2)", "5.00", "INTEGER", True),
        ("DECIMAL(18,2)", "5.50", "INTEGER", False),
        ("DATE", "2024-01-05", "TIMESTAMP", True),
        ("TIMESTAMP", "2024-01-05 10:00:00", "TIMESTAMP WITH TIME ZONE", True),
        ("TIMESTAMP", "2024-01-05 10:00:00", "DATE", False),
        ("INTEGER", "9", "VARCHAR", False),
        ("VARCHAR", "9", "INTEGER", False),
        ("VARCHAR", "2024-01-05", "TIMESTAMP", False),
        ("INTEGER", "20240105", "TIMESTAMP", False),
        ("TIMESTAMP", "2024-01-05 10:00:00", "INTEGER", False),
        ("", "2024-01-05", "TIMESTAMP", True),
        ("", "later", "TIMESTAMP", False),
    ],
)
def test_cursor__that_was_of_another_type__is_carried_on_only_where_it_says_the_same(
    desk: Desk, before: str, cursor: str, now: str, *, same: bool
) -> None:
    people(desk, ADA)
    load = replace(desk.compiled().load, cursor_type=now)
    assert is_carried(load, cursor, before) is same
