"""The pages of object types: the table, the diagram, one of them, the draft."""

from collections.abc import Callable

from django.test import Client

from tests.console.shop import OBJECT_TYPE, open_shop
from tests.journey import SCHEMA, lay_out
from tests.resources import assert_success
from tests.world import World

Visit = Callable[..., Client]
ROOM = "/w/production/object-types"
ORDERS = {
    "name": "orders",
    "primary_key": ["order_id"],
    "columns": [{"name": "order_id", "type": "string"}, {"name": "customer_id", "type": "integer"}],
}


def _shown(client: Client, path: str) -> str:
    return client.get(path, follow=True).content.decode()


def _with_orders(world: World) -> None:
    body = {**SCHEMA, "tables": [*SCHEMA["tables"], ORDERS]}
    assert_success(world.ed.client().put("/api/schemas/workspace", body, format="json"))


def test_table__of_object_types__opens_to_attributes_and_relationships(world: World, visit: Visit) -> None:
    shop = open_shop(world)
    page = _shown(visit(world.vera), ROOM)
    assert f"{ROOM}/{shop.object_type}" in page
    assert "2 attributes, 0 relationships" in page
    assert "<code>email</code>" in page
    assert "New object type" not in page
    assert "No object type has such a name" in _shown(visit(world.ed), f"{ROOM}?search=nobody")


def test_one__of_an_object_type__shows_what_feeds_each_attribute(world: World, visit: Visit) -> None:
    shop = open_shop(world)
    page = _shown(visit(world.ed), f"{ROOM}/{shop.object_type}")
    assert "<code>crm.contacts.mail</code>" in page
    assert "not held yet" in page
    assert "Lineage of customers" in page
    assert page.count("<svg") > 2
    assert "Version 1" in page


def test_draft__chosen_in_part__makes_those_and_the_diagram_draws_them(world: World, visit: Visit) -> None:
    lay_out(world)
    _with_orders(world)
    client = visit(world.ed)
    assert 'value="orders"' in _shown(client, f"{ROOM}/draft")
    assert client.post(f"{ROOM}/draft", {})["Location"] == f"{ROOM}/draft"
    assert "at least 1" in _shown(client, f"{ROOM}/draft")
    made = client.post(f"{ROOM}/draft", {"table": ["customers", "orders"]}, follow=True).content.decode()
    assert "Made 2 object types." in made
    assert "Orders: customer (many to one) Customers" in made
    assert "Every table of the target schema has an object type" in _shown(client, f"{ROOM}/draft")
    assert visit(world.vera).post(f"{ROOM}/draft", {"table": ["orders"]}, follow=True).status_code == 200
    assert "Make the chosen ones" not in _shown(visit(world.vera), f"{ROOM}/draft")


def test_one__that_does_not_fit_any_more__says_where(world: World, visit: Visit) -> None:
    shop = open_shop(world)
    table = SCHEMA["tables"][0]
    columns = [each for each in table["columns"] if each["name"] != "email"]
    body = {**SCHEMA, "tables": [{**table, "columns": columns}]}
    assert_success(world.ed.client().put("/api/schemas/workspace", body, format="json"))
    client = visit(world.ed)
    assert "does not fit" in _shown(client, ROOM)
    page = _shown(client, f"{ROOM}/{shop.object_type}")
    assert "It does not fit the target schema any more." in page
    assert "<code>attributes[0].column</code>" in page


def test_delete__of_one_in_use__says_who_uses_it(world: World, visit: Visit) -> None:
    shop = open_shop(world)
    _with_orders(world)
    pair = {"cardinality": "many_to_one", "columns": ["customer_id"], "to_columns": ["customer_id"]}
    orders = {"name": "Orders", "table": "orders", "key": "order_id"}
    orders["relationships"] = [{"name": "buyer", "to": OBJECT_TYPE["name"], **pair}]
    made = assert_success(world.ed.client().post("/api/object-types", orders, format="json"), 201)
    client = visit(world.ed)
    page = client.post(f"{ROOM}/{shop.object_type}/delete", follow=True).content.decode()
    assert "&#x27;Orders&#x27; relates to this object type" in page
    assert "buyer of" in page
    gone = client.post(f"{ROOM}/{made['id']}/delete", follow=True).content.decode()
    assert "The object type is deleted; its table stays." in gone
    assert client.get(f"{ROOM}/{made['id']}").status_code == 404
