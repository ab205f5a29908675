"""The documents: the examples of the documentation, and what each refuses by itself."""

from typing import Any

import pytest

from datalinx.engine.spec import (
    AudienceDocument,
    CteDocument,
    Mapping,
    PipelineDocument,
    SourceDocument,
    TargetSchema,
    document_to_json,
    parse_document,
)
from datalinx.engine.spec.audience import walk
from datalinx.errors import Invalid

SCHEMA: dict[str, Any] = {
    "name": "customer_360",
    "tables": [
        {
            "name": "customers",
            "description": "One row per person",
            "primary_key": ["customer_id"],
            "columns": [
                {"name": "customer_id", "type": "string", "nullable": False, "description": "…"},
                {"name": "email", "type": "email", "nullable": True, "pii": "contact"},
                {"name": "lifetime_value", "type": "decimal", "precision": 18, "scale": 2, "nullable": True},
                {
                    "name": "birth_date",
                    "type": "birth_date",
                    "tests": [{"test": "range", "min": "1900-01-01"}],
                },
                {"name": "household_id", "type": "string"},
            ],
            "relationships": [
                {
                    "name": "household",
                    "columns": ["household_id"],
                    "references": {"table": "households", "columns": ["household_id"]},
                    "cardinality": "many_to_one",
                }
            ],
        },
        {"name": "households", "columns": [{"name": "household_id", "type": "string"}]},
    ],
}
MAPPING: dict[str, Any] = {
    "table_name": "customers",
    "inputs": [
        {"alias": "c", "source": "crm", "table": "contacts"},
        {"alias": "o", "cte": "orders_by_contact"},
    ],
    "joins": [{"left": "c", "right": "o", "type": "left", "on": [["contact_id", "contact_id"]]}],
    "filter": "c.deleted_at IS NULL",
    "wildcard": {"input": "c", "exclude": ["notes"], "rename": {"mail": "email"}, "prefix": ""},
    "fields": {
        "customer_id": {"type": "direct", "source": "c.contact_id"},
        "city": {"type": "direct", "source": 'c."Home Town"'},
        "full_name": {"type": "expression", "expression": "concat_ws(' ', c.first_name, c.last_name)"},
        "email": {
            "type": "decorated",
            "source": "c.mail",
            "decorators": [{"name": "trim"}, {"name": "email"}],
        },
        "phone": {
            "type": "decorated",
            "source": "c.tel",
            "decorators": [{"name": "phone_number", "default_region": "GB"}],
            "on_invalid": "null",
        },
        "country": {"type": "constant", "value": "GB"},
        "orders": {"type": "direct", "source": "o.order_count"},
    },
    "deduplicate": {"keys": ["customer_id"], "order_by": ["c.updated_at DESC"]},
    "load": {
        "mode": "merge",
        "keys": ["customer_id"],
        "cursor": "c.updated_at",
        "lookback": "2 days",
        "delete_missing": False,
    },
    "on_invalid": "quarantine",
}
PIPELINE: dict[str, Any] = {
    "name": "nightly",
    "tables": ["customers", "orders"],
    "engine": "duckdb",
    "schedule": {"cron": "0 2 * * *", "timezone": "Europe/London", "enabled": True},
    "tests": "gate",
    "max_rejected": {"rows": None, "share": 0.05},
    "guards": {"empty_source": "fail", "max_deleted_share": 0.3},
    "timeout_seconds": 3600,
    "retries": {"max": 3, "backoff_seconds": 30},
    "concurrency": "queue",
}
AUDIENCE: dict[str, Any] = {
    "name": "lapsed big spenders",
    "table": "customers",
    "key": "customer_id",
    "rule": {
        "all": [
            {"field": "lifetime_value", "op": "gte", "value": 500},
            {
                "not": {
                    "related": "orders",
                    "via": "customer_id",
                    "count": {"op": "gte", "value": 1},
                    "where": {"all": [{"field": "ordered_at", "op": "within", "value": "90 days"}]},
                }
            },
            {"any": [{"field": "country", "op": "in", "value": ["GB", "IE"]}, {"audience": "aud_1"}]},
        ]
    },
    "refresh": {"after": ["customers", "orders"]},
}
SOURCE: dict[str, Any] = {
    "name": "crm",
    "connector": "file",
    "config": {"path": "contacts.csv"},
    "credentials": {},
}
CTE: dict[str, Any] = {"name": "orders_by_contact", "sql": "select 1", "description": ""}


@pytest.mark.parametrize(
    ("model", "data"),
    [
        (TargetSchema, SCHEMA),
        (Mapping, MAPPING),
        (PipelineDocument, PIPELINE),
        (AudienceDocument, AUDIENCE),
        (SourceDocument, SOURCE),
        (CteDocument, CTE),
    ],
)
def test_example__of_the_documentation__comes_back_as_it_was(model: Any, data: dict[str, Any]) -> None:
    shown = document_to_json(parse_document(model, data))

    assert {key: shown[key] for key in data} == data
    assert parse_document(model, shown) == parse_document(model, data)


@pytest.mark.parametrize(
    ("model", "data"),
    [
        (SourceDocument, {"name": "s", "connector": "file"}),
        (TargetSchema, {"name": "s", "tables": []}),
        (PipelineDocument, {"name": "p", "tables": ["a"]}),
        (Mapping, {"table_name": "t", "inputs": MAPPING["inputs"][:1], "wildcard": {"input": "c"}}),
        (AudienceDocument, {"name": "a", "table": "t", "key": "k", "rule": {"field": "x", "op": "is_null"}}),
    ],
)
def test_document__required_keys_alone__are_enough(model: Any, data: dict[str, Any]) -> None:
    parse_document(model, data)


def changed(data: dict[str, Any], **changes: Any) -> dict[str, Any]:
    return {**data, **changes}


def with_table(**changes: Any) -> dict[str, Any]:
    return {"name": "s", "tables": [{"name": "t", "columns": [{"name": "a", "type": "string"}], **changes}]}


def with_rule(rule: object) -> dict[str, Any]:
    return changed(AUDIENCE, rule=rule)


TWICE = [{"name": "a", "type": "string"}, {"name": "A", "type": "string"}]
FIGURES = [{"name": "a", "type": "decimal", "precision": 3, "scale": 4}]
LOAD = {"mode": "merge", "keys": ["a"]}


@pytest.mark.parametrize(
    ("model", "data", "path", "code"),
    [
        (TargetSchema, with_table(columns=TWICE), "tables[0].columns[1].name", "duplicate_name"),
        (TargetSchema, with_table(columns=FIGURES), "tables[0].columns[0].scale", "scale_over_precision"),
        (TargetSchema, with_table(primary_key=["b"]), "tables[0].primary_key[0]", "unknown_column"),
        (TargetSchema, with_table(columns=[]), "tables[0].columns", "too_short"),
        (
            TargetSchema,
            with_table(
                relationships=[
                    {"name": "r", "columns": ["a"], "references": {"table": "x", "columns": ["a"]}}
                ]
            ),
            "tables[0].relationships[0].references.table",
            "unknown_table",
        ),
        (
            TargetSchema,
            with_table(
                relationships=[
                    {"name": "r", "columns": ["a"], "references": {"table": "t", "columns": ["a", "z"]}}
                ]
            ),
            "tables[0].relationships[0].references.columns",
            "length_differs",
        ),
        (TargetSchema, {"name": "s", "tables": SCHEMA["tables"][1:] * 2}, "tables[1].name", "duplicate_name"),
        (Mapping, changed(MAPPING, wildcard=None, fields={}), "fields", "required"),
        (Mapping, changed(MAPPING, inputs=MAPPING["inputs"][:1] * 2), "inputs[1].alias", "duplicate_name"),
        (Mapping, changed(MAPPING, inputs=[{"alias": "c"}]), "inputs[0]", "invalid_input"),
        (Mapping, changed(MAPPING, inputs=[{"alias": "c", "source": "x"}]), "inputs[0]", "invalid_input"),
        (
            Mapping,
            changed(MAPPING, inputs=[{"alias": "c", "cte": "x", "target": "y"}]),
            "inputs[0]",
            "invalid_input",
        ),
        (
            Mapping,
            changed(MAPPING, inputs=[{"alias": "c", "target": "customers"}]),
            "inputs[0].target",
            "self_reference",
        ),
        (
            Mapping,
            changed(MAPPING, joins=[{"left": "o", "right": "c", "on": [["a", "b"]]}]),
            "joins[0].left",
            "unknown_input",
        ),
        (
            Mapping,
            changed(MAPPING, joins=[{"left": "c", "right": "z", "on": [["a", "b"]]}]),
            "joins[0].right",
            "unknown_input",
        ),
        (Mapping, changed(MAPPING, joins=MAPPING["joins"] * 2), "joins[1].right", "joined_twice"),
        (Mapping, changed(MAPPING, joins=[{"left": "c", "right": "o"}]), "joins[0].on", "invalid_join"),
        (
            Mapping,
            changed(MAPPING, joins=[{"left": "c", "right": "o", "type": "cross", "on": [["a", "b"]]}]),
            "joins[0].on",
            "invalid_join",
        ),
        (
            Mapping,
            changed(MAPPING, load={**LOAD, "cursor": "c.a", "delete_missing": True}),
            "load.delete_missing",
            "invalid_load",
        ),
        (
            Mapping,
            changed(MAPPING, load={"mode": "append", "delete_missing": True}),
            "load.delete_missing",
            "invalid_load",
        ),
        (Mapping, changed(MAPPING, load={**LOAD, "lookback": "2 days"}), "load.lookback", "invalid_load"),
        (
            Mapping,
            changed(MAPPING, load={"mode": "append", "cursor": "c.a", "lookback": "2 days"}),
            "load.lookback",
            "invalid_load",
        ),
        (Mapping, changed(MAPPING, load={"mode": "full", "cursor": "c.a"}), "load.cursor", "invalid_load"),
        (
            Mapping,
            changed(MAPPING, load={**LOAD, "cursor": "c.a", "lookback": "soon"}),
            "load.lookback",
            "string_pattern_mismatch",
        ),
        (
            Mapping,
            changed(MAPPING, fields={"x": {"type": "lookup", "source": "c.a"}}),
            "fields.x",
            "invalid_lookup",
        ),
        (
            Mapping,
            changed(MAPPING, fields={"x": {"type": "lookup", "source": "c.a", "input": "o", "key": "k"}}),
            "fields.x",
            "invalid_lookup",
        ),
        (
            Mapping,
            changed(
                MAPPING, fields={"x": {"type": "lookup", "source": "c.a", "values": {"a": 1}, "input": "o"}}
            ),
            "fields.x",
            "invalid_lookup",
        ),
        (PipelineDocument, changed(PIPELINE, tables=["a", "a"]), "tables[1]", "duplicate_name"),
        (PipelineDocument, changed(PIPELINE, tables=[]), "tables", "too_short"),
        (PipelineDocument, changed(PIPELINE, schedule={"cron": "0 2 * *"}), "schedule.cron", "invalid_cron"),
        (
            PipelineDocument,
            changed(PIPELINE, schedule={"cron": "0 99 * * *"}),
            "schedule.cron",
            "invalid_cron",
        ),
        (
            PipelineDocument,
            changed(PIPELINE, schedule={"cron": "0 2 * * *", "timezone": "../etc"}),
            "schedule.timezone",
            "invalid_timezone",
        ),
        (
            PipelineDocument,
            changed(PIPELINE, schedule={"cron": "0 2 * * *", "timezone": "Europe"}),
            "schedule.timezone",
            "invalid_timezone",
        ),
        (
            PipelineDocument,
            changed(PIPELINE, schedule={"cron": "0 2 * * *", "timezone": "localtime"}),
            "schedule.timezone",
            "invalid_timezone",
        ),
        (
            PipelineDocument,
            changed(PIPELINE, schedule={"cron": "0 2 * * *", "timezone": "right/UTC"}),
            "schedule.timezone",
            "invalid_timezone",
        ),
        (PipelineDocument, changed(PIPELINE, retries={"max": 11}), "retries.max", "less_than_equal"),
        (
            PipelineDocument,
            changed(PIPELINE, max_rejected={"share": 1.5}),
            "max_rejected.share",
            "less_than_equal",
        ),
        (
            PipelineDocument,
            changed(PIPELINE, max_rejected={"reasons": {"invalid_email": -1}}),
            "max_rejected.reasons.invalid_email",
            "greater_than_equal",
        ),
        (
            PipelineDocument,
            changed(PIPELINE, max_rejected={"reasons": {"Invalid e-mail": 1}}),
            "max_rejected.reasons.Invalid e-mail",
            "string_pattern_mismatch",
        ),
        (AudienceDocument, with_rule({}), "rule", "unknown_rule"),
        (AudienceDocument, with_rule({"all": []}), "rule.all", "too_short"),
        (AudienceDocument, with_rule({"field": "x", "op": "like", "value": 1}), "rule.op", "literal_error"),
        (AudienceDocument, with_rule({"field": "x", "op": "eq"}), "rule.value", "invalid_value"),
        (AudienceDocument, with_rule({"field": "x", "op": "in", "value": 1}), "rule.value", "invalid_value"),
        (
            AudienceDocument,
            with_rule({"field": "x", "op": "between", "value": [1]}),
            "rule.value",
            "invalid_value",
        ),
        (
            AudienceDocument,
            with_rule({"field": "x", "op": "is_null", "value": 1}),
            "rule.value",
            "invalid_value",
        ),
        (AudienceDocument, with_rule({"field": "x", "op": "eq", "value": {}}), "rule.value", "invalid_type"),
        (
            AudienceDocument,
            with_rule({"not": {"any": [{"field": "x", "op": "eq"}]}}),
            "rule.not.any[0].value",
            "invalid_value",
        ),
    ],
)
def test_document__that_contradicts_itself__is_refused_at_its_place(
    model: Any, data: dict[str, Any], path: str, code: str
) -> None:
    with pytest.raises(Invalid) as caught:
        parse_document(model, data)

    assert (path, code) in [(fault.field, fault.code) for fault in caught.value.errors]


def test_audience__nested_too_deep__is_refused() -> None:
    rule: dict[str, Any] = {"field": "x", "op": "is_null"}
    for _ in range(50):
        rule = {"not": rule}

    with pytest.raises(Invalid) as caught:
        parse_document(AudienceDocument, with_rule(rule))

    assert [fault.code for fault in caught.value.errors] == ["rule_too_deep"]


def test_audience__walk__names_every_node() -> None:
    document = parse_document(AudienceDocument, AUDIENCE)

    assert [path for path, _, _ in walk(document.rule)] == [
        "rule",
        "rule.all[0]",
        "rule.all[1]",
        "rule.all[1].not",
        "rule.all[1].not.where",
        "rule.all[1].not.where.all[0]",
        "rule.all[2]",
        "rule.all[2].any[0]",
        "rule.all[2].any[1]",
    ]


def test_pipeline__defaults__are_the_documented_ones() -> None:
    assert document_to_json(parse_document(PipelineDocument, {"name": "p", "tables": ["a"]})) == {
        "name": "p",
        "description": "",
        "tables": ["a"],
        "engine": "duckdb",
        "schedule": None,
        "on_invalid": None,
        "tests": "gate",
        "max_rejected": None,
        "guards": {"empty_source": "fail", "max_deleted_share": 0.3},
        "timeout_seconds": 3600,
        "retries": {"max": 3, "backoff_seconds": 30},
        "max_parallel_tables": 2,
        "concurrency": "queue",
    }


def test_schema__column__is_found_without_case() -> None:
    table = parse_document(TargetSchema, SCHEMA).tables[0]

    assert table.column("EMAIL") is table.columns[1]
    assert table.column("nope") is None
    assert [table.is_nullable(column) for column in table.columns[:2]] == [False, True]
