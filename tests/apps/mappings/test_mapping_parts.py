"""A mapping by its parts, and all that is told of one: validity, preview, lineage, dbt."""

from typing import Any

import pytest

from apps.pipelines.models import Run, StoredTable
from tests.journey import MAPPING, lay_out
from tests.resources import assert_failure, assert_success
from tests.world import World

ONE = "/api/mappings/customers"


def test_field__put_and_deleted__changes_the_document_by_one(world: World) -> None:
    lay_out(world)
    client = world.ed.client()
    field = {"type": "constant", "value": "2024-01-01"}
    changed = assert_success(client.put(f"{ONE}/fields/joined_on", field, format="json"))
    assert changed["fields"]["joined_on"] == field
    assert changed["version"] == 2
    assert assert_success(client.delete(f"{ONE}/fields/joined_on")) == {"id": "joined_on", "deleted": True}
    assert "joined_on" not in assert_success(client.get(ONE))["fields"]
    assert_failure(client.delete(f"{ONE}/fields/joined_on"), 404, "FIELD_NOT_FOUND")
    broken = {"type": "direct", "source": "c.nothing"}
    assert_failure(client.put(f"{ONE}/fields/spent", broken, format="json"), 422, "UNKNOWN_COLUMN")
    stale = client.put(f"{ONE}/fields/joined_on", field, format="json", HTTP_IF_MATCH='"1"')
    assert_failure(stale, 422, "VERSION_CONFLICT")
    assert assert_success(client.get(ONE))["version"] == 3
    assert_failure(
        world.vera.client().put(f"{ONE}/fields/spent", field, format="json"), 403, "PERMISSION_DENIED"
    )
    assert_failure(world.eve.client().delete(f"{ONE}/fields/spent"), 404, "MAPPING_NOT_FOUND")


def test_inputs__put__takes_what_get_gave_and_nothing_else(world: World) -> None:
    lay_out(world)
    client = world.ed.client()
    inputs = assert_success(client.get(f"{ONE}/tables"))
    assert inputs == {"inputs": MAPPING["inputs"], "joins": []}
    assert_success(client.put(f"{ONE}/tables", inputs, format="json"))
    failure = client.put(f"{ONE}/tables", {**inputs, "filter": "true"}, format="json")
    assert assert_failure(failure, 422, "UNKNOWN_FIELD")["errors"][0]["field"] == "filter"


def test_wildcard__put__is_spread_out_in_effective(world: World) -> None:
    lay_out(world)
    client = world.ed.client()
    assert assert_success(client.get(f"{ONE}/wildcard")) is None
    assert_failure(client.delete(f"{ONE}/wildcard"), 404, "WILDCARD_NOT_FOUND")
    bare = {key: value for key, value in MAPPING.items() if key != "filter"}
    fields = {"customer_id": MAPPING["fields"]["customer_id"]}
    assert_success(client.put(ONE, {**bare, "fields": fields}, format="json"))
    wildcard = {"input": "c", "exclude": ["joined"], "rename": {"mail": "email", "amount": "spent"}}
    assert_success(client.put(f"{ONE}/wildcard", wildcard, format="json"))
    assert assert_success(client.get(f"{ONE}/wildcard")) == wildcard
    effective = client.get(f"{ONE}/wildcard/effective")
    by_target = {each.get("target"): each for each in assert_success(effective)}
    assert {"email", "spent"} <= set(by_target)
    assert effective.json()["pagination"]["total_items"] == len(assert_success(effective))
    assert assert_success(client.delete(f"{ONE}/wildcard")) == {"id": "wildcard", "deleted": True}
    assert assert_success(client.get(f"{ONE}/wildcard/effective")) == []


def test_validate__saved_or_sent__tells_every_fault_and_stores_nothing(world: World) -> None:
    lay_out(world)
    client = world.vera.client()
    good = assert_success(client.post(f"{ONE}/validate", {}, format="json"))
    assert good == {"valid": True, "complete": True, "errors": [], "unmapped": [], "warnings": []}
    fields = {"customer_id": MAPPING["fields"]["customer_id"]}
    part = assert_success(client.post(f"{ONE}/validate", {**MAPPING, "fields": fields}, format="json"))
    assert (part["valid"], part["complete"]) == (True, False)
    assert set(part["unmapped"]) == {"email", "spent", "joined_on"}
    two = {
        "customer_id": {"type": "direct", "source": "c.no"},
        "email": {"type": "direct", "source": "c.nope"},
    }
    bad = assert_success(client.post(f"{ONE}/validate", {**MAPPING, "fields": two}, format="json"))
    assert (bad["valid"], len(bad["errors"])) == (False, 2)
    unknown = assert_success(client.post(f"{ONE}/validate", {**MAPPING, "colour": 1}, format="json"))
    assert unknown["errors"][0]["code"] == "unknown_field"
    assert_failure(client.post(f"{ONE}/validate", [1], format="json"), 422, "VALIDATION_ERROR")
    assert assert_success(client.get(ONE))["version"] == 1


def test_preview__of_a_sample__shows_rows_rejects_and_counts_and_stores_nothing(world: World) -> None:
    lay_out(world)
    client = world.vera.client()
    shown = assert_success(client.post(f"{ONE}/preview", {}, format="json"))
    assert [row["customer_id"] for row in shown["rows"]] == [1, 2]
    assert shown["rejected_by_reason"] == {"cast_failed": 1, "invalid_email": 1, "null_not_allowed": 1}
    assert (shown["counts"]["read"], shown["counts"]["filtered"]) == (6, 1)
    assert len(shown["rejected"]) == 3
    two = assert_success(client.post(f"{ONE}/preview", {"limit": 2}, format="json"))
    assert two["counts"]["read"] == 2
    other = {**MAPPING, "filter": "c.contact_id = '1'"}
    tried = assert_success(client.post(f"{ONE}/preview", {"document": other}, format="json"))
    assert len(tried["rows"]) == 1
    broken = {"document": {**MAPPING, "filter": "c.nothing"}}
    assert_failure(client.post(f"{ONE}/preview", broken, format="json"), 422, "UNKNOWN_COLUMN")
    assert_failure(client.post(f"{ONE}/preview", {"limit": 0}, format="json"), 422, "VALIDATION_ERROR")
    assert not Run.objects.exists()
    assert not StoredTable.objects.exists()


def test_lineage__of_a_mapping__names_source_columns_for_each_target_column(world: World) -> None:
    lay_out(world)
    response = world.vera.client().get(f"{ONE}/lineage")
    edges = assert_success(response)
    assert response.json()["pagination"]["total_items"] == len(edges)
    assert "contact_id" in str(next(edge for edge in edges if "customer_id" in str(edge)))
    assert all(edge["target_table"] == "customers" for edge in edges)


def test_dbt__of_a_mapping_and_a_field__is_sql(world: World) -> None:
    lay_out(world)
    client = world.vera.client()
    code = assert_success(client.get(f"{ONE}/dbt-code"))
    assert "source(" in code["sql"]
    assert "customer_id" in code["sql"]
    field = assert_success(client.get(f"{ONE}/field-dbt/email"))
    assert "mail" in field["sql"]
    assert_failure(client.get(f"{ONE}/field-dbt/nothing"), 404, "FIELD_NOT_FOUND")
    assert_failure(client.get("/api/mappings/nothing/dbt-code"), 404, "MAPPING_NOT_FOUND")


def test_versions__of_a_mapping__can_be_compared(world: World) -> None:
    lay_out(world)
    client = world.ed.client()
    assert_success(client.put(ONE, {**MAPPING, "on_invalid": "null"}, format="json"))
    assert [each["version"] for each in assert_success(client.get(f"{ONE}/versions"))] == [2, 1]
    changes: list[dict[str, Any]] = assert_success(client.get(f"{ONE}/diff"))
    assert [(each["path"], each["after"]) for each in changes] == [("on_invalid", "null")]
    assert_failure(world.eve.client().get(f"{ONE}/versions"), 404, "MAPPING_NOT_FOUND")


def test_semantic_types__own_ones__inherit_and_are_put_deleted_and_kept_apart(world: World) -> None:
    client = world.ed.client(None)
    alice = world.alice.client(None)
    own = {"name": "member_number", "parent": "string", "description": "Ours"}
    assert_failure(
        world.max.client(None).post("/api/semantic-types", own, format="json"), 403, "PERMISSION_DENIED"
    )
    assert_success(alice.post("/api/semantic-types", own, format="json"), 201)
    assert_failure(alice.post("/api/semantic-types", own, format="json"), 422, "SEMANTIC_TYPE_NAME_TAKEN")
    assert_failure(
        alice.post("/api/semantic-types", {**own, "name": "email"}, format="json"),
        422,
        "SEMANTIC_TYPE_NAME_TAKEN",
    )
    assert (
        alice.post("/api/semantic-types", {**own, "name": "x", "parent": "no"}, format="json").status_code
        == 422
    )
    heir = {"name": "vip_number", "parent": "member_number"}
    assert_success(alice.post("/api/semantic-types", heir, format="json"), 201)
    assert_failure(alice.delete("/api/semantic-types/member_number"), 422, "SEMANTIC_TYPE_IN_USE")
    got = assert_success(client.get("/api/semantic-types/member_number"))
    assert got["parent"] == "string"
    assert_success(
        alice.put("/api/semantic-types/member_number", {**own, "description": "Other"}, format="json")
    )
    assert assert_success(client.get("/api/semantic-types/member_number"))["description"] == "Other"
    assert_failure(
        world.eve.client(None).get("/api/semantic-types/member_number"), 404, "SEMANTIC_TYPE_NOT_FOUND"
    )
    listed = client.get("/api/semantic-types", {"page_size": 200})
    assert {"email", "member_number", "vip_number"} <= {each["name"] for each in assert_success(listed)}
    assert assert_success(alice.delete("/api/semantic-types/vip_number")) == {
        "id": "vip_number",
        "deleted": True,
    }


def test_semantic_type__got_and_put_back__is_accepted(world: World) -> None:
    alice = world.alice.client(None)
    own = {"name": "member_number", "parent": "string", "description": "Ours"}
    assert_success(alice.post("/api/semantic-types", own, format="json"), 201)
    got = assert_success(alice.get("/api/semantic-types/member_number"))
    kept = assert_success(alice.put("/api/semantic-types/member_number", got, format="json"))
    assert kept["description"] == "Ours"


@pytest.mark.parametrize(
    ("load", "place"),
    [
        ({"mode": "append"}, ["load.mode"]),
        ({"mode": "merge", "keys": ["email"]}, ["load.keys"]),
        ({"mode": "merge", "keys": ["customer_id", "email"]}, ["load.keys"]),
        ({"mode": "merge", "keys": ["customer_id"]}, []),
        ({"mode": "merge"}, []),
        ({"mode": "history"}, []),
        ({"mode": "full"}, []),
    ],
)
def test_validate__of_a_load_that_may_store_a_key_twice__warns_and_holds(
    world: World, load: dict[str, Any], place: list[str]
) -> None:
    lay_out(world)
    found = assert_success(
        world.vera.client().post(f"{ONE}/validate", {**MAPPING, "load": load}, format="json")
    )
    assert found["valid"]
    assert [each["field"] for each in found["warnings"]] == place
    assert {each["code"] for each in found["warnings"]} <= {"key_may_repeat"}
