"""The clock of retries, stopped and moved: the published schedule, pauses that a receiver asks for, and the end."""

import logging
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
import time_machine

from apps.workspaces.models import Delivery, DeliveryAttempt, Event, Webhook
from apps.workspaces.services.deliveries import SCHEDULE, deliver_due
from tests.apps.workspaces.hooks import EVENT, Receiver, listen, tell
from tests.drilling import as_often
from tests.resources import assert_failure, assert_success
from tests.world import World

BEGUN = datetime(2026, 5, 1, tzinfo=UTC)
PUBLISHED = [0, 5, 300, 1_800, 7_200, 18_000, 36_000, 50_400, 72_000, 86_400]


@pytest.fixture
def frozen() -> Iterator[time_machine.Traveller]:
    with time_machine.travel(BEGUN, tick=False) as moved:
        yield moved


@pytest.mark.parametrize("number", range(as_often(1, 50)))
def test_schedule__of_a_receiver_that_fails__is_the_published_one(
    world: World, receiver: Receiver, frozen: time_machine.Traveller, number: int
) -> None:
    listen(world, receiver)
    receiver.status, receiver.body = 500, b"out of order"
    tell(world)
    planned = BEGUN
    for tries, seconds in enumerate(PUBLISHED, start=1):
        assert (deliver_due(), deliver_due()) == (1, 0)
        row = Delivery.objects.get()
        assert (row.attempts, row.claimed_at) == (tries, None)
        if tries < len(PUBLISHED):
            assert row.due_at is not None
            pause = timedelta(seconds=PUBLISHED[tries] - seconds)
            assert pause <= row.due_at - planned <= pause * 1.1
            frozen.move_to(row.due_at - timedelta(milliseconds=1))
            assert deliver_due() == 0
            frozen.move_to(row.due_at)
            planned = row.due_at
    assert [step.total_seconds() for step in SCHEDULE] == PUBLISHED
    assert (row.status, row.due_at, row.response_status) == ("failed", None, 500)
    log = list(row.log.all())
    assert [attempt.number for attempt in log] == list(range(1, 11))
    assert {(each.response_status, each.response_body) for each in log} == {(500, "out of order")}
    assert len({request.headers["webhook-id"] for request in receiver.requests}) == 1
    assert len({request.get_data() for request in receiver.requests}) == 1
    assert len({request.headers["webhook-timestamp"] for request in receiver.requests}) == 10


def test_jitter__of_many_deliveries__spreads_them(world: World, receiver: Receiver, frozen: object) -> None:
    listen(world, receiver)
    receiver.status = 500
    for _ in range(20):
        tell(world)
    deliver_due()
    due = Delivery.objects.values_list("due_at", flat=True)
    assert len(set(due)) > 15
    assert all(each is not None and 5 <= (each - BEGUN).total_seconds() <= 5.5 for each in due)


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("900", 900),
        ("Fri, 01 May 2026 00:20:00 GMT", 1_200),
        ("9999999", 86_400),
        ("99999999999999999999", 86_400),
        ("Sat, 01 May 2032 00:00:00 GMT", 86_400),
        ("Fri, 01 May 2020 00:00:00 GMT", 5),
        ("1", 5),
        ("soon", 5),
        ("-5", 5),
    ],
)
@pytest.mark.parametrize("status", [429, 503])
def test_retry_after__is_obeyed_within_a_day_and_never_shortens_the_schedule(
    world: World, receiver: Receiver, frozen: object, header: str, seconds: int, status: int
) -> None:
    listen(world, receiver)
    receiver.status, receiver.headers = status, {"Retry-After": header}
    tell(world)
    deliver_due()
    due = Delivery.objects.get().due_at
    assert due is not None
    assert seconds <= (due - BEGUN).total_seconds() <= seconds * (1.1 if seconds == 5 else 1)


def test_receiver__that_is_gone__disables_the_webhook_until_somebody_enables_it(
    world: World, receiver: Receiver, frozen: object, caplog: pytest.LogCaptureFixture
) -> None:
    webhook, _ = listen(world, receiver)
    receiver.status = 410
    for _ in range(3):
        tell(world)
    with caplog.at_level(logging.WARNING, "apps.workspaces.services.disabling"):
        assert deliver_due() == 1
    assert webhook.pk in caplog.text
    client = world.ed.client()
    url = f"/api/webhooks/{webhook.pk}"
    shown = assert_success(client.get(url))
    assert (shown["enabled"], shown["disabled_at"]) == (False, "2026-05-01T00:00:00.000000Z")
    assert "410" in shown["disabled_reason"]
    ended = assert_success(client.get(f"{url}/deliveries"))
    assert {each["status"] for each in ended} == {"failed"}
    assert all("410" in each["error"] for each in ended)
    tell(world)
    assert Delivery.objects.count() == 3
    assert_failure(client.post(f"{url}/deliveries/{ended[0]['id']}/replay"), 422, "WEBHOOK_DISABLED")
    assert_failure(client.post(f"{url}/test"), 422, "WEBHOOK_DISABLED")
    enabled = assert_success(client.patch(url, {"enabled": True}, format="json"))
    assert (enabled["disabled_reason"], enabled["disabled_at"], enabled["failing_since"]) == ("", None, None)
    receiver.status = 200
    body = {"since": BEGUN.isoformat(), "missing": True}
    replayed = assert_success(client.post(f"{url}/replay", body, format="json"))
    assert replayed == {"replayed": 3, "created": 1, "remaining": 0}
    assert deliver_due() == 4
    assert set(Delivery.objects.values_list("status", flat=True)) == {"delivered"}


def test_webhook__that_is_disabled__is_told_to_the_others_who_listen(
    world: World, receiver: Receiver, frozen: object
) -> None:
    broken, _ = listen(world, receiver)
    listener, secret = listen(world, receiver, "webhook.disabled")
    receiver.status_of = {EVENT: 410}
    tell(world)
    deliver_due()
    heard = receiver.verify(secret)
    assert (heard["event"], heard["webhook_id"]) == ("webhook.disabled", broken.pk)
    assert "410" in heard["reason"]
    assert "url" not in heard
    assert Delivery.objects.get(webhook=listener).status == "delivered"


def fail_at(moved: time_machine.Traveller, world: World, *hours: float) -> bool:
    """Let an event fail at each of these hours after the beginning; return whether the webhook is still enabled."""
    for each in hours:
        moved.move_to(BEGUN + timedelta(hours=each))
        tell(world)
        # Only what is new: what waits from before is another attempt.
        Delivery.objects.exclude(event_id=Event.objects.order_by("-sequence").values("pk")[:1]).delete()
        deliver_due()
    return Webhook.objects.get().enabled


def test_receiver__that_only_fails_for_five_days__is_disabled(
    world: World, receiver: Receiver, frozen: time_machine.Traveller
) -> None:
    listen(world, receiver)
    receiver.status = 503
    assert fail_at(frozen, world, 0, 12, 30, 119.9)
    assert not fail_at(frozen, world, 120)
    webhook = Webhook.objects.get()
    assert (webhook.disabled_reason, webhook.failing_since) == ("Every delivery failed for five days.", BEGUN)
    assert Event.objects.filter(type="webhook.disabled").count() == 1


def test_receiver__that_succeeds_once__starts_the_five_days_anew(
    world: World, receiver: Receiver, frozen: time_machine.Traveller
) -> None:
    listen(world, receiver)
    receiver.status = 503
    fail_at(frozen, world, 0, 20, 40)
    receiver.status = 200
    fail_at(frozen, world, 60)
    assert Webhook.objects.get().failing_since is None
    receiver.status = 503
    assert fail_at(frozen, world, 61, 80, 121, 180.9)
    assert not fail_at(frozen, world, 181)


def test_failure__of_long_ago__does_not_disable_a_webhook_with_few_events(
    world: World, receiver: Receiver, frozen: time_machine.Traveller
) -> None:
    listen(world, receiver)
    receiver.status = 503
    assert fail_at(frozen, world, 0, 11.9, 400)
    assert Webhook.objects.get().failing_since == BEGUN + timedelta(hours=400)
    assert fail_at(frozen, world, 800)


def test_webhook__that_somebody_disables__ends_what_waits_for_it(world: World, receiver: Receiver) -> None:
    webhook, _ = listen(world, receiver)
    tell(world)
    url = f"/api/webhooks/{webhook.pk}"
    shown = assert_success(world.ed.client().patch(url, {"enabled": False}, format="json"))
    assert shown["disabled_reason"] == "", "a reason is the platform's"
    assert shown["disabled_at"] is not None
    assert (deliver_due(), receiver.requests) == (0, [])
    row = Delivery.objects.get()
    assert (row.status, row.error, row.due_at) == ("failed", "The webhook is disabled.", None)


def test_answer__of_a_receiver__is_kept_without_secrets_and_cut(world: World, receiver: Receiver) -> None:
    _, secret = listen(world, receiver)
    receiver.status = 500
    receiver.body = (
        f'{{"password": "hunter2", "seen": "{secret}", "who": "Bearer abc.def"}}'.encode() + b"x" * 9_000
    )
    tell(world)
    deliver_due()
    kept = DeliveryAttempt.objects.get().response_body
    assert kept.startswith('{"password": ***, "seen": "***"')
    assert not any(each in kept for each in (secret, secret[6:], "hunter2", "abc.def"))
    assert len(kept.encode()) <= 1024
    assert EVENT in Event.objects.get().body
