"""What saved queries and audiences read, column by column."""

import pytest

from datalinx.engine.lineage.graph import Link, Place
from datalinx.engine.lineage.readers import audience_links, object_type_links, query_links
from datalinx.engine.spec.audience import AudienceDocument
from datalinx.engine.spec.base import parse_document
from datalinx.engine.spec.object_type import ObjectTypeDocument

TABLES = {"customers": ["id", "Email", "country"], "orders": ["order_id", "customer_id", "total", "day"]}
QUERY = Place("query", "q", id="qry_1")

Lines = set[tuple[str, str | None, str | None, str]]


def lines(links: list[Link]) -> Lines:
    return {(link.origin.name, link.column, link.field, link.kind) for link in links}


@pytest.mark.parametrize(
    ("sql", "expected"),
    [
        ("select email as mail from Customers", {("customers", "Email", "mail", "query")}),
        ("select count(*) from orders", {("orders", None, None, "query")}),
        (
            "select *, 1 as one from customers c",
            {("customers", name, name.lower(), "query") for name in TABLES["customers"]},
        ),
        (
            ("with spent as (select customer_id as who, sum(total) as total from orders where day > $since "
            "group by 1) select c.id, s.total * 2 as twice from customers c join spent s on s.who = c.id "
            "order by twice desc limit 5"),
            {
                ("customers", "id", "id", "query"),
                ("orders", "total", "twice", "query"),
                ("orders", "day", None, "filter"),
                ("orders", "customer_id", None, "group"),
                ("orders", "customer_id", None, "join"),
                ("customers", "id", None, "join"),
                ("orders", "total", None, "order"),
            },
        ),
        (
            "select id from customers where exists (select 1 from orders o where o.customer_id = customers.id)",
            {
                ("customers", "id", "id", "query"),
                ("customers", "id", None, "filter"),
                ("orders", "customer_id", None, "filter"),
            },
        ),
        (
            "select id from customers except select customer_id from orders",
            {
                ("customers", "id", "id", "query"),
                ("orders", "customer_id", "id", "query"),
                ("customers", "id", None, "group"),
                ("orders", "customer_id", None, "group"),
            },
        ),
        (
            "select row_number() over (partition by country order by email) from customers",
            {
                ("customers", "country", "column 1", "query"),
                ("customers", "Email", "column 1", "query"),
            },
        ),
        (
            "select columns('.*d') from customers",
            {("customers", name, None, "unresolved") for name in TABLES["customers"]},
        ),
        ("select c from customers c", {("customers", name, "c", "query") for name in TABLES["customers"]}),
        ("select (((", set()),
        ("select (((customers", {("customers", None, None, "unresolved")}),
        ("with recursive r as (select id from customers union all select id from r) select id from r",
         {("customers", "id", "id", "query")}),
    ],
)  # fmt: skip
def test_query_links__of_a_query__name_its_columns(sql: str, expected: Lines) -> None:
    assert lines(query_links(QUERY, sql, TABLES)) == expected


def test_audience_links__of_a_rule__name_fields_related_tables_and_other_audiences() -> None:
    document = parse_document(
        AudienceDocument,
        {
            "name": "big",
            "table": "customers",
            "key": "id",
            "rule": {
                "all": [
                    {"any": [{"field": "country", "op": "eq", "value": "GB"}, {"audience": "aud_2"}]},
                    {"not": {"related": "orders", "via": "id", "where": {"field": "day", "op": "not_null"}}},
                ]
            },
        },
    )
    other = Place("audience", "other", id="aud_2")
    made = audience_links(Place("audience", "big", id="aud_1"), document, {"aud_2": other})

    assert lines(made) == {
        ("customers", "id", "id", "key"),
        ("customers", "country", None, "rule"),
        ("other", None, None, "audience"),
        ("customers", "id", None, "related"),
        ("orders", "id", None, "related"),
        ("orders", "day", None, "rule"),
    }


def test_object_type_links__of_an_entity__name_attributes_the_key_and_both_sides_of_relationships() -> None:
    pair = {"columns": ["id"], "to_columns": ["tag_id"]}
    tags = {"name": "tags", "to": "obj_2", "cardinality": "many_to_many", **pair}
    gone = {"name": "gone", "to": "obj_3", "cardinality": "one_to_one", **pair}
    document = parse_document(
        ObjectTypeDocument,
        {
            "name": "Customers",
            "table": "customers",
            "key": "id",
            "attributes": [{"name": "mail", "column": "email"}, {"name": "mood", "type": "string"}],
            "relationships": [{**tags, "through": {"table": "tagged", **pair}}, gone],
        },
    )
    reader = Place("object_type", "Customers", id="obj_1")
    made = object_type_links(reader, document, {"obj_1": "customers", "obj_2": "tags"})

    assert lines(made) == {
        ("customers", "email", "mail", "attribute"),
        ("customers", "id", None, "key"),
        ("customers", "id", None, "relationship"),
        ("tags", "tag_id", None, "relationship"),
        ("tagged", "id", None, "relationship"),
        ("tagged", "tag_id", None, "relationship"),
    }
