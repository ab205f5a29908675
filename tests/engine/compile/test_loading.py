"""Joins, de-duplication, keys, cursors: what decides on rows rather than values."""

from typing import Any

import pytest

from datalinx.engine.compile.plan import OrderTerm
from tests.engine.compile.kit import Database, compiled, faults_of, mapping, results, table

COLUMNS = {"id": "VARCHAR", "name": "VARCHAR", "rank": "VARCHAR", "seen": "VARCHAR", "size": "BIGINT"}
TARGET = ("id string", "name string", "rank integer", "seen timestamp")
FIELDS = {"id": "c.id", "name": "c.name", "rank": "c.rank"}


def row(key: str | None, name: str, rank: str = "1", seen: str = "2024-01-01") -> tuple[Any, ...]:
    return (key, name, rank, seen, 1)


def test_deduplicate__order__keeps_the_first_of_the_valid_rows() -> None:
    document = mapping(FIELDS, deduplicate={"keys": ["id"], "order_by": ["c.rank DESC", "c.name"]})
    rows = [row("1", "a", "9"), row("1", "b", "10"), row("1", "c", "ten"), row("1", "d", "10"), row("2", "e")]

    # 10 comes before 9 because the column that rank makes is a number, and "ten" is no valid row.
    assert results(document, table(*TARGET, key=("id",)), rows, COLUMNS) == [("1", "b", 10), ("2", "e", 1)]


def test_deduplicate__of_nothing_said__rejects_all_rows_of_a_repeated_key() -> None:
    rows = [row("1", "a"), row("1", "b"), row("2", "c")]

    assert results(mapping(FIELDS), table(*TARGET, key=("id",)), rows, COLUMNS) == [("2", "c", 1)]


def test_deduplicate__empty_values__come_last() -> None:
    document = mapping(FIELDS, deduplicate={"keys": ["id"], "order_by": ["c.rank desc"]})
    rows = [(key, name, rank, "", 1) for key, name, rank in (("1", "a", None), ("1", "b", "1"))]

    assert results(document, table(*TARGET), rows, COLUMNS) == [("1", "b", 1)]


@pytest.mark.parametrize(
    ("written", "descending"),
    [
        ("c.size", False),
        ("c.size ASC", False),
        ("c.size desc", True),
        ("c.size DESC NULLS LAST", True),
        ("c.size + 1 desc", True),
    ],
)
def test_order__direction__is_read_from_the_end(written: str, descending: bool) -> None:
    document = mapping(FIELDS, deduplicate={"keys": ["id"], "order_by": [written]})
    plan = compiled(document, table(*TARGET), {"c": COLUMNS})

    assert plan.deduplicate is not None
    assert [term.descending for term in plan.deduplicate.order] == [descending]


def test_order__text_that_nothing_types__stays_text() -> None:
    document = mapping({"id": "c.id"}, deduplicate={"keys": ["id"], "order_by": ["c.seen"]})
    plan = compiled(document, table("id string"), {"c": COLUMNS})
    (step,) = [step for step in plan.steps if step.expression.sql(dialect="duckdb") == '"c"."seen"']

    assert plan.deduplicate is not None
    assert plan.deduplicate.order == (OrderTerm(step.name, descending=False),)


def test_load__keys__are_the_primary_key_unless_given() -> None:
    target = table(*TARGET, key=("id",))

    assert compiled(mapping(FIELDS, load={"mode": "merge"}), target, {"c": COLUMNS}).load.keys == ("id",)
    given = mapping(FIELDS, load={"mode": "merge", "keys": ["NAME"]})
    assert compiled(given, target, {"c": COLUMNS}).load.keys == ("name",)


def test_load__merge_without_any_key__is_refused() -> None:
    (fault,) = faults_of(mapping(FIELDS, load={"mode": "merge"}), table(*TARGET), {"c": COLUMNS})

    assert (fault.field, fault.code) == ("load.keys", "required")


@pytest.mark.parametrize(
    ("rest", "path", "code"),
    [
        ({"load": {"mode": "merge", "keys": ["nope"]}}, "load.keys[0]", "UNKNOWN_COLUMN"),
        ({"deduplicate": {"keys": ["nope"]}}, "deduplicate.keys[0]", "UNKNOWN_COLUMN"),
        (
            {"deduplicate": {"keys": ["id"], "order_by": ["c.nope"]}},
            "deduplicate.order_by[0]",
            "UNKNOWN_COLUMN",
        ),
        ({"load": {"mode": "append", "cursor": "c.nope"}}, "load.cursor", "UNKNOWN_COLUMN"),
        ({"load": {"mode": "append", "cursor": "seen"}}, "load.cursor", "INVALID_REFERENCE"),
        (
            {"load": {"mode": "merge", "keys": ["id"], "cursor": "c.size", "lookback": "1 day"}},
            "load.cursor",
            "INVALID_CURSOR",
        ),
    ],
)
def test_load__wrong_names__are_refused_at_their_place(rest: dict[str, Any], path: str, code: str) -> None:
    (fault,) = faults_of(mapping(FIELDS, **rest), table(*TARGET), {"c": COLUMNS})

    assert (fault.field, fault.code) == (path, code)


@pytest.mark.parametrize(
    ("span", "seconds", "months"),
    [
        ("2 days", 172_800, 0),
        ("90 seconds", 90, 0),
        ("1 week", 604_800, 0),
        ("3 months", 0, 3),
        ("2 years", 0, 24),
    ],
)
def test_cursor__lookback__is_seconds_or_months(span: str, seconds: int, months: int) -> None:
    document = mapping(FIELDS, load={"mode": "merge", "keys": ["id"], "cursor": "c.seen", "lookback": span})
    load = compiled(document, table(*TARGET), {"c": COLUMNS}).load

    assert (load.lookback_seconds, load.lookback_months) == (seconds, months)
    assert load.cursor_type == "TIMESTAMP WITH TIME ZONE"


def test_cursor__of_text_with_a_column_made_of_it__has_that_column_s_type() -> None:
    document = mapping({**FIELDS, "seen": "c.seen"}, load={"mode": "append", "cursor": "c.rank"})
    load = compiled(document, table(*TARGET), {"c": COLUMNS}).load

    assert load.cursor_type == "INTEGER"
    assert load.cursor_input is not None
    assert "TRY_CAST" in load.cursor_input.sql(dialect="duckdb")


def test_cursor__of_text_without_a_column_of_it__is_a_time_where_rows_meet_by_key() -> None:
    document = mapping({"id": "c.id"}, load={"mode": "merge", "keys": ["id"], "cursor": "c.rank"})
    load = compiled(document, table("id string"), {"c": {**COLUMNS, "rank": "VARCHAR"}}).load

    assert load.cursor_type == "TIMESTAMP WITH TIME ZONE"


def test_cursor__of_text_without_a_column_of_it__is_refused_of_an_append() -> None:
    document = mapping({"id": "c.id"}, load={"mode": "append", "cursor": "c.rank"})
    (fault,) = faults_of(document, table("id string"), {"c": {**COLUMNS, "rank": "VARCHAR"}})

    assert (fault.field, fault.code) == ("load.cursor", "INVALID_CURSOR")


def test_cursor__of_a_joined_input__is_refused() -> None:
    document = mapping(
        FIELDS,
        inputs=[{"alias": "c", "source": "s", "table": "t"}, {"alias": "o", "source": "s", "table": "u"}],
        joins=[{"left": "c", "right": "o", "on": [["id", "id"]]}],
        load={"mode": "append", "cursor": "o.size"},
    )
    (fault,) = faults_of(document, table(*TARGET), {"c": COLUMNS, "o": COLUMNS})

    assert (fault.field, fault.code) == ("load.cursor", "INVALID_CURSOR")


def test_history__column_of_its_own_name__is_refused() -> None:
    document = mapping({"id": "c.id"}, load={"mode": "history", "keys": ["id"]})
    (fault,) = faults_of(document, table("id string", "valid_from timestamp"), {"c": COLUMNS})

    assert (fault.field, fault.code) == ("load.mode", "RESERVED_COLUMN")


TWO = [{"alias": "c", "source": "s", "table": "t"}, {"alias": "o", "source": "s", "table": "u"}]
ORDERS = {"customer": "BIGINT", "total": "DOUBLE"}


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        ("inner", [("a", 10.0), ("a", 20.0)]),
        ("left", [("a", 10.0), ("a", 20.0), ("b", None)]),
        ("right", [("a", 10.0), ("a", 20.0), (None, 90.0)]),
        ("full", [("a", 10.0), ("a", 20.0), ("b", None), (None, 90.0)]),
    ],
)
def test_join__of_text_with_numbers__compares_as_text(kind: str, expected: list[Any]) -> None:
    document = mapping(
        {"name": "c.name", "total": "o.total"},
        inputs=TWO,
        joins=[{"left": "c", "right": "o", "type": kind, "on": [["ID", "customer"]]}],
    )
    database = Database()
    database.fill("c", COLUMNS, [row("1", "a"), row("x", "b")])
    database.fill("o", ORDERS, [(1, 10.0), (1, 20.0), (9, 90.0)])

    assert (
        database.run(compiled(document, table("name string", "total double"), {"c": COLUMNS, "o": ORDERS}))
        == expected
    )


def test_join__cross__pairs_all_rows() -> None:
    document = mapping(
        {"name": "c.name", "total": "o.total"},
        inputs=TWO,
        joins=[{"left": "c", "right": "o", "type": "cross"}],
    )
    database = Database()
    database.fill("c", COLUMNS, [row("1", "a"), row("2", "b")])
    database.fill("o", ORDERS, [(1, 10.0), (1, 20.0)])
    plan = compiled(document, table("name string", "total double"), {"c": COLUMNS, "o": ORDERS})

    assert len(database.run(plan)) == 4


def test_join__unknown_column__is_refused() -> None:
    document = mapping(FIELDS, inputs=TWO, joins=[{"left": "c", "right": "o", "on": [["id", "custmer"]]}])
    (fault,) = faults_of(document, table(*TARGET), {"c": COLUMNS, "o": ORDERS})

    assert (fault.field, fault.code) == ("joins[0].on", "UNKNOWN_COLUMN")
    assert "`customer`" in fault.message


def test_input__neither_joined_nor_looked_up__is_refused() -> None:
    (fault,) = faults_of(mapping(FIELDS, inputs=TWO), table(*TARGET), {"c": COLUMNS, "o": ORDERS})

    assert (fault.field, fault.code) == ("inputs[1]", "INPUT_NOT_JOINED")


def test_input__that_nobody_offers__is_refused_alone() -> None:
    document = mapping({"id": "c.nope"}, inputs=TWO)
    found = faults_of(document, table(*TARGET), {"c": COLUMNS})

    assert [(fault.field, fault.code) for fault in found] == [("inputs[1]", "UNKNOWN_INPUT")]
    assert "`u` in source `s`" in found[0].message
