"""The decorator `identity`: a key looked up among canonical ids, and what it refuses."""

from typing import Any

import pytest

from datalinx.engine.compile.dbt import dbt_field, dbt_model
from datalinx.engine.compile.lineage import lineage
from datalinx.engine.compile.mapping import compile_mapping, required_reads
from datalinx.engine.compile.plan import CompiledMapping, Read
from datalinx.engine.spec import Mapping
from datalinx.errors import Invalid
from tests.engine.compile.kit import TYPES, Database, aggregate, decorated, mapping, shape, table

ORDERS = {"order_id": "VARCHAR", "customer": "VARCHAR", "amount": "BIGINT"}
IDS = {"key": "VARCHAR", "canonical_id": "VARCHAR"}
ONE = {"customers": TYPES.resolve("integer")}
TWO = {**ONE, "leads": TYPES.resolve("string")}

LONG = {"name": "map_values", "values": {str(number): "x" for number in range(400)}}


def plan_of(document: Mapping, *columns: str, identified: Any = ONE) -> CompiledMapping:
    return compile_mapping(
        document, table=table(*columns), inputs={"c": shape(ORDERS)}, types=TYPES, identified=identified
    )


def rows_of(plan: CompiledMapping, **ids: list[tuple[str, str]]) -> list[tuple[Any, ...]]:
    database = Database()
    database.fill(
        "c",
        ORDERS,
        [("1", "007", 5), ("2", "8", 6), ("3", None, 7), ("4", "9", 8), ("5", "8", 9), ("6", "x", 1)],
    )
    for name, found in ids.items():
        database.fill(f"identity:{name}", IDS, list(found))
    return database.run(plan)


def test_identity__of_a_key__is_found_as_the_type_of_the_key_and_null_without_one() -> None:
    fields = {"id": "c.order_id", "person": decorated("c.customer", "trim", "identity")}
    plan = plan_of(mapping(fields), "id string", "person string")
    found = rows_of(plan, customers=[("7", "idr_a"), ("8", "idr_b")])
    # The last order's customer is no integer, so its row is rejected.
    assert found == [("1", "idr_a"), ("2", "idr_b"), ("3", None), ("4", None), ("5", "idr_b")]


def test_identity__followed_by_others_and_of_two_tables__finds_each_in_its_own() -> None:
    fields = {
        "id": "c.order_id",
        "person": decorated("c.customer", {"name": "identity", "table": "leads"}, "upper"),
        "other": decorated("c.order_id", {"name": "identity", "table": "customers"}),
    }
    plan = plan_of(mapping(fields), "id string", "person string", "other string", identified=TWO)
    found = rows_of(plan, customers=[("2", "idr_c")], leads=[("x", "idr_l")])
    assert [row for row in found if row[1:] != (None, None)] == [("2", None, "idr_c"), ("6", "IDR_L", None)]


def test_identity__in_a_group__is_that_of_the_grouped_key() -> None:
    fields = {"person": decorated("c.customer", "identity"), "total": aggregate("sum(c.amount)")}
    document = mapping(fields, group_by=["c.customer"], filter="c.customer <> 'x'")
    plan = plan_of(document, "person string", "total bigint")
    found = rows_of(plan, customers=[("8", "idr_b")])
    assert found == [("idr_b", 15), (None, 5), (None, 8)]


def test_identity__of_a_mapping__is_one_of_its_reads_and_in_its_lineage() -> None:
    document = mapping({"id": "c.order_id", "person": decorated("c.customer", "identity")})
    read = Read("identity:customers", identity="customers")
    assert required_reads(document, identified=ONE)[-1] == read
    plan = plan_of(document, "id string", "person string")
    assert read in plan.reads
    edges = {(edge.source, edge.table, edge.column) for edge in lineage(plan) if edge.target == "person"}
    assert edges == {
        ("crm", "contacts", "customer"),
        (None, "identity:customers", "key"),
        (None, "identity:customers", "canonical_id"),
    }


@pytest.mark.parametrize(
    ("decorators", "identified", "code"),
    [
        (["identity"], {}, "IDENTITY_NOT_CONFIGURED"),
        (["identity"], TWO, "INVALID_PARAMETER"),
        ([{"name": "identity", "table": "nobody"}], ONE, "INVALID_PARAMETER"),
        ([{"name": "identity", "table": ["customers"]}], ONE, "VALIDATION_ERROR"),
        ([{"name": "identity", "colour": "red"}], ONE, "UNKNOWN_FIELD"),
        (["identity", "identity"], ONE, "IDENTITY_NOT_POSSIBLE"),
        ([LONG, {"name": "identity", "table": "leads"}], TWO, "IDENTITY_NOT_POSSIBLE"),
    ],
)
def test_identity__that_cannot_be__is_refused(decorators: list[Any], identified: Any, code: str) -> None:
    document = mapping({"person": decorated("c.customer", *decorators)})
    with pytest.raises(Invalid) as caught:
        plan_of(document, "person string", identified=identified)
    assert code in {caught.value.code, *(fault.code for fault in caught.value.errors)}


def test_identity__as_dbt__is_refused_for_what_has_it_alone() -> None:
    document = mapping({"id": "c.order_id", "person": decorated("c.customer", "identity")})
    plan = plan_of(document, "id string", "person string")
    for write in (lambda: dbt_model(plan), lambda: dbt_field(plan, "person")):
        with pytest.raises(Invalid) as caught:
            write()
        assert caught.value.code == "IDENTITY_NOT_POSSIBLE"
    assert "order_id" in dbt_field(plan, "id")
