"""The client: one request, to a checked address, with one answer and an end."""

import http.client
import ssl
import time
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from types import TracebackType
from typing import NamedTuple, Self, cast

from urllib3.exceptions import HTTPError, ReadTimeoutError, SSLError

from datalinx.errors import Invalid, Unavailable
from datalinx.outbound.addresses import Address, Target, check_address, parse_networks, parse_target
from datalinx.outbound.connections import PinnedHTTP, PinnedHTTPS, look_up, resolve_host, tls_context
from datalinx.version import __version__

_OURS = frozenset(
    {"host", "content-length", "transfer-encoding", "connection", "upgrade", "expect", "te", "trailer"}
)
_NOT_IN_NAMES = frozenset(' :()<>@,;\\"/[]?={}')
_CHUNK_BYTES = 16 * 1024


class Answer(NamedTuple):
    """What the other side answered, redirects included: none is followed.

    `headers` are looked up without case. `body` is cut at the limit, and `truncated` says so.
    """

    status: int
    headers: Mapping[str, str]
    body: bytes
    truncated: bool
    seconds: float


class Outbound:
    """A client for addresses that users give. Connections stay open for the next request until it is closed.

    `allow` are the operator's networks, reachable on any port; everything else must be public, on port 80 or
    443. No proxy, cookie or credential of the environment is used. `ca_file` takes the place of the system's
    certificate authorities, `resolve` that of its resolver. One thread at a time.
    """

    def __init__(
        self,
        *,
        allow: Sequence[str] = (),
        connect_seconds: float = 5.0,
        ca_file: Path | None = None,
        resolve: Callable[[str, int], list[str]] = resolve_host,
    ) -> None:
        self._allowed = parse_networks(allow)
        self._connect_seconds = connect_seconds
        self._ca_file = ca_file
        self._resolve = resolve
        self._open: dict[tuple[str, str, int], PinnedHTTP | PinnedHTTPS] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections that are open."""
        while self._open:
            self._open.popitem()[1].close()

    def request(
        self,
        method: str,
        url: str,
        *,
        body: bytes | None = None,
        headers: Mapping[str, str] | None = None,
        seconds: float = 15.0,
        response_bytes: int = 64 * 1024,
    ) -> Answer:
        """Send one request and return the answer, all of it within `seconds`.

        Raise `Invalid` with `ADDRESS_NOT_ALLOWED`, `INVALID_URL` or `HEADER_NOT_ALLOWED` for what can never
        work, `Unavailable` with `HOST_NOT_FOUND`, `CONNECTION_FAILED`, `TLS_FAILED`, `TIMED_OUT` or
        `ANSWER_UNREADABLE` for what may work later. A request that was cut off may have been received.
        """
        started = time.monotonic()
        target = parse_target(url)
        if not (method.isascii() and method.isalpha()):
            raise Invalid("METHOD_NOT_ALLOWED", f"{method[:20]!r} is no HTTP method.")
        sent = _checked_headers(headers or {})
        connection: PinnedHTTP | PinnedHTTPS | None = None
        try:
            connection = self._connected(target, started + seconds)
            response = connection.ask(method, target.path, body=body, headers=sent)
            content = self._receive(connection, response, response_bytes)
        except (OSError, HTTPError, http.client.HTTPException) as error:
            self._drop(connection)
            raise _explained(error, target, late=time.monotonic() >= started + seconds) from error
        except BaseException:
            self._drop(connection)
            raise
        truncated = len(content) > response_bytes
        answered = cast("Mapping[str, str]", response.headers)
        seconds = time.monotonic() - started
        return Answer(response.status, answered, content[:response_bytes], truncated, seconds)

    def _connected(self, target: Target, deadline: float) -> PinnedHTTP | PinnedHTTPS:
        """Return a connection to the target: one that is open, else to the first address that takes it."""
        key = (target.scheme, target.host, target.port)
        kept = self._open.pop(key, None)
        if kept is not None and kept.is_idle():
            kept.set_deadline(deadline)
            self._open[key] = kept
            return kept
        if kept is not None:
            kept.close()
        if target.literal is not None:
            found = [target.literal]
        else:
            found = look_up(self._resolve, target.host, target.port, deadline)
        # All of them are checked before the first is tried: a name that has one forbidden address is an attack.
        addresses = [check_address(address, target, self._allowed) for address in found]
        refused: OSError | HTTPError | None = None
        for address in addresses:
            connection = self._new(target, address, deadline)
            try:
                connection.connect()
            except (OSError, HTTPError) as error:
                connection.close()
                refused = error
                continue
            except BaseException:
                connection.close()
                raise
            self._open[key] = connection
            return connection
        raise refused or TimeoutError

    def _new(self, target: Target, address: Address, deadline: float) -> PinnedHTTP | PinnedHTTPS:
        connection: PinnedHTTP | PinnedHTTPS
        if target.scheme == "https":
            connection = PinnedHTTPS(target.host, target.port, ssl_context=tls_context(self._ca_file))
        else:
            connection = PinnedHTTP(target.host, target.port)
        connection.address = address
        connection.connect_seconds = self._connect_seconds
        connection.deadline = deadline
        return connection

    def _receive(
        self, connection: PinnedHTTP | PinnedHTTPS, response: http.client.HTTPResponse, limit: int
    ) -> bytes:
        """Read the body as it was sent, at most one byte over the limit."""
        content = bytearray()
        while len(content) <= limit:
            chunk = response.read(min(_CHUNK_BYTES, limit + 1 - len(content)))
            if not chunk:
                break
            content += chunk
        if response.length and len(content) <= limit:
            raise http.client.IncompleteRead(bytes(content), response.length)
        if len(content) > limit or response.will_close:
            self._drop(connection)
        return bytes(content)

    def _drop(self, connection: PinnedHTTP | PinnedHTTPS | None) -> None:
        if connection is None:
            return
        connection.close()
        self._open = {key: kept for key, kept in self._open.items() if kept is not connection}


def _checked_headers(headers: Mapping[str, str]) -> dict[str, str]:
    """Return the headers to send; raise `Invalid` `HEADER_NOT_ALLOWED` for those that are not the caller's to set."""
    sent = dict(headers)
    names = [_checked_name(name) for name in headers]
    for name, value in headers.items():
        if not (value.isascii() and value.isprintable()):
            raise _not_a_header(name)
    if "user-agent" not in names:
        sent["User-Agent"] = f"Datalinx/{__version__}"
    return sent


@lru_cache(maxsize=256)
def _checked_name(name: str) -> str:
    """Return the name of a header in small letters; raise `Invalid` `HEADER_NOT_ALLOWED`."""
    small = name.lower()
    if small in _OURS or small.startswith("proxy-"):
        raise Invalid("HEADER_NOT_ALLOWED", f"The header {name} is set by the platform itself.")
    if not (name and name.isascii() and name.isprintable()) or set(name) & _NOT_IN_NAMES:
        raise _not_a_header(name)
    return small


def _not_a_header(name: str) -> Invalid:
    message = f"The header {name[:50]!r} holds characters that headers cannot."
    return Invalid("HEADER_NOT_ALLOWED", message)


def _explained(error: Exception, target: Target, *, late: bool) -> Unavailable | Invalid:
    """Return what went wrong in a sentence that tells nothing about the network inside."""
    if late or isinstance(error, TimeoutError | ReadTimeoutError):
        return Unavailable("TIMED_OUT", f"{target.host} did not answer in time.")
    if isinstance(error, ssl.SSLError | SSLError):
        reason = getattr(error, "verify_message", "") or "the handshake failed"
        return Unavailable("TLS_FAILED", f"No secure connection to {target.host}: {reason}.")
    if isinstance(error, http.client.RemoteDisconnected):
        return Unavailable("CONNECTION_FAILED", f"{target.host} closed the connection without an answer.")
    if isinstance(error, HTTPError | http.client.HTTPException):
        return Unavailable("ANSWER_UNREADABLE", f"{target.host} did not answer as HTTP says.")
    return Unavailable("CONNECTION_FAILED", f"No connection to {target.host}: it refused or broke off.")
