"""Every way of loading gives on Spark what it gives on DuckDB: rows, rejects, counts, cursor and hash."""

from datetime import UTC, datetime

import pytest

from datalinx.engine.execute import Guards
from datalinx.engine.execute.window import Window
from tests.engine.spark.desks import Desks

COLUMNS = ["id", "at", "n", "mail"]
MONDAY = [
    ["1", "2024-01-01 10:00:00", "1", "A@example.com "],
    ["2", "2024-01-02 10:00:00", "x", "b@example.com"],
    ["3", "2024-01-03 10:00:00", "3", "nobody"],
    ["4", None, "4", None],
    ["5", "2024-01-03 11:00:00", "5", "e@münchen.de"],
    ["5", "2024-01-03 11:00:00", "6", "e@example.com"],
]
TUESDAY = [
    ["1", "2024-01-04 10:00:00", "1", "new@example.com"],
    ["2", "2024-01-01 10:00:00", "2", "older@example.com"],
    ["4", None, "4", None],
    ["6", "2024-01-05 10:00:00", "-0", "f@example.com"],
    [None, "2024-01-05 10:00:00", "7", "g@example.com"],
    ["3", "2024-01-03 10:00:00", "33", "c@example.com"],
]

LOADS = {
    "full": {"mode": "full"},
    "append with a cursor": {"mode": "append", "cursor": "c.at"},
    "merge": {"mode": "merge"},
    "merge with a cursor and a lookback": {"mode": "merge", "cursor": "c.at", "lookback": "2 days"},
    "merge that deletes what is missing": {"mode": "merge", "delete_missing": True},
    "history": {"mode": "history", "cursor": "c.at"},
}


def prepare(desks: Desks) -> None:
    desks.duckdb.csv("c", COLUMNS, MONDAY)
    desks.duckdb.target("id integer", "at timestamp", "n decimal", "mail email", key=["id"])


# `make spark-full` loads in these ways too.
SLOW = {
    "append with a cursor",
    "merge",
    "merge with a cursor and a lookback",
    "merge that deletes what is missing",
}


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=[pytest.mark.slow] if name in SLOW else []) for name in LOADS]
)
def test_load__two_days__are_the_same_on_both_engines(desks: Desks, name: str) -> None:
    prepare(desks)
    fields = {
        "id": "c.id",
        "at": "c.at",
        "n": {"type": "direct", "source": "c.n", "on_invalid": "null"},
        "mail": {
            "type": "decorated",
            "source": "c.mail",
            "decorators": [{"name": "trim"}, {"name": "email"}],
        },
    }
    desks.duckdb.map(
        fields, load=LOADS[name], deduplicate={"keys": ["id"], "order_by": ["c.at DESC", "c.n DESC"]}
    )
    first = desks.same()
    assert first.counts["read"] == 6
    assert first.counts["rejected"] == 1
    desks.duckdb.csv("c", COLUMNS, TUESDAY)
    second = desks.same()
    assert second.result.counts.difference == 0


def test_load__by_merge_of_a_key_that_repeats__rejects_all_of_its_rows(desks: Desks) -> None:
    prepare(desks)
    desks.duckdb.map({"id": "c.id", "n": "c.n"}, load={"mode": "merge"}, filter="c.n <> '3'")
    outcome = desks.same()
    assert outcome.result.rejected_by_reason == {"duplicate_key": 2, "cast_failed": 1}
    assert outcome.counts["filtered"] == 1


def test_load__types_that_spark_does_not_store__are_written_all_the_same(desks: Desks) -> None:
    desks.duckdb.csv("c", ["id", "t"], [["3F2504E0-4F89-11D3-9A0C-0305E82C3301", "23:59:59.5"], [None, "9"]])
    desks.duckdb.target("id uuid", "t time", "raw binary", key=["id"])
    desks.duckdb.map({"id": "c.id", "t": "c.t", "raw": "c.t"}, load={"mode": "merge"})
    desks.same()
    rows = [["3f2504e0-4f89-11d3-9a0c-0305e82c3301", "00:00"], ["00000000-4f89-11d3-9a0c-0305e82c3301", None]]
    desks.duckdb.csv("c", ["id", "t"], rows)
    assert desks.same().counts == {"read": 2, "inserted": 1, "updated": 1}


def test_load__too_much_gone__is_refused_by_both(desks: Desks) -> None:
    prepare(desks)
    desks.duckdb.map({"id": "c.id"}, load={"mode": "full"}, deduplicate={"keys": ["id"], "order_by": []})
    desks.same()
    desks.duckdb.csv("c", COLUMNS, MONDAY[:1])
    refused = desks.both_refuse(guards=Guards(max_deleted_share=0.3))
    assert refused.code == "MAX_DELETED_EXCEEDED"


def test_load__of_an_invalid_value_that_may_not_be__is_refused_by_both(desks: Desks) -> None:
    prepare(desks)
    desks.duckdb.map(
        {"id": "c.id", "n": "c.n"}, on_invalid="fail", deduplicate={"keys": ["id"], "order_by": []}
    )
    refused = desks.both_refuse()
    assert refused.code == "VALUE_INVALID"
    assert refused.details["locator"] == "c.csv:2"


def test_load__of_nothing__is_refused_by_both(desks: Desks) -> None:
    prepare(desks)
    desks.duckdb.csv("c", COLUMNS, [])
    desks.duckdb.map({"id": "c.id"})
    assert desks.both_refuse(guards=Guards()).code == "EMPTY_SOURCE"


@pytest.mark.parametrize(
    "kind", ["datetime", *(pytest.param(kind, marks=pytest.mark.slow) for kind in ("date", "timestamp"))]
)
def test_load__of_a_window__reads_the_same_rows_on_both_engines(desks: Desks, kind: str) -> None:
    rows = [[str(day), f"2024-01-0{day}"] for day in range(1, 8)]
    desks.duckdb.csv("c", ["id", "at"], [*rows, ["8", None]])
    desks.duckdb.target("id integer", f"at {kind}", key=["id"])
    desks.duckdb.map({"id": "c.id", "at": "c.at"}, load={"mode": "merge", "cursor": "c.at"})
    since, until = datetime(2024, 1, 2, 12, tzinfo=UTC), datetime(2024, 1, 5, tzinfo=UTC)
    assert desks.same(window=Window(since, until)).column("id") == [3, 4]
    assert desks.same(window=Window(until=since)).column("id") == [1, 2, 3, 4]
