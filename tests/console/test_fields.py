"""A mapping's fields and an audience's rule in words, and the picture made of them."""

from typing import Any

from datalinx.console.fields import Lineage, list_fields
from datalinx.console.pictures import MOST_ORIGINS, MOST_TARGETS, mapping_picture
from datalinx.console.rules import rule_lines

TABLE = {
    "columns": [
        {"name": "id", "type": "integer", "nullable": False},
        {"name": "email", "type": "email", "pii": "contact"},
        {"name": "name", "type": "string"},
        {"name": "origin", "type": "string"},
        {"name": "region", "type": "string"},
        {"name": "tier", "type": "string"},
        {"name": "score", "type": "double"},
        {"name": "nothing", "type": "string"},
    ]
}
MAPPING: dict[str, Any] = {
    "table_name": "people",
    "inputs": [{"alias": "c", "source": "crm", "table": "contacts"}, {"alias": "t", "target": "tiers"}],
    "fields": {
        "id": {"type": "direct", "source": "c.id"},
        "email": {
            "type": "decorated",
            "source": "c.mail",
            "decorators": [{"name": "trim"}, {"name": "replace", "old": "a", "new": "b"}],
            "on_invalid": "null",
        },
        "name": {"type": "expression", "expression": "upper(c.name)"},
        "origin": {"type": "constant", "value": "crm"},
        "region": {"type": "lookup", "source": "c.country", "values": {"GB": "EU", "US": "NA"}},
        "tier": {"type": "lookup", "source": "c.tier", "input": "t", "key": "code", "value": "title"},
    },
}


def _edge(
    column: str, target: str | None, kind: str, source: str | None = "crm", table: str = "contacts"
) -> Any:
    return {"source": source, "table": table, "column": column, "target": target, "kind": kind}


LINEAGE = Lineage(
    [
        _edge("id", "id", "direct"),
        _edge("mail", "email", "decorated"),
        _edge("name", "name", "expression"),
        _edge("score", "score", "wildcard"),
        _edge("title", "tier", "lookup", source=None, table="tiers"),
        _edge("id", None, "filter"),
        _edge("gone_at", None, "filter"),
    ]
)


def test_fields__of_every_kind__say_how_each_column_is_made() -> None:
    found = {field.name: field for field in list_fields(TABLE, MAPPING, LINEAGE)}
    assert {name: (field.kind, field.text) for name, field in found.items()} == {
        "id": ("direct", "c.id"),
        "email": ("decorated", "c.mail"),
        "name": ("expression", "upper(c.name)"),
        "origin": ("constant", '"crm"'),
        "region": ("lookup", "c.country in a list of 2 values"),
        "tier": ("lookup", "c.tier = t.code → t.title"),
        "score": ("wildcard", "score"),
        "nothing": ("", ""),
    }
    assert found["email"].steps == ("trim", 'replace(old: "a", new: "b")')
    assert (found["email"].on_invalid, found["email"].pii, found["id"].nullable) == ("null", "contact", False)
    assert found["nothing"].kind_title == "Unmapped"


def test_picture__of_a_mapping__has_its_relations_and_what_decides_on_rows() -> None:
    fields = list_fields(TABLE, MAPPING, LINEAGE)
    known = {("crm", "contacts"): [{"name": "id", "type": "BIGINT"}, {"name": "spare", "type": "VARCHAR"}]}
    picture = mapping_picture(MAPPING, fields, LINEAGE, known, selected="email")
    contacts, tiers = picture.boxes
    assert (contacts.subtitle, tiers.subtitle) == ("crm · as c", "target table · as t")
    assert [(each.name, each.used, each.roles) for each in contacts.columns] == [
        ("id", True, ("filter",)),
        ("spare", False, ()),
        ("gone_at", False, ("filter",)),
        ("mail", True, ()),
        ("name", True, ()),
        ("score", True, ()),
    ]
    assert len(picture.curves) == 5
    assert [each.name for each in picture.targets if each.selected] == ["email"]
    assert picture.description == "people: 8 columns, 1 of them unmapped."


def test_picture__of_very_wide_tables__keeps_what_is_used_and_counts_the_rest() -> None:
    known = {("crm", "contacts"): [{"name": f"c{i}", "type": "VARCHAR"} for i in range(500)]}
    table = {"columns": [{"name": f"t{i}", "type": "string"} for i in range(MOST_TARGETS + 30)]}
    picture = mapping_picture(MAPPING, list_fields(table, MAPPING, LINEAGE), LINEAGE, known)
    assert len(picture.boxes[0].columns) == MOST_ORIGINS
    assert {"id", "mail", "gone_at"} <= {each.name for each in picture.boxes[0].columns}
    assert picture.boxes[0].more == 500 + 5 - MOST_ORIGINS
    assert (len(picture.targets), picture.more) == (MOST_TARGETS, 30)


def test_picture__links__carry_any_name() -> None:
    table = {"columns": [{"name": 'a&b="c', "type": "string"}]}
    picture = mapping_picture(
        {"table_name": "x", "inputs": []}, list_fields(table, {}, Lineage()), Lineage(), {}
    )
    assert picture.targets[0].href == "?field=a%26b%3D%22c#field"


def test_rule__in_words__names_each_block_as_the_api_does() -> None:
    rule = {
        "all": [
            {"field": "spent", "op": "gte", "value": 500},
            {
                "not": {
                    "related": "orders",
                    "via": "customer_id",
                    "count": {"op": "lt", "value": 3},
                    "where": {"field": "ordered_at", "op": "within", "value": "90 days"},
                }
            },
            {
                "any": [
                    {"field": "country", "op": "in", "value": ["GB", "IE"]},
                    {"field": "age", "op": "between", "value": [18, 30]},
                    {"field": "email", "op": "not_null"},
                    {"audience": "aud_1"},
                    {"audience": "aud_2"},
                ]
            },
            {"related": "visits", "via": "customer_id"},
        ]
    }
    lines = [(line.path, line.depth, line.text) for line in rule_lines(rule, {"aud_1": "friends"})]
    assert lines == [
        ("rule", 0, "All of these"),
        ("rule.all[0]", 1, "spent ≥ 500"),
        ("rule.all[1]", 1, "Not"),
        ("rule.all[1].not", 2, "fewer than 3 in orders by customer_id, of those where"),
        ("rule.all[1].not.where", 3, "ordered_at within the last 90 days"),
        ("rule.all[2]", 1, "At least one of these"),
        ("rule.all[2].any[0]", 2, 'country one of "GB", "IE"'),
        ("rule.all[2].any[1]", 2, "age between 18 and 30"),
        ("rule.all[2].any[2]", 2, "email is not empty"),
        ("rule.all[2].any[3]", 2, "in the audience friends"),
        ("rule.all[2].any[4]", 2, "in the audience aud_2"),
        ("rule.all[3]", 1, "at least 1 in visits by customer_id"),
    ]


def test_rule__of_a_long_list__is_cut() -> None:
    [line] = rule_lines({"field": "id", "op": "in", "value": list(range(500))}, {})
    assert line.text.endswith("19 …")
