"""Calls: address, headers, envelope, errors, retries."""

import uuid
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from email.utils import format_datetime
from typing import Any

import httpx
import pytest

from datalinx import Datalinx
from datalinx.client import (
    APIError,
    AuthenticationError,
    BadRequest,
    ConfigurationError,
    ConnectionFailed,
    FieldError,
    NotFound,
    PermissionDenied,
    RateLimited,
    ServerError,
    Timeout,
    TooLarge,
    Unavailable,
    ValidationFailed,
)
from datalinx.client.retries import Retries
from datalinx.client.transport import route, to_json, to_query

from .conftest import Script, failure, success

ONE_PAGE = {"page": 1, "page_size": 50, "total_items": 1, "total_pages": 1}


def test_call__with_an_api_key__sends_it_in_its_header(script: Script) -> None:
    script.then(success([{"id": "ws_1", "name": "production"}], pagination=ONE_PAGE))
    workspaces = script.client().workspaces.list()
    assert [workspace.name for workspace in workspaces] == ["production"]
    request = script.requests[0]
    assert str(request.url).startswith("https://data.example/api/workspaces?")
    assert request.headers["X-API-Key"] == "dlx_sk_live_abc"
    assert "Authorization" not in request.headers
    assert request.headers["User-Agent"].startswith("datalinx-python/")
    assert len(request.headers["X-Request-Id"]) >= 8


@pytest.mark.parametrize(
    "given",
    [
        "https://data.example",
        "https://data.example/",
        "https://data.example/api",
        "https://data.example/api/",
    ],
)
def test_address__with_or_without_api_at_its_end__is_the_same(script: Script, given: str) -> None:
    script.then(success({"id": "usr_1"}))
    script.client(base_url=given).auth.me()
    assert str(script.requests[0].url) == "https://data.example/api/auth/me"


@pytest.mark.parametrize(
    "given", ["data.example", "ftp://data.example", "https://", "https://user:pw@data.example"]
)
def test_address__that_is_none__is_refused(script: Script, given: str) -> None:
    with pytest.raises(ConfigurationError):
        script.client(base_url=given)


def test_client__with_nothing_to_sign_in_with__says_what_to_give() -> None:
    with pytest.raises(ConfigurationError, match="DATALINX_API_KEY"):
        Datalinx()


def test_client__with_a_key_that_no_header_can_carry__is_refused() -> None:
    with pytest.raises(ConfigurationError, match="API key"):
        Datalinx("dlx\nInjected: yes")


def test_client__with_both_kinds_of_credentials__is_refused() -> None:
    with pytest.raises(ConfigurationError, match="not both"):
        Datalinx("dlx_sk_live_abc", email="a@b.example", password="x")


def test_client__from_the_environment__takes_all_three(
    script: Script, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DATALINX_URL", "https://env.example")
    monkeypatch.setenv("DATALINX_API_KEY", "dlx_sk_live_env")
    monkeypatch.setenv("DATALINX_WORKSPACE", "staging")
    script.then(success([], pagination={**ONE_PAGE, "total_items": 0}))
    client = Datalinx(http_transport=httpx.MockTransport(script.handle))
    assert client.sources.list().first() is None
    request = script.requests[0]
    assert request.url.host == "env.example"
    assert (request.headers["X-API-Key"], request.headers["X-Workspace"]) == ("dlx_sk_live_env", "staging")


def test_repr__of_client_and_tokens__shows_no_secret(script: Script) -> None:
    client = script.client(access_token="eyJsecret", refresh_token="eyJrefresh", workspace="production")
    assert "eyJ" not in repr(client)
    assert "production" in repr(client)


def test_workspace__of_a_bound_client__is_sent_with_everything(script: Script) -> None:
    script.then(success({"id": "run_1"}), success({"id": "src_1"}))
    view = script.client().workspace("production")
    view.runs.get("run_1")
    view.sources.create("crm")
    assert [request.headers.get("X-Workspace") for request in script.requests] == ["production", "production"]


def test_workspace__that_is_only_a_default__is_not_sent_for_an_object_by_its_id(script: Script) -> None:
    script.then(success({"id": "run_1"}), success({"id": "src_1"}))
    client = script.client(workspace="production")
    client.runs.get("run_1")
    client.sources.create("crm")
    assert [request.headers.get("X-Workspace") for request in script.requests] == [None, "production"]


def test_workspace__missing_where_one_is_needed__fails_before_the_call(script: Script) -> None:
    with pytest.raises(ConfigurationError, match="workspace"):
        script.client().sources.list()
    assert script.requests == []


@pytest.mark.parametrize(("name", "sent"), [("Zürich", "Z%C3%BCrich"), ("100%", "100%25"), ("a b", "a b")])
def test_workspace__with_letters_that_no_header_carries__is_percent_encoded(
    script: Script, name: str, sent: str
) -> None:
    script.then(success({"version": 0}))
    script.client().workspace(name).schemas.get()
    assert script.requests[0].headers["X-Workspace"] == sent


def test_path__with_a_hostile_name__stays_one_segment(script: Script) -> None:
    script.then(success({"table_name": "a/b"}))
    script.client().workspace("w").mappings.get("a/b?c=d#e")
    assert script.paths == ["GET /api/mappings/a%2Fb%3Fc%3Dd%23e"]


@pytest.mark.parametrize("part", ["", ".", ".."])
def test_path__with_a_part_that_would_change_it__is_refused(part: str) -> None:
    with pytest.raises(ValueError, match="address"):
        route("runs", part)


KINDS = [
    (400, BadRequest),
    (401, AuthenticationError),
    (403, PermissionDenied),
    (404, NotFound),
    (413, TooLarge),
    (422, ValidationFailed),
    (429, RateLimited),
    (500, ServerError),
    (503, Unavailable),
]


@pytest.mark.parametrize(("status", "kind"), KINDS)
def test_error__of_each_status__is_its_own_kind_with_the_request_id(
    script: Script, status: int, kind: type[APIError]
) -> None:
    script.then(failure(status, "SOME_CODE", "A sentence.", details={"limit": "minute"}))
    with pytest.raises(kind) as caught:
        script.client(max_retries=0).auth.me()
    error = caught.value
    assert (error.status, error.code, error.message, error.request_id) == (
        status,
        "SOME_CODE",
        "A sentence.",
        "req_server",
    )
    assert error.details == {"limit": "minute"}
    assert str(error) == "A sentence. [SOME_CODE, request req_server]"


def test_error__of_fields__lists_them(script: Script) -> None:
    wrong = [{"field": "config.host", "code": "required", "message": "This field is required."}, "nonsense"]
    script.then(failure(422, "VALIDATION_ERROR", errors=wrong))
    with pytest.raises(ValidationFailed) as caught:
        script.client().workspace("w").sources.create("crm")
    assert caught.value.errors == (FieldError("config.host", "required", "This field is required."),)


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (httpx.Response(502, text="<html>bad gateway</html>"), "502 Bad Gateway"),
        (httpx.Response(301, headers={"Location": "https://other.example/"}), "https://other.example/"),
        (httpx.Response(404, json=["not", "an", "envelope"]), "404 Not Found"),
        (httpx.Response(599), "599"),
    ],
)
def test_error__that_is_not_of_the_api__says_so(script: Script, answer: httpx.Response, words: str) -> None:
    script.then(answer)
    with pytest.raises(APIError, match=words) as caught:
        script.client(max_retries=0).auth.me()
    assert caught.value.request_id == script.requests[0].headers["X-Request-Id"]


def test_answer__that_is_a_web_page__is_not_taken_for_data(script: Script) -> None:
    script.then(httpx.Response(200, text="<html>Welcome</html>"))
    with pytest.raises(APIError, match="not JSON") as caught:
        script.client().auth.me()
    assert caught.value.code == "UNEXPECTED_ANSWER"


def test_retry__after_429__waits_as_long_as_it_is_told(script: Script) -> None:
    script.then(failure(429, "RATE_LIMITED", headers={"Retry-After": "7"}), success({"id": "usr_1"}))
    assert script.client().auth.me().id == "usr_1"
    assert len(script.slept) == 1
    assert 7.0 <= script.slept[0] <= 7.5


def test_retry__after_a_date__waits_until_then(script: Script) -> None:
    later = format_datetime(datetime.now(UTC) + timedelta(seconds=30), usegmt=True)
    script.then(failure(503, "UNAVAILABLE", headers={"Retry-After": later}), success({"id": "usr_1"}))
    script.client().auth.me()
    assert 25.0 <= script.slept[0] <= 31.0


def test_retry__asked_for_in_an_hour__is_left_to_the_caller(script: Script) -> None:
    script.then(failure(429, "RATE_LIMITED", headers={"Retry-After": "3600"}))
    with pytest.raises(RateLimited) as caught:
        script.client().auth.me()
    assert caught.value.retry_after == 3600.0
    assert script.slept == []


def test_retry__of_a_get__survives_crashes_and_lost_connections(script: Script) -> None:
    script.then(
        failure(500, "INTERNAL_ERROR"),
        httpx.Response(502),
        httpx.ReadError("reset"),
        httpx.ReadTimeout("slow"),
        success({"id": "usr_1"}),
    )
    assert script.client().auth.me().id == "usr_1"
    assert len(script.slept) == 4
    ids = {request.headers["X-Request-Id"] for request in script.requests}
    assert len(ids) == 1


def test_retry__of_a_post__repeats_with_the_same_idempotency_key(script: Script) -> None:
    script.then(
        httpx.ReadTimeout("slow"), failure(503, "IDEMPOTENCY_IN_PROGRESS", headers={"Retry-After": "1"})
    )
    script.then(success({"id": "run_1", "status": "queued"}, status=201))
    assert script.client().pipelines.run("pl_1").status == "queued"
    keys = [request.headers["Idempotency-Key"] for request in script.requests]
    assert len(keys) == 3
    assert len(set(keys)) == 1
    assert uuid.UUID(keys[0])


def test_post__with_a_key_of_the_callers__sends_that(script: Script) -> None:
    script.then(success({"id": "run_1"}, status=201))
    script.client().pipelines.run("pl_1", idempotency_key="nightly-2026-11-24")
    assert script.requests[0].headers["Idempotency-Key"] == "nightly-2026-11-24"


def test_password_change__whose_answer_was_lost__is_not_repeated(script: Script) -> None:
    script.then(httpx.ReadTimeout("slow"))
    with pytest.raises(Timeout):
        script.client().auth.change_password("old", "new")
    assert "Idempotency-Key" not in script.requests[0].headers


def test_two_posts__have_two_keys(script: Script) -> None:
    script.then(success({"id": "run_1"}), success({"id": "run_2"}))
    client = script.client()
    client.pipelines.run("pl_1")
    client.pipelines.run("pl_1")
    first, second = (request.headers["Idempotency-Key"] for request in script.requests)
    assert first != second


def test_patch__whose_answer_was_lost__is_not_repeated(script: Script) -> None:
    script.then(httpx.ReadTimeout("slow"))
    with pytest.raises(Timeout) as caught:
        script.client().sources.update("src_1", name="crm")
    assert caught.value.sent


def test_patch__that_never_left__is_repeated(script: Script) -> None:
    script.then(httpx.ConnectError("refused"), success({"id": "src_1", "name": "crm"}))
    assert script.client().sources.update("src_1", name="crm").name == "crm"


def test_connection__that_cannot_be_made__says_where_to(script: Script) -> None:
    script.then(*[httpx.ConnectError("refused")] * 2)
    with pytest.raises(ConnectionFailed, match=r"https://data\.example/api/auth/me") as caught:
        script.client(max_retries=1).auth.me()
    assert not caught.value.sent
    assert caught.value.request_id == script.requests[0].headers["X-Request-Id"]


@pytest.mark.parametrize("status", [400, 401, 403, 404, 413, 422])
def test_refusal__that_no_second_try_can_cure__is_not_repeated(script: Script, status: int) -> None:
    script.then(failure(status, "NO"))
    with pytest.raises(APIError):
        script.client().auth.me()
    assert script.slept == []


def test_pauses__without_a_word_from_the_server__grow_and_stay_bounded() -> None:
    error = ServerError("It broke.", code="INTERNAL_ERROR", status=500)
    pauses = [Retries(times=20).pause(error, tried=tried, repeatable=True) for tried in range(20)]
    assert all(pause is not None and 0.25 <= pause <= 8.0 for pause in pauses)
    assert (pauses[0] or 0) <= 0.5
    assert Retries(times=20).pause(error, tried=20, repeatable=True) is None


def test_body__of_python_values__is_json_that_the_api_reads() -> None:
    berlin = timezone(timedelta(hours=1))
    value = {
        "at": datetime(2026, 1, 2, 3, 4, 5, tzinfo=berlin),
        "on": date(2026, 1, 2),
        "amount": Decimal("1.10"),
        "tables": ("a", "b"),
        "name": "Zoë",
    }
    assert to_json(value).decode() == (
        '{"at": "2026-01-02T02:04:05Z", "on": "2026-01-02", "amount": "1.10", "tables": ["a", "b"], "name": "Zoë"}'
    )


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_body__with_a_number_that_json_has_not__is_refused(value: float) -> None:
    with pytest.raises(ValueError, match="JSON"):
        to_json({"value": value})


def test_body__of_something_foreign__is_refused() -> None:
    with pytest.raises(TypeError, match="object cannot be sent"):
        to_json({"value": object()})


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (True, "true"),
        (3, "3"),
        (["a", "b"], "a,b"),
        ("x", "x"),
        (datetime(2026, 1, 2, tzinfo=UTC), "2026-01-02T00:00:00Z"),
    ],
)
def test_query__of_python_values__is_text(value: Any, text: str) -> None:
    assert to_query({"q": value, "left_out": None}) == {"q": text}


def test_request__to_any_endpoint__uses_the_same_manners(script: Script) -> None:
    script.then(success({"id": "x"}, status=201), success([1, 2]))
    client = script.client()
    assert client.request("post", "/identity/resolve", body={"a": 1}, workspace="w").id == "x"
    assert client.request("GET", "things").value == [1, 2]
    assert script.requests[0].headers["X-Workspace"] == "w"
    assert script.requests[0].headers["Idempotency-Key"]


def test_client__used_in_a_with__closes_its_connections(script: Script) -> None:
    script.then(success({"id": "usr_1"}))
    with script.client() as client:
        client.auth.me()
    with pytest.raises(RuntimeError, match="closed"):
        client.auth.me()
