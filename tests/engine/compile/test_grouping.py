"""Grouped mappings: aggregates, what a group has one value of, and rows that make an aggregate fail."""

from typing import Any

import pytest

from datalinx.errors import Invalid
from tests.engine.compile.kit import (
    Database,
    aggregate,
    compiled,
    expression,
    faults_of,
    mapping,
    results,
    table,
)

COLUMNS = {"region": "VARCHAR", "amount": "VARCHAR", "size": "BIGINT"}
ROWS = [("n", "1", 10), ("n", "2", 20), ("s", "x", 30), ("s", "4", None), (None, "5", 1)]


def grouped(fields: dict[str, Any], **rest: Any) -> Any:
    return mapping(fields, group_by=["c.region"], **rest)


def test_group__aggregates_and_grouped_columns__make_one_row_each() -> None:
    document = grouped(
        {
            "region": "c.region",
            "rows": aggregate("count(*)"),
            "total": aggregate("sum(c.size)"),
            "label": expression("coalesce(upper(c.region), 'none')"),
            "share": aggregate("sum(c.size) / count(c.size)"),
        }
    )
    target = table("region string", "rows bigint", "total bigint", "label string", "share double")

    assert results(document, target, ROWS, COLUMNS) == [
        ("n", 2, 30, "N", 15.0),
        ("s", 2, 30, "S", 30.0),
        (None, 1, 1, "none", 1.0),
    ]


def test_group__row_that_an_aggregate_cannot_take__makes_the_group_invalid() -> None:
    document = grouped({"region": "c.region", "total": aggregate("sum(cast(c.amount as bigint))")})

    assert results(document, table("region string", "total bigint"), ROWS, COLUMNS) == [("n", 3), (None, 5)]


def test_group__aggregate_over_nothing_that_fails__has_no_fault() -> None:
    document = grouped({"region": "c.region", "total": aggregate("sum(c.size)")})
    plan = compiled(document, table("region string", "total bigint"), {"c": COLUMNS})

    # A HUGEINT may not fit a BIGINT: that is the only fault there is.
    assert [fault.reason for fault in plan.fields[1].faults] == ["cast_failed"]


def test_group__lookup_by_a_grouped_column__is_one_value() -> None:
    document = grouped(
        {
            "region": "c.region",
            "name": {"type": "lookup", "source": "c.region", "values": {"n": "North"}, "default": "?"},
        }
    )

    assert results(document, table("region string", "name string"), ROWS, COLUMNS) == [
        ("n", "North"),
        ("s", "?"),
        (None, "?"),
    ]


@pytest.mark.parametrize(
    "field",
    [
        {"type": "direct", "source": "c.size"},
        expression("c.size + 1"),
        aggregate("sum(c.size) + c.size"),
        {"type": "decorated", "source": "c.amount", "decorators": [{"name": "trim"}]},
        {"type": "lookup", "source": "c.amount", "values": {"a": "b"}},
    ],
    ids=lambda field: field["type"],
)
def test_group__column_that_is_not_grouped__is_refused(field: dict[str, Any]) -> None:
    (fault,) = faults_of(grouped({"x": field}), table("x string"), {"c": COLUMNS})

    assert (fault.field, fault.code) == ("fields.x", "NOT_GROUPED")


def test_group__column_that_is_not_grouped__is_the_error_s_code() -> None:
    with pytest.raises(Invalid) as caught:
        compiled(grouped({"x": "c.size"}), table("x string"), {"c": COLUMNS})

    assert caught.value.code == "NOT_GROUPED"


def test_group__cursor_that_is_not_grouped__is_refused() -> None:
    document = grouped({"region": "c.region"}, load={"mode": "append", "cursor": "c.size"})
    (fault,) = faults_of(document, table("region string"), {"c": COLUMNS})

    assert (fault.field, fault.code) == ("load.cursor", "NOT_GROUPED")


@pytest.mark.parametrize(
    "rest", [{"wildcard": {"input": "c"}}, {"deduplicate": {"keys": ["region"], "order_by": ["c.size"]}}]
)
def test_group__with_what_needs_source_rows__is_refused_in_the_document(rest: dict[str, Any]) -> None:
    with pytest.raises(Invalid) as caught:
        grouped({"region": "c.region"}, **rest)

    assert caught.value.code == "NOT_GROUPED"


def test_aggregate__without_group_by__is_refused_in_the_document() -> None:
    with pytest.raises(Invalid) as caught:
        mapping({"x": aggregate("count(*)")})

    assert [(fault.field, fault.code) for fault in caught.value.errors] == [("fields.x", "group_by_required")]


@pytest.mark.parametrize("text", ["c.size + count(*)", "count(*)"])
def test_aggregate__in_a_field_of_type_expression__is_refused(text: str) -> None:
    (fault,) = faults_of(grouped({"x": expression(text)}), table("x bigint"), {"c": COLUMNS})

    assert fault.code == "EXPRESSION_NOT_ALLOWED"


def test_group__filter__comes_before() -> None:
    document = grouped({"region": "c.region", "rows": aggregate("count(*)")}, filter="c.size >= 20")

    assert results(document, table("region string", "rows bigint"), ROWS, COLUMNS) == [("n", 1), ("s", 1)]


def test_group__over_a_join__counts_joined_rows() -> None:
    orders = {"region": "VARCHAR", "id": "BIGINT"}
    document = grouped(
        {"region": "c.region", "orders": aggregate("count(distinct o.id)")},
        inputs=[
            {"alias": "c", "source": "crm", "table": "contacts"},
            {"alias": "o", "source": "crm", "table": "orders"},
        ],
        joins=[{"left": "c", "right": "o", "type": "left", "on": [["region", "region"]]}],
    )
    database = Database()
    database.fill("c", COLUMNS, ROWS)
    database.fill("o", orders, [("n", 1), ("n", 2)])
    plan = compiled(document, table("region string", "orders bigint"), {"c": COLUMNS, "o": orders})

    assert database.run(plan) == [("n", 2), ("s", 0), (None, 0)]


def test_group__faults__are_shown_without_a_value() -> None:
    document = grouped({"total": aggregate("sum(cast(c.amount as bigint))")})
    plan = compiled(document, table("total bigint"), {"c": COLUMNS})

    assert plan.fields[0].faults[0].shown.sql(dialect="duckdb").startswith("CAST(NULL")
