"""Joins, lookups, groups, queries and duplicates give on Spark what they give on DuckDB."""

import pytest

from tests.engine.execute.conftest import TYPES
from tests.engine.spark.desks import Desks

PEOPLE = [
    ["1", "2024-01-01", "a"],
    ["2", "2024-01-02", "b"],
    ["2", "2024-01-02", "b"],
    [None, "2024-01-03", "a"],
    ["9", "soon", None],
]
ORDERS = [["1", "10"], ["1", "20"], ["2", "x"], ["7", "30"], [None, "40"]]


def prepare(desks: Desks) -> None:
    desks.duckdb.csv("c", ["id", "at", "k"], PEOPLE)
    desks.duckdb.csv("o", ["id", "amount"], ORDERS)


@pytest.mark.parametrize("kind", ["inner", "left", "right", "full", "cross"])
def test_join__of_every_type__is_the_same_on_both_engines(desks: Desks, kind: str) -> None:
    prepare(desks)
    desks.duckdb.target("id integer", "at date", "amount decimal", required=["id"])
    on = {} if kind == "cross" else {"on": [["id", "id"]]}
    desks.duckdb.map(
        {"id": "c.id", "at": "c.at", "amount": "o.amount"},
        joins=[{"left": "c", "right": "o", "type": kind, **on}],
        filter="c.k is null or c.k <> 'z'",
        deduplicate={"keys": ["id", "amount"], "order_by": ["c.at"]},
    )
    outcome = desks.same()
    assert outcome.counts["read"] == 5
    assert outcome.result.counts.difference == 0


def test_lookup__in_values_and_in_another_input__is_the_same_on_both_engines(desks: Desks) -> None:
    prepare(desks)
    desks.duckdb.target("id string", "word string", "amount decimal")
    values = {"type": "lookup", "source": "c.k", "values": {"a": "It's \\ one", "b": None}, "default": "none"}
    other = {"type": "lookup", "source": "c.id", "input": "o", "key": "id", "value": "amount"}
    desks.duckdb.map({"id": "c.id", "word": values, "amount": other})
    assert desks.same().counts == {"read": 5, "rejected": 2, "inserted": 3}


def test_identity__of_keys_of_another_type__is_the_same_on_both_engines(desks: Desks) -> None:
    desk = desks.duckdb
    desk.csv("c", ["id", "customer"], [["1", " 7"], ["2", "x"], ["3", None], ["4", "007"], ["5", "9"]])
    desk.csv("identity:customers", ["key", "canonical_id"], [["7", "idr_a"], ["8", "idr_b"]])
    desk.identified = {"customers": TYPES.resolve("integer")}
    desk.target("id integer", "person string")
    chain = [{"name": "trim"}, {"name": "identity"}]
    desk.map(
        {"id": "c.id", "person": {"type": "decorated", "source": "c.customer", "decorators": chain}},
        inputs=[{"alias": "c", "source": "crm", "table": "c"}],
    )
    outcome = desks.same()
    assert {row["id"]: row["person"] for row in outcome.rows} == {1: "idr_a", 3: None, 4: "idr_a", 5: None}
    assert outcome.counts == {"read": 5, "rejected": 1, "inserted": 4}


def test_group__with_aggregates__is_the_same_on_both_engines(desks: Desks) -> None:
    prepare(desks)
    desks.duckdb.target("k string", "rows bigint", "ids bigint", "newest date", key=["k"])
    desks.duckdb.map(
        {
            "k": "c.k",
            "rows": {"type": "aggregate", "expression": "count(*)"},
            "ids": {"type": "aggregate", "expression": "count(distinct c.id)"},
            "newest": {"type": "aggregate", "expression": "max(c.at)"},
        },
        group_by=["c.k"],
        filter="c.at <> '2024-01-03'",
        inputs=[{"alias": "c", "source": "crm", "table": "c"}],
    )
    outcome = desks.same()
    assert outcome.counts["grouped"] == 1
    assert outcome.rejected[0]["row"] == '{"k":null}'


def test_query__as_the_first_input__is_the_same_on_both_engines(desks: Desks) -> None:
    prepare(desks)
    desks.duckdb.scans["source:crm:o"] = desks.duckdb.scans.pop("o")
    desks.duckdb.ctes = {"sums": "select id, count(*) as n, max(amount) as most from crm.o group by id"}
    desks.duckdb.target("id integer", "n bigint", "most decimal", key=["id"])
    desks.duckdb.map({"id": "s.id", "n": "s.n", "most": "s.most"}, inputs=[{"alias": "s", "cte": "sums"}])
    one, other = desks.run()
    assert other.counts == one.counts == {"read": 4, "rejected": 2, "inserted": 2}
    assert other.result.output_hash == one.result.output_hash
    # A query's rows have no order, and so its rejected rows have none.
    assert sorted(map(repr, other.rejected)) == sorted(map(repr, one.rejected))


def test_duplicates__with_ties__keep_the_same_row_on_both_engines(desks: Desks) -> None:
    rows = [[str(n % 7), f"2024-01-0{n % 3 + 1}", str(n)] for n in range(60)]
    desks.duckdb.csv("c", ["id", "at", "n"], rows)
    desks.duckdb.target("id integer", "at date", "n integer", key=["id"])
    desks.duckdb.map(
        {"id": "c.id", "at": "c.at", "n": "c.n"}, deduplicate={"keys": ["id"], "order_by": ["c.at DESC"]}
    )
    assert desks.same().counts == {"read": 60, "deduplicated": 53, "inserted": 7}
