"""The broker of files: a message is whole, comes once, and comes back when it is not confirmed."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from queue import Empty
from typing import Any

import pytest
from kombu import Connection, Exchange, Queue

EXCHANGE = Exchange("default", type="direct")
QUEUES = {name: Queue(name, EXCHANGE, routing_key=name) for name in ("runs", "default")}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "broker"


def connect(folder: Path) -> Connection:
    options = {"folder": str(folder), "polling_interval": 0.01}
    return Connection("folder://localhost", transport="datalinx.broker:Transport", transport_options=options)


def send(folder: Path, body: Any, queue: str = "default") -> None:
    with connect(folder) as connection, connection.Producer() as producer:
        producer.publish(
            body, exchange=EXCHANGE, routing_key=queue, declare=[QUEUES[queue]], serializer="json"
        )


def take(connection: Connection, queue: str = "default") -> Any:
    bound = QUEUES[queue](connection.default_channel)
    # As every consumer does.
    bound.declare()
    return bound.get()


def test_broker__a_message__arrives_in_another_connection(folder: Path) -> None:
    send(folder, {"id": "run_1", "text": "größer"})
    with connect(folder) as connection:
        message = take(connection)
        assert message.payload == {"id": "run_1", "text": "größer"}
        message.ack()
        assert take(connection) is None


def test_broker__messages_of_one_queue__come_in_their_order_and_not_in_another(folder: Path) -> None:
    for number in range(5):
        send(folder, number, "runs")
    with connect(folder) as connection:
        assert take(connection, "default") is None
        assert [take(connection, "runs").payload for _ in range(5)] == list(range(5))


def test_broker__a_message_that_was_not_confirmed__comes_back_when_its_reader_leaves(folder: Path) -> None:
    send(folder, "kept")
    with connect(folder) as connection:
        assert take(connection).payload == "kept"
    with connect(folder) as connection:
        message = take(connection)
        assert message.payload == "kept"
        message.ack()
    with connect(folder) as connection:
        assert take(connection) is None


def test_broker__a_rejected_message__comes_back_at_once(folder: Path) -> None:
    send(folder, "again")
    with connect(folder) as connection:
        take(connection).requeue()
        message = take(connection)
        assert message.payload == "again"
        message.ack()


def test_broker__a_message_that_is_being_written__is_not_seen(folder: Path) -> None:
    send(folder, "whole")
    (file,) = folder.iterdir()
    file.rename(file.with_name(file.name + ".partial"))
    with connect(folder) as connection:
        assert take(connection) is None


def test_broker__many_readers__take_each_message_once(folder: Path) -> None:
    for number in range(60):
        send(folder, number)
    start = threading.Barrier(6)

    def read(_: int) -> list[int]:
        found = []
        with connect(folder) as connection:
            start.wait()
            while (message := take(connection)) is not None:
                found.append(message.payload)
                message.ack()
        return found

    with ThreadPoolExecutor(6) as pool:
        taken = [number for found in pool.map(read, range(6)) for number in found]
    assert sorted(taken) == list(range(60))


def test_broker__counted_and_emptied__tells_how_many(folder: Path) -> None:
    for number in range(3):
        send(folder, number)
    with connect(folder) as connection:
        queue = QUEUES["default"](connection.default_channel)
        assert queue.queue_declare().message_count == 3
        assert queue.purge() == 3
        with pytest.raises(Empty):
            connection.default_channel._get("default")


def test_broker__its_folder__is_closed_to_others(folder: Path) -> None:
    send(folder, 1)
    assert folder.stat().st_mode & 0o777 == 0o700


def test_broker__waiting_for_nothing__returns_soon(folder: Path) -> None:
    consumer = {"queues": [QUEUES["default"]], "callbacks": [lambda *_: None]}
    started = time.monotonic()
    with connect(folder) as connection, connection.Consumer(**consumer), pytest.raises(TimeoutError):
        connection.drain_events(timeout=2)
    assert time.monotonic() - started < 1
