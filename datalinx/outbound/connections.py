"""Connections that go to one checked address and nowhere else, and that end at their deadline."""

import http.client
import queue
import select
import socket
import ssl
import struct
import sys
import threading
import time
from collections.abc import Mapping
from functools import cache
from ipaddress import ip_address
from pathlib import Path
from typing import Any

from urllib3.connection import HTTPConnection, HTTPSConnection

from datalinx.errors import Unavailable
from datalinx.outbound.addresses import Address, not_allowed, unwrapped
from datalinx.outbound.responses import Response

# Lookups that hang cannot be stopped, only left behind; more than this many at once are not begun.
_LOOKUPS = threading.BoundedSemaphore(64)


# Methods whose requests say how long their body is even when they have none.
_WITH_BODY = frozenset({"POST", "PUT", "PATCH"})
# Of `struct tcp_info` of Linux: `tcpi_state` and `tcpi_bytes_received`.
_HAS_ACCOUNT = sys.platform.startswith("linux")
_ACCOUNT = struct.Struct("@B127xQ")
_ESTABLISHED = 1


class DeadlineSocket(socket.socket):
    """A socket whose every operation ends at one moment (of `time.monotonic`), however slowly bytes drip in.

    It blocks, and the kernel keeps the time: with a time-out of Python's each operation would wait for readiness first.
    """

    deadline = 0.0
    # How many bytes were read.
    taken = 0

    def is_quiet(self) -> bool:
        """Return whether the other side has said nothing that was not read: neither words nor an end.

        The kernel's account of the connection is asked: to poll would hand the interpreter over to another thread.
        """
        account = self.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, _ACCOUNT.size)
        return _ACCOUNT.unpack(account) == (_ESTABLISHED, self.taken)

    def recv_into(self, *args: Any, **given: Any) -> int:
        self._arm(socket.SO_RCVTIMEO)
        try:
            count = super().recv_into(*args, **given)
        except BlockingIOError:
            raise TimeoutError from None
        self.taken += count
        return count

    def sendall(self, data: Any, flags: int = 0) -> None:
        left = memoryview(data)
        while left:
            self._arm(socket.SO_SNDTIMEO)
            try:
                left = left[self.send(left, flags) :]
            except BlockingIOError:
                raise TimeoutError from None

    def _arm(self, option: int) -> None:
        self.setsockopt(socket.SOL_SOCKET, option, _timeval(remaining(self.deadline)))


class DeadlineTLSSocket(ssl.SSLSocket):
    """The same inside TLS."""

    deadline = 0.0

    def read(self, *args: Any, **given: Any) -> Any:
        self.settimeout(remaining(self.deadline))
        return super().read(*args, **given)

    def send(self, *args: Any, **given: Any) -> int:
        self.settimeout(remaining(self.deadline))
        return super().send(*args, **given)


class _Pinned:
    """What both kinds of connection share: the address that they go to, and the deadline."""

    address: Address
    connect_seconds: float
    deadline: float
    sock: Any
    host: str
    port: int
    default_port: int
    _poll: "select.poll | None" = None

    def is_idle(self) -> bool:
        """Return whether it is open and the other side has said nothing since: neither words nor an end."""
        if self.sock is None:
            return False
        if _HAS_ACCOUNT and isinstance(self.sock, DeadlineSocket):
            return self.sock.is_quiet()
        if self._poll is None:
            self._poll = select.poll()
            self._poll.register(self.sock, select.POLLIN)
        return not self._poll.poll(0)

    def ask(
        self, method: str, path: str, *, body: bytes | None, headers: Mapping[str, str]
    ) -> http.client.HTTPResponse:
        """Send a request and return the answer, its body still to be read, as it is sent.

        Names and values of headers are checked before. Head and body leave in one piece: two would wake the other
        side up twice.
        """
        host = f"[{self.host}]" if ":" in self.host else self.host
        port = "" if self.port == self.default_port else f":{self.port}"
        lines = [f"{method} {path} HTTP/1.1", f"Host: {host}{port}", "Accept-Encoding: identity"]
        if body is not None or method in _WITH_BODY:
            lines.append(f"Content-Length: {len(body or b'')}")
        lines += [f"{name}: {value}" for name, value in headers.items()]
        self.sock.sendall("\r\n".join([*lines, "", ""]).encode("ascii") + (body or b""))
        response = Response(self.sock, method=method)
        response.begin()
        return response

    def set_deadline(self, deadline: float) -> None:
        """Move the deadline, of the open socket too."""
        self.deadline = deadline
        if self.sock is not None:
            self.sock.deadline = deadline

    def open_socket(self, port: int) -> DeadlineSocket:
        """Connect to the address, and make sure that it is the one at the other end."""
        family = socket.AF_INET if self.address.version == 4 else socket.AF_INET6
        opened = DeadlineSocket(family, socket.SOCK_STREAM)
        try:
            opened.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            opened.settimeout(min(self.connect_seconds, remaining(self.deadline)))
            opened.connect((str(self.address), port))
            self._check_peer(opened)
            opened.deadline = self.deadline
            opened.settimeout(None)
        except BaseException:
            opened.close()
            raise
        return opened

    def _check_peer(self, opened: socket.socket) -> None:
        peer = unwrapped(ip_address(opened.getpeername()[0].partition("%")[0]))
        if peer != self.address:
            raise not_allowed("The connection ended at another address than the one that was checked.")


class PinnedHTTP(_Pinned, HTTPConnection):
    """An HTTP connection to one address; the name only stands in the Host header."""

    def _new_conn(self) -> socket.socket:
        return self.open_socket(self.port)


class PinnedHTTPS(_Pinned, HTTPSConnection):
    """An HTTPS connection to one address; the certificate must be the name's."""

    def _new_conn(self) -> socket.socket:
        opened = self.open_socket(self.port)
        # TLS takes the time-out of the moment for its whole handshake.
        opened.settimeout(max(0.001, self.deadline - time.monotonic()))
        return opened

    def connect(self) -> None:
        super().connect()
        self.sock.deadline = self.deadline


@cache
def tls_context(ca_file: Path | None) -> ssl.SSLContext:
    """Return a context that verifies names, with the system's authorities or those of a file."""
    context = ssl.create_default_context(cafile=ca_file)
    context.sslsocket_class = DeadlineTLSSocket
    return context


def _timeval(seconds: float) -> bytes:
    """Return seconds as the kernel takes them; none at all would mean forever."""
    return struct.pack("@ll", int(seconds), max(1, int(seconds % 1 * 1_000_000)))


def remaining(deadline: float) -> float:
    """Return the seconds until a deadline; raise `TimeoutError` when it is over."""
    left = deadline - time.monotonic()
    if left <= 0:
        raise TimeoutError
    return left


def resolve_host(host: str, port: int) -> list[str]:
    """Return the addresses that a name has, in the resolver's order."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(each[4][0]) for each in found))


def look_up(resolve: Any, host: str, port: int, deadline: float) -> list[Address]:
    """Return the addresses of a name, or raise: `Unavailable` `HOST_NOT_FOUND`, `TimeoutError` at the deadline."""
    answers: queue.SimpleQueue[list[str] | OSError | UnicodeError] = queue.SimpleQueue()

    def ask() -> None:
        try:
            answers.put(resolve(host, port))
        except (OSError, UnicodeError) as error:
            answers.put(error)
        finally:
            _LOOKUPS.release()

    if not _LOOKUPS.acquire(timeout=remaining(deadline)):
        raise TimeoutError
    threading.Thread(target=ask, name="look-up", daemon=True).start()
    try:
        answer = answers.get(timeout=remaining(deadline))
    except queue.Empty:
        raise TimeoutError from None
    if not isinstance(answer, list) or not answer:
        raise Unavailable("HOST_NOT_FOUND", f"The host {host} has no address.")
    return [ip_address(text.partition("%")[0]) for text in answer]
