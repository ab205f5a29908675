"""Webhooks: signed, tried again on the published schedule, and written with the fact itself."""

import json
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any, ClassVar

import pytest
import time_machine
from django.db import transaction
from standardwebhooks.webhooks import Webhook as Verifier
from standardwebhooks.webhooks import WebhookVerificationError

from apps.workspaces.models import Delivery, Event, Webhook
from apps.workspaces.services.deliveries import deliver_due
from apps.workspaces.services.webhooks import create_webhook
from datalinx.events import emit
from tests.apps.workspaces.hooks import EVENT, Receiver, listen, tell
from tests.journey import lay_out, run
from tests.resources import ResourceTests, assert_failure, assert_success
from tests.world import World


class TestWebhooks(ResourceTests):
    path: ClassVar = "/api/webhooks"
    noun: ClassVar = "WEBHOOK"

    def good(self, world: World, number: int = 1) -> dict[str, Any]:
        return {"url": f"https://hooks.example/{number}", "events": ["pipeline.completed"]}

    def change(self) -> dict[str, Any]:
        return {"enabled": False, "description": "Off for now"}


def test_delivery__of_a_run__is_signed_so_that_the_public_library_verifies_it(
    world: World, receiver: Receiver
) -> None:
    _, secret = listen(world, receiver, "pipeline.started", "pipeline.completed")
    done = run(world, lay_out(world))
    assert deliver_due() == 2
    body = receiver.verify(secret)
    assert body["event"] == body["type"] == "pipeline.completed"
    assert (body["workspace"], body["pipeline_id"], body["status"]) == (
        "production",
        done["pipeline_id"],
        "success",
    )
    assert datetime.fromisoformat(body["timestamp"]).tzinfo is not None
    assert body["data"]["run_id"] == done["id"]
    assert receiver.requests[-1].headers["webhook-id"] == body["id"]
    sent = receiver.requests[-1].get_data()
    with pytest.raises(WebhookVerificationError):
        receiver.verify(secret, body=sent.replace(b"success", b"succesS", 1))
    with pytest.raises(WebhookVerificationError):
        Verifier("whsec_" + "A" * 43 + "=").verify(sent, dict(receiver.requests[-1].headers))


def test_replay__of_a_delivery__keeps_its_id_and_body(world: World, receiver: Receiver) -> None:
    webhook, secret = listen(world, receiver)
    tell(world)
    deliver_due()
    client = world.ed.client()
    url = f"/api/webhooks/{webhook.pk}/deliveries"
    delivery = assert_success(client.get(url))[0]
    assert (delivery["status"], delivery["response_status"], len(delivery["log"])) == ("delivered", 200, 1)
    assert assert_success(client.post(f"{url}/{delivery['id']}/replay"))["status"] == "pending"
    deliver_due()
    assert receiver.verify(secret, 0)["id"] == receiver.verify(secret, 1)["id"]
    assert receiver.requests[0].get_data() == receiver.requests[1].get_data()
    assert assert_success(client.get(url, {"status": "failed"})) == []
    assert_failure(client.get(url, {"status": "lost"}), 422, "VALIDATION_ERROR")
    assert_failure(client.post(f"{url}/whd_none/replay"), 404, "DELIVERY_NOT_FOUND")
    assert_failure(world.vera.client().post(f"{url}/{delivery['id']}/replay"), 403, "PERMISSION_DENIED")


def test_rotation__of_a_secret__signs_with_both_for_a_day(world: World, receiver: Receiver) -> None:
    webhook, old = listen(world, receiver)
    begun = datetime(2026, 5, 1, tzinfo=UTC)
    with time_machine.travel(begun, tick=False) as clock:
        rotated = assert_success(world.ed.client().post(f"/api/webhooks/{webhook.pk}/rotate-secret"))
        new = rotated["secret"]
        assert rotated["secret_last_four"] == new[-4:]
        tell(world)
        deliver_due()
        assert receiver.verify(old) == receiver.verify(new)
        clock.move_to(begun + timedelta(hours=24, seconds=1))
        tell(world)
        deliver_due()
        receiver.verify(new)
        with pytest.raises(WebhookVerificationError):
            receiver.verify(old)
    assert "secret" not in assert_success(world.ed.client().get(f"/api/webhooks/{webhook.pk}"))


def test_secret__of_a_new_webhook__is_shown_once(world: World) -> None:
    client = world.ed.client()
    body = {"url": "https://hooks.example/1", "events": [EVENT]}
    made = assert_success(client.post("/api/webhooks", body, format="json"), 201)
    assert made["secret"].startswith("whsec_")
    assert "secret" not in assert_success(client.get(f"/api/webhooks/{made['id']}"))
    assert made["secret"] not in client.get("/api/webhooks").content.decode()


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1/", "http://localhost/", "http://[::1]/", "http://10.1.2.3/", "http://169.254.169.254/",
        "http://0x7f000001/", "http://2130706433/", "http://[::ffff:127.0.0.1]/", "https://192.168.1.1/",
        "http://0.0.0.0/", "https://hooks.example:22/",
    ],
)  # fmt: skip
def test_url__of_a_literal_forbidden_address__is_422(world: World, url: str) -> None:
    client = world.ed.client()
    body = {"url": url, "events": [EVENT]}
    assert_failure(client.post("/api/webhooks", body, format="json"), 422, "ADDRESS_NOT_ALLOWED")
    made = assert_success(
        client.post("/api/webhooks", {**body, "url": "https://hooks.example/"}, format="json"), 201
    )
    changed = client.patch(f"/api/webhooks/{made['id']}", {"url": url}, format="json")
    assert_failure(changed, 422, "ADDRESS_NOT_ALLOWED")


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({"url": "https://hooks.example/", "events": ["pipeline.exploded"]}, "UNKNOWN_EVENT"),
        ({"url": "https://hooks.example/", "events": []}, "UNKNOWN_EVENT"),
        ({"url": "ftp://hooks.example/", "events": [EVENT]}, "INVALID_URL"),
        ({"url": 5, "events": [EVENT]}, "VALIDATION_ERROR"),
        ({"url": "https://hooks.example/"}, "VALIDATION_ERROR"),
    ],
)
def test_create__of_nonsense__is_422(world: World, body: dict[str, Any], code: str) -> None:
    assert_failure(world.ed.client().post("/api/webhooks", body, format="json"), 422, code)


def test_events__of_a_workspace__are_numbered_without_gaps_and_rolled_back_with_the_fact(
    world: World, receiver: Receiver
) -> None:
    listen(world, receiver)
    tell(world)
    with suppress(LookupError), transaction.atomic():
        tell(world, note="never happened")
        raise LookupError
    tell(world)
    emit(EVENT, workspace=world.other_workspace, status="failed")
    rows = Event.objects.for_workspace(world.workspace.pk).order_by("sequence")
    assert [row.sequence for row in rows] == [1, 2]
    assert [row.sequence for row in Event.objects.for_workspace(world.other_workspace.pk)] == [1]
    assert Delivery.objects.count() == 2
    assert "never happened" not in "".join(row.body for row in rows)


def test_event__that_the_webhook_did_not_ask_for__is_not_sent(world: World, receiver: Receiver) -> None:
    listen(world, receiver, "alert.triggered")
    tell(world)
    assert (deliver_due(), receiver.requests) == (0, [])


def test_test__of_a_webhook__sends_an_event_whatever_it_listens_to(world: World, receiver: Receiver) -> None:
    webhook, secret = listen(world, receiver, "alert.triggered")
    queued = assert_success(world.ed.client().post(f"/api/webhooks/{webhook.pk}/test"), 201)
    assert queued["status"] == "pending"
    deliver_due()
    assert receiver.verify(secret)["event"] == "webhook.test"
    assert json.loads(receiver.requests[0].get_data())["sequence"] == 1


def test_delivery__to_a_name_that_leads_inside__is_refused_and_recorded(world: World, settings: Any) -> None:
    settings.OUTBOUND_ALLOW_CIDRS = ()
    row, _ = create_webhook(
        workspace=world.workspace, actor=world.alice.caller, url="https://hooks.example/", events=[EVENT]
    )
    Webhook.objects.filter(pk=row.pk).update(url="http://127.0.0.1:9/")
    tell(world)
    deliver_due()
    delivery = Delivery.objects.get()
    assert (delivery.status, delivery.attempts, delivery.response_status) == ("pending", 1, None)
    assert delivery.error
