"""Everything that the SDK raises on purpose.

ClientError
├── APIError                      a call did not succeed: code, message, status, request_id, details
│   ├── BadRequest                400  the request cannot be read
│   ├── AuthenticationError       401  no credentials, or credentials that do not hold
│   ├── PermissionDenied          403  known, and may not do this
│   ├── NotFound                  404  no such thing, or none that the caller may know of
│   ├── TooLarge                  413  a body or a file over its limit
│   ├── ValidationFailed          422  breaks a rule; errors: [FieldError(field, code, message)]
│   ├── RateLimited               429  retry_after: seconds
│   ├── ServerError               5xx  the server's fault; its log has the request id
│   │   └── Unavailable           503  may succeed later; retry_after: seconds
│   └── ConnectionFailed          no answer came; sent: whether the server may have seen the request
│       └── Timeout               no answer came in time
├── ConfigurationError            nothing to sign in with, no workspace named, a value that cannot be used
├── RunFailed                     a run that was waited for failed or was cancelled; run: the run
├── WaitTimedOut                  a run that was waited for is not finished yet; run: the run
└── WebhookVerificationFailed     a webhook whose signature or time does not hold
"""

import json
from collections.abc import Mapping, Sequence
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from time import time
from typing import Any

from datalinx.errors import FieldError

__all__ = [
    "APIError",
    "AuthenticationError",
    "BadRequest",
    "ClientError",
    "ConfigurationError",
    "ConnectionFailed",
    "FieldError",
    "NotFound",
    "PermissionDenied",
    "RateLimited",
    "RunFailed",
    "ServerError",
    "Timeout",
    "TooLarge",
    "Unavailable",
    "ValidationFailed",
    "WaitTimedOut",
    "WebhookVerificationFailed",
    "error_from_answer",
]


class ClientError(Exception):
    """The base of everything below."""


class ConfigurationError(ClientError):
    """The client was not given what it needs. The message says what, and how to give it."""


class WorkspaceNotNamed(ConfigurationError):
    """The call is about a workspace, and none was named."""


class WebhookVerificationFailed(ClientError):
    """This body was not signed with this secret, or not lately. Do not act on it."""


class APIError(ClientError):
    """A call did not succeed. `str()` has the sentence, the code and the request id."""

    def __init__(
        self,
        message: str,
        *,
        code: str,
        status: int | None = None,
        request_id: str | None = None,
        details: Mapping[str, Any] | None = None,
        errors: Sequence[FieldError] = (),
        retry_after: float | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.code = code
        self.status = status
        self.request_id = request_id
        self.details = dict(details or {})
        self.errors = tuple(errors)
        self.retry_after = retry_after

    def __str__(self) -> str:
        request = f", request {self.request_id}" if self.request_id else ""
        return f"{self.message} [{self.code}{request}]"


class BadRequest(APIError):
    """400: the request cannot be read."""


class AuthenticationError(APIError):
    """401: no credentials, or credentials that do not hold."""


class PermissionDenied(APIError):
    """403: the caller is known and may not do this."""


class NotFound(APIError):
    """404: there is no such thing, or none that the caller may know of."""


class TooLarge(APIError):
    """413: a body or a file over its limit."""


class ValidationFailed(APIError):
    """422: the request breaks a rule, `errors` says where; also a name clash and a state that forbids the call."""


class RateLimited(APIError):
    """429: too many calls. `retry_after` is seconds, `details["limit"]` is `minute` or `burst`."""


class ServerError(APIError):
    """5xx: the server's fault. What happened is in its log, under `request_id`."""


class Unavailable(ServerError):
    """503: the same call may succeed later, after `retry_after` seconds where the server says so."""


class ConnectionFailed(APIError):
    """No answer came. `sent` is False when the server cannot have seen the request."""

    def __init__(self, message: str, *, code: str, request_id: str | None = None, sent: bool = True) -> None:
        super().__init__(message, code=code, request_id=request_id)
        self.sent = sent


class Timeout(ConnectionFailed):
    """No answer came in time."""


class RunFailed(ClientError):
    """A run that was waited for did not succeed. `run` is its final state."""

    def __init__(self, run: Mapping[str, Any]) -> None:
        self.run = run
        reason = run.get("error")
        sentence = reason.get("message") if isinstance(reason, Mapping) else reason
        super().__init__(f"Run {run.get('id')} {run.get('status')}" + (f": {sentence}" if sentence else "."))


class WaitTimedOut(ClientError):
    """A run or a backfill has not ended after the time that was given, and goes on. `run` is its last known state."""

    def __init__(self, run: Mapping[str, Any], seconds: float, *, noun: str = "Run") -> None:
        self.run = run
        super().__init__(
            f"{noun} {run.get('id')} is still {run.get('status')} after {seconds:g} seconds; it goes on."
        )


_KINDS: dict[int, type[APIError]] = {
    400: BadRequest,
    401: AuthenticationError,
    403: PermissionDenied,
    404: NotFound,
    413: TooLarge,
    422: ValidationFailed,
    429: RateLimited,
    503: Unavailable,
}


def error_from_answer(status: int, headers: Mapping[str, str], content: bytes, *, sent_id: str) -> APIError:
    """Return the error that an answer of status 300 and above means. Header names are in lower case.

    What does not come in the API's envelope (a proxy's page, a redirect) gets a sentence of its own.
    """
    body = _read_object(content)
    kind = _KINDS.get(status, ServerError if status >= 500 else APIError)
    details = body.get("details")
    return kind(
        _text(body.get("message")) or _sentence(status, headers),
        code=_text(body.get("error_code")) or f"HTTP_{status}",
        status=status,
        request_id=_text(body.get("request_id")) or headers.get("x-request-id") or sent_id,
        details=details if isinstance(details, Mapping) else None,
        errors=_field_errors(body.get("errors")),
        retry_after=_retry_after(headers.get("retry-after", "")),
    )


def _sentence(status: int, headers: Mapping[str, str]) -> str:
    if 300 <= status < 400:
        target = headers.get("location", "another address")
        return f"The server redirects to {target}; give the address of Datalinx itself as base_url."
    try:
        phrase = HTTPStatus(status).phrase
    except ValueError:
        phrase = "an unknown status"
    return f"The server answered {status} {phrase} without saying why; is this the address of Datalinx?"


def _read_object(content: bytes) -> dict[str, Any]:
    try:
        body = json.loads(content)
    except ValueError:
        return {}
    return body if isinstance(body, dict) else {}


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""


def _field_errors(values: object) -> tuple[FieldError, ...]:
    if not isinstance(values, list):
        return ()
    return tuple(
        FieldError(_text(value.get("field")), _text(value.get("code")), _text(value.get("message")))
        for value in values
        if isinstance(value, Mapping)
    )


def _retry_after(value: str) -> float | None:
    """Return the seconds of a Retry-After header: a number, or an HTTP date (RFC 9110, 10.2.3)."""
    if not value:
        return None
    if value.strip().isdigit():
        return float(value)
    try:
        return max(0.0, parsedate_to_datetime(value).timestamp() - time())
    except ValueError:
        return None
