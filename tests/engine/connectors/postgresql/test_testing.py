"""A connection test says where it stopped and why, and tells no secret."""

import socket
import threading
from collections.abc import Iterator
from contextlib import closing, suppress
from dataclasses import replace

import pytest

from datalinx.engine.connectors.base import Connection, TestStep
from datalinx.engine.connectors.postgresql import session
from datalinx.engine.connectors.postgresql.connector import PostgresqlConnector
from datalinx.outbound import hosts
from tests.warehouse import PASSWORD, Warehouse

connector = PostgresqlConnector()


def outcome(steps: list[TestStep]) -> list[tuple[str, bool]]:
    assert all(step.message.endswith(".") and PASSWORD not in step.message for step in steps)
    return [(step.name, step.passed) for step in steps]


@pytest.fixture
def listener() -> Iterator[socket.socket]:
    with closing(socket.create_server(("127.0.0.1", 0))) as server:
        yield server


def config_for(listener: socket.socket, **config: object) -> Connection:
    port = listener.getsockname()[1]
    values = {"host": "127.0.0.1", "port": port, "database": "d", "connect_timeout": 1, **config}
    return Connection(values, {"user": "u", "password": PASSWORD}, allow=("127.0.0.0/8",))


@pytest.mark.postgresql
def test_test__of_a_good_destination__passes_every_step_and_leaves_nothing(warehouse: Warehouse) -> None:
    steps = connector.test(warehouse.connection())
    assert outcome(steps) == [
        ("network", True),
        ("authentication", True),
        ("access", True),
        ("tables", True),
    ]
    assert warehouse.sql("SELECT count(*) FROM pg_tables WHERE schemaname = 'mart'") == [(0,)]


@pytest.mark.postgresql
def test_test__database_schema_and_rights_missing__fail_at_access(warehouse: Warehouse) -> None:
    for config in ({"database": "nowhere"}, {"schema": "nowhere"}):
        steps = connector.test(warehouse.connection(**config))
        assert outcome(steps) == [("network", True), ("authentication", True), ("access", False)], config
    warehouse.sql(f'REVOKE CREATE ON SCHEMA mart FROM "{warehouse.role}"')
    steps = connector.test(warehouse.connection())
    assert outcome(steps)[-1] == ("access", False)
    assert "GRANT" in steps[-1].message


@pytest.mark.postgresql
def test_test__user_that_is_not_there__fails_at_authentication(warehouse: Warehouse) -> None:
    connection = replace(warehouse.connection(), credentials={"user": "nobody-x", "password": PASSWORD})
    steps = connector.test(connection)
    assert outcome(steps) == [("network", True), ("authentication", False)]
    assert "nobody-x" not in steps[-1].message


@pytest.mark.postgresql
def test_test__tls_that_the_server_lacks__fails_at_network(warehouse: Warehouse) -> None:
    steps = connector.test(warehouse.connection(sslmode="verify-full"))
    assert outcome(steps) == [("network", False)]
    assert "sslmode verify-full" in steps[0].message


@pytest.mark.postgresql
def test_test__name_that_has_a_forbidden_address_too__never_connects(
    warehouse: Warehouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = ["127.0.0.1", "169.254.169.254"]
    monkeypatch.setattr(hosts, "look_up", lambda *_: [hosts.read_host(text)[1] for text in found])
    steps = connector.test(warehouse.connection(host="db.example"))
    assert outcome(steps) == [("network", False)]
    assert "not a public address" in steps[0].message
    found.pop()
    assert all(step.passed for step in connector.test(warehouse.connection(host="db.example")))


def test_test__address_that_may_not_be_reached__fails_without_a_connection(listener: socket.socket) -> None:
    steps = connector.test(replace(config_for(listener), allow=()))
    assert outcome(steps) == [("network", False)]
    listener.settimeout(0.05)
    with pytest.raises(TimeoutError):
        listener.accept()


def test_test__nobody_listens__fails_at_network(listener: socket.socket) -> None:
    connection = config_for(listener)
    listener.close()
    assert outcome(connector.test(connection)) == [("network", False)]


def test_test__server_that_says_nothing__ends_in_time(listener: socket.socket) -> None:
    steps = connector.test(config_for(listener))
    assert outcome(steps) == [("network", False)]
    assert "did not answer" in steps[0].message


def test_test__server_that_echoes_the_password__is_not_quoted(listener: socket.socket) -> None:
    """A server may ask for the password in clear, and put it into its error: nothing of that is passed on."""

    def serve() -> None:
        with suppress(OSError):
            while True:
                line, _ = listener.accept()
                with line, suppress(OSError):
                    if not line.recv(1000):
                        continue
                    line.sendall(b"R\x00\x00\x00\x08\x00\x00\x00\x03")
                    asked = line.recv(1000)[5:].rstrip(b"\x00")
                    text = b"SFATAL\x00C28P01\x00Mno " + asked + b" here\x00\x00"
                    line.sendall(b"E" + (len(text) + 4).to_bytes(4, "big") + text)

    threading.Thread(target=serve, daemon=True).start()
    steps = connector.test(config_for(listener, sslmode="disable"))
    assert outcome(steps) == [("network", True), ("authentication", False)]
    assert "refused the login" in steps[1].message


def test_test__server_that_says_no_end_of_rows__is_cut_off(
    listener: socket.socket, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All that a server answers is kept in memory, and one that a user named may answer with anything."""
    monkeypatch.setattr(session, "MOST_BYTES", 1_000_000)
    row = message(b"D", b"\x00\x01" + (100_000).to_bytes(4, "big") + b"x" * 100_000)
    said = 0

    def serve() -> None:
        nonlocal said
        with suppress(OSError):
            while True:
                line, _ = listener.accept()
                with line, suppress(OSError):
                    if not line.recv(1000):
                        continue
                    version = message(b"S", b"server_version\x0015.0\x00")
                    line.sendall(message(b"R", bytes(4)) + version + message(b"Z", b"I"))
                    line.recv(1000)
                    line.sendall(
                        message(
                            b"T", b"\x00\x01a\x00" + bytes(6) + b"\x00\x00\x00\x19" + b"\xff" * 6 + bytes(2)
                        )
                    )
                    while said < 2_000_000_000:
                        line.sendall(row)
                        said += len(row)

    threading.Thread(target=serve, daemon=True).start()
    steps = connector.test(config_for(listener, sslmode="disable"))
    assert outcome(steps) == [("network", True), ("authentication", True), ("access", False)]
    assert "connection was lost" in steps[-1].message
    assert 1_000_000 < said < 1_500_000_000


def test_test__server_that_says_no_end_before_the_login__is_left(
    listener: socket.socket, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(session, "MOST_BYTES", 1_000_000)
    said = 0

    def serve() -> None:
        nonlocal said
        with suppress(OSError):
            while True:
                line, _ = listener.accept()
                with line, suppress(OSError):
                    if not line.recv(1000):
                        continue
                    line.sendall(message(b"R", bytes(4)) + b"E" + (1_000_000_000).to_bytes(4, "big"))
                    while said < 900_000_000:
                        line.sendall(b"x" * 100_000)
                        said += 100_000

    threading.Thread(target=serve, daemon=True).start()
    steps = connector.test(config_for(listener, sslmode="disable", connect_timeout=10))
    assert outcome(steps) == [("network", False)]
    assert "broke the connection off" in steps[0].message
    assert said < 500_000_000


def message(kind: bytes, content: bytes) -> bytes:
    return kind + (len(content) + 4).to_bytes(4, "big") + content
