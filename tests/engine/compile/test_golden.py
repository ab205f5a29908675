"""Golden texts: the SQL, the dbt model and the lineage of a set of mappings, each in a file that people read.

After a wanted change run the tests with `UPDATE_GOLDEN=1` in the environment and read the difference.
"""

import os
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import duckdb
import jinja2
import pytest
from sqlglot import exp

from datalinx.engine.compile.dbt import dbt_field, dbt_model
from datalinx.engine.compile.lineage import lineage
from datalinx.engine.compile.plan import CompiledMapping
from datalinx.engine.compile.select import select_of
from datalinx.engine.compile.spark import lower_query
from datalinx.engine.spec import Mapping, TargetTable
from datalinx.engine.types import library
from tests.engine.compile.kit import aggregate, compiled, decorated, expression, mapping, table

GOLDEN = Path(__file__).parent / "golden"

CONTACTS = {
    "contact_id": "VARCHAR",
    "Home Town": "VARCHAR",
    "name": "VARCHAR",
    "amount": "VARCHAR",
    "born": "VARCHAR",
    "country": "VARCHAR",
    "updated_at": "TIMESTAMP",
    "deleted_at": "VARCHAR",
}
ORDERS = {"order_id": "BIGINT", "contact_id": "VARCHAR", "total": "DECIMAL(18,2)", "status": "VARCHAR"}
COUNTRIES = {"name": "VARCHAR", "code": "VARCHAR"}
CONTACT = {"alias": "c", "source": "crm", "table": "contacts"}


@dataclass(frozen=True)
class Case:
    """A mapping with all that it needs to be compiled."""

    document: Mapping
    target: TargetTable
    inputs: dict[str, dict[str, str]]
    ctes: dict[str, str] = field(default_factory=dict)

    def plan(self) -> CompiledMapping:
        return compiled(self.document, self.target, self.inputs, self.ctes)


def _direct() -> Case:
    document = mapping({"customer_id": "c.contact_id", "town": 'c."Home Town"', "amount": "c.amount"})
    return Case(document, table("customer_id string!", "town string", "amount integer"), {"c": CONTACTS})


def _customers() -> Case:
    document = mapping(
        {
            "customer_id": "c.contact_id",
            "name": expression("nullif(concat_ws(' ', c.name, c.\"Home Town\"), '')"),
            "amount": expression("cast(c.amount as decimal(18, 2)) * 2"),
            "born": decorated(
                "c.born", "empty_to_null", {"name": "split_part", "separator": " ", "index": 1}
            ),
            "country": {
                "type": "lookup",
                "source": "c.country",
                "input": "k",
                "key": "name",
                "value": "code",
            },
            "origin": {"type": "constant", "value": "crm {{ import }}"},
            "orders": "o.orders",
        },
        inputs=[
            CONTACT,
            {"alias": "o", "cte": "orders_by_contact"},
            {"alias": "k", "source": "reference", "table": "countries"},
        ],
        joins=[{"left": "c", "right": "o", "type": "left", "on": [["contact_id", "contact_id"]]}],
        filter="c.deleted_at is null",
        deduplicate={"keys": ["customer_id"], "order_by": ["c.updated_at DESC"]},
        load={"mode": "merge", "keys": ["customer_id"], "cursor": "c.updated_at", "lookback": "2 days"},
    )
    target = table(
        *("customer_id string!", "name string", "amount decimal", "born string", "country string"),
        *("origin string", "orders bigint"),
        key=("customer_id",),
    )
    inputs = {"c": CONTACTS, "k": COUNTRIES, "source:crm:orders": ORDERS}
    ctes = {
        "orders_by_contact": "select contact_id, count(*) as orders from paid group by contact_id",
        "paid": "select * from crm.orders where status = 'paid'",
    }
    return Case(document, target, inputs, ctes)


def _grouped() -> Case:
    document = mapping(
        {
            "country": "c.country",
            "people": aggregate("count(*)"),
            "total": aggregate("sum(cast(c.amount as bigint)) filter (where c.deleted_at is null)"),
            "share": aggregate("sum(cast(c.amount as bigint)) / count(*)"),
        },
        group_by=["c.country"],
    )
    return Case(
        document, table("country string", "people bigint", "total bigint", "share double"), {"c": CONTACTS}
    )


def _wildcard() -> Case:
    document = mapping(
        {"id": "c.contact_id"},
        wildcard={"input": "c", "exclude": ["born"], "rename": {"Home Town": "town"}},
        on_invalid="null",
    )
    target = table("id string", "town string", "amount integer", "country string", "born date")
    return Case(document, target, {"c": CONTACTS})


def _history() -> Case:
    document = mapping(
        {
            "id": "t.contact_id",
            "status": decorated("t.status", "lower", {"name": "map_values", "values": {"p": "paid"}}),
        },
        inputs=[{"alias": "t", "target": "orders"}],
        load={"mode": "history", "keys": ["id"]},
        on_invalid="fail",
    )
    return Case(document, table("id string!", "status string!"), {"t": ORDERS})


CASES: dict[str, Callable[[], Case]] = {
    "direct": _direct,
    "customers": _customers,
    "grouped": _grouped,
    "wildcard": _wildcard,
    "history": _history,
}


def _check(name: str, text: str) -> None:
    path = GOLDEN / name
    if os.environ.get("UPDATE_GOLDEN"):
        path.write_text(text, encoding="utf-8")
    assert text == path.read_text(encoding="utf-8")


def _sql(plan: CompiledMapping) -> str:
    tree = select_of(plan, stored=lambda read: exp.table_(read.relation, db="main", quoted=True))
    return tree.sql(dialect="duckdb", pretty=True) + "\n"


@pytest.mark.parametrize("name", CASES)
def test_sql__of_the_mapping__is_as_written_down(name: str) -> None:
    _check(f"{name}.sql", _sql(CASES[name]().plan()))


@pytest.mark.parametrize("name", CASES)
def test_spark__of_the_mapping__is_as_written_down(name: str) -> None:
    case = CASES[name]()
    plan = case.plan()
    relations = {
        relation.read.relation: {column.name: column.type for column in relation.columns}
        for relation in plan.inputs
        if relation.read is not None
    }
    select = select_of(plan, stored=lambda read: exp.table_(read.relation, quoted=True))

    lowered = lower_query(select, relations=relations, strict=False)

    _check(f"{name}.spark.sql", lowered.sql(dialect="spark", pretty=True) + "\n")


@pytest.mark.parametrize("name", CASES)
def test_dbt__of_the_mapping__is_as_written_down(name: str) -> None:
    _check(f"{name}.dbt.sql", dbt_model(CASES[name]().plan()))


@pytest.mark.parametrize("name", CASES)
def test_lineage__of_the_mapping__is_as_written_down(name: str) -> None:
    lines = [
        f"{edge.source or '-'}.{edge.table}.{edge.column} -> {edge.target or '-'} ({edge.kind})"
        for edge in lineage(CASES[name]().plan())
    ]
    _check(f"{name}.lineage.txt", "\n".join(lines) + "\n")


@pytest.mark.parametrize("name", CASES)
def test_sql__of_the_mapping__runs_over_empty_tables(name: str) -> None:
    case = CASES[name]()
    with duckdb.connect(config={"threads": 1}) as connection:
        library.register(connection)
        for relation, columns in case.inputs.items():
            listed = ", ".join(f'"{column}" {kind}' for column, kind in columns.items())
            connection.execute(f'CREATE TABLE "{relation}" ({listed})')
        connection.execute(f"EXPLAIN {_sql(case.plan())}")
        assert connection.execute(_sql(case.plan())).fetchall() == []


def test_golden__every_file__belongs_to_a_case() -> None:
    assert {path.name.split(".")[0] for path in GOLDEN.iterdir()} == set(CASES)


@pytest.mark.parametrize("name", CASES)
def test_dbt__every_field__has_an_expression(name: str) -> None:
    plan = CASES[name]().plan()

    for compiled_field in plan.fields:
        assert "__s" not in dbt_field(plan, compiled_field.name)


def _render(model: str, environment: Any) -> str:
    return str(environment.from_string(model).render())


def test_dbt__text_that_jinja_would_take_for_its_own__comes_out_as_written() -> None:
    environment = jinja2.Environment(autoescape=False)
    environment.globals = {
        "config": lambda **_: "",
        "source": lambda source, name: f"<{source}.{name}>",
        "ref": lambda name: f"<{name}>",
    }
    plan = compiled(
        mapping({"x": {"type": "constant", "value": "{{ config() }} {% raw %} {# no #} {{{ }}"}}),
        table("x string"),
    )

    assert "'{{ config() }} {% raw %} {# no #} {{{ }}'" in _render(dbt_model(plan), environment)
