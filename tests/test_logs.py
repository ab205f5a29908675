"""Log lines: one JSON object each, found by their request, never with a secret in them."""

import io
import json
import logging
import logging.config
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from django.test import RequestFactory

from datalinx import logs
from datalinx.api.request_id import set_request_id
from datalinx.redaction import hide_secrets

SECRETS = [
    "dlx_sk_live_" + "a1B2" * 8,
    "whsec_" + "QUJD" * 8 + "==",
    "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.abcdefghijklmnop_-",
]


@pytest.fixture
def logged() -> Iterator[Callable[[], list[dict[str, Any]]]]:
    """Return what a process with the platform's configuration has logged."""
    stream = io.StringIO()
    before = logging.root.handlers[:], logging.root.level
    configuration = logs.configuration("INFO")
    configuration["handlers"]["stderr"]["stream"] = stream
    configuration["loggers"] = {}
    logging.config.dictConfig(configuration)
    yield lambda: [json.loads(line) for line in stream.getvalue().splitlines()]
    logging.root.handlers[:], logging.root.level = before


def test_log__of_the_standard_library__is_one_json_line(logged: Callable[[], list[dict[str, Any]]]) -> None:
    logging.getLogger("apps.x").warning("%d rows in\n%s", 3, "orders", extra={"run_id": "run_1"})
    (line,) = logged()
    assert list(line)[:4] == ["timestamp", "level", "logger", "event"]
    assert line["event"] == "3 rows in\norders"
    assert (line["level"], line["logger"], line["run_id"]) == ("warning", "apps.x", "run_1")
    assert line["timestamp"].endswith("Z")


def test_log__of_things_that_are_no_json__has_their_words_without_secrets(
    logged: Callable[[], list[dict[str, Any]]],
) -> None:
    given = {"path": Path("/x"), "cause": ValueError(f"bad key {SECRETS[0]}")}
    logging.getLogger("apps.y").info("Run ended", extra=given)
    (line,) = logged()
    assert (line["path"], line["cause"]) == ("/x", "bad key ***")


def test_log__in_a_request__names_it(logged: Callable[[], list[dict[str, Any]]]) -> None:
    set_request_id("req_12345678")
    try:
        logging.getLogger("x").info("inside")
    finally:
        set_request_id("")
    logging.getLogger("x").info("outside")
    inside, outside = logged()
    assert inside["request_id"] == "req_12345678"
    assert "request_id" not in outside


def test_log__of_a_crash__has_its_trace_without_secrets(logged: Callable[[], list[dict[str, Any]]]) -> None:
    try:
        raise RuntimeError(f"cannot use {SECRETS[0]} at postgresql://me:canary@host/db")
    except RuntimeError:
        logging.getLogger("x").exception("It failed")
    (line,) = logged()
    assert "Traceback" in line["exception"]
    assert "canary" not in json.dumps(line)
    assert SECRETS[0] not in json.dumps(line)


@pytest.mark.parametrize("secret", SECRETS)
def test_log__of_a_secret_in_a_sentence__hides_it(
    secret: str, logged: Callable[[], list[dict[str, Any]]]
) -> None:
    logging.getLogger("x").info("The key %s is old", secret)
    assert [line["event"] for line in logged()] == ["The key *** is old"]


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("redis://:pass@host:1/0", "redis://:***@host:1/0"),
        ("amqp://user:p%40ss@host//", "amqp://user:***@host//"),
        ("Authorization: Bearer abcdefgh12345", "Authorization: Bearer ***"),
        ("GET /setup/abcdefghijklmnopqrstuvwxyz", "GET /setup/***"),
        ("https://host/path?x=1", "https://host/path?x=1"),
        ("a plain sentence: 10:30", "a plain sentence: 10:30"),
    ],
)
def test_hide_secrets__in_text__hides_only_them(text: str, shown: str) -> None:
    assert hide_secrets(text) == shown


def test_hide_secrets__by_name__reaches_every_depth() -> None:
    value = {
        "password": "canary",
        "rows": 3,
        "config": {"api_key": "canary", "list": [{"Authorization": "canary"}, "fine"]},
        "token": "",
    }
    assert hide_secrets(value) == {
        "password": "***",
        "rows": 3,
        "config": {"api_key": "***", "list": [{"Authorization": "***"}, "fine"]},
        "token": "",
    }


def test_log__of_a_request__has_its_path_and_not_what_was_looked_for() -> None:
    record = logging.makeLogRecord(
        {
            "name": "django.request",
            "msg": "Unprocessable Entity: %s",
            "args": ("/api/runs/run_1/records",),
            "request": RequestFactory().get("/api/runs/run_1/records?key=ann@example.org"),
            "status_code": 422,
        }
    )
    line = json.loads(logs.JsonFormatter().format(record))
    assert (line["event"], line["status_code"]) == ("Unprocessable Entity: /api/runs/run_1/records", 422)
    assert "ann@example.org" not in json.dumps(line)
