"""Identity over the API: rules, resolutions, people, explanations; and canonical ids in a table that a run makes."""

import os
from datetime import timedelta
from typing import Any

import pytest
from django.db import OperationalError
from django.utils import timezone

from apps.mappings.models import Identity
from apps.pipelines.models import IdentityResolution
from apps.pipelines.services import resolutions
from apps.pipelines.services.execution import execute_run
from apps.pipelines.services.resolving import execute_resolution
from apps.pipelines.services.strays import delete_strays
from datalinx.engine import identity as engine
from datalinx.errors import Cancelled, Failed
from datalinx.files import storage
from tests.apps.pipelines.ground import start
from tests.journey import SCHEMA, lay_out, run, upload
from tests.resources import assert_failure, assert_success
from tests.world import World

CONTACTS = (
    b"contact_id,mail,amount,joined\n"
    b"1,ann@x.org,1,2024-01-31\n"
    b"2,ann@x.org,2,2024-02-01\n"
    b"3,bob@x.org,3,2024-02-02\n"
)
RULES: dict[str, Any] = {
    "tables": [{"table": "customers", "key": "customer_id", "identifiers": {"email": "email"}}],
    "rules": [{"name": "same e-mail", "match": ["email"]}],
}
URL = "/api/identity"
PEOPLE = {
    "name": "people",
    "primary_key": ["customer_id"],
    "columns": [
        {"name": "customer_id", "type": "integer", "nullable": False},
        {"name": "person", "type": "string"},
    ],
}
IDENTIFIED: dict[str, Any] = {
    "table_name": "people",
    "inputs": [{"alias": "c", "source": "crm", "table": "contacts"}],
    "fields": {
        "customer_id": {"type": "direct", "source": "c.contact_id"},
        "person": {
            "type": "decorated",
            "source": "c.contact_id",
            "decorators": [{"name": "trim"}, {"name": "identity"}],
        },
    },
}


@pytest.fixture
def pipeline(world: World) -> dict[str, Any]:
    made = lay_out(world, CONTACTS)
    run(world, made)
    return made


@pytest.fixture
def rules(world: World, pipeline: dict[str, Any]) -> dict[str, Any]:
    return dict(assert_success(world.ed.client().put(URL, RULES, format="json"), 201))


def resolve(world: World) -> dict[str, Any]:
    """Resolve as a worker does, and return how it stands then."""
    made = assert_success(world.ed.client().post(f"{URL}/resolve"), 201)
    execute_resolution(made["id"])
    stats = assert_success(world.vera.client().get(f"{URL}/stats"))
    assert stats["resolution"]["id"] == made["id"]
    return dict(stats)


def add_people(world: World, **changes: Any) -> dict[str, Any]:
    """Add a table of contacts with the canonical ids of customers; return its pipeline."""
    client = world.ed.client()
    schema = {**SCHEMA, "tables": [*SCHEMA["tables"], PEOPLE]}
    assert_success(client.put("/api/schemas/workspace", schema, format="json"))
    assert_success(client.put("/api/mappings/people", {**IDENTIFIED, **changes}, format="json"), 201)
    body = {"name": "people", "tables": ["people"]}
    return dict(assert_success(client.post("/api/pipelines", body, format="json"), 201))


def persons(world: World) -> dict[str, str | None]:
    rows = assert_success(world.vera.client().get("/api/tables/people/rows"))
    return {str(row["customer_id"]): row["person"] for row in rows}


def test_rules__before_the_first_put__are_empty_at_version_0(world: World) -> None:
    found = assert_success(world.vera.client().get(URL))
    assert found == {
        "tables": [],
        "rules": [],
        "limits": {"max_cluster_size": 50, "max_value_rows": 20},
        "version": 0,
    }
    stats = assert_success(world.vera.client().get(f"{URL}/stats"))
    assert (stats["generation"], stats["statistics"], stats["resolution"]) == (0, None, None)
    assert assert_success(world.vera.client().get(f"{URL}/clusters")) == []
    assert_failure(world.vera.client().get(f"{URL}/clusters/idr_x"), 404, "CLUSTER_NOT_FOUND")
    assert_failure(world.ed.client().post(f"{URL}/resolve"), 422, "IDENTITY_NOT_CONFIGURED")


@pytest.mark.usefixtures("pipeline")
def test_rules__put_and_put_again__count_versions_and_mind_if_match(world: World) -> None:
    client = world.ed.client()
    made = assert_success(client.put(URL, RULES, format="json"), 201)
    assert (made["version"], made["id"][:4]) == (1, "idn_")
    again = client.put(URL, {**RULES, **{key: made[key] for key in ("id", "version")}}, format="json")
    assert assert_success(again)["version"] == 2
    assert_failure(client.put(URL, RULES, format="json", HTTP_IF_MATCH='"1"'), 422, "VERSION_CONFLICT")


@pytest.mark.usefixtures("pipeline")
@pytest.mark.parametrize(
    ("change", "code", "field"),
    [
        ({"colour": "red"}, "UNKNOWN_FIELD", "colour"),
        ({"rules": []}, "VALIDATION_ERROR", "rules"),
        ({"rules": [{"name": "r", "match": ["phone"]}]}, "VALIDATION_ERROR", "rules[0].match"),
        ({"rules": [{"name": "r", "match": ["email", "email"]}]}, "VALIDATION_ERROR", "rules[0].match"),
        ({"limits": {"max_cluster_size": 1}}, "VALIDATION_ERROR", "limits.max_cluster_size"),
        ({"tables": [{**RULES["tables"][0], "table": "nothing"}]}, "VALIDATION_ERROR", "tables[0].table"),
        ({"tables": [{**RULES["tables"][0], "key": "nothing"}]}, "VALIDATION_ERROR", "tables[0].key"),
        ({"tables": RULES["tables"] * 2}, "VALIDATION_ERROR", "tables[1].table"),
    ],
)
def test_rules__that_cannot_hold__are_422_with_a_place(
    world: World, change: dict[str, Any], code: str, field: str
) -> None:
    failure = assert_failure(world.ed.client().put(URL, {**RULES, **change}, format="json"), 422, code)
    assert field in [error["field"] for error in failure["errors"]]
    assert not Identity.objects.exists()


@pytest.mark.usefixtures("rules")
def test_identity__as_others__is_403_and_a_strangers_own_is_empty(world: World) -> None:
    resolve(world)
    viewer, nobody = world.vera.client(), world.nobody()
    assert_failure(viewer.put(URL, RULES, format="json"), 403, "PERMISSION_DENIED")
    assert_failure(viewer.post(f"{URL}/resolve"), 403, "PERMISSION_DENIED")
    for path in ("", "/stats", "/clusters", "/explain?a=1&b=2"):
        assert_success(viewer.get(URL + path))
        assert_failure(nobody.get(URL + path), 401, "AUTHENTICATION_REQUIRED")
        assert_failure(world.max.client().get(URL + path), 403, "WORKSPACE_ACCESS_DENIED")
        assert_failure(world.ed.client(None).get(URL + path), 400, "WORKSPACE_REQUIRED")
    stranger = world.eve.client()
    assert assert_success(stranger.get(URL))["version"] == 0
    assert assert_success(stranger.get(f"{URL}/clusters")) == []
    mine = assert_success(viewer.get(f"{URL}/clusters"))[0]["id"]
    assert_failure(stranger.get(f"{URL}/clusters/{mine}"), 404, "CLUSTER_NOT_FOUND")
    assert_failure(viewer.get(f"{URL}/stats", {"colour": "red"}), 422, "UNKNOWN_PARAMETER")


@pytest.mark.usefixtures("rules")
def test_resolve__of_customers__finds_people_who_can_be_listed_and_explained(world: World) -> None:
    stats = resolve(world)
    assert (stats["resolution"]["status"], stats["generation"]) == ("success", 1)
    assert (stats["statistics"]["records"], stats["statistics"]["clusters"]) == (3, 2)
    client = world.vera.client()
    response = client.get(f"{URL}/clusters", {"page_size": 1})
    [ann] = assert_success(response)
    assert (ann["records"], ann["identifiers"], response.json()["pagination"]["total_items"]) == (2, 1, 2)
    assert len(assert_success(client.get(f"{URL}/clusters", {"records": 2}))) == 1
    assert assert_success(client.get(f"{URL}/clusters", {"record": "customers:2"})) == [ann]
    assert assert_success(client.get(f"{URL}/clusters", {"record": "99"})) == []
    cluster = assert_success(client.get(f"{URL}/clusters/{ann['id']}"))
    assert [member["key"] for member in cluster["members"]] == ["1", "2"]
    assert [link["value"] for link in cluster["links"]] == ["a***@x.org"]
    told = assert_success(client.get(f"{URL}/explain", {"a": "customers:1", "b": "2"}))
    assert (told["same"], told["kind"], told["path"][0]["rule"]) == (True, "deterministic", "same e-mail")
    assert not assert_success(client.get(f"{URL}/explain", {"a": "1", "b": "3"}))["same"]
    assert_failure(client.get(f"{URL}/explain", {"a": "1", "b": "99"}), 404, "RECORD_NOT_FOUND")
    assert_failure(client.get(f"{URL}/explain", {"a": "1"}), 422, "VALIDATION_ERROR")
    assert_failure(client.get(f"{URL}/clusters", {"records": "many"}), 422, "VALIDATION_ERROR")


@pytest.mark.usefixtures("rules")
def test_resolve__again__keeps_ids_and_the_generation_until_something_changes(
    world: World, pipeline: dict[str, Any]
) -> None:
    first = resolve(world)
    assert resolve(world)["generation"] == 1
    source = assert_success(world.ed.client().get("/api/sources"))[0]["id"]
    upload(world, source, CONTACTS.replace(b"bob@x.org", b"ann@x.org"))
    run(world, pipeline)
    stats = resolve(world)
    assert (stats["generation"], stats["statistics"]["merged"]) == (2, 1)
    assert first["statistics"]["clusters"] == 2
    [one] = assert_success(world.vera.client().get(f"{URL}/clusters"))
    [merge] = assert_success(world.vera.client().get(f"{URL}/clusters/{one['id']}"))["history"]
    assert (merge["kind"], merge["rules"]) == ("merged", ["same e-mail"])
    merged = assert_success(world.vera.client().get(f"{URL}/clusters/{merge['from_id']}"))
    assert merged["merged_into"] == one["id"]


def test_resolve__of_a_table_that_was_never_written__fails_with_a_sentence(world: World) -> None:
    lay_out(world, CONTACTS)
    assert_success(world.ed.client().put(URL, RULES, format="json"), 201)
    stats = resolve(world)
    assert (stats["resolution"]["status"], stats["generation"]) == ("failed", 0)
    assert stats["resolution"]["error"]["code"] == "INPUT_MISSING"


@pytest.mark.usefixtures("rules")
def test_resolve__while_one_is_under_way__answers_with_that_one(world: World) -> None:
    client = world.ed.client()
    first = assert_success(client.post(f"{URL}/resolve"), 201)
    assert assert_success(client.post(f"{URL}/resolve"), 200)["id"] == first["id"]
    assert resolutions.claim_resolution(first["id"]) is not None
    assert resolutions.claim_resolution(first["id"]) is None
    assert assert_success(client.post(f"{URL}/resolve"), 200)["status"] == "running"


@pytest.mark.usefixtures("rules")
def test_resolve__whose_worker_was_lost__is_taken_up_again_and_ends_at_last(world: World) -> None:
    made = assert_success(world.ed.client().post(f"{URL}/resolve"), 201)["id"]
    rows = IdentityResolution.objects.filter(pk=made)
    for attempt in range(resolutions.MAX_ATTEMPTS):
        lost = resolutions.claim_resolution(made)
        assert lost is not None
        assert lost.attempt == attempt + 1
        assert resolutions.reap_lost_resolutions() == 0
        rows.update(lease_expires_at=timezone.now() - timedelta(seconds=1))
        assert resolutions.reap_lost_resolutions() == 1
        assert not resolutions.held(lost).exists()
    assert rows.get().error["code"] == "WORKER_LOST"
    resolve(world)


@pytest.mark.usefixtures("rules")
def test_resolve__that_the_database_broke_off__is_taken_up_again(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = assert_success(world.ed.client().post(f"{URL}/resolve"), 201)["id"]
    rows = IdentityResolution.objects.filter(pk=made)

    def broken(*_: Any, **__: Any) -> Any:
        raise OperationalError("terminating connection due to administrator command")

    with monkeypatch.context() as patch:
        patch.setattr(engine, "resolve_identity", broken)
        execute_resolution(made)
    rows.update(lease_expires_at=timezone.now() - timedelta(seconds=1))
    assert resolutions.reap_lost_resolutions() == 1
    execute_resolution(made)
    assert rows.get().status == "success"


@pytest.mark.usefixtures("rules")
def test_cancel__of_a_resolution_that_waits__ends_it_and_the_next_one_begins(world: World) -> None:
    client = world.ed.client()
    assert_failure(client.post(f"{URL}/resolve/cancel"), 422, "RESOLUTION_NOT_OPEN")
    made = assert_success(client.post(f"{URL}/resolve"), 201)["id"]
    assert_failure(world.vera.client().post(f"{URL}/resolve/cancel"), 403, "PERMISSION_DENIED")
    assert_failure(world.eve.client().post(f"{URL}/resolve/cancel"), 422, "RESOLUTION_NOT_OPEN")
    stopped = assert_success(client.post(f"{URL}/resolve/cancel"))
    assert (stopped["id"], stopped["status"], stopped["error"]) == (made, "cancelled", None)
    execute_resolution(made)
    assert resolve(world)["generation"] == 1


@pytest.mark.usefixtures("rules")
@pytest.mark.parametrize(
    "moment", ["before its steps", "before it publishes", "as it fails", "as it is given back", "lost"]
)
def test_cancel__of_a_resolution_under_way__publishes_nothing_and_ends_as_cancelled(
    world: World, monkeypatch: pytest.MonkeyPatch, moment: str
) -> None:
    client = world.ed.client()
    made = assert_success(client.post(f"{URL}/resolve"), 201)["id"]
    whole = engine.resolve_identity

    def cancel(*_: Any, **more: Any) -> Any:
        found = whole(*_, **more) if moment == "before it publishes" else None
        assert assert_success(client.post(f"{URL}/resolve/cancel"))["status"] == "running"
        if moment == "as it fails":
            raise Failed("INPUT_MISSING", "It is gone.")
        if found is None:
            raise Cancelled("RESOLUTION_STOPPED", "It was told to stop.")
        return found

    if moment == "lost":
        assert resolutions.claim_resolution(made) is not None
        assert_success(client.post(f"{URL}/resolve/cancel"))
        IdentityResolution.objects.update(lease_expires_at=None)
        assert resolutions.reap_lost_resolutions() == 1
    else:
        monkeypatch.setattr(engine, "resolve_identity", cancel)
        execute_resolution(made)
    stats = assert_success(world.vera.client().get(f"{URL}/stats"))
    assert (stats["resolution"]["status"], stats["resolution"]["error"]) == ("cancelled", None)
    assert (stats["generation"], stats["statistics"]) == (0, None)


@pytest.mark.usefixtures("rules")
def test_resolve__longer_than_it_may__fails_with_a_sentence(world: World, settings: Any) -> None:
    settings.RESOLUTION_SECONDS = 0
    stats = resolve(world)
    assert stats["resolution"]["status"] == "failed"
    assert stats["resolution"]["error"]["code"] == "RESOLUTION_TIMEOUT"
    assert stats["generation"] == 0


@pytest.mark.usefixtures("rules")
def test_resolve__whose_message_was_lost__is_sent_again(world: World, monkeypatch: Any) -> None:
    sent: list[str] = []
    monkeypatch.setattr("apps.pipelines.tasks.resolve.delay", sent.append)
    made = assert_success(world.ed.client().post(f"{URL}/resolve"), 201)["id"]
    assert resolutions.dispatch_waiting_resolutions() == 1
    assert sent == [made]
    assert resolutions.dispatch_waiting_resolutions() == 0


@pytest.mark.usefixtures("rules")
def test_sweep__of_resolutions__deletes_what_is_let_go_of_and_nothing_else(world: World) -> None:
    resolve(world)
    place = f"{world.organization.pk}/{world.workspace.pk}/"

    def swept() -> set[str]:
        return {file.key for file in delete_strays() if file.key.startswith(place)}

    mine = [file.key for file in storage().list() if file.key.startswith(place)]
    found = {key for key in mine if "/identity/" in key}
    assert len(found) == 4
    two_days_ago = (timezone.now() - timedelta(days=2)).timestamp()
    for key in mine:
        os.utime(storage().local(key), (two_days_ago, two_days_ago))
    assert swept() == set()
    IdentityResolution.objects.for_workspace(world.workspace.pk).update(folder="")
    assert swept() == found


@pytest.mark.usefixtures("rules")
def test_decorator__in_a_run__gives_each_key_its_persons_id(world: World) -> None:
    resolve(world)
    done = run(world, add_people(world))
    assert done["status"] == "success", done
    assert done["manifest"]["identity"] == {"version": 1, "generation": 1}
    found = persons(world)
    assert found["1"] == found["2"] != found["3"]
    assert assert_success(world.vera.client().get(f"{URL}/clusters/{found['1']}"))["records"] == 2
    verified = assert_success(world.ed.client().post(f"/api/runs/{done['id']}/verify"), 201)
    resolve(world)
    execute_run(verified["id"])
    steps = assert_success(world.ed.client().get(f"/api/runs/{verified['id']}"))["steps"]
    assert [step["report"]["verdict"] for step in steps] == ["verified"]


@pytest.mark.usefixtures("rules")
def test_decorator__of_a_key_without_an_id__is_null_and_the_ledger_closes(world: World) -> None:
    pipeline = add_people(world)
    assert run(world, pipeline)["totals"]["inserted"] == 3
    assert set(persons(world).values()) == {None}
    resolve(world)
    source = assert_success(world.ed.client().get("/api/sources"))[0]["id"]
    upload(world, source, CONTACTS + b"4,new@x.org,1,2024-01-01\n")
    assert run(world, pipeline)["totals"]["inserted"] == 4
    found = persons(world)
    assert found["4"] is None
    assert None not in {found["1"], found["2"], found["3"]}


@pytest.mark.usefixtures("rules")
def test_decorator__with_a_later_resolution__keeps_the_generation_of_its_run(world: World) -> None:
    resolve(world)
    pipeline = add_people(world)
    queued = start(world, pipeline)
    Identity.objects.update(generation=9)
    execute_run(queued)
    done = assert_success(world.ed.client().get(f"/api/runs/{queued}"))
    assert (done["status"], done["manifest"]["identity"]["generation"]) == ("success", 1)


@pytest.mark.usefixtures("pipeline")
def test_decorator__without_rules_or_for_an_unknown_table__is_422(world: World) -> None:
    client = world.ed.client()
    schema = {**SCHEMA, "tables": [*SCHEMA["tables"], PEOPLE]}
    assert_success(client.put("/api/schemas/workspace", schema, format="json"))
    assert_failure(
        client.put("/api/mappings/people", IDENTIFIED, format="json"), 422, "IDENTITY_NOT_CONFIGURED"
    )
    assert_success(client.put(URL, RULES, format="json"), 201)
    other = {
        "type": "decorated",
        "source": "c.contact_id",
        "decorators": [{"name": "identity", "table": "customer"}],
    }
    body = {**IDENTIFIED, "fields": {**IDENTIFIED["fields"], "person": other}}
    failure = assert_failure(
        client.put("/api/mappings/people", body, format="json"), 422, "INVALID_PARAMETER"
    )
    assert "customers" in failure["message"]


@pytest.mark.usefixtures("rules")
def test_rules__that_a_mapping_needs__cannot_be_taken_away(world: World) -> None:
    add_people(world)
    assert_failure(world.ed.client().put(URL, {}, format="json"), 422, "IDENTITY_IN_USE")


@pytest.mark.usefixtures("rules")
def test_decorator__in_the_lineage__leads_to_the_identifiers(world: World) -> None:
    resolve(world)
    add_people(world)
    url = "/api/mappings/people/lineage"
    found = assert_success(world.vera.client().get(url, {"direction": "upstream", "column": "person"}))
    by_identity = [row for row in found if (row["origin"] or {}).get("type") == "identity"]
    assert by_identity
    assert ("customers", "email") in {(row["table"], row["column"]) for row in found}
    down = assert_success(
        world.vera.client().get(
            "/api/mappings/customers/lineage", {"direction": "downstream", "column": "email"}
        )
    )
    assert ("people", "person") in {(row["target_table"], row["target"]) for row in down}


@pytest.mark.usefixtures("rules")
def test_decorator__in_a_dbt_project__is_refused_with_a_sentence(world: World) -> None:
    add_people(world)
    for url in (
        "/api/mappings/people/dbt-code",
        "/api/mappings/dbt-project",
        "/api/mappings/people/field-dbt/person",
    ):
        response = world.ed.client().get(url)
        if response.status_code != 404:
            assert_failure(response, 422, "IDENTITY_NOT_POSSIBLE")
