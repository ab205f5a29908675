"""Logging in and out, refreshing, changing a password."""

from datetime import timedelta

import time_machine
from django.utils import timezone
from pytest_django import Settings
from rest_framework.test import APIClient

from tests.resources import assert_failure, assert_success
from tests.world import PASSWORD, World, make_client


def _login(email: str, password: str = PASSWORD) -> dict[str, str]:
    response = APIClient().post("/api/auth/login", {"email": email, "password": password}, format="json")
    assert response.status_code == 200, response.json()
    return dict(response.json())


def _bearer(answer: dict[str, str]) -> APIClient:
    return make_client(None, HTTP_AUTHORIZATION=f"Bearer {answer['access_token']}")


def test_login__wrong_address_or_wrong_password__answer_alike(world: World) -> None:
    answers = []
    for email, password in ((world.ed.user.email, "wrong"), ("nobody@first.example", PASSWORD)):
        response = APIClient().post("/api/auth/login", {"email": email, "password": password}, format="json")
        body = assert_failure(response, 401, "INVALID_CREDENTIALS")
        answers.append({**body, "request_id": ""})
    assert answers[0] == answers[1]


def test_login__too_many_attempts_for_one_address__is_429(world: World, settings: Settings) -> None:
    settings.LOGIN_RATE = "3/15m"
    statuses = [
        APIClient(REMOTE_ADDR=f"192.0.2.{number}")
        .post("/api/auth/login", {"email": "guess@first.example", "password": "x"}, format="json")
        .status_code
        for number in range(5)
    ]
    assert statuses == [401, 401, 401, 429, 429]


def test_refresh__once__gives_a_new_pair_and_twice_ends_the_session(world: World) -> None:
    first = _login(world.ed.user.email)
    response = APIClient().post("/api/auth/refresh", {"refresh_token": first["refresh_token"]}, format="json")
    second = response.json()
    assert response.status_code == 200
    assert_success(_bearer(second).get("/api/auth/me"))
    again = APIClient().post("/api/auth/refresh", {"refresh_token": first["refresh_token"]}, format="json")
    assert_failure(again, 401, "INVALID_TOKEN")
    stolen = APIClient().post("/api/auth/refresh", {"refresh_token": second["refresh_token"]}, format="json")
    assert_failure(stolen, 401, "INVALID_TOKEN")
    assert_failure(_bearer(second).get("/api/auth/me"), 401, "INVALID_TOKEN")


def test_refresh__token_of_a_deleted_user_or_an_access_token__is_401(world: World) -> None:
    answer = _login(world.ed.user.email)
    refused = APIClient().post("/api/auth/refresh", {"refresh_token": answer["access_token"]}, format="json")
    assert_failure(refused, 401, "INVALID_TOKEN")
    world.ed.user.delete()
    gone = APIClient().post("/api/auth/refresh", {"refresh_token": answer["refresh_token"]}, format="json")
    assert_failure(gone, 401, "INVALID_TOKEN")


def test_token__after_an_hour__has_expired(world: World) -> None:
    client = _bearer(_login(world.ed.user.email))
    with time_machine.travel(timezone.now() + timedelta(seconds=3601), tick=False):
        assert_failure(client.get("/api/auth/me"), 401, "TOKEN_EXPIRED")


def test_logout__one_session__leaves_the_other(world: World) -> None:
    first, second = _bearer(_login(world.ed.user.email)), _bearer(_login(world.ed.user.email))
    assert_success(first.post("/api/auth/logout"))
    assert_failure(first.get("/api/auth/me"), 401, "INVALID_TOKEN")
    assert_success(second.get("/api/auth/me"))


def test_password__changed__ends_all_sessions_and_is_the_new_one(world: World) -> None:
    answer = _login(world.ed.user.email)
    client = _bearer(answer)
    body = {"current_password": "wrong", "new_password": "another horse battery"}
    assert_failure(client.post("/api/auth/password", body, format="json"), 422, "WRONG_PASSWORD")
    body = {"current_password": PASSWORD, "new_password": "another horse battery"}
    assert_success(client.post("/api/auth/password", body, format="json"))
    assert_failure(client.get("/api/auth/me"), 401, "INVALID_TOKEN")
    refused = APIClient().post("/api/auth/refresh", {"refresh_token": answer["refresh_token"]}, format="json")
    assert_failure(refused, 401, "INVALID_TOKEN")
    _login(world.ed.user.email, "another horse battery")


def test_password__asked_by_a_service_account__is_refused(world: World) -> None:
    body = {"current_password": "a", "new_password": "another horse battery"}
    assert_failure(world.robot(None).post("/api/auth/password", body, format="json"), 422, "NOT_A_PERSON")
