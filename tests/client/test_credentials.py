"""Sessions of people: signing in, renewing, and doing so once however many ask."""

import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import httpx
import pytest

from datalinx.client import AuthenticationError, ConfigurationError, Tokens, ValidationFailed
from datalinx.client.credentials import MemoryStore, Session

from .conftest import Script, failure, success

ME = {"id": "usr_1"}


def tokens(number: int, **more: Any) -> httpx.Response:
    body = {"access_token": f"access{number}", "token_type": "bearer", "expires_in": 3600}
    return httpx.Response(200, json={**body, "refresh_token": f"refresh{number}", **more})


def bearers(script: Script) -> list[str | None]:
    return [request.headers.get("Authorization") for request in script.requests]


def test_login__with_a_password__happens_at_the_first_call_and_once(script: Script) -> None:
    script.then(tokens(1), success(ME), success(ME))
    client = script.client(email="ada@example.org", password="correct horse")
    assert script.requests == []
    client.auth.me()
    client.auth.me()
    assert script.paths == ["POST /api/auth/login", "GET /api/auth/me", "GET /api/auth/me"]
    assert script.json(0) == {"email": "ada@example.org", "password": "correct horse"}
    assert bearers(script) == [None, "Bearer access1", "Bearer access1"]
    assert "Idempotency-Key" not in script.requests[0].headers


def test_login__with_a_wrong_password__is_not_tried_again(script: Script) -> None:
    script.then(failure(401, "INVALID_CREDENTIALS"))
    with pytest.raises(AuthenticationError) as caught:
        script.client(email="ada@example.org", password="wrong").auth.me()
    assert caught.value.code == "INVALID_CREDENTIALS"
    assert script.slept == []


def test_login__that_is_limited__is_not_hammered(script: Script) -> None:
    script.then(failure(429, "RATE_LIMITED"))
    with pytest.raises(Exception, match="RATE_LIMITED"):
        script.client(email="ada@example.org", password="x").auth.me()
    assert script.slept == []


def test_login__whose_connection_could_not_be_made__is_tried_again(script: Script) -> None:
    script.then(httpx.ConnectError("refused"), tokens(1), success(ME))
    assert script.client(email="ada@example.org", password="x").auth.me().id == "usr_1"


def test_login__with_a_second_factor__sends_its_code_once(script: Script) -> None:
    script.then(tokens(1, expires_in=0, refresh_token=None), success(ME), tokens(2), success(ME))
    client = script.client(email="ada@example.org", password="x", mfa_code="123456")
    client.auth.me()
    client.auth.me()
    assert [script.json(index).get("mfa_code") for index in (0, 2)] == ["123456", None]


@pytest.mark.parametrize("code", ["TOKEN_EXPIRED", "INVALID_TOKEN"])
def test_token__that_the_server_no_longer_takes__is_renewed_once(script: Script, code: str) -> None:
    script.then(failure(401, code), tokens(2), success(ME))
    client = script.client(access_token="access1", refresh_token="refresh1")
    assert client.auth.me().id == "usr_1"
    assert script.json(1) == {"refresh_token": "refresh1"}
    assert bearers(script) == ["Bearer access1", None, "Bearer access2"]


def test_token__near_its_end__is_renewed_before_it_is_used(script: Script) -> None:
    script.then(tokens(2), success(ME))
    store = MemoryStore(Tokens("access1", "refresh1", expires_at=time.time() + 30))
    script.client(token_store=store).auth.me()
    assert bearers(script) == [None, "Bearer access2"]
    kept = store.load()
    assert kept is not None
    assert (kept.access_token, kept.refresh_token) == ("access2", "refresh2")


def test_refresh_token__alone__is_traded_in_first(script: Script) -> None:
    script.then(tokens(2), success(ME))
    script.client(refresh_token="refresh1").auth.me()
    assert script.paths[0] == "POST /api/auth/refresh"


def test_session__that_cannot_be_renewed__gives_the_servers_own_error(script: Script) -> None:
    script.then(failure(401, "TOKEN_EXPIRED"), failure(401, "INVALID_TOKEN"))
    with pytest.raises(AuthenticationError) as caught:
        script.client(access_token="access1", refresh_token="refresh1").auth.me()
    assert caught.value.code == "TOKEN_EXPIRED"


def test_session__whose_refresh_fails_but_has_a_password__signs_in_again(script: Script) -> None:
    store = MemoryStore(Tokens("old", "oldrefresh", expires_at=1.0))
    script.then(failure(401, "INVALID_TOKEN"), tokens(3), success(ME))
    script.client(token_store=store, email="ada@example.org", password="x").auth.me()
    assert script.paths == ["POST /api/auth/refresh", "POST /api/auth/login", "GET /api/auth/me"]


def test_renewed_token__that_is_refused_too__ends_there(script: Script) -> None:
    script.then(failure(401, "TOKEN_EXPIRED"), tokens(2), failure(401, "TOKEN_EXPIRED"))
    with pytest.raises(AuthenticationError):
        script.client(access_token="access1", refresh_token="refresh1").auth.me()


@pytest.mark.parametrize("code", ["INVALID_API_KEY", "MFA_REQUIRED", "AUTHENTICATION_REQUIRED"])
def test_401__that_a_new_token_cannot_cure__is_given_at_once(script: Script, code: str) -> None:
    script.then(failure(401, code))
    with pytest.raises(AuthenticationError):
        script.client(access_token="access1", refresh_token="refresh1").auth.me()


def test_log_out__ends_the_session_on_both_sides(script: Script) -> None:
    store = MemoryStore(Tokens("access1", "refresh1", expires_at=time.time() + 3600))
    script.then(success({"logged_out": True}))
    client = script.client(token_store=store)
    client.auth.log_out()
    assert script.paths == ["POST /api/auth/logout"]
    assert bearers(script) == ["Bearer access1"]
    assert "Idempotency-Key" not in script.requests[0].headers
    assert store.load() is None
    with pytest.raises(ConfigurationError, match="log in"):
        client.auth.me()


def test_log_out__that_the_server_refuses__still_forgets_the_tokens(script: Script) -> None:
    store = MemoryStore(Tokens("access1", "refresh1"))
    script.then(failure(422, "NO"))
    with pytest.raises(ValidationFailed):
        script.client(token_store=store).auth.log_out()
    assert store.load() is None


def test_log_out__of_an_api_key__calls_nobody(script: Script) -> None:
    script.client().auth.log_out()
    assert script.requests == []


def test_renewal__asked_by_many_threads_at_once__is_done_once() -> None:
    store = MemoryStore(Tokens("access1", "refresh1", expires_at=time.time() + 3600))
    session = Session(store=store)
    calls: list[str] = []

    def post(path: str, body: Mapping[str, str]) -> Mapping[str, Any]:
        calls.append(body["refresh_token"])
        time.sleep(0.02)
        return {"access_token": "access2", "refresh_token": "refresh2", "expires_in": 3600}

    rejected = {"Authorization": "Bearer access1"}
    results: list[bool] = []
    threads = [
        threading.Thread(target=lambda: results.append(session.renew(post, rejected))) for _ in range(16)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert calls == ["refresh1"]
    assert results == [True] * 16


def test_renewal__when_another_process_was_faster__takes_up_its_tokens() -> None:
    class Shared(MemoryStore):
        @contextmanager
        def locked(self) -> Iterator[None]:
            # While we waited for the lock, its holder renewed.
            self.save(Tokens("access2", "refresh2", expires_at=time.time() + 3600))
            yield

    def post(path: str, body: Mapping[str, str]) -> Mapping[str, Any]:
        raise AssertionError("a replayed refresh token ends the session")

    session = Session(store=Shared(Tokens("access1", "refresh1", expires_at=1.0)))
    assert session.headers(post) == {"Authorization": "Bearer access2"}


def test_tokens__shown__hide_what_is_secret() -> None:
    assert "access1" not in repr(Tokens("access1", "refresh1", 1.0))
