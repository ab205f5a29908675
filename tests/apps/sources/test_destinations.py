"""Destinations over the API: made, changed, tested; their secrets go in and never out."""

import logging
from typing import Any, ClassVar
from urllib.parse import urlsplit

import pytest

from apps.sources.models import Destination
from apps.sources.services.destinations import open_credentials
from tests.resources import ResourceTests, assert_failure, assert_success
from tests.servers import server_url
from tests.world import World

CREDENTIALS = {"user": "loader-7", "password": "Wr1tten-down-n0where"}
CONFIG = {"host": "db.example", "database": "sales"}


def make_destination(world: World, **body: Any) -> dict[str, Any]:
    """Make a PostgreSQL destination as the editor and return it."""
    body = {
        "name": "warehouse",
        "connector": "postgresql",
        "config": CONFIG,
        "credentials": CREDENTIALS,
        **body,
    }
    return dict(assert_success(world.ed.client().post("/api/destinations", body, format="json"), 201))


def change(world: World, made: dict[str, Any], **body: Any) -> Any:
    return world.ed.client().patch(f"/api/destinations/{made['id']}", body, format="json")


class TestDestinations(ResourceTests):
    path: ClassVar = "/api/destinations"
    noun: ClassVar = "DESTINATION"

    def good(self, world: World, number: int = 1) -> dict[str, Any]:
        return {
            "name": f"warehouse-{number}",
            "connector": "postgresql",
            "config": CONFIG,
            "credentials": CREDENTIALS,
        }

    def change(self) -> dict[str, Any]:
        return {"name": "renamed"}


def test_create__with_credentials__never_shows_them(world: World, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    made = make_destination(world)
    assert made["id"].startswith("dst_")
    assert made["has_credentials"] is True
    row = Destination.objects.get(pk=made["id"])
    assert open_credentials(row) == CREDENTIALS
    listed = world.ed.client().get("/api/destinations").content.decode()
    told = [str(made), listed, caplog.text, str(row), repr(row), row.sealed_credentials]
    for secret in CREDENTIALS.values():
        assert not any(secret in text for text in told)


def test_list__with_filters__gives_those(world: World) -> None:
    make_destination(world)
    client = world.vera.client()
    assert len(assert_success(client.get("/api/destinations", {"connector": "postgresql"}))) == 1
    assert assert_success(client.get("/api/destinations", {"status": "ok"})) == []
    assert_failure(client.get("/api/destinations", {"status": "odd"}), 422, "VALIDATION_ERROR")


@pytest.mark.parametrize(
    ("change", "code", "field"),
    [
        ({"connector": "carrier-pigeon"}, "UNKNOWN_CONNECTOR", None),
        ({"connector": "file", "config": {}, "credentials": {}}, "CONNECTOR_CANNOT_WRITE", None),
        ({"config": {**CONFIG, "colour": "red"}}, "UNKNOWN_FIELD", "config.colour"),
        ({"config": {"host": "db.example"}}, "VALIDATION_ERROR", "config.database"),
        ({"config": {**CONFIG, "password": "x"}}, "UNKNOWN_FIELD", "config.password"),
        ({"config": {**CONFIG, "host": "127.0.0.1"}}, "ADDRESS_NOT_ALLOWED", "config.host"),
        ({"config": {**CONFIG, "host": "169.254.169.254"}}, "ADDRESS_NOT_ALLOWED", "config.host"),
        ({"config": {**CONFIG, "host": "/tmp"}}, "INVALID_HOST", "config.host"),
        ({"config": []}, "VALIDATION_ERROR", "config"),
        ({"credentials": {"user": 7}}, "VALIDATION_ERROR", "credentials.user"),
        ({"credentials": None}, "VALIDATION_ERROR", "credentials"),
        ({"name": ""}, "VALIDATION_ERROR", "name"),
    ],
)
def test_create__with_a_fault__is_422_and_names_it(
    world: World, change: dict[str, Any], code: str, field: str | None
) -> None:
    body = {
        "name": "w",
        "connector": "postgresql",
        "config": CONFIG,
        "credentials": CREDENTIALS,
        **change,
    }
    failure = assert_failure(world.ed.client().post("/api/destinations", body, format="json"), 422, code)
    if field:
        assert field in [fault["field"] for fault in failure["errors"]]
    assert CREDENTIALS["password"] not in str(failure)
    assert not Destination.objects.exists()


def test_create__second_of_a_name__is_422(world: World) -> None:
    make_destination(world)
    body = {"name": "warehouse", "connector": "postgresql", "config": CONFIG, "credentials": CREDENTIALS}
    response = world.ed.client().post("/api/destinations", body, format="json")
    assert_failure(response, 422, "DESTINATION_NAME_TAKEN")


def test_change__credentials__are_replaced_in_place(world: World) -> None:
    made = make_destination(world)
    assert_success(change(world, made, credentials={"user": "other", "password": "p"}))
    assert open_credentials(Destination.objects.get(pk=made["id"])) == {"user": "other", "password": "p"}
    assert_failure(change(world, made, connector="file"), 422, "CONNECTOR_IS_FIXED")


@pytest.mark.parametrize(
    "config", [{"host": "evil.example"}, {"port": 5433}, {"sslmode": "disable"}], ids=["host", "port", "tls"]
)
def test_change__where_the_credentials_are_sent__needs_them_again(
    world: World, config: dict[str, Any]
) -> None:
    """Who may change a destination need not know its password, and must not have it sent to themselves."""
    made = make_destination(world)
    failure = assert_failure(change(world, made, config={**CONFIG, **config}), 422, "CREDENTIALS_REQUIRED")
    assert failure["errors"][0]["field"] == "credentials"
    assert Destination.objects.get(pk=made["id"]).config == CONFIG
    moved = assert_success(change(world, made, config={**CONFIG, **config}, credentials=CREDENTIALS))
    assert moved["config"] == {**CONFIG, **config}
    assert_success(change(world, made, config={**CONFIG, **config, "schema": "mart"}))


def test_sources__of_a_connector_for_destinations__are_refused(world: World) -> None:
    client = world.ed.client()
    body = {"connector": "postgresql", "config": CONFIG, "credentials": CREDENTIALS}
    assert_failure(
        client.post("/api/sources", {"name": "s", **body}, format="json"), 422, "CONNECTOR_CANNOT_READ"
    )
    assert_failure(client.post("/api/sources/test", body, format="json"), 422, "CONNECTOR_CANNOT_READ")
    able = {
        each["name"]: (each["reads"], each["writes"])
        for each in assert_success(client.get("/api/connectors"))
    }
    assert able == {"file": (True, False), "postgresql": (False, True)}


def test_test__nothing_reachable__is_an_answer_and_noted(world: World) -> None:
    made = make_destination(world, config={**CONFIG, "host": "nowhere.invalid"})
    data = assert_success(world.ed.client().post(f"/api/destinations/{made['id']}/test"))
    assert data["passed"] is False
    assert [(step["name"], step["passed"]) for step in data["steps"]] == [("network", False)]
    assert assert_success(world.vera.client().get(f"/api/destinations/{made['id']}"))["status"] == "failed"


def test_test__others__is_401_403_404(world: World) -> None:
    url = f"/api/destinations/{make_destination(world)['id']}/test"
    assert_failure(world.nobody().post(url), 401, "AUTHENTICATION_REQUIRED")
    assert_failure(world.vera.client().post(url), 403, "PERMISSION_DENIED")
    assert_failure(world.eve.client().post(url), 404, "DESTINATION_NOT_FOUND")


@pytest.mark.postgresql
def test_test__of_a_real_server__passes_every_step(world: World, settings: Any) -> None:
    settings.OUTBOUND_ALLOW_CIDRS = ("127.0.0.0/8",)
    where = urlsplit(server_url("postgresql"))
    config = {"host": where.hostname, "port": where.port or 5432, "database": where.path.strip("/")}
    credentials = {"user": where.username or "postgres"}
    made = make_destination(world, config=config, credentials=credentials)
    data = assert_success(world.ed.client().post(f"/api/destinations/{made['id']}/test"))
    assert data["passed"] is True, data
    assert [step["name"] for step in data["steps"]] == ["network", "authentication", "access", "tables"]
    assert assert_success(world.vera.client().get(f"/api/destinations/{made['id']}"))["status"] == "ok"
