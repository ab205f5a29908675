"""A scripted server on loopback, and the command line run against it with a home of its own."""

import json
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from pytest_httpserver import HTTPServer
from typer.testing import CliRunner, Result
from werkzeug import Request, Response

from datalinx.cli.main import build_app

Handler = Callable[[Request], Response]


def answer(data: Any, *, status: int = 200, total: int | None = None) -> Response:
    """Return an answer in the envelope; a list brings its pagination."""
    body: dict[str, Any] = {"status": "success", "data": data}
    if isinstance(data, list):
        count = len(data) if total is None else total
        body["pagination"] = {"page": 1, "page_size": 200, "total_items": count, "total_pages": 1}
    return Response(json.dumps(body), status, content_type="application/json")


def refusal(status: int, code: str, message: str = "It did not work.", **more: Any) -> Response:
    """Return a failure in the envelope."""
    body = {"status": "failed", "message": message, "error_code": code, "request_id": "req_0001", **more}
    return Response(json.dumps(body), status, content_type="application/json")


@dataclass
class Server:
    """Answers by method and path; the last of several stays. Remembers what it was asked."""

    url: str
    answers: dict[str, list[Response | Handler]] = field(default_factory=dict)
    requests: list[tuple[str, dict[str, str], dict[str, str], Any]] = field(default_factory=list)

    def on(self, call: str, *answers: Response | Handler) -> None:
        self.answers[call] = list(answers)

    def handle(self, request: Request) -> Response:
        call = f"{request.method} {request.path.removeprefix('/api/')}"
        form = request.content_type and "multipart" in request.content_type
        body = None if form or not request.data else json.loads(request.data)
        self.requests.append((call, dict(request.args), dict(request.headers), body))
        waiting = self.answers.get(call)
        if not waiting:
            return refusal(404, "NOT_FOUND", f"Nothing is scripted for {call}.")
        found = waiting.pop(0) if len(waiting) > 1 else waiting[0]
        return found(request) if callable(found) and not isinstance(found, Response) else found

    @property
    def calls(self) -> list[str]:
        return [request[0] for request in self.requests]

    def sent(self, call: str) -> Any:
        """Return the body of the last such call."""
        return next(body for made, _, _, body in reversed(self.requests) if made == call)

    def headers(self, call: str) -> dict[str, str]:
        return next(headers for made, _, headers, _ in reversed(self.requests) if made == call)

    def query(self, call: str) -> dict[str, str]:
        return next(query for made, query, _, _ in reversed(self.requests) if made == call)


@pytest.fixture
def server(httpserver: HTTPServer) -> Server:
    made = Server(httpserver.url_for("").rstrip("/"))
    httpserver.expect_request(re.compile(".*")).respond_with_handler(made.handle)
    return made


@pytest.fixture
def config_file(tmp_path: Path) -> Path:
    return tmp_path / "config" / "datalinx" / "config.json"


@pytest.fixture(autouse=True)
def _own_surroundings(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("URL", "API_KEY", "WORKSPACE", "PROFILE"):
        monkeypatch.delenv(f"DATALINX_{name}", raising=False)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.setattr("time.sleep", lambda _: None)


Run = Callable[..., Result]


@pytest.fixture
def anonymous(server: Server) -> Run:
    """Run the command line as nobody."""

    def run(*arguments: str, given: str | bytes | None = None) -> Result:
        return CliRunner().invoke(build_app(), list(arguments), input=given, catch_exceptions=False)

    return run


@pytest.fixture
def cli(server: Server, monkeypatch: pytest.MonkeyPatch, anonymous: Run) -> Run:
    """Run the command line with a key for the server, in the workspace `production`."""
    monkeypatch.setenv("DATALINX_URL", server.url)
    monkeypatch.setenv("DATALINX_API_KEY", "dlx_sk_live_test")
    monkeypatch.setenv("DATALINX_WORKSPACE", "production")
    return anonymous
