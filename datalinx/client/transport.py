"""One call, from plain values to plain values: address, headers, credentials, retries, envelope, errors."""

import json
import logging
import time
import uuid
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any, TypeVar
from urllib.parse import quote

from datalinx.client.credentials import Credentials, is_renewable
from datalinx.client.errors import APIError, error_from_answer
from datalinx.client.http import Http, Incoming, Outgoing
from datalinx.client.retries import Retries
from datalinx.client.uploads import Upload
from datalinx.ids import new_id
from datalinx.version import __version__

logger = logging.getLogger("datalinx.client")

T = TypeVar("T")
NO_BODY: Any = object()
_REPEATABLE = frozenset({"GET", "HEAD", "PUT", "DELETE"})
# Printable ASCII travels as it is; the rest, and the sign of percent-encoding itself, is percent-encoded.
_HEADER_SAFE = "".join(chr(code) for code in range(32, 127) if chr(code) != "%")


@dataclass(frozen=True)
class Call:
    """One call of the API. `path` is relative to `/api`; a POST gets an Idempotency-Key if it has none.

    `only_reads` says of a POST, such as a query, that it changes nothing: there is nothing to do only once, and the
    server need not keep its answer.
    """

    method: str
    path: str
    params: Mapping[str, Any] = field(default_factory=dict)
    body: Any = NO_BODY
    upload: Upload | None = None
    workspace: str | None = None
    seconds: float | None = None
    idempotency_key: str | None = None
    accept: str = "application/json"
    headers: Mapping[str, str] = field(default_factory=dict)
    anonymous: bool = False
    only_reads: bool = False

    @property
    def takes_key(self) -> bool:
        """Whether the call has an Idempotency-Key: every POST that changes something, but those of `/api/auth`."""
        return self.method == "POST" and not self.only_reads and not self.path.startswith("auth/")

    @property
    def repeatable(self) -> bool:
        """Whether doing this twice does no harm."""
        return self.method in _REPEATABLE or self.only_reads or self.takes_key


@dataclass(frozen=True)
class Answer:
    """What came back: `data` out of the envelope, the `pagination` beside it, and the request's id."""

    data: Any
    pagination: Mapping[str, int] | None
    request_id: str


def route(*parts: str) -> str:
    """Return a path of these parts, each percent-encoded. Raises ValueError for a part that would change the path."""
    for part in parts:
        if not part or part in {".", ".."}:
            raise ValueError(f"{part!r} cannot stand in an address; give the id or the name.")
    return "/".join(quote(part, safe="") for part in parts)


class Transport:
    """Makes calls. Safe to use from many threads at once."""

    def __init__(
        self,
        *,
        base_url: str,
        http: Http,
        credentials: Credentials,
        seconds: float = 30.0,
        retries: Retries | None = None,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self.base_url = base_url
        self.sleep = sleep
        self.credentials = credentials
        self._http = http
        self._seconds = seconds
        self._retries = retries or Retries()

    def send(self, call: Call) -> Answer:
        """Make the call and return what the envelope holds. Raises APIError."""
        return self._attempts(call, _read_envelope)

    def open(self, call: Call) -> Incoming:
        """Make the call and return its answer unread, for streams and files; close it. Raises APIError."""
        return self._attempts(call, lambda incoming, _: incoming)

    def post_anonymously(self, path: str, body: Mapping[str, str]) -> Mapping[str, Any]:
        """Post to an endpoint of `/api/auth` without credentials and return its answer, which has no envelope."""
        data = self._attempts(Call("POST", path, body=body, anonymous=True), _read_envelope).data
        return data if isinstance(data, Mapping) else {}

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def _attempts(self, call: Call, consume: Callable[[Incoming, str], T]) -> T:
        fixed = self._fixed_headers(call)
        tried, renewed = 0, False
        while True:
            proof = {} if call.anonymous else self.credentials.headers(self.post_anonymously)
            try:
                return self._once(call, {**fixed, **proof}, consume)
            except APIError as error:
                if is_renewable(error) and not renewed and not call.anonymous:
                    renewed = True
                    if self.credentials.renew(self.post_anonymously, proof):
                        continue
                pause = self._pause(call, error, tried)
                if pause is None:
                    raise
                logger.debug("%s; trying again in %.2f s", error, pause)
            tried += 1
            self.sleep(pause)

    def _pause(self, call: Call, error: APIError, tried: int) -> float | None:
        # A refused login is a limit on guessing, and waiting through it would only look like more guessing.
        if call.anonymous and error.status is not None:
            return None
        return self._retries.pause(error, tried=tried, repeatable=call.repeatable)

    def _once(self, call: Call, headers: Mapping[str, str], consume: Callable[[Incoming, str], T]) -> T:
        outgoing = Outgoing(
            method=call.method,
            url=f"{self.base_url}/{call.path}",
            headers=headers,
            params=to_query(call.params),
            content=None if call.body is NO_BODY else to_json(call.body),
            upload=call.upload,
            seconds=call.seconds or self._seconds,
            request_id=headers["X-Request-Id"],
        )
        started = time.monotonic()
        incoming = self._http.open(outgoing)
        request_id = incoming.headers.get("x-request-id", outgoing.request_id)
        seconds = time.monotonic() - started
        logger.debug("%s /%s: %d in %.3f s, %s", call.method, call.path, incoming.status, seconds, request_id)
        try:
            _raise_for_status(incoming, outgoing.request_id)
            return consume(incoming, request_id)
        except BaseException:
            incoming.close()
            raise

    def _fixed_headers(self, call: Call) -> dict[str, str]:
        """Return the headers that stay the same however often the call is tried."""
        headers = {
            "Accept": call.accept,
            "User-Agent": f"datalinx-python/{__version__}",
            "X-Request-Id": new_id("req"),
        }
        if call.workspace is not None:
            headers["X-Workspace"] = quote(call.workspace, safe=_HEADER_SAFE)
        if call.takes_key:
            headers["Idempotency-Key"] = call.idempotency_key or str(uuid.uuid4())
        if call.upload is not None:
            # The server compares repeated uploads by their head, so the boundary must not change either.
            headers["Content-Type"] = f"multipart/form-data; boundary={uuid.uuid4().hex}"
        elif call.body is not NO_BODY:
            headers["Content-Type"] = "application/json"
        return {**headers, **call.headers}


def _raise_for_status(incoming: Incoming, sent_id: str) -> None:
    if incoming.status >= 300:
        raise error_from_answer(incoming.status, incoming.headers, incoming.read(), sent_id=sent_id)


def _read_envelope(incoming: Incoming, request_id: str) -> Answer:
    content = incoming.read()
    incoming.close()
    try:
        body = json.loads(content)
    except ValueError:
        message = "The answer is not JSON; is this the address of Datalinx?"
        raise APIError(
            message, code="UNEXPECTED_ANSWER", status=incoming.status, request_id=request_id
        ) from None
    if isinstance(body, dict) and body.get("status") == "success" and "data" in body:
        return Answer(body["data"], body.get("pagination"), request_id)
    return Answer(body, None, request_id)


def to_json(value: object) -> bytes:
    """Return the value as JSON. Times are written in UTC, decimals and UUIDs as text; NaN is refused."""
    return json.dumps(value, default=_plain, ensure_ascii=False, allow_nan=False).encode()


def to_query(params: Mapping[str, Any]) -> dict[str, str]:
    """Return query parameters as text; None is left out, a list is written with commas."""
    return {key: _query_text(value) for key, value in params.items() if value is not None}


def _query_text(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return value
    if isinstance(value, datetime | date):
        return str(_plain(value))
    if isinstance(value, Iterable):
        return ",".join(_query_text(item) for item in value)
    return str(value)


def _plain(value: object) -> object:
    match value:
        case datetime() if value.tzinfo is not None:
            return value.astimezone(UTC).isoformat().replace("+00:00", "Z")
        case datetime() | date():
            return value.isoformat()
        case Decimal() | uuid.UUID():
            return str(value)
        case Mapping():
            return dict(value)
        case set() | frozenset() | tuple():
            return list(value)
    raise TypeError(f"{type(value).__name__} cannot be sent as JSON")
