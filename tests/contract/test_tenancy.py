"""A stranger with the ids and names of another organization finds nothing, on any operation of the API.

The operations are those of the OpenAPI document. Each slot of a path needs a row of the first organization here,
so that an operation which nobody probes makes a test fail.
"""

import re
from typing import Any

import pytest
from drf_spectacular.generators import SchemaGenerator

from apps.accounts.models import Role, ServiceAccount
from apps.mappings.models import Suggestion
from apps.monitoring.models import Alert
from apps.pipelines.services.resolving import execute_resolution
from apps.workspaces.services.outbox import send_test_event
from apps.workspaces.services.webhooks import create_webhook
from tests.journey import MAPPING, lay_out, run
from tests.resources import assert_success
from tests.world import World

METHODS = ("get", "post", "put", "patch", "delete")
ROOM = "first-room"

# Operations whose path names what everybody may see, or what a call makes anew in the caller's own organization.
OPEN = {
    ("get", "/api/schemas/templates/{name}"): "templates belong to everybody",
    ("put", "/api/semantic-types/{name}"): "a PUT makes a type of the caller's own organization",
    ("post", "/api/schemas/templates/{name}/apply"): "templates belong to everybody",
}
# What a body must hold to be looked at before the row is.
BODIES: dict[tuple[str, str], dict[str, Any]] = {
    ("put", "/api/roles/{id}"): {"name": "auditor", "permissions": []},
    ("put", "/api/users/{id}/workspaces"): {"workspaces": {"production": "viewer"}},
}
# Reading operations by name whose answer is empty, not missing, in a workspace that has no such thing.
EMPTY: set[tuple[str, str]] = {("get", "/api/monitoring/scores/{table}/history")}


def operations() -> list[tuple[str, str, bool]]:
    """Return every operation: method, path, whether it takes `X-Workspace`."""
    paths = SchemaGenerator().get_schema(request=None, public=True)["paths"]
    return [
        (method, path, any(each["name"] == "X-Workspace" for each in operation.get("parameters", ())))
        for path, methods in sorted(paths.items())
        for method, operation in methods.items()
        if method in METHODS
    ]


OPERATIONS = operations()
BY_SLOT = [(m, p) for m, p, _ in OPERATIONS if "{" in p and (m, p) not in OPEN]
BY_NAME = [(m, p) for m, p in BY_SLOT if "{id}" not in p]
BY_HEADER = [(m, p) for m, p, header in OPERATIONS if header]


@pytest.fixture
def slots(world: World, settings: Any) -> dict[str, str]:
    """Return, for each path up to a slot, what stands there in the first organization."""
    settings.OUTBOUND_ALLOW_CIDRS = ("127.0.0.0/8",)
    client = world.ed.client()

    def made(path: str, body: dict[str, Any]) -> str:
        return str(assert_success(client.post(path, body, format="json"), 201)["id"])

    pipeline = lay_out(world)
    done = run(world, pipeline)
    source = assert_success(client.get("/api/sources"))[0]["id"]
    wildcard = {**MAPPING, "wildcard": {"input": "c"}}
    assert_success(client.put("/api/mappings/customers", wildcard, format="json"))
    made("/api/ctes", {"name": "cte", "sql": 'SELECT * FROM "crm"."contacts"'})
    rule = {"name": "r", "kind": "threshold", "table": "customers", "measure": "rows", "op": "gt", "value": 0}
    rule_id = made("/api/alert-rules", rule)
    webhook, _ = create_webhook(
        workspace=world.workspace,
        actor=world.alice.caller,
        url="http://127.0.0.1:9/",
        events=["pipeline.failed"],
    )
    suggestion = Suggestion.objects.create(
        workspace=world.workspace,
        table_name="customers",
        field="email",
        source="crm",
        source_table="contacts",
        alias="c",
        columns=["mail"],
        proposal=MAPPING["fields"]["email"],
        confidence=0.9,
    )
    own_type = {"name": "member_number", "parent": "string", "description": "Ours"}
    alice = world.alice.client(None)
    assert_success(alice.post("/api/semantic-types", own_type, format="json"), 201)
    audience = {
        "name": "a",
        "table": "customers",
        "key": "customer_id",
        "rule": {"all": [{"field": "spent", "op": "gte", "value": 1}]},
    }
    warehouse = {
        "name": "dw",
        "connector": "postgresql",
        "config": {"host": "127.0.0.1", "port": 9, "database": "d"},
        "credentials": {"user": "u"},
    }
    entity = {"name": "Customers", "table": "customers", "key": "customer_id"}
    table = "/api/schemas/workspace/tables/{table}"
    role = Role.objects.create(organization=world.organization, name="auditor", permissions=[])
    return {
        "/api/alert-rules/{id}": rule_id,
        "/api/alerts/{id}": Alert.objects.get(rule_id=rule_id).pk,
        "/api/audiences/{id}": made("/api/audiences", audience),
        "/api/backfills/{id}": _backfill(world, pipeline),
        "/api/ctes/{name}": "cte",
        "/api/destinations/{id}": made("/api/destinations", warehouse),
        "/api/identity/clusters/{cluster_id}": _person(world),
        "/api/mappings/{table_name}": "customers",
        "/api/mappings/{table_name}/field-dbt/{field}": "email",
        "/api/mappings/{table_name}/fields/{field}": "email",
        "/api/mappings/{table_name}/suggestions/{suggestion_id}": suggestion.pk,
        "/api/monitoring/scores/{table}": "customers",
        "/api/object-types/{id}": made("/api/object-types", entity),
        "/api/object-types/{id}/versions/{number}": "1",
        "/api/organizations/{id}": world.organization.pk,
        "/api/pipelines/{id}": pipeline["id"],
        "/api/queries/{id}": made("/api/queries", {"name": "q", "sql": "SELECT 1"}),
        "/api/roles/{id}": role.pk,
        "/api/runs/{id}": done["id"],
        "/api/schemas/templates/{name}": "commerce",
        table: "customers",
        f"{table}/columns/{{column}}": "email",
        "/api/schemas/workspace/versions/{number}": "1",
        "/api/semantic-types/{name}": "member_number",
        "/api/service-accounts/{id}": ServiceAccount.objects.get(organization=world.organization).pk,
        "/api/sources/{id}": source,
        "/api/sources/{id}/tables/{table}": "contacts",
        "/api/tables/{name}": "customers",
        "/api/users/{id}": world.ed.user.pk,
        "/api/webhooks/{id}": webhook.pk,
        "/api/webhooks/{id}/deliveries/{delivery_id}": send_test_event(
            webhook=webhook, actor=world.alice.caller
        ).pk,
        "/api/workspaces/{id}": world.workspace.pk,
    }


def _backfill(world: World, pipeline: dict[str, Any]) -> str:
    """Begin a backfill of a table with a cursor; return its id."""
    client = world.ed.client()
    merging = {**MAPPING, "wildcard": {"input": "c"}, "load": {"mode": "merge", "cursor": "c.joined"}}
    assert_success(client.put("/api/mappings/customers", merging, format="json"))
    body = {"since": "2024-01-01", "until": "2024-01-03"}
    path = f"/api/pipelines/{pipeline['id']}/backfills"
    return str(assert_success(client.post(path, body, format="json"), 201)["id"])


def _person(world: World) -> str:
    """Resolve the first organization's customers; return the canonical id of one of them."""
    client = world.ed.client()
    rules = {
        "tables": [{"table": "customers", "key": "customer_id", "identifiers": {"email": "email"}}],
        "rules": [{"name": "same e-mail", "match": ["email"]}],
    }
    assert_success(client.put("/api/identity", rules, format="json"), 201)
    execute_resolution(assert_success(client.post("/api/identity/resolve"), 201)["id"])
    return str(assert_success(client.get("/api/identity/clusters"))[0]["id"])


def fill(path: str, slots: dict[str, str]) -> str:
    """Return the path with its slots filled. A KeyError says which operation has no probe."""
    url = path
    for found in re.finditer(r"{\w+}", path):
        url = url.replace(found.group(), slots[path[: found.end()]], 1)
    return url


def ask(client: Any, method: str, path: str, url: str) -> Any:
    body = BODIES.get((method, path), {})
    return client.get(url) if method == "get" else getattr(client, method)(url, body, format="json")


def probe(client: Any, chosen: list[tuple[str, str]], slots: dict[str, str]) -> dict[tuple[str, str], Any]:
    """Return the answers that are no 404."""
    wrong = {}
    for method, path in chosen:
        response = ask(client, method, path, fill(path, slots))
        if response.status_code != 404 or not response.json()["error_code"].endswith("NOT_FOUND"):
            wrong[method, path] = (response.status_code, response.content[:200])
    return wrong


def test_operations__with_a_slot__each_have_a_probe(slots: dict[str, str]) -> None:
    missing = [
        path
        for _, path in BY_SLOT
        for found in re.finditer(r"{\w+}", path)
        if path[: found.end()] not in slots
    ]
    assert not missing
    assert set(OPEN) <= {(method, path) for method, path, _ in OPERATIONS}


# What these answer is about one record, which has to be named.
ASKS_FOR_KEY = ("/explain", "/records")


def test_slots__filled__are_there_for_their_owner(world: World, slots: dict[str, str]) -> None:
    """The probes would prove nothing if what they ask for did not exist."""
    client = world.alice.client()
    for method, path in BY_SLOT:
        if method == "get":
            response = client.get(fill(path, slots), {"key": "1"} if path.endswith(ASKS_FOR_KEY) else None)
            codes = {"RESULTS_NOT_FOUND", "REFRESH_NOT_FOUND", "SCORE_NOT_FOUND"}
            assert response.status_code == 200 or response.json()["error_code"] in codes, path


def test_operation__of_another_organization_by_id__is_404(world: World, slots: dict[str, str]) -> None:
    by_id = [(method, path) for method, path in BY_SLOT if "{id}" in path]
    assert len(by_id) > 50
    assert probe(world.eve.client(None), by_id, slots) == {}
    assert probe(world.eve.client(), by_id, slots) == {}


def test_operation__with_the_name_of_a_foreign_workspace__is_404(world: World, slots: dict[str, str]) -> None:
    world.workspace.name = ROOM
    world.workspace.save()
    assert len(BY_HEADER) > 60
    assert probe(world.eve.client(ROOM), BY_HEADER, slots) == {}


def test_operation__by_a_foreign_name_in_the_own_workspace__is_404(
    world: World, slots: dict[str, str]
) -> None:
    chosen = [(method, path) for method, path in BY_NAME if method != "put" and (method, path) not in EMPTY]
    wrong = probe(world.eve.client(), chosen, slots)
    # What may be tried before it is there reads the body, never the other organization's document.
    assert {status for status, _ in wrong.values()} <= {422}, wrong
    for method, path in EMPTY:
        assert assert_success(ask(world.eve.client(), method, path, fill(path, slots))) == []


def test_operation__by_id_with_the_header_of_another_own_workspace__is_404(
    world: World, slots: dict[str, str]
) -> None:
    alice = world.alice.client(None)
    assert_success(alice.post("/api/workspaces", {"name": "staging"}, format="json"), 201)
    by_id = [(method, path) for method, path in BY_HEADER if "{id}" in path]
    assert probe(world.alice.client("staging"), by_id, slots) == {}
