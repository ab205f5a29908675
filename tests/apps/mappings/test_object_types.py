"""Object types: kept over the target schema, refused where it cannot hold, told what feeds them."""

from typing import Any, ClassVar

import pytest

from apps.accounts.models import Role
from apps.mappings.models import ObjectType
from apps.mappings.services.object_types import update_object_type
from datalinx.errors import NotFound
from tests.journey import MAPPING, SCHEMA, lay_out
from tests.resources import ResourceTests, assert_failure, assert_success
from tests.world import World

URL = "/api/object-types"
ORDERS: dict[str, Any] = {
    "name": "orders",
    "primary_key": ["order_id"],
    "columns": [
        {"name": "order_id", "type": "string", "nullable": False},
        {"name": "buyer", "type": "bigint"},
        {"name": "placed_at", "type": "timestamp"},
    ],
}
TAGS: dict[str, Any] = {
    "name": "tags",
    "primary_key": ["tag_id"],
    "columns": [{"name": "tag_id", "type": "integer"}, {"name": "label", "type": "string"}],
}
TAGGED: dict[str, Any] = {
    "name": "tagged",
    "primary_key": ["customer_id", "tag_id"],
    "columns": [{"name": "customer_id", "type": "integer"}, {"name": "tag_id", "type": "integer"}],
}
CUSTOMERS: dict[str, Any] = {
    "name": "Customers",
    "description": "Who bought or signed up",
    "table": "customers",
    "key": "customer_id",
    "attributes": [
        {"name": "number", "column": "customer_id"},
        {"name": "e-mail", "column": "email", "description": "Where letters go"},
        {"name": "age band", "type": "string"},
    ],
}
BUYER: dict[str, Any] = {
    "name": "buyer",
    "to": "Customers",
    "cardinality": "many_to_one",
    "columns": ["buyer"],
    "to_columns": ["customer_id"],
}
ORDERS_TYPE: dict[str, Any] = {
    "name": "Orders",
    "table": "orders",
    "key": ["order_id"],
    "attributes": [{"name": "number", "column": "order_id"}],
    "relationships": [BUYER],
}
TAGGING: dict[str, Any] = {
    "name": "tags",
    "to": "Tags",
    "cardinality": "many_to_many",
    "columns": ["customer_id"],
    "to_columns": ["tag_id"],
    "through": {"table": "tagged", "columns": ["customer_id"], "to_columns": ["tag_id"]},
}


@pytest.fixture(autouse=True)
def _shop(world: World) -> None:
    """The target schema has customers, who are mapped, orders, and tags that customers carry."""
    lay_out(world)
    schema = {**SCHEMA, "tables": [*SCHEMA["tables"], ORDERS, TAGS, TAGGED]}
    assert_success(world.ed.client().put("/api/schemas/workspace", schema, format="json"))


def make(world: World, document: dict[str, Any]) -> dict[str, Any]:
    return dict(assert_success(world.ed.client().post(URL, document, format="json"), 201))


def put_schema(world: World, *tables: dict[str, Any]) -> None:
    body = {**SCHEMA, "tables": list(tables)}
    assert_success(world.ed.client().put("/api/schemas/workspace", body, format="json"))


class TestObjectTypes(ResourceTests):
    path: ClassVar = URL
    noun: ClassVar = "OBJECT_TYPE"

    def good(self, world: World, number: int = 1) -> dict[str, Any]:
        return {**CUSTOMERS, "name": f"Customers {number}"}

    def change(self) -> dict[str, Any]:
        return {"name": "People", "key": ["customer_id"]}


def test_create__over_a_table__answers_with_types_from_the_schema_and_an_etag(world: World) -> None:
    response = world.ed.client().post(URL, CUSTOMERS, format="json")
    made = assert_success(response, 201)
    assert made["id"].startswith("obj_")
    assert response["ETag"] == '"1"'
    assert {key: made[key] for key in CUSTOMERS} == CUSTOMERS
    assert made["relationships"] == made["referenced_by"] == made["faults"] == []
    assert made["resolved"]["key"] == ["customer_id"]
    assert [
        (each["name"], each["type"], each["nullable"], each["pii"]) for each in made["resolved"]["attributes"]
    ] == [
        ("number", "integer", False, None),
        ("e-mail", "email", False, "contact"),
        ("age band", "string", None, None),
    ]


def test_relationships__lead_to_a_name_or_an_id__and_stay_when_the_name_changes(world: World) -> None:
    client = world.ed.client()
    customers = make(world, CUSTOMERS)
    by_name = make(world, ORDERS_TYPE)
    by_id = {**BUYER, "name": "second buyer", "to": customers["id"]}
    second = make(world, {**ORDERS_TYPE, "name": "Purchases", "relationships": [by_id]})
    assert second["relationships"][0]["to"] == "Customers"
    assert_success(client.patch(f"{URL}/{customers['id']}", {"name": "People"}, format="json"))
    found = assert_success(client.get(f"{URL}/{by_name['id']}"))
    assert (found["relationships"][0]["to"], found["version"], found["faults"]) == ("People", 1, [])
    assert found["resolved"]["relationships"] == [
        {
            "name": "buyer",
            "id": customers["id"],
            "to": "People",
            "table": "customers",
            "cardinality": "many_to_one",
        }
    ]
    people = assert_success(client.get(f"{URL}/{customers['id']}"))
    assert [(each["name"], each["relationship"]) for each in people["referenced_by"]] == [
        ("Orders", "buyer"),
        ("Purchases", "second buyer"),
    ]


def test_relationships__to_itself_and_through_a_table__are_kept(world: World) -> None:
    tags = make(world, {"name": "Tags", "table": "tags", "key": "tag_id"})
    friend = {"name": "friend", "to": "Customers", "cardinality": "one_to_one"}
    friend |= {"columns": ["customer_id"], "to_columns": ["customer_id"]}
    made = make(world, {**CUSTOMERS, "relationships": [friend, TAGGING]})
    assert [each["to"] for each in made["relationships"]] == ["Customers", "Tags"]
    assert made["resolved"]["relationships"][1]["id"] == tags["id"]
    # What relates to itself alone may go.
    assert_success(world.ed.client().delete(f"{URL}/{made['id']}"))


@pytest.mark.parametrize(
    ("change", "path", "code", "words"),
    [
        ({"key": ["customer_id", 3]}, "key[1]", "string_type", "not a number"),
        ({"table": "custmers"}, "table", "unknown_table", "Did you mean `customers`?"),
        ({"key": "customer"}, "key", "unknown_column", "Did you mean `customer_id`?"),
        ({"key": ["email", "nothing_like_it"]}, "key[1]", "unknown_column", "has no column"),
        (
            {"attributes": [{"name": "mail", "column": "emial"}]},
            "attributes[0].column",
            "unknown_column",
            "Did you mean `email`?",
        ),
        (
            {"attributes": [{"name": "mail", "type": "emial"}]},
            "attributes[0].type",
            "unknown_type",
            "Did you mean `email`?",
        ),
        (
            {"attributes": [{"name": "mail", "column": "email", "type": "url"}]},
            "attributes[0].type",
            "type_clash",
            "is of the type email",
        ),
        (
            {"attributes": [{"name": "since", "column": "joined_on", "type": "integer"}]},
            "attributes[0].type",
            "type_clash",
            "is of the type date",
        ),
        ({"attributes": [{"name": "bare"}]}, "attributes[0].column", "required", "needs a column"),
        (
            {"attributes": [{"name": "mail", "column": "email"}, {"name": "Mail", "column": "email"}]},
            "attributes[1].name",
            "duplicate_name",
            "twice",
        ),
        (
            {"relationships": [{**BUYER, "to": "Custmers", "columns": ["customer_id"]}]},
            "relationships[0].to",
            "unknown_object_type",
            "Did you mean `Customers`?",
        ),
        (
            {"relationships": [{**BUYER, "columns": ["joined_on"]}]},
            "relationships[0].to_columns[0]",
            "type_clash",
            "`customers.joined_on` is of the type date",
        ),
        (
            {"relationships": [{**BUYER, "columns": ["customer_id", "spent"]}]},
            "relationships[0].to_columns",
            "length_differs",
            "here are 2 and 1",
        ),
        (
            {"relationships": [{**BUYER, "cardinality": "many_to_many"}]},
            "relationships[0].through",
            "required",
            "goes through a table",
        ),
        (
            {"relationships": [{**TAGGING, "cardinality": "one_to_many"}]},
            "relationships[0].through",
            "not_used",
            "Only a many_to_many",
        ),
        (
            {
                "relationships": [
                    {**TAGGING, "to": "Customers", "through": {**TAGGING["through"], "table": "tagd"}}
                ]
            },
            "relationships[0].through.table",
            "unknown_table",
            "Did you mean `tagged`?",
        ),
        (
            {"relationships": [{**BUYER, "cardinality": "some"}]},
            "relationships[0].cardinality",
            "literal_error",
            "",
        ),
    ],
)
def test_create__what_cannot_hold__is_422_with_its_place_and_the_nearest_name(
    world: World, change: dict[str, Any], path: str, code: str, words: str
) -> None:
    body = {**CUSTOMERS, **change}
    failure = assert_failure(world.ed.client().post(URL, body, format="json"), 422, "VALIDATION_ERROR")
    fault = next(each for each in failure["errors"] if each["field"] == path)
    assert fault["code"] == code
    assert words in fault["message"]
    assert assert_success(world.ed.client().get(URL)) == []


def test_create__a_type_that_refines_the_columns__is_taken(world: World) -> None:
    attributes = [
        {"name": "label", "column": "label", "type": "person_name"},
        {"name": "number", "column": "tag_id", "type": "decimal"},
    ]
    made = make(world, {"name": "Tags", "table": "tags", "key": "tag_id", "attributes": attributes})
    assert [each["type"] for each in made["resolved"]["attributes"]] == ["person_name", "decimal"]


def test_create__a_name_that_is_taken__is_422_in_any_case(world: World) -> None:
    make(world, CUSTOMERS)
    again = world.ed.client().post(URL, {**CUSTOMERS, "name": "customers"}, format="json")
    assert_failure(again, 422, "OBJECT_TYPE_NAME_TAKEN")


def test_create__relating_to_an_object_type_of_another_organization__is_422(world: World) -> None:
    eve = world.eve.client()
    table = SCHEMA["tables"][0]
    assert_success(eve.put("/api/schemas/workspace", {**SCHEMA, "tables": [table]}, format="json"), 201)
    foreign = assert_success(eve.post(URL, CUSTOMERS, format="json"), 201)
    body = {**ORDERS_TYPE, "relationships": [{**BUYER, "to": foreign["id"]}]}
    failure = assert_failure(world.ed.client().post(URL, body, format="json"), 422, "VALIDATION_ERROR")
    assert failure["errors"][0]["code"] == "unknown_object_type"


def test_create__one_more_than_a_workspace_holds__is_422(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("apps.mappings.services.object_types.MOST_OBJECT_TYPES", 1)
    make(world, CUSTOMERS)
    assert_failure(world.ed.client().post(URL, ORDERS_TYPE, format="json"), 422, "TOO_MANY_OBJECT_TYPES")
    assert_failure(world.ed.client().post(f"{URL}/draft", {}, format="json"), 422, "TOO_MANY_OBJECT_TYPES")


def test_patch__what_get_gave__changes_nothing_but_the_version(world: World) -> None:
    client = world.ed.client()
    make(world, CUSTOMERS)
    made = make(world, ORDERS_TYPE)
    got = assert_success(client.get(f"{URL}/{made['id']}"))
    again = assert_success(client.patch(f"{URL}/{made['id']}", got, format="json"))
    changing = {"version", "updated_at"}
    assert again["version"] == 2
    assert {k: v for k, v in again.items() if k not in changing} == {
        k: v for k, v in got.items() if k not in changing
    }


def test_patch__on_an_older_version__is_refused_and_history_keeps_all(world: World) -> None:
    client = world.ed.client()
    url = f"{URL}/{make(world, CUSTOMERS)['id']}"
    assert_success(client.patch(url, {"description": "new"}, format="json", HTTP_IF_MATCH='"1"'))
    stale = client.patch(url, {"description": "late"}, format="json", HTTP_IF_MATCH='"1"')
    assert_failure(stale, 422, "VERSION_CONFLICT")
    assert [each["version"] for each in assert_success(client.get(f"{url}/versions"))] == [2, 1]
    assert assert_success(client.get(f"{url}/versions/1"))["description"] == CUSTOMERS["description"]
    assert_failure(client.get(f"{url}/versions/9"), 404, "VERSION_NOT_FOUND")
    assert [each["path"] for each in assert_success(client.get(f"{url}/diff"))] == ["description"]


def test_update__of_one_that_was_deleted_meanwhile__does_not_bring_it_back(world: World) -> None:
    row = ObjectType.objects.get(pk=make(world, CUSTOMERS)["id"])
    ObjectType.objects.filter(pk=row.pk).delete()
    with pytest.raises(NotFound):
        update_object_type(object_type=row, actor=world.ed.caller, changes={"description": "late"})
    assert not ObjectType.objects.exists()


def test_delete__while_others_relate_to_it__is_refused_naming_them(world: World) -> None:
    client = world.ed.client()
    customers, orders = make(world, CUSTOMERS), make(world, ORDERS_TYPE)
    failure = assert_failure(client.delete(f"{URL}/{customers['id']}"), 422, "OBJECT_TYPE_IN_USE")
    assert failure["message"] == "'Orders' relates to this object type; change that first."
    more = make(world, {**ORDERS_TYPE, "name": "Purchases"})
    failure = assert_failure(client.delete(f"{URL}/{customers['id']}"), 422, "OBJECT_TYPE_IN_USE")
    assert "'Orders' and 'Purchases' relate to" in failure["message"]
    for each in (orders, more):
        assert_success(client.delete(f"{URL}/{each['id']}"))
    assert_success(client.delete(f"{URL}/{customers['id']}"))


def test_patch__another_table_that_relationships_do_not_fit__is_refused(world: World) -> None:
    client = world.ed.client()
    customers = make(world, CUSTOMERS)
    make(world, ORDERS_TYPE)
    body = {"table": "tags", "key": "tag_id", "attributes": []}
    failure = assert_failure(
        client.patch(f"{URL}/{customers['id']}", body, format="json"), 422, "OBJECT_TYPE_IN_USE"
    )
    assert "'Orders'" in failure["message"]
    assert "customer_id" in failure["message"]
    assert failure["errors"][0]["field"] == "table"


def test_read__after_the_schema_lost_a_column__tells_what_does_not_fit(world: World) -> None:
    client = world.ed.client()
    made = make(world, CUSTOMERS)
    table = SCHEMA["tables"][0]
    put_schema(world, {**table, "columns": [each for each in table["columns"] if each["name"] != "email"]})
    for found in (assert_success(client.get(f"{URL}/{made['id']}")), assert_success(client.get(URL))[0]):
        assert [(each["field"], each["code"]) for each in found["faults"]] == [
            ("attributes[1].column", "unknown_column")
        ]
        assert found["resolved"]["attributes"][1]["type"] is None
    put_schema(world, ORDERS)
    found = assert_success(client.get(f"{URL}/{made['id']}"))
    assert [each["field"] for each in found["faults"]] == ["table"]


def test_source_mappings__of_an_entity__name_the_columns_that_feed_each_attribute(world: World) -> None:
    client = world.ed.client()
    made = make(world, CUSTOMERS)
    assert made["source_mappings"] == [
        {
            "source": "crm",
            "table": "contacts",
            "columns": [
                {"column": "contact_id", "attribute": "number", "kind": "direct"},
                {"column": "mail", "attribute": "e-mail", "kind": "decorated"},
                {"column": "joined", "attribute": None, "kind": "filter"},
            ],
        }
    ]
    assert make(world, {"name": "Tags", "table": "tags", "key": "tag_id"})["source_mappings"] == []
    # Through another target table the sources are the same.
    own = {"table_name": "orders", "inputs": [{"alias": "c", "target": "customers"}]}
    own["fields"] = {"order_id": {"type": "direct", "source": "c.email"}}
    assert_success(client.put("/api/mappings/orders", own, format="json"), 201)
    orders = make(world, {**ORDERS_TYPE, "relationships": []})
    assert orders["source_mappings"][0]["columns"][0] == {
        "column": "mail",
        "attribute": "number",
        "kind": "decorated",
    }


def test_source_mappings__for_who_may_not_see_mappings__are_not_told(world: World) -> None:
    made = make(world, CUSTOMERS)
    role = Role.objects.create(organization=world.organization, name="reader", permissions=["schemas:view"])
    world.max.user.role = role
    world.max.user.save()
    assert assert_success(world.max.client().get(f"{URL}/{made['id']}"))["source_mappings"] is None


def test_draft__of_the_schema__proposes_entities_and_keeps_nothing(world: World) -> None:
    found = assert_success(world.vera.client().get(f"{URL}/draft"))
    assert [each["name"] for each in found["object_types"]] == ["Customers", "Orders", "Tags"]
    customers = found["object_types"][0]
    assert {"name": "email", "column": "email", "type": "email"} in customers["attributes"]
    assert customers["relationships"] == [TAGGING]
    assert [(each["table"], each["reason"]) for each in found["left_out"]] == [
        ("tagged", "It is the relationship from `Customers` to `Tags`.")
    ]
    assert assert_success(world.ed.client().get(URL)) == []


def test_draft__kept__makes_all_or_the_named_ones_with_their_relationships(world: World) -> None:
    client = world.ed.client()
    assert_failure(world.vera.client().post(f"{URL}/draft", {}, format="json"), 403, "PERMISSION_DENIED")
    kept = assert_success(client.post(f"{URL}/draft", {"tables": ["orders"]}, format="json"), 201)
    assert [(each["name"], each["version"]) for each in kept["object_types"]] == [("Orders", 1)]
    failure = assert_failure(
        client.post(f"{URL}/draft", {"tables": ["tags", "orders", "nowhere"]}, format="json"),
        422,
        "VALIDATION_ERROR",
    )
    assert [each["field"] for each in failure["errors"]] == ["tables[1]", "tables[2]"]
    assert "stands for it" in failure["errors"][0]["message"]
    rest = assert_success(client.post(f"{URL}/draft", {}, format="json"), 201)
    assert [each["name"] for each in rest["object_types"]] == ["Customers", "Tags"]
    customers = assert_success(client.get(f"{URL}/{rest['object_types'][0]['id']}"))
    assert (customers["relationships"], customers["faults"]) == ([TAGGING], [])
    assert assert_success(client.post(f"{URL}/draft", {}, format="json"), 201)["object_types"] == []


def test_draft__sent_wrongly__is_refused(world: World) -> None:
    client = world.ed.client()
    assert_failure(client.post(f"{URL}/draft", {"tables": "orders"}, format="json"), 422, "VALIDATION_ERROR")
    assert_failure(client.post(f"{URL}/draft", {"colour": 1}, format="json"), 422, "UNKNOWN_FIELD")
    assert_failure(world.nobody().get(f"{URL}/draft"), 401, "AUTHENTICATION_REQUIRED")
    assert_failure(world.max.client().get(f"{URL}/draft"), 403, "WORKSPACE_ACCESS_DENIED")
    assert assert_success(world.eve.client().get(f"{URL}/draft")) == {"object_types": [], "left_out": []}


def test_semantic_type__of_an_attribute__cannot_be_deleted(world: World) -> None:
    alice = world.alice.client()
    own = {"name": "tag_word", "parent": "string", "description": "Ours"}
    assert_success(alice.post("/api/semantic-types", own, format="json"), 201)
    attributes = [{"name": "label", "column": "label", "type": "tag_word"}]
    made = make(world, {"name": "Tags", "table": "tags", "key": "tag_id", "attributes": attributes})
    failure = assert_failure(alice.delete("/api/semantic-types/tag_word"), 422, "SEMANTIC_TYPE_IN_USE")
    assert "'Tags'" in failure["message"]
    assert_success(alice.delete(f"{URL}/{made['id']}"))
    assert_success(alice.delete("/api/semantic-types/tag_word"))


def test_mapping__that_does_not_compile__still_tells_its_source(world: World) -> None:
    client = world.ed.client()
    made = make(world, CUSTOMERS)
    table = SCHEMA["tables"][0]
    put_schema(world, {**table, "columns": [each for each in table["columns"] if each["name"] != "spent"]})
    assert "spent" in MAPPING["fields"]
    found = assert_success(client.get(f"{URL}/{made['id']}"))["source_mappings"]
    assert [(each["source"], each["table"]) for each in found] == [("crm", "contacts")]
    assert found[0]["columns"] == [{"column": None, "attribute": None, "kind": "broken"}]
