"""One attempt: an event signed as Standard Webhooks has it, sent, and what came of it."""

import base64
import hmac
import time
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import NamedTuple

from datalinx.errors import DatalinxError
from datalinx.outbound import Outbound
from datalinx.redaction import hide_in_answer, hide_secrets
from datalinx.trace import HEADER as TRACE_HEADER
from datalinx.trace import current_trace, span

TIMEOUT_SECONDS = 15.0
GONE = 410
# What is read of an answer, and what of that is kept.
READ_BYTES = 16 * 1024
KEPT_BYTES = 1024
LONGEST_RETRY_AFTER = timedelta(hours=24)


class Message(NamedTuple):
    """What is sent, and where to: an event's id and text, and the secrets that sign it."""

    url: str
    event_id: str
    body: str
    secrets: tuple[str, ...]
    trace: str = ""


class Outcome(NamedTuple):
    """What came of one attempt. `status` is None when no answer came; `seconds` is how long it took."""

    delivered: bool
    status: int | None
    error: str
    seconds: float
    body: str = ""
    retry_after: timedelta | None = None


def sign(*, message_id: str, timestamp: int, body: str, secrets: Sequence[str]) -> str:
    """Return the `webhook-signature` header: `v1,<base64 HMAC-SHA256>` for each secret (Standard Webhooks)."""
    content = f"{message_id}.{timestamp}.{body}".encode()
    signatures = []
    for secret in secrets:
        key = base64.b64decode(secret.removeprefix("whsec_"))
        signatures.append("v1," + base64.b64encode(hmac.new(key, content, "sha256").digest()).decode())
    return " ".join(signatures)


def send(client: Outbound, message: Message) -> Outcome:
    """Send a message once and return what came of it; nothing that a receiver does raises."""
    # Below the event's span, as the receiver is to see one trace; and linked to it, as semantic conventions for
    # messages have it: the event may be days old, and each attempt shows what it belongs to.
    with span("deliver event", parent=message.trace, link=message.trace, kind="client") as made:
        outcome = _send(client, message)
        made.note(messaging__message__id=message.event_id, http__response__status_code=outcome.status or 0)
        if not outcome.delivered:
            made.fail(outcome.error)
        return outcome


def _send(client: Outbound, message: Message) -> Outcome:
    started = time.monotonic()
    try:
        answer = client.request(
            "POST",
            message.url,
            body=message.body.encode(),
            headers=_headers(message),
            seconds=TIMEOUT_SECONDS,
            response_bytes=READ_BYTES,
        )
    except DatalinxError as error:
        return Outcome(False, None, hide_secrets(error.message)[:500], time.monotonic() - started)
    seconds = time.monotonic() - started
    kept = read_answer(answer.body, message.secrets)
    if 200 <= answer.status < 300:
        return Outcome(True, answer.status, "", seconds, kept)
    words = f"The receiver answered {answer.status}."
    retry_after = read_retry_after(answer.headers.get("retry-after", ""), now=datetime.now(UTC))
    return Outcome(False, answer.status, words, seconds, kept, retry_after)


def _headers(message: Message) -> dict[str, str]:
    """Return the headers of an attempt: the id stays, time and signature are the attempt's own."""
    timestamp = int(time.time())
    signature = sign(
        message_id=message.event_id, timestamp=timestamp, body=message.body, secrets=message.secrets
    )
    headers = {
        "content-type": "application/json",
        "user-agent": "Datalinx-Webhooks/1",
        "webhook-id": message.event_id,
        "webhook-timestamp": str(timestamp),
        "webhook-signature": signature,
    }
    if trace := current_trace():
        headers[TRACE_HEADER] = trace
    return headers


def read_retry_after(header: str, *, now: datetime) -> timedelta | None:
    """Return the pause that a receiver asks for, in seconds or as a date (RFC 9110, 10.2.3), a day at most."""
    text = header.strip()
    if text.isascii() and text.isdigit():
        return min(timedelta(seconds=min(int(text[:9]), 86_400)), LONGEST_RETRY_AFTER)
    try:
        moment = parsedate_to_datetime(text) if text else None
    except ValueError:
        return None
    if moment is None or moment.tzinfo is None:
        return None
    return min(max(timedelta(0), moment - now), LONGEST_RETRY_AFTER)


def read_answer(content: bytes, secrets: Sequence[str]) -> str:
    """Return the first kilobyte of an answer as text without what looks like a secret."""
    if not content:
        return ""
    # Read on a little, so that a secret that crosses the edge is seen whole.
    text = content[: 2 * KEPT_BYTES].decode(errors="replace").replace("\x00", "�")
    text = hide_in_answer(text, known=secrets)
    return text.encode()[:KEPT_BYTES].decode(errors="ignore")
