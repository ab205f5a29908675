"""Sending again, asking instead of being told, the ledger's filters, and how long all of it is kept."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import time_machine

from apps.workspaces.models import Delivery, DeliveryAttempt, Event, Webhook
from apps.workspaces.services import replaying
from apps.workspaces.services.deliveries import deliver_due
from apps.workspaces.services.outbox import MOST_BYTES
from apps.workspaces.services.retention import sweep_events
from apps.workspaces.services.webhooks import live_secrets
from datalinx.events import emit
from tests.apps.workspaces.hooks import EVENT, Receiver, listen, tell
from tests.resources import assert_failure, assert_success
from tests.world import World

BEGUN = datetime(2026, 5, 1, tzinfo=UTC)


def since(hours: float = 0) -> str:
    return (BEGUN + timedelta(hours=hours)).isoformat()


def tell_hourly(world: World, moved: time_machine.Traveller, count: int) -> None:
    for hour in range(count):
        moved.move_to(BEGUN + timedelta(hours=hour))
        tell(world, hour=hour)
    moved.move_to(BEGUN + timedelta(hours=count))


def test_replay__of_a_span__sends_what_failed_in_it_with_its_id_and_body(
    world: World, receiver: Receiver
) -> None:
    webhook, _ = listen(world, receiver)
    url = f"/api/webhooks/{webhook.pk}/replay"
    with time_machine.travel(BEGUN, tick=False) as moved:
        tell_hourly(world, moved, 6)
        Delivery.objects.update(status="failed", attempts=10, due_at=None)
        delivered = Delivery.objects.order_by("created_at")[2]
        Delivery.objects.filter(pk=delivered.pk).update(status="delivered", attempts=1)
        client = world.ed.client()
        body = {"since": since(1), "until": since(4)}
        found = assert_success(client.post(url, body, format="json"))
        assert found == {"replayed": 3, "created": 0, "remaining": 0}
        assert assert_success(client.post(url, body, format="json"))["replayed"] == 0
        assert deliver_due() == 3
        hours = [json.loads(request.get_data())["hour"] for request in receiver.requests]
        assert sorted(hours) == [1, 3, 4]
        assert (
            assert_success(client.post(url, {**body, "status": "delivered"}, format="json"))["replayed"] == 4
        )
        assert deliver_due() == 4
        assert assert_success(client.post(url, {**body, "status": "all"}, format="json"))["replayed"] == 4
    row = Delivery.objects.filter(status="pending").order_by("-attempts")[0]
    assert row.attempts == row.replayed_from > 10


def test_replay__begins_the_schedule_anew_and_goes_on_counting(world: World, receiver: Receiver) -> None:
    webhook, _ = listen(world, receiver)
    with time_machine.travel(BEGUN, tick=False):
        tell(world)
        deliver_due()
        receiver.status = 500
        delivery = Delivery.objects.get()
        url = f"/api/webhooks/{webhook.pk}/deliveries/{delivery.pk}"
        assert_success(world.ed.client().post(f"{url}/replay"))
        deliver_due()
        assert_failure(world.ed.client().post(f"{url}/replay"), 422, "DELIVERY_PENDING")
    shown = assert_success(world.vera.client().get(url))
    assert [each["number"] for each in shown["log"]] == [1, 2]
    assert (shown["status"], shown["attempts"]) == ("pending", 2)
    delivery.refresh_from_db()
    assert delivery.due_at is not None
    assert 5 <= (delivery.due_at - BEGUN).total_seconds() <= 5.5


def test_replay__larger_than_one_call_may_queue__says_what_is_left(
    world: World, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(replaying, "MOST_AT_ONCE", 4)
    monkeypatch.setattr(replaying, "_BATCH", 2)
    webhook, _ = listen(world, receiver)
    for _ in range(7):
        tell(world)
    Delivery.objects.update(status="failed", due_at=None)
    url = f"/api/webhooks/{webhook.pk}/replay"
    answers = [
        assert_success(world.ed.client().post(url, {"since": "2020-01-01T00:00:00Z"}, format="json"))
        for _ in range(2)
    ]
    assert [(each["replayed"], each["remaining"]) for each in answers] == [(4, 3), (3, 0)]


def test_replay__of_what_is_missing__makes_only_deliveries_of_its_own_types(
    world: World, receiver: Receiver
) -> None:
    tell(world, note="before there was a webhook")
    emit("alert.resolved", workspace=world.workspace, status="resolved")
    emit(EVENT, workspace=world.other_workspace, status="failed")
    webhook, _ = listen(world, receiver)
    tell(world)
    client, url = world.ed.client(), f"/api/webhooks/{webhook.pk}/replay"
    body = {"since": "2020-01-01T00:00:00Z"}
    assert assert_success(client.post(url, body, format="json"))["created"] == 0
    assert assert_success(client.post(url, {**body, "missing": True}, format="json"))["created"] == 1
    assert assert_success(client.post(url, {**body, "missing": True}, format="json"))["created"] == 0
    assert deliver_due() == 2


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"since": "yesterday"},
        {"since": since(1), "until": since(0)},
        {"since": since(), "status": "pending"},
        {"since": since(), "missing": "perhaps"},
    ],
)
def test_replay__of_nonsense__is_422(world: World, receiver: Receiver, body: dict[str, Any]) -> None:
    webhook, _ = listen(world, receiver)
    url = f"/api/webhooks/{webhook.pk}/replay"
    assert_failure(world.ed.client().post(url, body, format="json"), 422, "VALIDATION_ERROR")


def test_replay_and_delivery__of_others__are_closed(world: World, receiver: Receiver) -> None:
    webhook, _ = listen(world, receiver)
    tell(world)
    url, body = f"/api/webhooks/{webhook.pk}", {"since": since()}
    assert_failure(world.vera.client().post(f"{url}/replay", body, format="json"), 403, "PERMISSION_DENIED")
    assert_failure(world.eve.client().post(f"{url}/replay", body, format="json"), 404, "WEBHOOK_NOT_FOUND")
    delivery = Delivery.objects.get().pk
    assert_failure(world.eve.client().get(f"{url}/deliveries/{delivery}"), 404, "WEBHOOK_NOT_FOUND")
    assert_failure(world.ed.client().get(f"{url}/deliveries/whd_none"), 404, "DELIVERY_NOT_FOUND")


def test_deliveries__of_a_webhook__are_filtered_by_status_event_and_time(
    world: World, receiver: Receiver
) -> None:
    webhook, _ = listen(world, receiver, EVENT, "alert.triggered")
    with time_machine.travel(BEGUN, tick=False) as moved:
        tell_hourly(world, moved, 3)
        emit("alert.triggered", workspace=world.workspace, status="open")
        deliver_due()
        url, client = f"/api/webhooks/{webhook.pk}/deliveries", world.ed.client()

        def count(**asked: str) -> int:
            return len(assert_success(client.get(url, asked)))

        assert count() == count(status="delivered") == 4
        assert count(event=EVENT) == 3
        assert count(event=Event.objects.first().pk) == 1  # type: ignore[union-attr]  # there are four
        assert count(since=since(2)) == 2
        assert count(since=since(2), event="alert.triggered") == 1
        assert_failure(client.get(url, {"since": "lately"}), 422, "VALIDATION_ERROR")
        assert_failure(client.get(url, {"until": since()}), 422, "UNKNOWN_PARAMETER")


def test_events__asked_for__come_in_order_as_they_are_sent(world: World, receiver: Receiver) -> None:
    listen(world, receiver)
    tell(world, first=True)
    emit("alert.triggered", workspace=world.workspace, status="open")
    tell(world)
    client = world.vera.client()
    answer = client.get("/api/events", {"page_size": 2})
    found = assert_success(answer)
    assert [each["sequence"] for each in found] == [1, 2]
    assert answer.json()["pagination"]["total_items"] == 3
    deliver_due()
    assert found[0] == json.loads(receiver.requests[0].get_data())
    for after in ("2", found[1]["id"]):
        assert [each["sequence"] for each in assert_success(client.get("/api/events", {"after": after}))] == [
            3
        ]
    assert assert_success(client.get("/api/events", {"after": "3"})) == []
    chosen = assert_success(client.get("/api/events", {"types": f"{EVENT},alert.resolved"}))
    assert [each["sequence"] for each in chosen] == [1, 3]


@pytest.mark.parametrize(
    ("asked", "code"),
    [
        ({"after": "whd_1"}, "VALIDATION_ERROR"),
        ({"after": "-1"}, "VALIDATION_ERROR"),
        ({"after": "evt_\x00"}, "VALIDATION_ERROR"),
        ({"after": "evt_never"}, "EVENTS_EXPIRED"),
        ({"types": "pipeline.exploded"}, "UNKNOWN_EVENT"),
        ({"page_size": "201"}, "VALIDATION_ERROR"),
        ({"before": "1"}, "UNKNOWN_PARAMETER"),
    ],
)
def test_events__asked_for_in_nonsense__are_422(world: World, asked: dict[str, str], code: str) -> None:
    assert_failure(world.ed.client().get("/api/events", asked), 422, code)


def test_events__of_others__are_not_shown(world: World) -> None:
    emit(EVENT, workspace=world.other_workspace, status="failed")
    theirs = Event.objects.get().pk
    assert assert_success(world.ed.client().get("/api/events")) == []
    assert_failure(world.ed.client().get("/api/events", {"after": theirs}), 422, "EVENTS_EXPIRED")
    assert_failure(world.nobody().get("/api/events"), 401, "AUTHENTICATION_REQUIRED")


def test_events__past_their_days__are_swept_but_for_what_is_on_its_way(
    world: World, receiver: Receiver, settings: Any
) -> None:
    settings.EVENT_DAYS = 30
    listen(world, receiver)
    with time_machine.travel(BEGUN, tick=False) as moved:
        for _ in range(3):
            tell(world)
        deliver_due()
        receiver.status = 500
        tell(world)
        deliver_due()
        receiver.status = 200
        moved.shift(timedelta(days=30, seconds=-1))
        assert sweep_events() == 0
        tell(world)
        moved.shift(timedelta(seconds=2))
        assert sweep_events() == 3
        assert sorted(Event.objects.values_list("sequence", flat=True)) == [4, 5]
        assert (Delivery.objects.count(), DeliveryAttempt.objects.count()) == (2, 1)
        client = world.ed.client()
        for after in ("0", "2"):
            assert_failure(client.get("/api/events", {"after": after}), 422, "EVENTS_EXPIRED")
        for asked in ({"after": "3"}, {}):
            found = assert_success(client.get("/api/events", asked))
            assert [each["sequence"] for each in found] == [4, 5]


@pytest.mark.parametrize(
    "data",
    [
        {"error": {"message": "x" * 50_000}, "status": "failed"},
        {"message": "ü" * 30_000, "status": "failed"},
        {f"key{number}": "y" * 400 for number in range(100)} | {"status": "failed"},
        {"rows": [["z"] * 1000] * 50, "totals": {"read": 3}, "status": "failed"},
    ],
)
def test_body__of_large_data__stays_under_20_kb_and_says_that_it_was_cut(
    world: World, data: dict[str, Any]
) -> None:
    emit(EVENT, workspace=world.workspace, pipeline_id="pl_1", **data)
    text = Event.objects.get().body
    body = json.loads(text)
    assert len(text.encode()) < MOST_BYTES
    assert body["truncated"] is body["data"]["truncated"] is True
    assert (body["event"], body["type"], body["sequence"]) == (EVENT, EVENT, 1)


def test_body__of_small_data__is_not_cut(world: World) -> None:
    tell(world)
    assert "truncated" not in json.loads(Event.objects.get().body)


def test_rotation__again_and_again__keeps_the_last_five_secrets_each_for_its_day(
    world: World, receiver: Receiver
) -> None:
    webhook, first = listen(world, receiver)
    secrets = [first]
    with time_machine.travel(BEGUN, tick=False) as moved:
        for _ in range(6):
            rotated = assert_success(world.ed.client().post(f"/api/webhooks/{webhook.pk}/rotate-secret"))
            secrets.append(rotated["secret"])
            moved.shift(timedelta(hours=1))
            webhook = Webhook.objects.get()
        assert live_secrets(webhook) == secrets[:1:-1]
        tell(world)
        deliver_due()
        for each in secrets[2:]:
            receiver.verify(each)
        # The fourth was replaced at hour 3, the fifth at 4, the sixth at 5.
        moved.move_to(BEGUN + timedelta(hours=27, minutes=30))
        assert live_secrets(webhook) == secrets[:3:-1]
        moved.move_to(BEGUN + timedelta(hours=29))
        assert live_secrets(webhook) == secrets[-1:]
    stored = json.dumps(Webhook.objects.values().get(), default=str)
    assert not any(each in stored for each in secrets)
