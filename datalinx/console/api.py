"""The public API, called in this process through the whole stack of handlers, as any other client would call it.

No view of the console imports an app: what a person sees here is what the API lets that person see.
"""

import io
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any, BinaryIO
from urllib.parse import quote, urlencode

import orjson
from django.core.handlers.base import BaseHandler
from django.core.handlers.wsgi import WSGIRequest
from django.http import HttpRequest, StreamingHttpResponse
from django.http.response import HttpResponseBase

from datalinx.api.request_id import current_request_id

# What the web server knows of the connection, which the API must know too: limits count by address.
_CONNECTION = (
    "REMOTE_ADDR",
    "REMOTE_PORT",
    "SERVER_NAME",
    "SERVER_PORT",
    "SERVER_PROTOCOL",
    "SCRIPT_NAME",
    "wsgi.url_scheme",
    "HTTP_HOST",
    "HTTP_USER_AGENT",
    "HTTP_X_FORWARDED_FOR",
    "HTTP_X_FORWARDED_PROTO",
    "HTTP_X_FORWARDED_HOST",
)


class Refusal(Exception):
    """An answer of the API that is no success, with its sentence and the id under which it was logged."""

    def __init__(self, status: int, body: Mapping[str, Any]) -> None:
        self.status = status
        self.message = str(body.get("message") or "The platform did not answer as it should.")
        self.code = str(body.get("error_code", ""))
        self.request_id = str(body.get("request_id", ""))
        self.errors: list[dict[str, str]] = list(body.get("errors", []))
        super().__init__(self.message)


@dataclass(frozen=True)
class Answer:
    """An answer of the API: its data, and of a list the facts of its pages."""

    data: Any
    pagination: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class Body:
    """What a call sends: a stream, its media type and its length in bytes."""

    stream: BinaryIO
    content_type: str
    length: int


LARGEST_PAGE = 200
NOTHING = Body(io.BytesIO(), "", 0)


@cache
def _handler() -> BaseHandler:
    handler = BaseHandler()
    handler.load_middleware()
    return handler


class Api:
    """The API as one person sees it, within a workspace if one is named. Raises Refusal for each failure."""

    def __init__(self, request: HttpRequest, *, token: str = "", workspace: str = "") -> None:
        self._outer = request
        self._token = token
        self._workspace = workspace

    def within(self, workspace: str) -> "Api":
        """Return the same API within a workspace."""
        return Api(self._outer, token=self._token, workspace=workspace)

    def get(self, *path: str, **parameters: Any) -> Answer:
        """Return the answer of a GET. Parameters that are None or empty are left out."""
        return _answer(self._call("GET", path, parameters=parameters))

    def every(self, *path: str, most: int = 2_000, **parameters: Any) -> list[Any]:
        """Return the items of all pages of a list, the first `most` of them."""
        found: list[Any] = []
        for page in range(1, -(-most // LARGEST_PAGE) + 1):
            answer = self.get(*path, page=page, page_size=LARGEST_PAGE, **parameters)
            found += answer.data
            if page >= answer.pagination["total_pages"]:
                break
        return found[:most]

    def send(
        self, method: str, *path: str, data: Any = None, headers: Mapping[str, str] | None = None
    ) -> Answer:
        """Return the answer of a call that brings a JSON value."""
        return _answer(self._call(method, path, body=_json(data), headers=headers))

    def post_body(
        self, *path: str, body: Body, method: str = "POST", headers: Mapping[str, str] | None = None
    ) -> Answer:
        """Return the answer of a call that brings a body as it is."""
        return _answer(self._call(method, path, body=body, headers=headers))

    def upload(self, *path: str, body: Body) -> Answer:
        """Return the answer of a POST that brings a body of its own."""
        return _answer(self._call("POST", path, body=body))

    def download(self, *path: str, data: Any) -> HttpResponseBase:
        """Return the answer of a POST that is a file, as it is."""
        response = self._call("POST", path, body=_json(data))
        if response.status_code >= 400:
            _answer(response)
        return response

    def stream(self, *path: str, parameters: Mapping[str, str], **headers: str) -> Iterator[bytes]:
        """Return the pieces of an answer as they are made."""
        asked = {"Accept": "text/event-stream", **headers}
        response = self._call("GET", path, parameters=parameters, headers=asked)
        if not isinstance(response, StreamingHttpResponse):
            _answer(response)
            return iter(())
        return iter(response)

    def _call(
        self,
        method: str,
        path: tuple[str, ...],
        *,
        parameters: Mapping[str, Any] | None = None,
        body: Body = NOTHING,
        headers: Mapping[str, str] | None = None,
    ) -> HttpResponseBase:
        if any(not part or "/" in part or part in {".", ".."} for part in path):
            raise Refusal(
                404, {"message": "There is nothing here that you can see.", "error_code": "NOT_FOUND"}
            )
        given = {name: value for name, value in (parameters or {}).items() if value not in {None, ""}}
        environ = {name: self._outer.META[name] for name in _CONNECTION if name in self._outer.META}
        environ |= {f"HTTP_{name.upper().replace('-', '_')}": text for name, text in (headers or {}).items()}
        environ |= self._credentials() | {
            "REQUEST_METHOD": method,
            # WSGI carries the bytes of a path as Latin-1.
            "PATH_INFO": "/".join(("/api", *path)).encode().decode("latin-1"),
            "QUERY_STRING": urlencode(given),
            "CONTENT_TYPE": body.content_type,
            "CONTENT_LENGTH": str(body.length),
            "wsgi.input": body.stream,
            # A trace of one click has one id.
            "HTTP_X_REQUEST_ID": current_request_id(),
        }
        return _handler().get_response(WSGIRequest(environ))

    def _credentials(self) -> dict[str, str]:
        found = {}
        if self._token:
            found["HTTP_AUTHORIZATION"] = f"Bearer {self._token}"
        if self._workspace:
            found["HTTP_X_WORKSPACE"] = quote(self._workspace, safe="")
        return found


def json_body(text: str) -> Body:
    """Return a JSON text as what a call sends; the API says what is wrong with it."""
    content = text.encode(errors="replace")
    return Body(io.BytesIO(content), "application/json", len(content))


def _json(data: Any) -> Body:
    if data is None:
        return NOTHING
    # Other writers of JSON know whole numbers of 64 bits only.
    return json_body(json.dumps(data))


def _answer(response: HttpResponseBase) -> Answer:
    content = b"".join(response) if response.streaming else getattr(response, "content", b"")
    try:
        body = orjson.loads(content)
    except orjson.JSONDecodeError:
        body = {}
    if response.status_code >= 400 or not isinstance(body, dict):
        raise Refusal(response.status_code, body if isinstance(body, dict) else {})
    # The token answers stand outside the envelope.
    return Answer(body.get("data", body) if "status" in body else body, body.get("pagination", {}))
