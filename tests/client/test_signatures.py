"""Webhook signatures, against the public library of the standard."""

import base64
import json
import secrets
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from standardwebhooks import Webhook

from datalinx.client import WebhookVerificationFailed, verify_webhook

NOW = 1_700_000_000
SECRET = "whsec_" + base64.b64encode(b"0123456789abcdef0123456789abcdef").decode()
BODY = json.dumps({"event": "pipeline.completed", "workspace": "production", "status": "success"})


def signed(
    body: str = BODY, *, secret: str = SECRET, at: int = NOW, message_id: str = "msg_1"
) -> dict[str, str]:
    signature = Webhook(secret).sign(message_id, datetime.fromtimestamp(at, UTC), body)
    return {"webhook-id": message_id, "webhook-timestamp": str(at), "webhook-signature": signature}


def test_webhook__that_is_genuine__gives_its_event() -> None:
    event = verify_webhook(SECRET, signed(), BODY.encode(), now=NOW)
    assert (event.event, event.workspace) == ("pipeline.completed", "production")


def test_webhook__with_header_names_in_any_case__is_read() -> None:
    headers = {name.title(): value for name, value in signed().items()}
    assert verify_webhook(SECRET.removeprefix("whsec_"), headers, BODY, now=NOW)["status"] == "success"


@given(
    st.binary(min_size=24, max_size=64),
    st.dictionaries(st.text(), st.integers()),
    st.text("abc123_-", min_size=1),
)
def test_webhook__signed_by_the_public_library__always_verifies(
    key: bytes, payload: dict[str, int], message_id: str
) -> None:
    secret = "whsec_" + base64.b64encode(key).decode()
    body = json.dumps(payload)
    assert (
        verify_webhook(secret, signed(body, secret=secret, message_id=message_id), body, now=NOW) == payload
    )


@given(st.integers(min_value=0, max_value=len(BODY) - 1))
def test_webhook__with_one_byte_changed__is_refused(index: int) -> None:
    body = bytearray(BODY.encode())
    body[index] ^= 1
    with pytest.raises(WebhookVerificationFailed, match="No signature"):
        verify_webhook(SECRET, signed(), bytes(body), now=NOW)


@pytest.mark.parametrize("name", ["webhook-id", "webhook-timestamp"])
def test_webhook__with_a_changed_header__is_refused(name: str) -> None:
    headers = signed()
    headers[name] = headers[name][:-1] + ("2" if headers[name][-1] != "2" else "3")
    with pytest.raises(WebhookVerificationFailed):
        verify_webhook(SECRET, headers, BODY, now=NOW)


@pytest.mark.parametrize("name", ["webhook-id", "webhook-timestamp", "webhook-signature"])
def test_webhook__without_a_header__is_refused_by_name(name: str) -> None:
    headers = signed()
    del headers[name]
    with pytest.raises(WebhookVerificationFailed, match=name):
        verify_webhook(SECRET, headers, BODY, now=NOW)


@pytest.mark.parametrize(("off", "holds"), [(-299, True), (299, True), (-301, False), (301, False)])
def test_webhook__from_another_time__holds_within_the_tolerance(off: int, holds: bool) -> None:
    if holds:
        assert verify_webhook(SECRET, signed(), BODY, now=NOW + off)
    else:
        with pytest.raises(WebhookVerificationFailed, match="seconds"):
            verify_webhook(SECRET, signed(), BODY, now=NOW + off)


def test_webhook__during_a_rotation__holds_with_either_secret() -> None:
    other = "whsec_" + base64.b64encode(secrets.token_bytes(32)).decode()
    headers = signed()
    headers["webhook-signature"] += " v1a,bm90IG91cnM= " + signed(secret=other)["webhook-signature"]
    assert verify_webhook(SECRET, headers, BODY, now=NOW)
    assert verify_webhook(other, headers, BODY, now=NOW)


def test_webhook__signed_with_another_secret__is_refused() -> None:
    other = "whsec_" + base64.b64encode(secrets.token_bytes(32)).decode()
    with pytest.raises(WebhookVerificationFailed):
        verify_webhook(other, signed(), BODY, now=NOW)


@pytest.mark.parametrize("secret", ["", "whsec_", "whsec_***", "whsec_Zoë"])
def test_webhook__with_a_secret_that_is_none__is_refused(secret: str) -> None:
    with pytest.raises(WebhookVerificationFailed, match="secret"):
        verify_webhook(secret, signed(), BODY, now=NOW)


@pytest.mark.parametrize("timestamp", ["soon", "-5", "1e9", "9" * 400, "١٧"])
def test_webhook__with_a_time_that_is_none__is_refused(timestamp: str) -> None:
    headers = {**signed(), "webhook-timestamp": timestamp}
    with pytest.raises(WebhookVerificationFailed, match="timestamp"):
        verify_webhook(SECRET, headers, BODY, now=NOW)


@pytest.mark.parametrize("body", ["not json", "[1]"])
def test_webhook__that_is_signed_but_no_object__is_refused(body: str) -> None:
    with pytest.raises(WebhookVerificationFailed, match="JSON"):
        verify_webhook(SECRET, signed(body), body, now=NOW)
