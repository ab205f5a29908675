"""A preview tells what a change would do to whoever reads the table, as far as the caller may know of them."""

from typing import Any

import pytest

from tests.apps.monitoring.test_lineage import AUDIENCE, OWN, QUERY, RULE, SPENDERS
from tests.journey import MAPPING, SCHEMA, lay_out, run
from tests.resources import assert_failure, assert_success
from tests.world import Person, World

URL = "/api/mappings/customers/preview"
BY_MAIL = {
    "name": "reachable",
    "table": "customers",
    "key": "customer_id",
    "rule": {"field": "email", "op": "not_null"},
}
ASKING = {
    "name": "mails",
    "kind": "threshold",
    "measure": "query",
    "query": "select count(email) from customers",
    "op": "lt",
    "value": 0,
}


@pytest.fixture
def readers(world: World) -> World:
    """Customers are read by another table, a query, two audiences, two alert rules and the monitoring."""
    client, pipeline = world.ed.client(), lay_out(world)
    schema = {**SCHEMA, "tables": [*SCHEMA["tables"], SPENDERS]}
    assert_success(client.put("/api/schemas/workspace", schema, format="json"))
    assert_success(client.put("/api/mappings/spenders", OWN, format="json"), 201)
    run(world, pipeline)
    made = (("queries", QUERY), ("audiences", AUDIENCE), ("audiences", BY_MAIL), ("alert-rules", RULE))
    for path, body in (*made, ("alert-rules", ASKING)):
        assert_success(client.post(f"/api/{path}", body, format="json"), 201)
    return world


def changed(**fields: Any) -> dict[str, Any]:
    kept = {name: field for name, field in {**MAPPING["fields"], **fields}.items() if field is not None}
    return {"document": {**MAPPING, "fields": kept}}


def ask(who: Person, body: dict[str, Any]) -> dict[str, dict[str, Any]]:
    found = assert_success(who.client().post(URL, body, format="json"))
    assert found["readers_left_off"] == 0
    return {each["name"]: each for each in found["readers"]}


def effects(found: dict[str, dict[str, Any]]) -> dict[str, str]:
    return {name: each["effect"] for name, each in found.items()}


def test_readers__of_an_unchanged_mapping__are_all_unaffected(readers: World) -> None:
    for body in ({}, changed()):
        found = ask(readers.ed, body)
        assert set(found) == {"spenders", "totals", "big", "reachable", "few", "mails"}
        assert set(effects(found).values()) == {"unaffected"}


def test_readers__of_a_changed_column__are_touched_and_audiences_count_the_sample(readers: World) -> None:
    tenth = {"type": "expression", "expression": "cast(c.amount as decimal(18, 2)) * 0.1"}
    found = ask(readers.ed, changed(spent=tenth))
    assert effects(found) == {
        "spenders": "touched",
        "totals": "touched",
        "big": "touched",
        "reachable": "unaffected",
        "few": "unaffected",
        "mails": "unaffected",
    }
    assert found["big"]["columns"] == ["spent"]
    before = found["big"]["members"]["before"]
    assert before > 0
    assert found["big"]["members"] == {"before": before, "after": 0, "entering": 0, "leaving": before}


def test_readers__of_rows_that_were_rejected_before__are_all_touched(readers: World) -> None:
    found = ask(readers.ed, changed(spent={"type": "constant", "value": 7}))
    assert set(effects(found).values()) == {"touched"}
    assert found["few"]["columns"] == []


def test_readers__of_other_rows__are_all_touched(readers: World) -> None:
    body = {"document": {**MAPPING, "filter": "c.mail is null"}}
    assert set(effects(ask(readers.ed, body)).values()) == {"touched"}


def test_readers__of_a_column_that_goes__break_with_the_reason(readers: World) -> None:
    table = next(each for each in SCHEMA["tables"] if each["name"] == "customers")
    columns = [column for column in table["columns"] if column["name"] != "email"]
    schema = {**SCHEMA, "tables": [{**table, "columns": columns}, SPENDERS]}
    assert_success(readers.ed.client().put("/api/schemas/workspace", schema, format="json"))

    found = ask(readers.ed, changed(email=None))

    broken = {name: each for name, each in found.items() if each["effect"] == "breaks"}
    assert set(broken) >= {"totals", "reachable", "mails"}
    assert all("email" in each["message"] and each["error_code"] for each in broken.values())
    assert list(found)[: len(broken)] == list(broken)
    assert all(each["members"] is None for each in broken.values())
    assert effects(found)["few"] != "breaks"


ENTITY = {
    "name": "Customers",
    "table": "customers",
    "key": "customer_id",
    "attributes": [{"name": "mail", "column": "email"}],
}


def test_readers__that_are_object_types__break_with_a_column_that_goes(readers: World) -> None:
    client = readers.ed.client()
    assert_success(client.post("/api/object-types", ENTITY, format="json"), 201)
    number = {"name": "Numbers", "table": "customers", "key": "customer_id"}
    assert_success(client.post("/api/object-types", number, format="json"), 201)
    assert effects(ask(readers.ed, changed()))["Customers"] == "unaffected"
    mail = {"type": "constant", "value": "ann@example.org"}
    assert effects(ask(readers.ed, changed(email=mail)))["Customers"] == "touched"
    table = next(each for each in SCHEMA["tables"] if each["name"] == "customers")
    columns = [column for column in table["columns"] if column["name"] != "email"]
    schema = {**SCHEMA, "tables": [{**table, "columns": columns}, SPENDERS]}
    assert_success(client.put("/api/schemas/workspace", schema, format="json"))

    found = ask(readers.ed, changed(email=None))

    assert (found["Customers"]["type"], found["Customers"]["effect"]) == ("object_type", "breaks")
    assert found["Customers"]["error_code"] == "UNKNOWN_COLUMN"
    assert "'mail' is the column 'email'" in found["Customers"]["message"]
    assert found["Numbers"]["effect"] != "breaks"


def test_readers__that_are_object_types_of_a_table_never_stored__do_not_break(world: World) -> None:
    lay_out(world)
    assert_success(world.ed.client().post("/api/object-types", ENTITY, format="json"), 201)
    table = SCHEMA["tables"][0]
    columns = [column for column in table["columns"] if column["name"] != "email"]
    schema = {**SCHEMA, "tables": [{**table, "columns": columns}]}
    assert_success(world.ed.client().put("/api/schemas/workspace", schema, format="json"))
    assert ask(world.ed, changed(email=None))["Customers"]["effect"] != "breaks"


def test_readers__that_watch_a_table_never_stored__do_not_break(world: World) -> None:
    lay_out(world)
    client = world.ed.client()
    watched = {"tables": {"customers": {"timestamp_column": "joined_on"}}}
    assert client.put("/api/monitoring", watched, format="json").status_code in {200, 201}
    table = SCHEMA["tables"][0]
    columns = [column for column in table["columns"] if column["name"] != "joined_on"]
    schema = {**SCHEMA, "tables": [{**table, "columns": columns}]}
    assert_success(client.put("/api/schemas/workspace", schema, format="json"))
    assert effects(ask(world.ed, changed(joined_on=None))) == {"monitoring": "unaffected"}


def test_readers__by_identity_rules__break_when_an_identifier_goes(readers: World) -> None:
    identifiers = {"email": "email", "joined_on": "day"}
    rules = {
        "tables": [{"table": "customers", "key": "customer_id", "identifiers": identifiers}],
        "rules": [{"name": "both", "match": ["email", "day"]}],
    }
    assert_success(readers.ed.client().put("/api/identity", rules, format="json"), 201)
    assert ask(readers.vera, changed())["identity"]["effect"] == "unaffected"
    gone = ask(readers.vera, changed(joined_on=None))["identity"]
    assert (gone["effect"], gone["error_code"], gone["type"]) == ("breaks", "UNKNOWN_COLUMN", "identity")


def test_readers__of_a_table_that_was_never_stored__are_none(world: World) -> None:
    lay_out(world)
    assert ask(world.ed, changed()) == {}


def test_readers__are_shown_to_a_viewer__and_to_no_stranger(readers: World) -> None:
    assert set(ask(readers.vera, {})) == {"spenders", "totals", "big", "reachable", "few", "mails"}
    assert_failure(readers.eve.client().post(URL, {}, format="json"), 404, "MAPPING_NOT_FOUND")
    elsewhere = readers.eve.client(readers.workspace.pk).post(URL, {}, format="json")
    assert_failure(elsewhere, 404, "WORKSPACE_NOT_FOUND")


def test_preview__of_a_malformed_document__is_refused(readers: World) -> None:
    body = {"document": {"inputs": "no list"}}
    assert_failure(readers.ed.client().post(URL, body, format="json"), 422, "VALIDATION_ERROR")
