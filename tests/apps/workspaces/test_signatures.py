"""Every delivery passes the public verifiers, and none does of which one byte was changed."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from standardwebhooks.webhooks import Webhook as Standard
from standardwebhooks.webhooks import WebhookVerificationError as StandardRefusal
from svix.webhooks import Webhook as Svix
from svix.webhooks import WebhookVerificationError as SvixRefusal

from apps.workspaces.services.deliveries import deliver_due
from datalinx.client import verify_webhook
from datalinx.client.errors import WebhookVerificationFailed
from datalinx.events import EVENTS, emit
from tests.apps.workspaces.hooks import Receiver, listen
from tests.drilling import as_often
from tests.world import World

Verify = Callable[[bytes, dict[str, str]], Any]
SIGNED = ("webhook-id", "webhook-timestamp")


def verifiers(secret: str) -> dict[str, Verify]:
    return {
        "standardwebhooks": lambda body, headers: Standard(secret).verify(body, headers),
        "svix": lambda body, headers: Svix(secret).verify(body, headers),
        "datalinx": lambda body, headers: verify_webhook(secret, headers, body),
    }


# Of a changed byte: the lowest bit, or in the long form each of them.
BITS = as_often(1, 8)


def changed(text: str) -> Iterator[str]:
    """Give the text with one bit changed, at each place in turn."""
    for position, char in enumerate(text):
        # Seven bits make a letter of a header.
        for bit in range(min(BITS, 7)):
            yield text[:position] + chr(ord(char) ^ (1 << bit)) + text[position + 1 :]


def test_deliveries__of_every_event__pass_all_verifiers_and_changed_ones_fail_all(
    world: World, receiver: Receiver
) -> None:
    _, secret = listen(world, receiver, *EVENTS)
    for number, event in enumerate(EVENTS):
        emit(event, workspace=world.workspace, status="failed", note=f"naïve — “{number}” 名前 \u2028")
    assert deliver_due() == len(EVENTS)
    refusals = (StandardRefusal, SvixRefusal, WebhookVerificationFailed, ValueError)
    for request in receiver.requests:
        headers = {name.lower(): value for name, value in request.headers.items()}
        body = request.get_data()
        for verify in verifiers(secret).values():
            verify(body, headers)
        for name in SIGNED:
            for text in changed(headers[name]):
                for verify in verifiers(secret).values():
                    with pytest.raises(refusals):
                        verify(body, {**headers, name: text})
    # Of the last one, or in the long form of each.
    for request in receiver.requests[-as_often(1, len(EVENTS)) :]:
        headers = {name.lower(): value for name, value in request.headers.items()}
        body = request.get_data()
        for position in range(len(body)):
            for bit in range(BITS):
                other = body[:position] + bytes([body[position] ^ (1 << bit)]) + body[position + 1 :]
                for verify in verifiers(secret).values():
                    with pytest.raises(refusals):
                        verify(other, headers)
