"""Checking that a webhook came from Datalinx: the receiver's half of Standard Webhooks 1.0.0."""

import base64
import binascii
import hashlib
import hmac
import json
import time
from collections.abc import Mapping
from typing import Any

from datalinx.client.errors import WebhookVerificationFailed
from datalinx.client.resource import Resource

PREFIX = "whsec_"


def verify_webhook(
    secret: str,
    headers: Mapping[str, str],
    body: bytes | str,
    tolerance: float = 300.0,
    *,
    now: float | None = None,
) -> Resource:
    """Return the event that a webhook carries, after checking who signed it and when.

    `secret` is the webhook's, with or without `whsec_`. `headers` are those of the request, in any case. `body`
    is the raw body, byte for byte: parsing it and writing it again breaks the signature. `tolerance` is how many
    seconds the time of the attempt may be off; `now` is a Unix time, for tests. While a secret is being rotated
    the header holds several signatures, and one that fits is enough.

    A repeated delivery has the same `webhook-id`; keep the ids that were handled. Raises
    WebhookVerificationFailed.
    """
    content = body.encode() if isinstance(body, str) else bytes(body)
    given = {name.lower(): value for name, value in headers.items()}
    message_id, timestamp, signatures = (_header(given, name) for name in ("id", "timestamp", "signature"))
    _check_time(timestamp, time.time() if now is None else now, tolerance)
    signed = f"{message_id}.{timestamp}.".encode() + content
    expected = base64.b64encode(hmac.digest(_key(secret), signed, hashlib.sha256))
    # Every signature is compared, so that the time taken does not tell which of them came close.
    fits = [hmac.compare_digest(expected, offered) for offered in _offered(signatures)]
    if not any(fits):
        raise WebhookVerificationFailed("No signature of this webhook fits the secret and the body.")
    return Resource(_payload(content))


def _header(headers: Mapping[str, str], name: str) -> str:
    value = headers.get(f"webhook-{name}", "").strip()
    if not value:
        raise WebhookVerificationFailed(f"The header webhook-{name} is missing.")
    return value


def _check_time(timestamp: str, now: float, tolerance: float) -> None:
    if not (timestamp.isascii() and timestamp.isdigit() and len(timestamp) < 16):
        raise WebhookVerificationFailed("The header webhook-timestamp is not a Unix time.")
    if abs(now - int(timestamp)) > tolerance:
        raise WebhookVerificationFailed(
            f"This webhook was signed more than {tolerance:g} seconds before or after now: a replay, or a wrong clock."
        )


def _key(secret: str) -> bytes:
    try:
        key = base64.b64decode(secret.strip().removeprefix(PREFIX), validate=True)
    except (binascii.Error, ValueError) as error:
        raise WebhookVerificationFailed("The secret is not one of a webhook: whsec_ and base64.") from error
    if not key:
        raise WebhookVerificationFailed("The secret is empty.")
    return key


def _offered(header: str) -> list[bytes]:
    pairs = (part.partition(",") for part in header.split())
    return [value.encode() for version, _, value in pairs if version == "v1"]


def _payload(content: bytes) -> Mapping[str, Any]:
    try:
        payload = json.loads(content)
    except ValueError as error:
        raise WebhookVerificationFailed("The body of this webhook is not JSON.") from error
    if not isinstance(payload, dict):
        raise WebhookVerificationFailed("The body of this webhook is not a JSON object.")
    return payload
