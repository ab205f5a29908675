"""What a dbt project says of its sources, taken over: descriptions, tests if asked, and an account of all of it."""

import io
import zipfile
from typing import Any

import pytest

from apps.sources.models import SourceTable
from tests.journey import MAPPING, lay_out
from tests.resources import assert_failure, assert_success
from tests.world import World

FILE = """
version: 2
sources:
  - name: crm
    loaded_at_field: joined
    freshness: {error_after: {count: 2, period: day}}
    tables:
      - name: people
        identifier: CONTACTS
        description: Everybody who wrote to us
        columns:
          - name: contact_id
            description: "The key, {{ var('x') }}"
            tests: [not_null, unique]
          - name: Mail
            description: As they gave it
            tests:
              - not_null
              - accepted_values: {values: [a, b]}
              - dbt_utils.not_blank
          - name: amount
            tests: [{accepted_values: {values: [x]}}, {relationships: {to: "ref('customers')", field: customer_id}}]
          - {name: nothing, description: Not there, tests: [unique]}
      - {name: orders, description: Not there, meta: {owner: ann}}
"""


@pytest.fixture
def source(world: World) -> str:
    lay_out(world)
    return str(assert_success(world.ed.client().get("/api/sources"))[0]["id"])


def ask(world: World, source_id: str, document: str = FILE, **more: Any) -> Any:
    body = {"document": document, **more}
    return world.ed.client().post(f"/api/sources/{source_id}/import-dbt", body, format="json")


def words() -> tuple[str, dict[str, str]]:
    row = SourceTable.objects.get(name="contacts")
    return row.description, row.column_descriptions


def schema(world: World) -> dict[str, Any]:
    return dict(assert_success(world.ed.client().get("/api/schemas/workspace")))


def test_import__of_a_file__takes_descriptions_and_tells_of_every_part(world: World, source: str) -> None:
    before = schema(world)
    data = assert_success(ask(world, source))

    people, orders = data["tables"]
    assert (people["table"], people["matched_by"], people["outcome"]) == ("contacts", "identifier", "taken")
    assert [(each["dbt_column"], each["column"], each["outcome"]) for each in people["columns"]] == [
        ("contact_id", "contact_id", "taken"),
        ("Mail", "mail", "taken"),
        ("amount", "amount", "undescribed"),
        ("nothing", None, "unknown"),
    ]
    assert (orders["table"], orders["outcome"]) == (None, "unknown")
    assert words() == (
        "Everybody who wrote to us",
        {"contact_id": "The key, {{ var('x') }}", "mail": "As they gave it"},
    )
    assert data["jinja"] == ["document.sources[0].tables[0].columns[0].description"]
    assert [note["path"] for note in data["unsupported"]] == ["document.sources[0].tables[1].meta"]
    assert people["freshness"] == {
        "loaded_at_field": "joined",
        "warn_after_hours": None,
        "error_after_hours": 48.0,
        "places": [{"table": "customers", "timestamp_column": "joined_on", "fresh_within_hours": 48.0}],
    }
    # Tests are offered; nothing is put on the schema unless asked.
    assert schema(world) == before


def test_import__tests__say_where_they_belong(world: World, source: str) -> None:
    found = assert_success(ask(world, source))["tests_found"]
    assert [(each["test"], each["column"], each["outcome"]) for each in found] == [
        ("not_null", "contact_id", "present"),
        ("unique", "contact_id", "present"),
        # The mapping trims and lowers it, so what holds of the source need not hold of the target.
        ("not_null", "mail", "no_place"),
        ("accepted_values", "mail", "no_place"),
        ("dbt_utils.not_blank", "mail", "not_supported"),
        ("accepted_values", "amount", "no_place"),
        ("relationships", "amount", "offered"),
        ("unique", None, "no_place"),
    ]
    assert all(each["message"] or each["places"] for each in found)
    (place,) = found[6]["places"]
    test = {"test": "relationship", "table": "customers", "column": "customer_id"}
    assert place == {"table": "customers", "column": "spent", "test": test, "present": False}


def test_import__with_apply_tests__puts_them_on_the_schema_once(world: World, source: str) -> None:
    previewed = assert_success(ask(world, source, preview=True, apply_tests_to_schema=True))
    assert schema(world)["version"] == 1
    assert previewed["tests_found"][6]["outcome"] == "offered"

    data = assert_success(ask(world, source, apply_tests_to_schema=True))
    columns = {column["name"]: column for column in schema(world)["tables"][0]["columns"]}
    assert data["tests_found"][6]["outcome"] == "added"
    assert columns["spent"]["tests"] == [
        {"test": "relationship", "table": "customers", "column": "customer_id"}
    ]
    assert "tests" not in columns["email"]

    again = assert_success(ask(world, source, apply_tests_to_schema=True))
    assert again["tests_found"][6]["outcome"] == "present"
    assert schema(world)["version"] == 2


def test_import__preview_and_again__change_nothing(world: World, source: str) -> None:
    preview = assert_success(ask(world, source, preview=True))
    assert words() == ("", {})
    assert assert_success(ask(world, source))["tables"] == preview["tables"]
    kept = words()

    again = assert_success(ask(world, source))
    assert [each["outcome"] for each in again["tables"][0]["columns"]][:2] == ["unchanged", "unchanged"]
    assert words() == kept

    changed = assert_success(ask(world, source, FILE.replace("As they", "Just as they")))
    assert [each["outcome"] for each in changed["tables"][0]["columns"]][:2] == ["unchanged", "changed"]
    assert changed["tables"][0]["columns"][1]["before"] == "As they gave it"
    assert words()[1]["mail"] == "Just as they gave it"


def test_import__some_tables__leaves_the_others(world: World, source: str) -> None:
    data = assert_success(ask(world, source, tables=["orders"]))
    assert [each["outcome"] for each in data["tables"]] == ["not_chosen", "unknown"]
    assert words() == ("", {})
    assert_failure(ask(world, source, tables=["contacts"]), 422, "UNKNOWN_TABLE")


def test_import__of_several_sources__wants_one_named(world: World, source: str) -> None:
    both = "sources:\n- {name: a, tables: [{name: contacts, description: A}]}\n- {name: b}\n"
    failure = assert_failure(ask(world, source, both), 422, "DBT_SOURCE_NOT_CHOSEN")
    assert failure["errors"][0]["field"] == "source"
    assert_failure(ask(world, source, both, source="c"), 422, "DBT_SOURCE_NOT_CHOSEN")
    assert assert_success(ask(world, source, both, source="b"))["tables"] == []
    assert assert_success(ask(world, source, both, source="a"))["tables"][0]["outcome"] == "taken"
    # The one that is named like this source is meant.
    same = both.replace("name: b", "name: crm")
    assert assert_success(ask(world, source, same))["dbt_source"] == "crm"


def test_import__of_our_own_export__brings_every_description_back(world: World, source: str) -> None:
    said = {"contact_id": "{{ key }} {% x %} {# y #}", "mail": "Ä: 'one'\n\"two\"", "amount": "{{ '{{' }}"}
    body = {"description": "All {{ of }} them: yes", "column_descriptions": said}
    url = f"/api/sources/{source}/tables/contacts"
    assert_success(world.ed.client().patch(url, body, format="json"))
    content = world.ed.client().get("/api/mappings/dbt-project").content
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        exported = archive.read("models/sources.yml").decode()

    kept = assert_success(ask(world, source, exported))
    assert {each["outcome"] for each in kept["tables"][0]["columns"]} == {"unchanged", "undescribed"}
    SourceTable.objects.update(description="", column_descriptions={})
    data = assert_success(ask(world, source, exported))
    assert words() == (body["description"], said)
    assert data["tables"][0]["outcome"] == "taken"


def test_import__with_a_mapping_that_broke__names_it(world: World, source: str) -> None:
    columns = [{"name": name, "type": "VARCHAR"} for name in ("contact_id", "other")]
    SourceTable.objects.filter(name="contacts").update(columns=columns)
    data = assert_success(ask(world, source))
    assert data["mappings_not_read"] == ["customers"]
    assert data["tests_found"][0]["outcome"] == "no_place"


def test_import__by_others__is_401_403_404(world: World, source: str) -> None:
    url, body = f"/api/sources/{source}/import-dbt", {"document": FILE}
    for client, status, code in (
        (world.nobody(), 401, "AUTHENTICATION_REQUIRED"),
        (world.vera.client(), 403, "PERMISSION_DENIED"),
        (world.max.client(), 403, "WORKSPACE_ACCESS_DENIED"),
        (world.eve.client(), 404, "SOURCE_NOT_FOUND"),
        (world.eve.client(None), 404, "SOURCE_NOT_FOUND"),
    ):
        assert_failure(client.post(url, body, format="json"), status, code)
    assert words() == ("", {})
    assert_success(world.robot().post(url, body, format="json"))


def test_import__by_who_may_only_manage_sources__is_told_of_no_mapping(world: World, source: str) -> None:
    role = {"name": "loader", "permissions": ["sources:view", "sources:manage"]}
    assert_success(world.alice.client(None).post("/api/roles", role, format="json"), 201)
    account = {"name": "loader", "role": "loader", "workspace": "production"}
    made = assert_success(world.alice.client(None).post("/api/service-accounts", account, format="json"), 201)
    world.api_key = made["api_key"]
    url = f"/api/sources/{source}/import-dbt"
    data = assert_success(world.robot().post(url, {"document": FILE}, format="json"))
    assert {each["outcome"] for each in data["tests_found"]} == {"no_place", "not_supported"}
    assert data["tables"][0]["freshness"]["places"] == []
    body = {"document": FILE, "apply_tests_to_schema": True}
    assert_failure(world.robot().post(url, body, format="json"), 403, "PERMISSION_DENIED")


@pytest.mark.parametrize(
    ("body", "code", "field"),
    [
        ({}, "VALIDATION_ERROR", "document"),
        ({"document": 5}, "VALIDATION_ERROR", "document"),
        ({"document": ""}, "VALIDATION_ERROR", "document"),
        ({"document": "x" * 1_000_001}, "VALIDATION_ERROR", "document"),
        ({"document": "a: [", "preview": "perhaps"}, "VALIDATION_ERROR", "preview"),
        ({"document": FILE, "colour": "red"}, "UNKNOWN_FIELD", "colour"),
        ({"document": FILE, "tables": "people"}, "VALIDATION_ERROR", "tables"),
        ({"document": "a: ["}, "YAML_INVALID", "document.a"),
        ({"document": "a: !!python/name:os.system x"}, "YAML_INVALID", "document.a"),
        ({"document": 'sources: [{name: "a\\0"}]'}, "YAML_INVALID", "document.sources[0].name"),
        ({"document": "version: 1"}, "DBT_FILE_INVALID", "document.version"),
    ],
)
def test_import__malformed__is_422_with_the_path(
    world: World, source: str, body: dict[str, Any], code: str, field: str
) -> None:
    response = world.ed.client().post(f"/api/sources/{source}/import-dbt", body, format="json")
    failure = assert_failure(response, 422, code)
    assert [error["field"] for error in failure["errors"]] == [field]


def test_import__of_a_wildcard_mapping__places_tests_by_it(world: World, source: str) -> None:
    wildcard = {"input": "c", "rename": {"mail": "email", "contact_id": "customer_id"}}
    mapping = {**MAPPING, "fields": {}, "wildcard": wildcard}
    assert_success(world.ed.client().put("/api/mappings/customers", mapping, format="json"))
    found = assert_success(ask(world, source, apply_tests_to_schema=True))["tests_found"]
    (place,) = next(each["places"] for each in found if each["test"] == "accepted_values")
    test = {"test": "accepted_values", "values": ["a", "b"]}
    assert place == {"table": "customers", "column": "email", "test": test, "present": False}
    columns = {column["name"]: column for column in schema(world)["tables"][0]["columns"]}
    assert columns["email"]["tests"] == [test]
