"""Webhooks in front of people: the secret shown once, how a webhook fares, every attempt, and sending again."""

import re
from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client
from pytest_httpserver import HTTPServer

from apps.workspaces.models import Delivery, Webhook
from apps.workspaces.services.deliveries import deliver_due
from datalinx.console.drawing.attempts import Attempt, draw_attempts
from tests.apps.workspaces.hooks import EVENT, Receiver, listen, tell
from tests.world import World

Visit = Callable[..., Client]


@pytest.fixture
def receiver(httpserver: HTTPServer, settings: Any) -> Receiver:
    settings.OUTBOUND_ALLOW_CIDRS = ("127.0.0.0/8",)
    return Receiver(httpserver)


def test_webhook__made__shows_its_secret_once(world: World, visit: Visit) -> None:
    client = visit(world.ed)
    form = {"url": "https://hooks.example/1", "description": "For us", "events": [EVENT, "alert.triggered"]}
    answer = client.post("/w/production/webhooks", form)
    [secret] = re.findall(r"whsec_[A-Za-z0-9+/=]+", answer.content.decode())
    webhook = Webhook.objects.get()
    assert webhook.events == [EVENT, "alert.triggered"]
    for path in ("/w/production/webhooks", f"/w/production/webhooks/{webhook.pk}"):
        page = client.get(path).content.decode()
        assert "https://hooks.example/1" in page
        assert secret not in page
    rotated = client.post(f"/w/production/webhooks/{webhook.pk}/act", {"do": "rotate"}).content.decode()
    assert re.findall(r"whsec_[A-Za-z0-9+/=]+", rotated) != [secret]


def test_webhook__with_a_forbidden_address__is_refused_beside_the_form(world: World, visit: Visit) -> None:
    form = {"url": "http://127.0.0.1/", "events": [EVENT]}
    answer = visit(world.ed).post("/w/production/webhooks", form)
    assert answer.status_code == 422
    assert "not a public address" in answer.content.decode()
    assert 'value="http://127.0.0.1/"' in answer.content.decode()


def test_webhook__that_fails__shows_each_attempt_and_is_sent_again(
    world: World, visit: Visit, receiver: Receiver
) -> None:
    webhook, _ = listen(world, receiver)
    receiver.status, receiver.body = 410, b"<script>alert(1)</script>"
    tell(world)
    deliver_due()
    client = visit(world.ed)
    path = f"/w/production/webhooks/{webhook.pk}"
    page = client.get(path).content.decode()
    assert "this webhook is disabled" in page
    assert "The receiver answered 410" in page
    assert "Attempt 1: 410" in page
    assert "<script>alert" not in page
    assert "disabled" in client.get("/w/production/webhooks").content.decode()
    client.post(f"{path}/act", {"do": "enable"})
    receiver.status = 200
    said = client.post(f"{path}/act", {"do": "replay", "hours": "24"}, follow=True).content.decode()
    assert "1 delivery is sent again, 0 for the first time." in said
    assert deliver_due() == 1
    client.post(f"{path}/deliveries/{Delivery.objects.get().pk}")
    client.post(f"{path}/act", {"do": "test"})
    assert deliver_due() == 2
    assert "Attempt 3: 200" in client.get(path, {"status": "delivered"}).content.decode()
    client.post(f"{path}/act", {"do": "delete"})
    assert not Webhook.objects.exists()


def test_webhook__of_a_viewer__is_shown_without_what_changes_it(
    world: World, visit: Visit, receiver: Receiver
) -> None:
    webhook, _ = listen(world, receiver)
    client = visit(world.vera)
    path = f"/w/production/webhooks/{webhook.pk}"
    page = client.get(path).content.decode()
    assert webhook.url in page
    assert "/act" not in page
    client.post(f"{path}/act", {"do": "delete"})
    assert Webhook.objects.exists()
    assert visit(world.eve).get(path).status_code == 404


def test_attempts__drawn__tell_what_arrived_without_colours() -> None:
    drawn = draw_attempts([Attempt(0, False, "Attempt 1: 500 <b>"), Attempt(5, True, "Attempt 2: 200")])
    assert drawn.count("<circle") == 2
    assert 'r="3.5"' in drawn
    assert 'r="4.5"' in drawn
    assert "<b>" not in drawn
    assert "No attempt yet" in draw_attempts([])
