"""The target schema by its parts, its versions, its templates, and how the stored tables stand to it."""

from typing import Any

from apps.workspaces.models import Event
from tests.journey import SCHEMA, lay_out, run
from tests.resources import assert_failure, assert_success
from tests.world import World

TABLES = "/api/schemas/workspace/tables"
COLUMNS = f"{TABLES}/customers/columns"


def names(rows: list[dict[str, Any]]) -> list[str]:
    return [row["name"] for row in rows]


def make_schema(world: World) -> Any:
    client = world.ed.client()
    assert_success(client.put("/api/schemas/workspace", SCHEMA, format="json"), 201)
    return client


def test_columns__added_and_replaced__keep_their_order(world: World) -> None:
    client = make_schema(world)
    before = ["customer_id", "email", "spent", "joined_on"]
    assert_success(client.post(COLUMNS, {"name": "city", "type": "string"}, format="json"), 201)
    changed = {"name": "email", "type": "string", "description": "Now any text"}
    assert assert_success(client.put(f"{COLUMNS}/email", changed, format="json"))["type"] == "string"
    assert names(assert_success(client.get(COLUMNS))) == [*before, "city"]
    new = client.put(f"{COLUMNS}/country", {"type": "country"}, format="json")
    assert assert_success(new, 201)["name"] == "country"
    assert assert_success(client.delete(f"{COLUMNS}/spent")) == {"id": "spent", "deleted": True}
    assert names(assert_success(client.get(COLUMNS))) == [
        "customer_id",
        "email",
        "joined_on",
        "city",
        "country",
    ]
    assert_failure(client.get(f"{COLUMNS}/spent"), 404, "COLUMN_NOT_FOUND")
    assert_failure(client.delete(f"{COLUMNS}/spent"), 404, "COLUMN_NOT_FOUND")


def test_tables__added_and_replaced__keep_their_order(world: World) -> None:
    client = make_schema(world)
    orders = {"name": "orders", "columns": [{"name": "order_id", "type": "string"}]}
    assert_success(client.post(TABLES, orders, format="json"), 201)
    assert_failure(client.post(TABLES, orders, format="json"), 422, "TABLE_EXISTS")
    body = {"columns": [{"name": "customer_id", "type": "integer"}]}
    assert_success(client.put(f"{TABLES}/customers", body, format="json"))
    assert_success(client.put(f"{TABLES}/visits", orders | {"name": "visits"}, format="json"), 201)
    assert names(assert_success(client.get(TABLES))) == ["customers", "orders", "visits"]
    kept = assert_success(client.get(f"{TABLES}/orders"))
    assert_success(client.put(f"{TABLES}/orders", kept, format="json"))
    assert_success(client.delete(f"{TABLES}/customers"))
    assert names(assert_success(client.get(TABLES))) == ["orders", "visits"]


def test_part__that_breaks_the_whole__is_422_and_the_old_one_stays(world: World) -> None:
    client = make_schema(world)
    unknown = client.put(f"{COLUMNS}/email", {"type": "emial"}, format="json")
    assert assert_failure(unknown, 422, "VALIDATION_ERROR")["errors"][0]["code"] == "unknown_type"
    assert_failure(
        client.put(f"{COLUMNS}/email", {"name": "mail", "type": "text"}, format="json"), 422, "NAME_MISMATCH"
    )
    assert_failure(
        client.post(COLUMNS, {"name": "email", "type": "text"}, format="json"), 422, "COLUMN_EXISTS"
    )
    assert_failure(client.post(COLUMNS, {"type": "text"}, format="json"), 422, "VALIDATION_ERROR")
    assert_failure(client.post(COLUMNS, ["x"], format="json"), 422, "VALIDATION_ERROR")
    assert_failure(
        client.post(f"{TABLES}/nothing/columns", {"name": "a", "type": "text"}, format="json"),
        404,
        "TABLE_NOT_FOUND",
    )
    # The primary key would name a column that is gone.
    assert client.delete(f"{COLUMNS}/customer_id").status_code == 422
    assert assert_success(client.get("/api/schemas/workspace"))["version"] == 1


def test_part__on_top_of_an_old_version__is_a_conflict(world: World) -> None:
    client = make_schema(world)
    column = {"name": "city", "type": "string"}
    assert_success(client.post(COLUMNS, column, format="json", HTTP_IF_MATCH='"1"'), 201)
    for response in (
        client.put(f"{COLUMNS}/city", column, format="json", HTTP_IF_MATCH='"1"'),
        client.delete(f"{COLUMNS}/city", HTTP_IF_MATCH='"1"'),
        client.delete(f"{TABLES}/customers", HTTP_IF_MATCH='"1"'),
    ):
        assert_failure(response, 422, "VERSION_CONFLICT")
    assert assert_success(client.get("/api/schemas/workspace"))["version"] == 2


def test_part__viewer_and_stranger__cannot_change_it(world: World) -> None:
    make_schema(world)
    column = {"name": "city", "type": "string"}
    assert_failure(world.vera.client().post(COLUMNS, column, format="json"), 403, "PERMISSION_DENIED")
    assert_failure(world.eve.client().post(COLUMNS, column, format="json"), 404, "TABLE_NOT_FOUND")
    assert names(assert_success(world.vera.client().get(TABLES))) == ["customers"]


def test_template__applied__adds_its_tables_and_asks_before_it_replaces(world: World) -> None:
    client = make_schema(world)
    listed = client.get("/api/schemas/templates", {"page_size": 1})
    assert len(assert_success(listed)) == 1
    assert listed.json()["pagination"]["total_items"] >= 2
    template = assert_success(client.get("/api/schemas/templates/commerce"))
    applied = client.post("/api/schemas/templates/commerce/apply", {}, format="json")
    taken = "customers" in names(template["tables"])
    if taken:
        assert_failure(applied, 422, "TABLE_EXISTS")
        applied = client.post("/api/schemas/templates/commerce/apply", {"replace": True}, format="json")
    document = assert_success(applied)
    assert document["name"] == "shop"
    assert set(names(template["tables"])) <= set(names(document["tables"]))
    assert document["version"] == 2
    assert_failure(
        client.post("/api/schemas/templates/nothing/apply", {}, format="json"), 404, "TEMPLATE_NOT_FOUND"
    )
    assert_failure(client.get("/api/schemas/templates/nothing"), 404, "TEMPLATE_NOT_FOUND")


def test_versions__after_changes__are_all_there_and_can_be_compared(world: World) -> None:
    client = make_schema(world)
    assert_success(client.post(COLUMNS, {"name": "city", "type": "string"}, format="json"), 201)
    assert_success(client.delete(f"{COLUMNS}/city"))
    listed = client.get("/api/schemas/workspace/versions", {"page": 2, "page_size": 2})
    assert [each["version"] for each in assert_success(listed)] == [1]
    assert listed.json()["pagination"] == {"page": 2, "page_size": 2, "total_items": 3, "total_pages": 2}
    second = assert_success(client.get("/api/schemas/workspace/versions/2"))
    assert names(second["tables"][0]["columns"])[-1] == "city"
    changes = assert_success(client.get("/api/schemas/workspace/diff", {"from": 1, "to": 2}))
    assert [(each["change"], each["path"]) for each in changes] == [
        ("added", "tables.customers.columns.city")
    ]
    assert assert_success(client.get("/api/schemas/workspace/diff", {"from": 1, "to": 3})) == []
    for number in (4, 10**30):
        url = f"/api/schemas/workspace/versions/{number}"
        assert_failure(client.get(url), 404, "VERSION_NOT_FOUND")
    assert_failure(client.get("/api/schemas/workspace/diff", {"from": "x"}), 422, "VALIDATION_ERROR")


def test_change__of_the_schema__is_told(world: World) -> None:
    make_schema(world)
    told = Event.objects.for_workspace(world.workspace.pk).filter(type="schema.changed")
    assert ['"version":1' in event.body for event in told] == [True]


def test_sync__as_the_tables_are_built_and_the_schema_changes__tells_the_difference(world: World) -> None:
    pipeline = lay_out(world)
    client = world.ed.client()
    url = "/api/schemas/workspace/sync/status"
    assert [each["status"] for each in assert_success(client.get(url))] == ["not_built"]
    run(world, pipeline)
    assert [each["status"] for each in assert_success(client.get(url))] == ["in_sync"]
    assert_success(client.post(COLUMNS, {"name": "city", "type": "string"}, format="json"), 201)
    found = assert_success(client.get(url))[0]
    assert (found["status"], found["missing_columns"], found["extra_columns"]) == ("differs", ["city"], [])
    assert_success(client.put("/api/schemas/workspace", {"name": "shop", "tables": []}, format="json"))
    assert [each["status"] for each in assert_success(client.get(url))] == ["not_in_schema"]
