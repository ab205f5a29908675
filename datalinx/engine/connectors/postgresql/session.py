"""One session with a PostgreSQL server that a user named: to a checked address, with an end to everything."""

import os
import socket
import ssl
import struct
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import psycopg

from datalinx.engine.connectors.base import Connection
from datalinx.engine.connectors.postgresql.config import PostgresqlConfig, PostgresqlCredentials
from datalinx.engine.connectors.postgresql.failures import explain_login
from datalinx.engine.spec.base import parse_document
from datalinx.outbound import reach_host
from datalinx.outbound.addresses import Address

# How often the watch looks, and how long a server may take to heed a cancel before the line is cut.
WATCH_SECONDS = 0.25
CANCEL_SECONDS = 3.0
# What a server may say in one session: we ask for counts and columns alone, and libpq keeps every answer in memory.
MOST_BYTES = 32 * 1024**2
COUNT_SECONDS = 0.05
# Where `struct tcp_info` of Linux has `tcpi_bytes_received`.
_RECEIVED = struct.Struct("@128xQ")
# The kernel gives up on a peer that acknowledges nothing for so long.
SILENCE_MILLISECONDS = 60_000


def read_config(connection: Connection) -> PostgresqlConfig:
    """Return the config as its document; raise `Invalid`."""
    return parse_document(PostgresqlConfig, dict(connection.config))


def reach(connection: Connection) -> Address:
    """Return the server's address that was checked and takes connections. Raises as `reach_host` does."""
    config = read_config(connection)
    return reach_host(config.host, config.port, allow=connection.allow, seconds=float(config.connect_timeout))


@contextmanager
def open_session(
    connection: Connection, *, should_stop: Callable[[], bool], address: Address | None = None
) -> Iterator[psycopg.Connection[Any]]:
    """Give a session in autocommit, while `should_stop` says no; then it is cancelled and cut.

    Raises `Unavailable` and `Failed` for a server that cannot be reached or refuses the login.
    """
    config = read_config(connection)
    credentials = parse_document(PostgresqlCredentials, dict(connection.credentials))
    address = address or reach(connection)
    with tempfile.TemporaryDirectory(prefix="datalinx-postgresql-") as folder:
        try:
            session = _Session.connect(**_parameters(config, credentials, address, Path(folder)))
        except psycopg.Error as error:
            # Not chained: the text of the cause names the role, and would stand in a log.
            raise explain_login(error, config) from None
        # Whatever the role's own default is: what is read after waiting for a lock has to be what is true then.
        session.isolation_level = psycopg.IsolationLevel.READ_COMMITTED
        with session, Watch(session, should_stop):
            yield session


@contextmanager
def transaction(
    session: psycopg.Connection[Any], config: PostgresqlConfig, *, undo: bool = False
) -> Iterator[None]:
    """Give a transaction with its limits, rolled back at its end if it is to be undone.

    The limits are the transaction's own: a pooler may lend the session to somebody else after it.
    """
    with session.transaction(force_rollback=undo):
        # Rows that a policy hides would be missed silently; so it is an error.
        limits = {"statement_timeout": f"{config.statement_timeout}s", "row_security": "off"}
        # Nobody reads the notices of a table's triggers.
        limits["client_min_messages"] = "error"
        for name, value in limits.items():
            session.execute("SELECT pg_catalog.set_config(%s, %s, true)", [name, value])
        yield


def _parameters(
    config: PostgresqlConfig, credentials: PostgresqlCredentials, address: Address, folder: Path
) -> dict[str, Any]:
    authorities = ssl.get_default_verify_paths().cafile or "system"
    # A missing file keeps libpq from taking one out of this machine's home folder instead.
    trusted = folder / "authorities.pem"
    if config.ca_certificate is not None:
        trusted.write_text(config.ca_certificate)
    verifies = config.sslmode == "verify-full" and config.ca_certificate is None
    return {
        "host": config.host,
        # libpq connects here and nowhere else; the name is for TLS alone.
        "hostaddr": str(address),
        "port": config.port,
        "dbname": config.database,
        "user": credentials.user,
        "password": credentials.password,
        "sslmode": config.sslmode,
        "sslrootcert": authorities if verifies else str(trusted),
        # Nothing of this machine's own is offered to a server that a user named.
        "passfile": str(folder / "passwords"),
        "sslcertmode": "disable",
        "gssencmode": "disable",
        "connect_timeout": config.connect_timeout,
        "tcp_user_timeout": SILENCE_MILLISECONDS,
        "keepalives_idle": 30,
        "client_encoding": "UTF8",
        "application_name": "datalinx",
        "autocommit": True,
        "prepare_threshold": None,
    }


class _Session(psycopg.Connection[Any]):
    """A connection that is not made with a server that says too much before anybody is logged in."""

    @classmethod
    def _connect_gen(cls, *args: Any, **given: Any) -> Generator[Any, Any, Self]:
        steps: Any = super()._connect_gen(*args, **given)
        ready = None
        try:
            while True:
                wanted = steps.send(ready)
                if _received(wanted[0]) > MOST_BYTES:
                    steps.close()
                    raise psycopg.OperationalError(
                        "the server closed the connection, as it had said too much"
                    )
                ready = yield wanted
        except StopIteration as end:
            made: Self = end.value
            return made


class Watch:
    """Ends a session from beside when it is to stop: a cancel first, then the line is cut.

    The line of a server that says too much is cut at once.
    """

    def __init__(self, session: psycopg.Connection[Any], should_stop: Callable[[], bool]) -> None:
        self._session, self._should_stop = session, should_stop
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="postgresql-watch", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        # Before the session closes: its descriptor must not be cut when it is somebody else's already.
        self._done.set()
        self._thread.join()

    def _watch(self) -> None:
        looks_at = time.monotonic() + WATCH_SECONDS
        while not self._done.wait(COUNT_SECONDS):
            if self._says_too_much():
                self._cut()
                return
            if time.monotonic() < looks_at:
                continue
            looks_at = time.monotonic() + WATCH_SECONDS
            if not self._should_stop():
                continue
            with suppress(psycopg.Error):
                self._session.cancel_safe(timeout=CANCEL_SECONDS)
            if not self._done.wait(CANCEL_SECONDS):
                self._cut()
            return

    def _says_too_much(self) -> bool:
        with suppress(psycopg.Error):
            return _received(self._session.fileno()) > MOST_BYTES
        return False

    def _cut(self) -> None:
        with suppress(OSError, psycopg.Error), _line(self._session.fileno()) as line:
            line.shutdown(socket.SHUT_RDWR)


def _received(descriptor: int) -> int:
    """Return how many bytes came in over a connection so far; 0 where the system does not tell."""
    if not sys.platform.startswith("linux"):
        return 0
    with suppress(OSError, struct.error), _line(descriptor) as line:
        told = line.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, _RECEIVED.size)
        return int(_RECEIVED.unpack(told)[0])
    return 0


def _line(descriptor: int) -> socket.socket:
    return socket.socket(fileno=os.dup(descriptor))
