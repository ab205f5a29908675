"""The manners of the API that hold on every endpoint, tried on a few."""

from typing import Any

import pytest
from django.db import InterfaceError, OperationalError
from redis.exceptions import TimeoutError as RedisTimeout
from rest_framework.test import APIClient

from datalinx.api.throttling import TieredOrganizationThrottle
from tests.resources import assert_failure, assert_success
from tests.world import PASSWORD, World


def test_unknown_url__in_the_api__is_404_in_the_envelope(world: World) -> None:
    for client in (world.nobody(), world.alice.client()):
        for path in ("/api/nothing", "/api/v1/nothing", "/api/workspaces/"):
            assert_failure(client.get(path), 404, "NOT_FOUND")


def test_unknown_url__that_something_is_sent_to__is_404_in_the_envelope_too(world: World) -> None:
    # As a real client, which has no token against forgery.
    client = APIClient(enforce_csrf_checks=True)
    for path in ("/api/nothing", "/api/v1/nothing", "/api/runs/"):
        for send in (client.post, client.put, client.patch, client.delete):
            assert_failure(send(path, {}, format="json"), 404, "NOT_FOUND")


def test_bodies_and_filters__with_a_word_that_is_none_of_a_few__name_those_that_are(world: World) -> None:
    client = world.alice.client()
    for path in ("/api/runs?status=lost", "/api/backfills?status=lost", "/api/sources?status=lost"):
        assert ": Choose one of: " in assert_failure(client.get(path), 422, "VALIDATION_ERROR")["message"]
    body = {"name": "crm", "connector": "file", "config": {}}
    source = assert_success(client.post("/api/sources", body, format="json"), 201)
    url = f"/api/sources/{source['id']}/discover"
    refused = assert_failure(client.post(url, {"mode": "some"}, format="json"), 422, "VALIDATION_ERROR")
    assert refused["message"] == "mode: Choose one of: all, selected, pattern."
    refused = assert_failure(client.post(url, [], format="json"), 422, "VALIDATION_ERROR")
    assert refused["message"] == "This has to be a JSON object."


def test_version__v1_in_the_path__answers_alike(world: World) -> None:
    client = world.alice.client(None)
    assert assert_success(client.get("/api/v1/workspaces")) == assert_success(client.get("/api/workspaces"))


def test_request_id__given_or_made__stands_on_every_answer(world: World) -> None:
    given = APIClient().get("/api/workspaces", HTTP_X_REQUEST_ID="caller-chose-this")
    assert given["X-Request-Id"] == "caller-chose-this"
    refused = APIClient().get("/api/workspaces", HTTP_X_REQUEST_ID="bad id\r\nwith: header")
    assert refused["X-Request-Id"].startswith("req_")


def test_credentials__both_kinds__is_400(world: World) -> None:
    client = world.alice.client(None)
    response = client.get("/api/workspaces", HTTP_X_API_KEY=world.api_key)
    assert_failure(response, 400, "AMBIGUOUS_CREDENTIALS")


@pytest.mark.parametrize(
    ("header", "code"),
    [
        ("Bearer nonsense", "INVALID_TOKEN"),
        ("Basic abc", "INVALID_TOKEN"),
        ("Bearer dlx_sk_live_no", "INVALID_API_KEY"),
    ],
)
def test_credentials__that_do_not_hold__is_401(world: World, header: str, code: str) -> None:
    response = APIClient().get("/api/workspaces", HTTP_AUTHORIZATION=header)
    assert_failure(response, 401, code)
    assert response["WWW-Authenticate"]


def test_api_key__as_header_and_as_bearer__are_the_same(world: World) -> None:
    assert_success(world.robot(None).get("/api/workspaces"))
    assert_success(APIClient().get("/api/workspaces", HTTP_AUTHORIZATION=f"Bearer {world.api_key}"))


def test_body__nul_character__is_422(world: World) -> None:
    response = world.alice.client(None).post("/api/workspaces", {"name": "a\x00b"}, format="json")
    assert_failure(response, 422, "VALIDATION_ERROR")


def test_body__another_media_type__is_415(world: World) -> None:
    response = world.alice.client(None).post("/api/workspaces", b"<a/>", content_type="text/xml")
    assert_failure(response, 415, "UNSUPPORTED_MEDIA_TYPE")


def test_body__deep_nesting__is_400(world: World) -> None:
    body = b'{"name": "a", "config": ' + b'{"a":' * 200 + b"1" + b"}" * 200 + b"}"
    response = world.alice.client(None).post("/api/workspaces", body, content_type="application/json")
    assert_failure(response, 400, "INVALID_REQUEST")


def test_body__larger_than_any_document__is_413(world: World) -> None:
    body = b'{"name": "' + b"x" * 5_000_001 + b'"}'
    response = world.alice.client(None).post("/api/workspaces", body, content_type="application/json")
    assert_failure(response, 413, "REQUEST_TOO_LARGE")


def test_list__format_as_a_parameter__is_unknown(world: World) -> None:
    assert_failure(world.alice.client(None).get("/api/workspaces?format=csv"), 422, "UNKNOWN_PARAMETER")


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (OperationalError("server closed the connection unexpectedly"), "DATABASE_UNAVAILABLE"),
        (InterfaceError("connection already closed"), "DATABASE_UNAVAILABLE"),
        (RedisTimeout("Timeout reading from 10.0.0.7"), "CACHE_UNAVAILABLE"),
    ],
)
def test_outage__before_a_call_did_anything__is_told_as_one(
    world: World, monkeypatch: pytest.MonkeyPatch, error: Exception, code: str
) -> None:
    def away(*_: Any) -> bool:
        raise error

    client = world.ed.client()
    monkeypatch.setattr(TieredOrganizationThrottle, "allow_request", away)
    answer = client.post("/api/sources", {"name": "crm", "connector": "file"}, format="json")
    failure = assert_failure(answer, 503, code)
    assert answer["Retry-After"] == "1"
    assert "Nothing was done" in failure["message"]
    assert "10.0.0.7" not in str(failure)


def test_outage__in_the_middle_of_a_call__is_not_told_as_if_nothing_was_done(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(*_: Any, **__: Any) -> Any:
        raise OperationalError("server closed the connection unexpectedly")

    client = world.alice.client(None)
    monkeypatch.setattr("apps.workspaces.services.workspaces.create_workspace", away)
    answer = client.post("/api/workspaces", {"name": "new"}, format="json")
    assert_failure(answer, 500, "INTERNAL_ERROR")


def test_outage__while_somebody_logs_in__is_told_as_one(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(*_: Any, **__: Any) -> bool:
        raise RedisTimeout("Timeout reading from socket")

    monkeypatch.setattr("apps.accounts.views.is_ratelimited", away)
    login = {"email": "a@example.org", "password": "a password of mine"}
    assert_failure(world.nobody().post("/api/auth/login", login, format="json"), 503, "CACHE_UNAVAILABLE")


def test_crash__in_a_view__says_nothing_of_the_inside(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    def crash(**_: object) -> None:
        raise RuntimeError("secret detail of the inside")

    monkeypatch.setattr("apps.workspaces.services.workspaces.create_workspace", crash)
    response = world.alice.client(None).post("/api/workspaces", {"name": "new"}, format="json")
    assert_failure(response, 500, "INTERNAL_ERROR")
    assert "secret detail" not in response.content.decode()


def test_login__right_password__answers_tokens_outside_the_envelope(world: World) -> None:
    body = {"email": "Alice@First.example", "password": PASSWORD}
    response = APIClient().post("/api/auth/login", body, format="json")
    answer = response.json()
    assert set(answer) == {"access_token", "token_type", "expires_in", "refresh_token"}
    assert (answer["token_type"], answer["expires_in"]) == ("bearer", 3600)


def test_times__of_a_row__are_utc_with_z(world: World) -> None:
    made = assert_success(
        world.alice.client(None).post("/api/workspaces", {"name": "new"}, format="json"), 201
    )
    assert made["created_at"].endswith("Z")
    assert made["id"].startswith("ws_")
