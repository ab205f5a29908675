"""Joins and groups in the ledger: rows that they add, drop and fold, to the row."""

from typing import Any

import pytest

from datalinx.errors import Failed
from tests.engine.execute.conftest import Desk

# Customer 1 has two orders, 2 has one, 3 none; one order belongs to nobody.
CUSTOMERS = [["1", "Ada"], ["2", "Bob"], ["3", "Cyd"]]
ORDERS = [["1", "10"], ["1", "20"], ["2", "30"], ["9", "40"]]


@pytest.fixture
def shop(desk: Desk) -> Desk:
    desk.csv("c", ["id", "name"], CUSTOMERS)
    desk.csv("o", ["customer", "amount"], ORDERS)
    desk.target("name string", "amount integer")
    return desk


def join(kind: str) -> dict[str, Any]:
    on = [] if kind == "cross" else [["id", "customer"]]
    return {"joins": [{"left": "c", "right": "o", "type": kind, **({"on": on} if on else {})}]}


@pytest.mark.parametrize(
    ("kind", "counts"),
    [
        ("left", {"read": 3, "joined_in": 1, "inserted": 4}),
        ("inner", {"read": 3, "joined_in": 1, "joined_out": 1, "inserted": 3}),
        ("right", {"read": 3, "joined_in": 2, "joined_out": 1, "inserted": 4}),
        ("full", {"read": 3, "joined_in": 2, "inserted": 5}),
        ("cross", {"read": 3, "joined_in": 9, "inserted": 12}),
    ],
)
def test_run__a_join__counts_what_it_adds_and_drops(shop: Desk, kind: str, counts: dict[str, int]) -> None:
    shop.map({"name": "c.name", "amount": "o.amount"}, **join(kind))
    assert shop.run().counts == counts


@pytest.mark.parametrize("kind", ["inner", "right", "cross"])
def test_run__a_join_of_an_input_of_unknown_size__counts_the_same(shop: Desk, kind: str) -> None:
    shop.map({"name": "c.name", "amount": "o.amount"}, **join(kind))
    known = shop.run().counts
    for alias, scan in shop.scans.items():
        shop.scans[alias] = type(scan)(**{**vars(scan), "rows": None})
    again = shop.run(keep=False).counts
    del again["deleted"]
    assert again == known


def test_run__a_cross_join_with_nothing__drops_every_row(shop: Desk) -> None:
    shop.csv("o", ["customer", "amount"], [])
    shop.map({"name": "c.name", "amount": "o.amount"}, **join("cross"))
    assert shop.run().counts == {"read": 3, "joined_out": 3}


def test_run__two_joins__count_the_rows_that_no_chain_kept(shop: Desk) -> None:
    shop.csv("p", ["amount", "paid"], [["10", "yes"], ["30", "no"], ["30", "later"]])
    shop.map(
        {"name": "c.name", "amount": "o.amount"},
        joins=[
            {"left": "c", "right": "o", "type": "inner", "on": [["id", "customer"]]},
            {"left": "o", "right": "p", "type": "inner", "on": [["amount", "amount"]]},
        ],
    )
    assert shop.run().counts == {"read": 3, "joined_in": 1, "joined_out": 1, "inserted": 3}


def test_run__a_joined_row__is_rejected_with_the_place_of_its_first_input(shop: Desk) -> None:
    shop.csv("o", ["customer", "amount"], [["1", "10"], ["1", "x"], ["9", "y"]])
    shop.map({"name": "c.name", "amount": "o.amount"}, **join("full"))
    outcome = shop.run()
    assert sorted(outcome.reasons, key=str) == [
        ("c.csv:1", "amount", "cast_failed"),
        (None, "amount", "cast_failed"),
    ]
    assert {row["row"] for row in outcome.rejected} == {'{"id":"1","name":"Ada"}', '{"id":null,"name":null}'}


def test_run__repeated_keys_that_a_join_made__show_the_row_that_they_come_from(shop: Desk) -> None:
    shop.target("name string", "amount integer", key=["name"])
    shop.map({"name": "c.name", "amount": "o.amount"}, **join("inner"))
    outcome = shop.run()
    assert outcome.counts == {"read": 3, "joined_in": 1, "joined_out": 1, "rejected": 2, "inserted": 1}
    assert [row["locator"] for row in outcome.rejected] == ["c.csv:1", "c.csv:1"]
    assert {row["row"] for row in outcome.rejected} == {'{"id":"1","name":"Ada"}'}


def test_run__duplicates_of_one_place__are_resolved_by_their_values(shop: Desk) -> None:
    shop.target("name string", "amount integer", key=["name"])
    shop.map({"name": "c.name", "amount": "o.amount"}, **join("inner"), deduplicate={"keys": ["name"]})
    outcomes = [shop.run(keep=False) for _ in range(3)]
    assert {tuple(outcome.column("amount")) for outcome in outcomes} == {(10, 30)}


def test_run__a_lookup__adds_and_loses_no_row(shop: Desk) -> None:
    amount = {"type": "lookup", "source": "c.id", "input": "o", "key": "customer", "value": "amount"}
    shop.map({"name": "c.name", "amount": amount})
    outcome = shop.run()
    assert outcome.counts == {"read": 3, "inserted": 3}
    assert outcome.column("amount") == [10, 30, None]


def test_run__a_group__folds_rows_and_shows_its_values_when_rejected(shop: Desk) -> None:
    shop.target("name string", "amount integer", key=["name"], required=["amount"])
    total = {"type": "aggregate", "expression": "sum(cast(o.amount as integer))"}
    shop.map({"name": "c.name", "amount": total}, **join("left"), group_by=["c.name"])
    outcome = shop.run()
    assert outcome.counts == {"read": 3, "joined_in": 1, "grouped": 1, "rejected": 1, "inserted": 2}
    assert outcome.column("name") == ["Ada", "Bob"]
    assert outcome.column("amount") == [30, 30]
    (row,) = outcome.rejected
    assert (row["row"], row["locator"], row["reason"]) == ('{"name":"Cyd"}', None, "null_not_allowed")


def test_run__a_filtered_group__counts_filtered_rows_before_it_folds(shop: Desk) -> None:
    count = {"type": "aggregate", "expression": "count(o.amount)"}
    shop.map(
        {"name": "c.name", "amount": count}, **join("full"), group_by=["c.name"], filter="o.amount <> '20'"
    )
    assert shop.run().counts == {"read": 3, "joined_in": 2, "filtered": 2, "inserted": 3}


def test_run__a_group_whose_key_repeats__is_rejected_with_its_values(shop: Desk) -> None:
    shop.target("name string", "amount integer", key=["amount"])
    count = {"type": "aggregate", "expression": "count(*)"}
    shop.map(
        {"name": "c.name", "amount": count},
        group_by=["c.name"],
        inputs=[{"alias": "c", "source": "crm", "table": "c"}],
    )
    del shop.scans["o"]
    outcome = shop.run()
    assert outcome.counts == {"read": 3, "rejected": 3}
    assert {row["row"] for row in outcome.rejected} == {f'{{"name":"{name}"}}' for _, name in CUSTOMERS}


def test_run__a_cte_as_first_input__is_counted_and_shown_without_a_place(desk: Desk) -> None:
    desk.csv("source:crm:c", ["id", "name"], CUSTOMERS)
    desk.ctes = {"named": "SELECT id, name FROM crm.c WHERE id <> '3'"}
    desk.target("id integer", "name integer")
    desk.map({"id": "n.id", "name": "n.name"}, inputs=[{"alias": "n", "cte": "named"}])
    outcome = desk.run()
    assert outcome.counts == {"read": 2, "rejected": 2}
    assert [(row["locator"], row["source"], row["table"]) for row in outcome.rejected] == [
        (None, None, "n")
    ] * 2
    assert outcome.rejected[0]["row"] == '{"id":"1","name":"Ada"}'


def test_run__a_missing_input__says_which(shop: Desk) -> None:
    shop.map({"name": "c.name", "amount": "o.amount"}, **join("left"))
    compiled = shop.compiled()
    del shop.scans["o"]
    shop.compiled = lambda: compiled  # type: ignore[method-assign]
    with pytest.raises(Failed) as caught:
        shop.run()
    assert caught.value.code == "INPUT_MISSING"
    assert "`o`" in caught.value.message
