"""Many deliveries at once: who claims what, what a lost worker may still write, and that nobody waits for the slow."""

import json
import socket
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.utils import timezone

from apps.workspaces.models import Delivery, Event, Webhook
from apps.workspaces.services import claiming, deliveries, lanes, sending
from apps.workspaces.services.claiming import claim, give_back
from apps.workspaces.services.deliveries import deliver_due
from apps.workspaces.services.recording import Result, record
from apps.workspaces.services.sending import Outcome
from apps.workspaces.services.webhooks import create_webhook
from datalinx.events import emit
from tests.apps.workspaces.hooks import EVENT, Receiver, listen, tell
from tests.world import World, make_world

ARRIVED = Outcome(True, 200, "", 0.1)
REFUSED = Outcome(False, 500, "The receiver answered 500.", 0.1)


def test_claim__that_came_back__cannot_be_recorded_by_the_worker_that_lost_it(
    world: World, receiver: Receiver
) -> None:
    webhook, _ = listen(world, receiver)
    tell(world)
    [first] = claim([(webhook.pk, 9)])[webhook.pk]
    assert claim([(webhook.pk, 9)]) == {webhook.pk: []}
    Delivery.objects.update(claimed_at=timezone.now() - claiming.LEASE - timedelta(seconds=1))
    [second] = claim([(webhook.pk, 9)])[webhook.pk]
    assert record([Result(first, ARRIVED)]) == 0
    row = Delivery.objects.get()
    assert (row.status, row.attempts, row.fence) == ("pending", 1, 2)
    assert record([Result(second, REFUSED)]) == 1
    row.refresh_from_db()
    assert (row.status, row.attempts, row.response_status) == ("pending", 2, 500)
    lost, made = row.log.all()
    assert (lost.number, lost.response_status, made.number, made.response_status) == (1, None, 2, 500)
    assert "lost" in lost.error


def test_claim__until_its_lease_is_over__leaves_the_delivery_due_and_is_nobody_elses(
    world: World, receiver: Receiver
) -> None:
    webhook, _ = listen(world, receiver)
    tell(world)
    due_at = Delivery.objects.get().due_at
    claim([(webhook.pk, 9)])
    assert Delivery.objects.get().due_at == due_at
    for held_for, is_free in ((claiming.LEASE - timedelta(seconds=5), False), (claiming.LEASE, True)):
        Delivery.objects.update(claimed_at=timezone.now() - held_for)
        assert bool(claiming.find_ready()) is is_free


def test_claim__given_back__is_nobodys_attempt(world: World, receiver: Receiver) -> None:
    webhook, _ = listen(world, receiver)
    tell(world)
    claims = claim([(webhook.pk, 9)])[webhook.pk]
    give_back(claims)
    row = Delivery.objects.get()
    assert (row.attempts, row.claimed_at, row.log.count()) == (0, None, 0)
    assert record([Result(claims[0], ARRIVED)]) == 1, "it is still the latest claim"


def test_attempt__under_way_when_the_webhook_is_disabled__stands_in_the_log(
    world: World, receiver: Receiver
) -> None:
    webhook, _ = listen(world, receiver)
    tell(world)
    tell(world)
    one, two = claim([(webhook.pk, 9)])[webhook.pk]
    assert claiming.end_pending(webhook.pk) == 2
    assert record([Result(one, ARRIVED), Result(two, REFUSED)]) == 2
    rows = {row.pk: row for row in Delivery.objects.all()}
    assert (rows[one.delivery_id].status, rows[two.delivery_id].status) == ("delivered", "failed")
    assert rows[two.delivery_id].error == "The webhook is disabled."
    assert all(row.log.count() == 1 for row in rows.values())


def test_record__of_many_at_once__writes_each_as_it_was(world: World, receiver: Receiver) -> None:
    webhook, _ = listen(world, receiver)
    for _ in range(3):
        tell(world)
    claims = claim([(webhook.pk, 9)])[webhook.pk]
    body = 'what "it" \\ said\n— in ü words, 100 %s'
    outcomes = [
        Outcome(True, 204, "", 0.25, body),
        Outcome(False, 503, "The receiver answered 503.", 1.5),
        Outcome(False, None, "Nobody answered in time.", 15.0),
    ]
    results = [Result(each, outcome, 0.5) for each, outcome in zip(claims, outcomes, strict=True)]
    assert record(results) == 3
    for each, outcome in zip(claims, outcomes, strict=True):
        row = Delivery.objects.get(pk=each.delivery_id)
        made = row.log.get()
        assert (made.number, made.seconds, made.at) == (
            1,
            outcome.seconds,
            each.claimed_at + timedelta(seconds=0.5),
        )
        assert (made.response_status, made.response_body, made.error) == (
            outcome.status,
            outcome.body,
            outcome.error,
        )
        assert (row.attempts, row.claimed_at, row.response_status) == (1, None, outcome.status)
        assert row.status == ("delivered" if outcome.delivered else "pending")
        assert (row.due_at is None, row.delivered_at is not None) == (outcome.delivered, outcome.delivered)
    assert record([]) == 0


def test_claims_ahead__of_many_receivers__are_shared_out(world: World) -> None:
    deliverer = deliveries._Deliverer(60.0, lambda: None)
    deliverer._divide(1)
    assert deliverer._share == lanes.MOST_AHEAD
    quick = lanes.Lane(Webhook(), lanes.Health(known=True, seconds=0.001), share=deliverer._share)
    assert quick.room() == lanes.MOST_AHEAD
    deliverer._lanes["wh_1"] = quick
    deliverer._divide(40)
    assert (quick.room(), quick.is_hungry) == (lanes.MOST_AHEAD // 40, True)
    deliverer._divide(1_000_000)
    assert quick.room() == lanes.AT_ONCE
    assert lanes.Lane(Webhook(), lanes.Health()).room() == 1


def test_backlog__of_one_webhook__is_drained_once_each_over_few_connections(
    world: World, receiver: Receiver
) -> None:
    _, secret = listen(world, receiver)
    for _ in range(60):
        tell(world)
    assert deliver_due() == 60
    ids = Counter(request.headers["webhook-id"] for request in receiver.requests)
    assert (len(ids), set(ids.values())) == (60, {1})
    assert set(Delivery.objects.values_list("status", "attempts", "log__number")) == {("delivered", 1, 1)}
    for number in range(60):
        receiver.verify(secret, number)


class Handler:
    """A receiver on loopback that behaves as it is told: `behave(connection)` for each request."""

    def __init__(self, behave: Callable[[socket.socket], None]) -> None:
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.behave = behave
        self.at: list[float] = []
        self.ids: list[str] = []
        self.open = self.most = self.connections = 0
        self.lock = threading.Lock()
        self.url = f"http://127.0.0.1:{self.listener.getsockname()[1]}/"
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        with suppress(OSError):
            while True:
                connection, _ = self.listener.accept()
                self.connections += 1
                threading.Thread(target=self._answer, args=(connection,), daemon=True).start()

    def _answer(self, connection: socket.socket) -> None:
        with suppress(OSError), connection:
            connection.settimeout(30)
            while (body := read_body(connection)) is not None:
                with self.lock:
                    self.at.append(time.monotonic())
                    self.ids.append(json.loads(body)["id"])
                    self.open += 1
                    self.most = max(self.most, self.open)
                try:
                    self.behave(connection)
                finally:
                    with self.lock:
                        self.open -= 1


def read_body(connection: socket.socket) -> bytes | None:
    data = b""
    while b"\r\n\r\n" not in data:
        chunk = connection.recv(65536)
        if not chunk:
            return None
        data += chunk
    head, _, body = data.partition(b"\r\n\r\n")
    [length] = [
        int(line.split(b":")[1]) for line in head.split(b"\r\n") if line.lower().startswith(b"content-length")
    ]
    while len(body) < length:
        body += connection.recv(65536)
    return body


def well(connection: socket.socket) -> None:
    connection.sendall(b"HTTP/1.1 204 No Content\r\n\r\n")


def dripping(connection: socket.socket) -> None:
    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 999\r\n\r\n")
    for _ in range(100):
        time.sleep(0.1)
        connection.sendall(b"x")


@pytest.fixture
def start() -> Iterator[Callable[[Callable[[socket.socket], None]], Handler]]:
    handlers: list[Handler] = []

    def begin(behave: Callable[[socket.socket], None]) -> Handler:
        handlers.append(Handler(behave))
        return handlers[-1]

    yield begin
    for each in handlers:
        each.listener.close()


def attach(world: World, url: str, workspace: Any = None) -> Webhook:
    row, _ = create_webhook(
        workspace=workspace or world.workspace, actor=world.alice.caller, url=url, events=[EVENT]
    )
    return row


def test_receivers__that_drip__hold_up_no_other_organization_and_end_at_the_limit(
    world: World, start: Callable[..., Handler], settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.OUTBOUND_ALLOW_CIDRS = ("127.0.0.0/8",)
    monkeypatch.setattr(sending, "TIMEOUT_SECONDS", 1.5)
    drips = [start(dripping) for _ in range(20)]
    slow = [attach(world, each.url) for each in drips]
    for _ in range(3):
        tell(world)
    good = start(well)
    attach(world, good.url, world.other_workspace)
    for _ in range(40):
        emit(EVENT, workspace=world.other_workspace, status="failed")
    # Only the first attempt is what this is about.
    Delivery.objects.filter(webhook__in=slow[16:]).delete()
    started = time.monotonic()
    deliver_due(seconds=1.0)
    assert len(good.ids) == 40
    assert max(good.at) - started < 1.2
    assert time.monotonic() - started < 4
    assert all(each.most <= 1 for each in drips)
    ended = Delivery.objects.filter(webhook__in=slow, attempts=1)
    assert 0 < ended.count() <= 20
    assert {row.error for row in ended} == {"127.0.0.1 did not answer in time."}


@pytest.mark.parametrize("is_theirs", [True, False], ids=["their own organization", "another one"])
def test_receivers__that_drip__hold_up_no_webhook_that_answers(
    world: World,
    start: Callable[..., Handler],
    settings: Any,
    monkeypatch: pytest.MonkeyPatch,
    is_theirs: bool,
) -> None:
    settings.OUTBOUND_ALLOW_CIDRS = ("127.0.0.0/8",)
    monkeypatch.setattr(sending, "TIMEOUT_SECONDS", 3.0)
    # As many as one organization may hold, so that one is enough to fill all.
    monkeypatch.setattr(deliveries, "THREADS", deliveries.THREADS_OF_ONE)
    # Chance has it last.
    monkeypatch.setattr(
        deliveries.random, "shuffle", lambda ready: ready.sort(key=lambda each: each.url == good.url)
    )
    good, home = start(well), world.workspace if is_theirs else world.other_workspace
    attach(world, good.url, home)
    emit(EVENT, workspace=home, status="failed")
    assert deliver_due() == 1
    for each in [start(dripping) for _ in range(20)]:
        attach(world, each.url)
    tell(world)
    for _ in range(10):
        emit(EVENT, workspace=home, status="failed")
    started = time.monotonic()
    deliver_due(seconds=0.5)
    assert len(good.ids) == (12 if is_theirs else 11)
    assert max(good.at) - started < 1.5


def test_receivers__that_failed_before_the_start__hold_up_no_new_webhook(
    world: World, start: Callable[..., Handler], settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.OUTBOUND_ALLOW_CIDRS = ("127.0.0.0/8",)
    monkeypatch.setattr(sending, "TIMEOUT_SECONDS", 3.0)
    good = start(well)
    monkeypatch.setattr(
        deliveries.random, "shuffle", lambda ready: ready.sort(key=lambda each: each.url == good.url)
    )
    for each in [start(dripping) for _ in range(20)]:
        attach(world, each.url)
    Webhook.objects.update(failing_since=timezone.now())
    attach(world, good.url)
    tell(world)
    started = time.monotonic()
    deliver_due(seconds=0.5)
    assert len(good.ids) == 1
    assert max(good.at) - started < 1.5


def test_webhook__that_answers__gets_four_at_once_over_kept_connections(
    world: World, start: Callable[..., Handler], settings: Any
) -> None:
    settings.OUTBOUND_ALLOW_CIDRS = ("127.0.0.0/8",)

    def a_little_later(connection: socket.socket) -> None:
        time.sleep(0.02)
        well(connection)

    receiver = start(a_little_later)
    attach(world, receiver.url)
    for _ in range(50):
        tell(world)
    assert deliver_due() == 50
    assert receiver.most == lanes.AT_ONCE
    assert receiver.connections <= lanes.AT_ONCE + 1


def test_webhook__that_fails_in_a_row__gets_one_at_a_time_until_it_recovers() -> None:
    health = lanes.Health()
    assert health.limit == 1
    health.learn(ARRIVED)
    assert health.limit == lanes.AT_ONCE
    for _ in range(lanes.FAILURES_IN_A_ROW):
        health.learn(REFUSED)
    assert (health.is_slow, health.limit, health.ahead) == (True, 1, 1)
    health.learn(ARRIVED)
    assert health.limit == lanes.AT_ONCE
    health.learn(Outcome(False, None, "Nobody answered in time.", 15.0))
    assert health.limit == 1


def test_fault__within_the_platform__is_seen_on_the_delivery_and_stops_nobody(
    world: World, receiver: Receiver
) -> None:
    broken, _ = listen(world, receiver)
    listen(world, receiver)
    Webhook.objects.filter(pk=broken.pk).update(sealed_secret="gAAAA")
    tell(world)
    assert deliver_due() == 2
    assert Delivery.objects.get(webhook=broken).error.startswith("A stored secret cannot be read")
    assert Delivery.objects.exclude(webhook=broken).get().status == "delivered"


@pytest.mark.usefixtures("shared_database")
def test_workers__many_at_once__send_each_delivery_once(start: Callable[..., Handler], settings: Any) -> None:
    settings.OUTBOUND_ALLOW_CIDRS = ("127.0.0.0/8",)
    world = make_world()
    receivers = [start(well) for _ in range(3)]
    for each in receivers:
        attach(world, each.url)
    for _ in range(100):
        tell(world)
    counts: list[int] = []

    def work() -> None:
        try:
            counts.append(deliver_due())
        finally:
            connection.close()

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(counts) == 300
    wanted = set(Event.objects.values_list("pk", flat=True))
    for each in receivers:
        assert Counter(each.ids) == Counter(wanted)
    assert set(Delivery.objects.values_list("status", "attempts")) == {("delivered", 1)}


@pytest.mark.usefixtures("shared_database")
def test_events__of_many_writers__appear_in_the_order_of_their_numbers() -> None:
    world = make_world()
    from apps.workspaces.selectors import list_events

    seen: list[int] = []
    ended = threading.Event()

    def write() -> None:
        try:
            for _ in range(25):
                tell(world)
        finally:
            connection.close()

    def read() -> None:
        try:
            while True:
                last = ended.is_set()
                after = str(seen[-1]) if seen else ""
                seen.extend(row.sequence for row in list_events(world.workspace, after=after)[:7])
                if last and len(seen) >= 100:
                    return
        finally:
            connection.close()

    writers = [threading.Thread(target=write) for _ in range(4)]
    reader = threading.Thread(target=read)
    for thread in (*writers, reader):
        thread.start()
    for thread in writers:
        thread.join()
    ended.set()
    reader.join(timeout=30)
    assert seen == list(range(1, 101))


def test_deliverer__that_is_told_to_stop__gives_back_what_it_did_not_begin(
    world: World, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    webhook, _ = listen(world, receiver)
    for _ in range(30):
        tell(world)
    deliveries._health[webhook.pk] = lanes.Health(known=True, seconds=0.01)
    monkeypatch.setattr(deliveries._Deliverer, "_start", lambda self: (_ for _ in ()).throw(SystemExit))
    with pytest.raises(SystemExit):
        deliver_due()
    assert set(Delivery.objects.values_list("claimed_at", "attempts")) == {(None, 0)}
    assert claiming.find_ready() == [webhook]
