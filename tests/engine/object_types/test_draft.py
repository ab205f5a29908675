"""Object types proposed from target schemas, of the templates and of hand-made ones."""

from typing import Any

from datalinx.engine.object_types import (
    Drafts,
    Entity,
    Ground,
    check_object_type,
    draft_object_types,
    with_ids,
)
from datalinx.engine.spec.base import document_to_json, parse_document
from datalinx.engine.spec.object_type import ObjectTypeDocument
from datalinx.engine.spec.schema import TargetSchema
from datalinx.engine.spec.templates import get_template, list_templates
from datalinx.engine.types.registry import TypeRegistry

TYPES = TypeRegistry()


def table(name: str, *columns: str, key: tuple[str, ...] = (), **more: Any) -> dict[str, Any]:
    """A table; a column is written `name:type`."""
    split = [each.partition(":") for each in columns]
    made = [{"name": column, "type": kind or "string"} for column, _, kind in split]
    return {"name": name, "primary_key": list(key), "columns": made, **more}


def draft(*tables: dict[str, Any], entities: dict[str, Entity] | None = None) -> Drafts:
    schema = parse_document(TargetSchema, {"name": "s", "tables": list(tables)})
    return draft_object_types(Ground(schema, TYPES, entities or {}))


def lines(drafts: Drafts) -> set[tuple[str, str, str, str]]:
    return {
        (document.name, each.name, each.cardinality, each.to)
        for document in drafts.object_types
        for each in document.relationships
    }


def reasons(drafts: Drafts) -> dict[tuple[str, str | None], str]:
    return {(each.table, each.relationship): each.reason for each in drafts.left_out}


def test_draft__of_every_template__holds_and_covers_its_tables() -> None:
    for listed in list_templates():
        schema = get_template(listed["name"])
        drafts = draft_object_types(Ground(schema, TYPES, {}))
        entities = {f"obj_{each.table}": Entity(each.name, each.table) for each in drafts.object_types}
        ground = Ground(schema, TYPES, entities)
        for document in drafts.object_types:
            # What is proposed is a document like any other, and can be saved as it stands.
            again = parse_document(ObjectTypeDocument, document_to_json(document))
            assert check_object_type(with_ids(again, ground), ground) == [], listed["name"]
        told = {each.table for each in drafts.object_types} | {each.table for each in drafts.left_out}
        assert told == {each.name for each in schema.tables}
    assert lines(draft_object_types(Ground(get_template("commerce"), TYPES, {}))) >= {
        ("Order lines", "customer", "many_to_one", "Customers")
    }


def test_draft__of_keys_by_name__relates_where_name_and_family_agree() -> None:
    drafts = draft(
        table("customers", "customer_id:integer", "email:email", key=("customer_id",)),
        table("orders", "order_id", "customer_id:bigint", key=("order_id",)),
        table("visits", "visit_id", "customer_id:string", key=("visit_id",)),
        table("profiles", "customer_id:integer", key=("customer_id",)),
        table("stores", "id:integer", key=("id",)),
        table("tills", "till:integer", "id:integer", "day:date", key=("till",)),
        table("holidays", "day:date", key=("day",)),
    )
    assert lines(drafts) == {
        ("Orders", "customer", "many_to_one", "Customers"),
        ("Orders", "customer by customer_id", "many_to_one", "Profiles"),
    }


def test_draft__of_types__says_the_meaning_and_leaves_how_it_is_stored() -> None:
    document = draft(table("customers", "id:integer", "email:email", key=("id",))).object_types[0]
    assert document_to_json(document)["attributes"] == [
        {"name": "id", "column": "id"},
        {"name": "email", "column": "email", "type": "email"},
    ]
    assert document.key == "id"


def test_draft__of_a_table_that_only_joins__is_a_relationship_between_what_it_joins() -> None:
    tables = (
        table("customers", "customer_id", key=("customer_id",)),
        table("tags", "tag_id", key=("tag_id",)),
        table("tagged", "customer_id", "tag_id", key=("customer_id", "tag_id")),
    )
    drafts = draft(*tables)
    assert lines(drafts) == {("Customers", "tags", "many_to_many", "Tags")}
    through = drafts.object_types[0].relationships[0].through
    assert through is not None
    assert (through.table, through.columns, through.to_columns) == ("tagged", ("customer_id",), ("tag_id",))
    # An object type that is there is not changed: the other side holds the relationship.
    there = {"obj_1": Entity("People", "customers")}
    assert lines(draft(*tables, entities=there)) == {("Tags", "people", "many_to_many", "People")}
    both = {**there, "obj_2": Entity("Tags", "tags")}
    assert reasons(draft(*tables, entities=both))["tagged", None] == "It only joins `customers` and `tags`."


def test_draft__of_declared_and_tested_references__takes_their_names_and_cardinality() -> None:
    household = {
        "name": "home",
        "columns": ["household_id"],
        "references": {"table": "households", "columns": ["household_id"]},
        "cardinality": "one_to_one",
        "description": "Where they live",
    }
    events = table("events", "event_id", "who", key=("event_id",))
    events["columns"][1]["tests"] = [{"test": "relationship", "table": "people", "column": "person_id"}]
    drafts = draft(
        table("people", "person_id", "household_id", key=("person_id",), relationships=[household]),
        table("households", "household_id", key=("household_id",)),
        events,
    )
    assert lines(drafts) == {
        ("People", "home", "one_to_one", "Households"),
        ("Events", "who", "many_to_one", "People"),
    }
    assert drafts.object_types[0].relationships[0].description == "Where they live"


def test_draft__of_what_cannot_be_proposed__says_why() -> None:
    loose = table("log", "line", "customer_id")
    unique = table("coupons", "code", "customer_id")
    unique["columns"][0]["tests"] = [{"test": "unique"}]
    both = {
        "name": "bought",
        "columns": ["code"],
        "references": {"table": "log", "columns": ["line"]},
        "cardinality": "many_to_one",
    }
    many = {**both, "name": "others", "references": {"table": "customers", "columns": ["customer_id"]}}
    unique["relationships"] = [both, {**many, "cardinality": "many_to_many"}]
    drafts = draft(
        table("customers", "customer_id", key=("customer_id",)),
        loose,
        unique,
        entities={"obj_1": Entity("Coupons", "nowhere"), "obj_2": Entity("Customers", "customers")},
    )
    assert [(each.name, each.key) for each in drafts.object_types] == [("Coupons (coupons)", "code")]
    told = reasons(drafts)
    assert set(told) == {("log", None), ("coupons", "bought"), ("coupons", "others")}
    assert "no primary key" in told["log", None]
    assert "`log`" in told["coupons", "bought"]
    assert "which table it goes through" in told["coupons", "others"]
