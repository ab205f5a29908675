"""Lineage: which stored column takes part in which target column, through CTEs too."""

from datalinx.engine.compile.lineage import lineage
from datalinx.engine.compile.plan import Edge
from tests.engine.compile.kit import aggregate, compiled, decorated, expression, mapping, table

COLUMNS = {"id": "VARCHAR", "mail": "VARCHAR", "city": "VARCHAR"}
ORDERS = {"customer": "VARCHAR", "total": "DOUBLE", "day": "DATE"}
CTES = {
    "totals": "select customer as who, sum(total) as total, count(*) as orders from recent group by customer",
    "recent": "select * from crm.orders where day > date '2024-01-01'",
}


def edges(document: object, target: object, inputs: object, ctes: object = {}) -> list[Edge]:
    return lineage(compiled(document, target, inputs, ctes))  # type: ignore[arg-type]


def test_lineage__each_kind_of_field__has_its_edges() -> None:
    document = mapping(
        {
            "id": "c.id",
            "mail": decorated("c.mail", "trim"),
            "both": expression("c.id || c.mail"),
            "here": {"type": "constant", "value": "x"},
            "code": {"type": "lookup", "source": "c.city", "values": {"a": "b"}},
        }
    )
    target = table("id string", "mail string", "both string", "here string", "code string")

    assert edges(document, target, {"c": COLUMNS}) == [
        Edge("crm", "contacts", "id", "id", "direct"),
        Edge("crm", "contacts", "mail", "mail", "decorated"),
        Edge("crm", "contacts", "id", "both", "expression"),
        Edge("crm", "contacts", "mail", "both", "expression"),
        Edge("crm", "contacts", "city", "code", "lookup"),
    ]


def test_lineage__through_ctes__reaches_the_stored_columns() -> None:
    document = mapping(
        {"id": "c.id", "total": "o.total", "orders": "o.orders"},
        inputs=[{"alias": "c", "source": "crm", "table": "contacts"}, {"alias": "o", "cte": "totals"}],
        joins=[{"left": "c", "right": "o", "type": "left", "on": [["id", "who"]]}],
    )
    target = table("id string", "total double", "orders bigint")

    assert edges(document, target, {"c": COLUMNS, "source:crm:orders": ORDERS}, CTES) == [
        Edge("crm", "contacts", "id", "id", "direct"),
        Edge("crm", "orders", "total", "total", "direct"),
        Edge("crm", "contacts", "id", None, "join"),
        Edge("crm", "orders", "customer", None, "join"),
        Edge("crm", "orders", "day", None, "filter"),
        Edge("crm", "orders", "customer", None, "group"),
    ]


def test_lineage__of_rows__names_filters_groups_and_orders() -> None:
    document = mapping(
        {"city": "c.city", "n": aggregate("count(distinct c.id)")},
        group_by=["c.city"],
        filter="c.mail is not null",
    )

    assert edges(document, table("city string", "n bigint"), {"c": COLUMNS}) == [
        Edge("crm", "contacts", "city", "city", "direct"),
        Edge("crm", "contacts", "id", "n", "aggregate"),
        Edge("crm", "contacts", "mail", None, "filter"),
        Edge("crm", "contacts", "city", None, "group"),
    ]
    ordered = mapping({"id": "c.id"}, deduplicate={"keys": ["id"], "order_by": ["c.city DESC"]})
    assert edges(ordered, table("id string"), {"c": COLUMNS})[1:] == [
        Edge("crm", "contacts", "city", None, "order"),
        Edge("crm", "contacts", "id", None, "key"),
    ]
    merged = mapping({"id": "c.id"}, load={"mode": "merge", "keys": ["id"], "cursor": "c.city"})
    assert edges(merged, table("id string"), {"c": COLUMNS})[1:] == [
        Edge("crm", "contacts", "city", None, "cursor")
    ]


def test_lineage__of_another_target_table__has_no_source() -> None:
    document = mapping({"id": "t.id"}, inputs=[{"alias": "t", "target": "raw"}])

    assert edges(document, table("id string"), {"t": COLUMNS}) == [Edge(None, "raw", "id", "id", "direct")]


def test_lineage__wildcard__is_of_its_own_kind() -> None:
    document = mapping({}, wildcard={"input": "c"})

    assert edges(document, table("id string"), {"c": COLUMNS}) == [
        Edge("crm", "contacts", "id", "id", "wildcard")
    ]


def test_lineage__lookup_in_an_input__names_key_and_value() -> None:
    document = mapping(
        {"x": {"type": "lookup", "source": "c.city", "input": "k", "key": "customer", "value": "total"}},
        inputs=[
            {"alias": "c", "source": "crm", "table": "contacts"},
            {"alias": "k", "source": "ref", "table": "Big Table"},
        ],
    )

    assert edges(document, table("x double"), {"c": COLUMNS, "k": ORDERS}) == [
        Edge("crm", "contacts", "city", "x", "lookup"),
        Edge("ref", "Big Table", "customer", "x", "lookup"),
        Edge("ref", "Big Table", "total", "x", "lookup"),
    ]
