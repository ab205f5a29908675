"""An organization's own types at work: in a schema, in a decorator, in a run, and kept while they are in use."""

import copy
from typing import Any

import pytest

from tests.journey import MAPPING, SCHEMA, lay_out, run
from tests.resources import assert_failure, assert_success
from tests.world import World

STAFF_EMAIL: dict[str, Any] = {
    "name": "staff_email",
    "parent": "email",
    "pattern": r"(ann|bob)@example\.org",
    "examples": ["ann@example.org"],
    "counter_examples": ["eve@example.org"],
}


def _schema(kind: str) -> dict[str, Any]:
    schema = copy.deepcopy(SCHEMA)
    schema["tables"][0]["columns"][1]["type"] = kind
    return schema


def _mapping(decorator: str) -> dict[str, Any]:
    mapping = copy.deepcopy(MAPPING)
    mapping["fields"]["email"]["decorators"] = [{"name": decorator}]
    return mapping


def _lay_out(world: World) -> dict[str, Any]:
    """The journey with a column of the own type, normalised by the decorator of its name."""
    pipeline = lay_out(world)
    assert_success(world.alice.client(None).post("/api/semantic-types", STAFF_EMAIL, format="json"), 201)
    client = world.ed.client()
    assert_success(client.put("/api/schemas/workspace", _schema("staff_email"), format="json"))
    assert_success(client.put("/api/mappings/customers", _mapping("staff_email"), format="json"))
    return pipeline


def test_own_type__in_a_run__normalises_as_its_parent_and_rejects_by_its_own_rule(world: World) -> None:
    done = run(world, _lay_out(world))
    assert done["status"] == "success", done["error"]
    (step,) = done["steps"]
    # Ann is trimmed and lowered by the parent's normaliser; Eve is an address and no member of the staff.
    assert step["counts"]["inserted"] == 2
    assert step["rejected_by_reason"] == {"invalid_staff_email": 2, "null_not_allowed": 1}


def test_own_type__of_another_organization__is_unknown_to_schema_and_mapping(world: World) -> None:
    assert_success(world.alice.client(None).post("/api/semantic-types", STAFF_EMAIL, format="json"), 201)
    stranger = world.eve.client()
    refused = stranger.put("/api/schemas/workspace", _schema("staff_email"), format="json")
    assert refused.status_code == 422
    assert "staff_email" in refused.json()["message"]


def test_own_type__used_by_a_schema_or_a_mapping__cannot_be_deleted(world: World) -> None:
    _lay_out(world)
    alice, client = world.alice.client(None), world.ed.client()
    message = assert_failure(alice.delete("/api/semantic-types/staff_email"), 422, "SEMANTIC_TYPE_IN_USE")
    assert "customers.email" in message["message"]
    assert_success(client.put("/api/schemas/workspace", _schema("email"), format="json"))
    assert_failure(alice.delete("/api/semantic-types/staff_email"), 422, "SEMANTIC_TYPE_IN_USE")
    assert_success(client.put("/api/mappings/customers", _mapping("email"), format="json"))
    assert_success(alice.delete("/api/semantic-types/staff_email"))


def test_own_type__in_use__keeps_its_base_type_and_may_change_its_rules(world: World) -> None:
    _lay_out(world)
    alice = world.alice.client(None)
    url = "/api/semantic-types/staff_email"
    other_base = {"name": "staff_email", "parent": "integer"}
    assert_failure(alice.put(url, other_base, format="json"), 422, "SEMANTIC_TYPE_IN_USE")
    wider = {**STAFF_EMAIL, "pattern": r".*@example\.org", "counter_examples": ["ann@example.com"]}
    assert_success(alice.put(url, wider, format="json"))
    assert_success(alice.put(url, {**wider, "parent": "string", "examples": []}, format="json"))


@pytest.mark.parametrize("pattern", ["(", "(?=a)", r"(a)\1", "(a{1000}){1000}", "a" * 1_001])
def test_own_type__hostile_pattern__is_refused_with_its_place(world: World, pattern: str) -> None:
    body = {"name": "hostile", "parent": "string", "pattern": pattern}
    refused = world.alice.client(None).post("/api/semantic-types", body, format="json")
    assert refused.status_code == 422
    assert refused.json()["errors"][0]["field"] == "pattern"


def test_own_type__an_example_that_lies__is_refused_with_its_place(world: World) -> None:
    body = {**STAFF_EMAIL, "examples": ["ann@example.org", "eve@example.org"]}
    refused = world.alice.client(None).post("/api/semantic-types", body, format="json")
    assert refused.status_code == 422
    assert refused.json()["errors"][0]["field"] == "examples[1]"
