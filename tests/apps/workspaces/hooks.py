"""A receiver of webhooks on loopback, and the verbs that tests of deliveries share."""

import json
from typing import Any

from pytest_httpserver import HTTPServer
from standardwebhooks.webhooks import Webhook as Verifier
from werkzeug import Request, Response

from apps.workspaces.models import Webhook
from apps.workspaces.services.webhooks import create_webhook
from datalinx.events import emit
from tests.world import World

EVENT = "pipeline.failed"


class Receiver:
    """A receiver on loopback: what came, and what it answers next."""

    def __init__(self, server: HTTPServer) -> None:
        self.requests: list[Request] = []
        self.status = 200
        # What it answers to events of some type instead.
        self.status_of: dict[str, int] = {}
        self.headers: dict[str, str] = {}
        self.body = b""
        server.expect_request("/hook").respond_with_handler(self._answer)
        self.url = server.url_for("/hook").replace("localhost", "127.0.0.1")

    def _answer(self, request: Request) -> Response:
        event = json.loads(request.get_data())["event"]
        self.requests.append(request)
        status = self.status_of.get(event, self.status)
        return Response(self.body, status=status, headers=self.headers)

    def verify(self, secret: str, number: int = -1, body: bytes | None = None) -> dict[str, Any]:
        request = self.requests[number]
        headers = {name.lower(): value for name, value in request.headers.items()}
        data = request.get_data() if body is None else body
        return dict(Verifier(secret).verify(data, headers))


def listen(world: World, receiver: Receiver, *events: str) -> tuple[Webhook, str]:
    return create_webhook(
        workspace=world.workspace, actor=world.alice.caller, url=receiver.url, events=events or (EVENT,)
    )


def tell(world: World, **data: Any) -> None:
    emit(EVENT, workspace=world.workspace, pipeline_id="pl_1", status="failed", **data)
