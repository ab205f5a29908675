"""A scripted server for the SDK: answers in order, and remembers what it was asked."""

import json
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from datalinx import Datalinx

Answer = httpx.Response | Exception | Callable[[httpx.Request], httpx.Response]


def success(data: Any, *, status: int = 200, pagination: dict[str, int] | None = None) -> httpx.Response:
    body: dict[str, Any] = {"status": "success", "data": data}
    if pagination is not None:
        body["pagination"] = pagination
    return httpx.Response(status, json=body, headers={"X-Request-Id": "req_server"})


def failure(status: int, code: str, message: str = "It did not work.", **more: Any) -> httpx.Response:
    headers = {"X-Request-Id": "req_server", **more.pop("headers", {})}
    body = {"status": "failed", "message": message, "error_code": code, "request_id": "req_server", **more}
    return httpx.Response(status, json=body, headers=headers)


class Script:
    """The answers that are still to be given, and the requests that were made."""

    def __init__(self) -> None:
        self.answers: list[Answer] = []
        self.requests: list[httpx.Request] = []
        self.bodies: list[bytes] = []
        self.slept: list[float] = []

    def then(self, *answers: Answer) -> "Script":
        self.answers.extend(answers)
        return self

    def handle(self, request: httpx.Request) -> httpx.Response:
        self.bodies.append(request.read())
        self.requests.append(request)
        assert self.answers, f"an unexpected request: {request.method} {request.url}"
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer(request) if callable(answer) else answer

    def client(self, **arguments: Any) -> Datalinx:
        if not {"email", "access_token", "refresh_token", "token_store"} & arguments.keys():
            arguments.setdefault("api_key", "dlx_sk_live_abc")
        arguments.setdefault("base_url", "https://data.example")
        return Datalinx(http_transport=httpx.MockTransport(self.handle), sleep=self.slept.append, **arguments)

    def json(self, index: int = -1) -> Any:
        return json.loads(self.bodies[index])

    @property
    def paths(self) -> list[str]:
        return [f"{request.method} {request.url.raw_path.decode()}" for request in self.requests]


@pytest.fixture
def script() -> Script:
    return Script()


@pytest.fixture(autouse=True)
def _no_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("DATALINX_URL", "DATALINX_API_KEY", "DATALINX_WORKSPACE"):
        monkeypatch.delenv(name, raising=False)
