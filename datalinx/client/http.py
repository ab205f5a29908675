"""The seam to the HTTP library: the only file that imports httpx, so that another can take its place."""

import codecs
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from types import TracebackType
from typing import Self

import httpx

from datalinx.client.errors import ConnectionFailed, Timeout
from datalinx.client.uploads import Upload

HttpTransport = httpx.BaseTransport
_CONNECT_SECONDS = 10.0


@dataclass(frozen=True)
class Outgoing:
    """One request on the wire. `seconds` limits the wait for a connection, for each write and for each read."""

    method: str
    url: str
    headers: Mapping[str, str]
    params: Mapping[str, str]
    content: bytes | None
    upload: Upload | None
    seconds: float
    request_id: str


class Incoming:
    """An answer whose head is there and whose body can be read once; close it, or use it in a `with`."""

    def __init__(self, response: httpx.Response, request: Outgoing) -> None:
        self._response = response
        self._request = request
        self.status = response.status_code
        self.headers = {name.lower(): value for name, value in response.headers.items()}

    def read(self) -> bytes:
        """Return the whole body."""
        with _as_our_errors(self._request):
            return self._response.read()

    def chunks(self) -> Iterator[bytes]:
        """Yield the body in pieces."""
        with _as_our_errors(self._request):
            yield from self._response.iter_bytes()

    def lines(self) -> Iterator[str]:
        """Yield the body's lines without their ends, as soon as each is there.

        A line ends with CR LF, LF or CR, and with nothing else: that is what server-sent events need, where
        `str.splitlines` would also break at U+2028 and its like.
        """
        decode = codecs.getincrementaldecoder("utf-8")(errors="replace").decode
        rest = ""
        for chunk in self.chunks():
            rest += decode(chunk)
            # A CR at the very end may be the first half of a CR LF.
            held = "\r" if rest.endswith("\r") else ""
            *lines, rest = rest.removesuffix(held).replace("\r\n", "\n").replace("\r", "\n").split("\n")
            rest += held
            yield from lines
        if rest:
            yield rest.removesuffix("\r")

    def close(self) -> None:
        """Give the connection back."""
        self._response.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


class Http:
    """A pool of connections. Redirects are not followed: a key must not travel to another host."""

    def __init__(self, transport: HttpTransport | None = None) -> None:
        self._client = httpx.Client(transport=transport, follow_redirects=False)

    def open(self, request: Outgoing) -> Incoming:
        """Send the request and return the answer as soon as its head is there.

        Raises ConnectionFailed or Timeout.
        """
        with ExitStack() as files, _as_our_errors(request):
            response = self._client.send(self._build(request, files), stream=True)
        return Incoming(response, request)

    def close(self) -> None:
        """Close all connections."""
        self._client.close()

    def _build(self, request: Outgoing, files: ExitStack) -> httpx.Request:
        timeout = httpx.Timeout(request.seconds, connect=min(_CONNECT_SECONDS, request.seconds))
        upload = request.upload or Upload(())
        parts = [("file", (part.name, files.enter_context(part.open()))) for part in upload.parts]
        return self._client.build_request(
            request.method,
            request.url,
            headers=dict(request.headers),
            params=dict(request.params) or None,
            content=request.content,
            data=dict(upload.fields) or None,
            files=parts or None,
            timeout=timeout,
        )


@contextmanager
def _as_our_errors(request: Outgoing) -> Iterator[None]:
    where = f"{request.method} {request.url}"
    try:
        yield
    except (httpx.ConnectTimeout, httpx.PoolTimeout) as error:
        message = f"No connection within {min(_CONNECT_SECONDS, request.seconds):g} seconds: {where}."
        raise Timeout(message, code="TIMEOUT", request_id=request.request_id, sent=False) from error
    except httpx.TimeoutException as error:
        message = f"No answer within {request.seconds:g} seconds: {where}."
        raise Timeout(message, code="TIMEOUT", request_id=request.request_id) from error
    except (httpx.ConnectError, httpx.UnsupportedProtocol, httpx.ProxyError) as error:
        raise _failed(f"Cannot reach {request.url}: {error}", request, sent=False) from error
    except (httpx.RequestError, httpx.InvalidURL) as error:
        raise _failed(f"The connection failed during {where}: {error}", request, sent=True) from error


def _failed(message: str, request: Outgoing, *, sent: bool) -> ConnectionFailed:
    return ConnectionFailed(message, code="CONNECTION_FAILED", request_id=request.request_id, sent=sent)
