"""dbt SQL: what each load becomes, names from outside in Jinja, single fields."""

import pytest

from datalinx.engine.compile.dbt import MAX_INLINE, dbt_field, dbt_model
from datalinx.engine.compile.plan import inlined_size
from datalinx.errors import NotFound
from tests.engine.compile.kit import CONTACTS, compiled, decorated, expression, mapping, table


@pytest.mark.parametrize(
    ("mode", "config"),
    [
        ("full", "materialized='table'"),
        ("append", "materialized='incremental', incremental_strategy='append'"),
        ("merge", "materialized='incremental', incremental_strategy='delete+insert', unique_key=[\"id\"]"),
        ("history", "materialized='table'"),
    ],
)
def test_model__load__is_its_materialization(mode: str, config: str) -> None:
    document = mapping({"id": "c.contact_id"}, load={"mode": mode, "keys": ["id"]})

    assert dbt_model(compiled(document, table("id string"))).startswith(f"{{{{ config({config}) }}}}")


def test_model__names_with_quotes__are_strings_of_jinja() -> None:
    document = mapping(
        {"id": "c.contact_id"}, inputs=[{"alias": "c", "source": 'my "crm" }}', "table": "it's"}]
    )

    assert '{{ source("my \\"crm\\" }}", "it\'s") }}' in dbt_model(compiled(document, table("id string")))


def test_model__of_another_target__is_a_ref() -> None:
    document = mapping({"id": "t.contact_id"}, inputs=[{"alias": "t", "target": "orders"}])

    assert '{{ ref("orders") }}' in dbt_model(compiled(document, table("id string"), {"t": CONTACTS}))


def test_model__field_that_fails_the_run__stops_dbt_too() -> None:
    document = mapping({"n": "c.mail"}, on_invalid="fail")

    assert "ERROR('A row of people is invalid" in dbt_model(compiled(document, table("n integer")))


@pytest.mark.parametrize(
    ("field", "kind", "sql"),
    [
        ("c.mail", "string", '"c"."mail"'),
        (expression("upper(c.mail)"), "string", 'UPPER("c"."mail")'),
        (expression("c.age % 2"), "bigint", 'TRY("c"."age" % 2)'),
        (decorated("c.mail", "lower", "upper"), "string", 'UPPER(LOWER("c"."mail"))'),
        ({"type": "constant", "value": "{{ x }}"}, "string", "'{{ '{{' }} x }}'"),
    ],
)
def test_field__simple__is_one_expression(field: object, kind: str, sql: str) -> None:
    assert dbt_field(compiled(mapping({"x": field}), table(f"x {kind}")), "x") == sql


def test_field__that_would_be_endless__comes_in_steps() -> None:
    chain = [{"name": "map_values", "values": {"a": "b"}}] * 25
    plan = compiled(mapping({"x": decorated("c.mail", *chain)}), table("x string"))

    assert inlined_size(plan.fields[0].value, plan.steps) > MAX_INLINE
    assert len(dbt_field(plan, "x")) < 10_000


def test_field__without_a_mapping__is_not_found() -> None:
    with pytest.raises(NotFound) as caught:
        dbt_field(compiled(mapping({"x": "c.mail"}), table("x string", "y string")), "y")

    assert caught.value.code == "FIELD_NOT_MAPPED"
