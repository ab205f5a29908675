"""Lookups of every size: what is found does not depend on whether a table of codes or a join finds it."""

import pytest

from datalinx.engine.execute.lookups import MAX_ENTRIES
from tests.engine.execute.conftest import Desk

BY_CODE = {"type": "lookup", "source": "c.code", "input": "k", "key": "code", "value": "name"}


@pytest.mark.parametrize("size", [0, 1, 255, 256, 257, 65_537, MAX_ENTRIES, MAX_ENTRIES + 1])
def test_run__a_lookup_of_any_size__finds_its_first_its_last_and_no_other(desk: Desk, size: int) -> None:
    codes = ["0", str(size - 1), str(size), None, "", "0 "]
    desk.csv("c", ["id", "code"], [[str(n), code] for n, code in enumerate(codes)])
    desk.csv("k", ["code", "name"], [[str(n), f"name {n}"] for n in range(size)])
    desk.target("id integer", "name string")
    desk.map({"id": "c.id", "name": BY_CODE})
    outcome = desk.run()
    found = {row["id"]: row["name"] for row in outcome.rows if row["name"] is not None}
    assert found == ({0: "name 0", 1: f"name {size - 1}"} if size else {})
    assert outcome.counts == {"read": 6, "inserted": 6}


def test_run__a_lookup_whose_key_repeats__finds_the_smallest_value_and_no_null_key(desk: Desk) -> None:
    desk.csv("c", ["id", "code"], [["1", "a"], ["2", "b"], ["3", None], ["4", "it's"]])
    desk.csv("k", ["code", "name"], [["a", "z"], ["a", "y"], ["b", None], [None, "nobody"], ["it's", "ours"]])
    desk.target("id integer", "name string")
    desk.map({"id": "c.id", "name": {**BY_CODE, "default": "none"}})
    names = {row["id"]: row["name"] for row in desk.run().rows}
    assert names == {1: "y", 2: "none", 3: "none", 4: "ours"}


def test_run__a_row_that_a_lookup_does_not_know__is_rejected_at_its_own_place(desk: Desk) -> None:
    rows = [[str(n), "x" if n % 1_000 == 7 else "a"] for n in range(5_000)]
    desk.csv("c", ["id", "code"], rows)
    desk.target("id integer", "name string", required=["name"])
    desk.map({"id": "c.id", "name": {"type": "lookup", "source": "c.code", "values": {"a": "A"}}})
    outcome = desk.run()
    assert outcome.counts == {"read": 5_000, "rejected": 5, "inserted": 4_995}
    assert [each["locator"] for each in outcome.rejected] == [f"c.csv:{n * 1_000 + 8}" for n in range(5)]
    assert [each["row"] for each in outcome.rejected][1] == '{"id":"1007","code":"x"}'


def test_run__a_lookup_by_a_column_of_a_joined_input__reads_the_joined_row(desk: Desk) -> None:
    desk.csv("c", ["id"], [["1"], ["2"]])
    desk.csv("o", ["customer", "state"], [["1", "p"], ["1", "s"]])
    desk.csv("k", ["code", "name"], [["p", "paid"], ["s", "sent"]])
    desk.target("id integer", "state string")
    state = {"type": "lookup", "source": "o.state", "input": "k", "key": "code", "value": "name"}
    joins = [{"left": "c", "right": "o", "type": "left", "on": [["id", "customer"]]}]
    desk.map({"id": "c.id", "state": state}, joins=joins)
    outcome = desk.run()
    assert sorted((row["id"], str(row["state"])) for row in outcome.rows) == [
        (1, "paid"),
        (1, "sent"),
        (2, "None"),
    ]
    assert outcome.counts == {"read": 2, "joined_in": 1, "inserted": 3}


def test_run__a_lookup_in_a_group__finds_what_all_rows_of_the_group_find(desk: Desk) -> None:
    desk.csv("c", ["code", "n"], [["a", "1"], ["a", "2"], ["b", "4"]])
    desk.target("name string", "total integer")
    total = {"type": "aggregate", "expression": "sum(cast(c.n as integer))"}
    name = {"type": "lookup", "source": "c.code", "values": {"a": "A"}}
    desk.map({"name": name, "total": total}, group_by=["c.code"])
    assert {(row["name"], row["total"]) for row in desk.run().rows} == {("A", 3), (None, 4)}


def test_preview__a_lookup__finds_in_the_whole_table(desk: Desk) -> None:
    desk.csv("c", ["id", "code"], [["1", "299"], ["2", "0"]])
    desk.csv("k", ["code", "name"], [[str(n), f"name {n}"] for n in range(300)])
    desk.target("id integer", "name string")
    desk.map({"id": "c.id", "name": BY_CODE})
    assert [row["name"] for row in desk.preview(sample=1).rows] == ["name 299"]


def test_run__a_lookup_with_an_empty_key__finds_it_by_the_empty_text_and_not_by_a_missing_one(
    desk: Desk,
) -> None:
    desk.csv("c", ["id", "code"], [["1", ""], ["2", None], ["3", "a"], ["4", "b"]])
    desk.target("id integer", "name string")
    table = {"type": "lookup", "source": "c.code", "values": {"": "nothing", "a": "A"}, "default": "?"}
    desk.map({"id": "c.id", "name": table})
    assert {row["id"]: row["name"] for row in desk.run().rows} == {1: "nothing", 2: "?", 3: "A", 4: "?"}
