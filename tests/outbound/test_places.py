"""Every place of the API that takes an address or a host, with every forbidden one: nothing inside is reached.

The places are read from the OpenAPI document and from the connectors, so that a new one without a case here fails.
"""

import json
from collections.abc import Callable, Iterator
from ipaddress import ip_address
from typing import Any

import pytest
from django.core.management import call_command

from apps.sources.models import Destination
from apps.workspaces.models import Delivery, Webhook
from apps.workspaces.services.deliveries import deliver_due
from apps.workspaces.services.webhooks import create_webhook
from datalinx.engine.connectors import list_connectors
from datalinx.events import emit
from datalinx.outbound import connections
from tests.drilling import is_long
from tests.resources import assert_success
from tests.world import World

from .test_addresses import FORBIDDEN_HOSTS

EVENT = "pipeline.failed"
TAKES_AN_ADDRESS = {
    "url",
    "uri",
    "host",
    "hostname",
    "address",
    "endpoint",
    "endpoint_url",
    "base_url",
    "server",
}
# Each place that takes one, with the test below that tries it.
PLACES = {
    ("body", "WebhookRequest", "url"),
    ("body", "PatchedWebhookRequest", "url"),
    ("connector", "postgresql", "host"),
}


def properties(schema: Any) -> Iterator[str]:
    """Give the names of all properties of a schema, however deep."""
    if isinstance(schema, dict):
        yield from schema.get("properties", {})
        for part in schema.values():
            yield from properties(part)
    elif isinstance(schema, list):
        for part in schema:
            yield from properties(part)


@pytest.fixture(scope="module")
def document() -> dict[str, Any]:
    from io import StringIO

    out = StringIO()
    call_command("spectacular", "--format", "openapi-json", stdout=out)
    found: dict[str, Any] = json.loads(out.getvalue())
    return found


def test_places__of_the_openapi_document_and_the_connectors__all_have_a_case(
    document: dict[str, Any],
) -> None:
    schemas = document["components"]["schemas"]
    found = {
        ("body", name, each)
        for name, schema in schemas.items()
        if name.endswith("Request")
        for each in properties(schema)
        if each in TAKES_AN_ADDRESS
    }
    found |= {
        ("parameter", path, parameter["name"])
        for path, operations in document["paths"].items()
        for operation in operations.values()
        if isinstance(operation, dict)
        for parameter in operation.get("parameters", ())
        if parameter.get("name") in TAKES_AN_ADDRESS
    }
    found |= {
        ("connector", each.name, name)
        for each in list_connectors()
        for name in properties(each.config_model.model_json_schema())
        if name in TAKES_AN_ADDRESS
    }
    assert found == PLACES


@pytest.fixture
def inside(start: Callable[..., Any], settings: Any) -> Iterator[tuple[Any, Any]]:
    """Canaries on both loopbacks, which must hear nothing, and an operator who allows no network."""
    settings.OUTBOUND_ALLOW_CIDRS = ()
    canaries = start(), start(host="::1")
    yield canaries
    assert [each.connections for each in canaries] == [0, 0]


def ports(inside: tuple[Any, Any]) -> tuple[str, ...]:
    return ("", f":{inside[0].port}", f":{inside[1].port}")


def test_webhook__with_a_forbidden_address__is_neither_made_nor_changed(
    world: World, inside: tuple[Any, Any], settings: Any
) -> None:
    webhook, _ = create_webhook(
        workspace=world.workspace, actor=world.alice.caller, url="https://hook.test/", events=[EVENT]
    )
    world.organization.burst, world.organization.requests_per_minute = 100_000, 1_000_000
    world.organization.save()
    client = world.ed.client()
    for host in FORBIDDEN_HOSTS:
        for port in ports(inside):
            url = f"http://{host}{port}/hook"
            for answer in (
                client.post("/api/webhooks", {"url": url, "events": [EVENT]}, format="json"),
                client.patch(f"/api/webhooks/{webhook.pk}", {"url": url}, format="json"),
            ):
                assert answer.status_code == 422, url
                assert answer.json()["error_code"] == "ADDRESS_NOT_ALLOWED", url
    assert Webhook.objects.get().url == "https://hook.test/"


@pytest.mark.parametrize(
    "spelled", ["user@{}", "user:word@{}", "{}%00.hook.test", "{}\\@hook.test", "{} .test"]
)
def test_webhook__with_a_misleading_spelling__is_not_made(
    world: World, inside: tuple[Any, Any], spelled: str
) -> None:
    url = f"http://{spelled.format('127.0.0.1')}/"
    answer = world.ed.client().post("/api/webhooks", {"url": url, "events": [EVENT]}, format="json")
    assert (answer.status_code, answer.json()["error_code"]) == (422, "INVALID_URL")


def test_webhook__that_was_saved_with_a_forbidden_address__is_not_delivered_to(
    world: World, inside: tuple[Any, Any]
) -> None:
    webhook, _ = create_webhook(
        workspace=world.workspace, actor=world.alice.caller, url="https://hook.test/", events=[EVENT]
    )
    for host in FORBIDDEN_HOSTS:
        Webhook.objects.update(url=f"http://{host}:{inside[0].port}/")
        emit(EVENT, workspace=world.workspace, status="failed")
        assert deliver_due() == 1
        row = Delivery.objects.get()
        assert (row.status, row.response_status) == ("pending", None), host
        assert "public" in row.error, host
        row.delete()
    assert_success(world.ed.client().post(f"/api/webhooks/{webhook.pk}/test"), 201)
    assert deliver_due() == 1


# What a name turns out to be once it is saved; in the long form also each forbidden address that is written as one.
TURNS_INSIDE = [["127.0.0.1"], ["8.8.8.8", "127.0.0.1"], ["::1"], ["::ffff:127.0.0.1"]]


def _is_address(host: str) -> bool:
    try:
        ip_address(host)
    except ValueError:
        return False
    return True


if is_long():
    written = [host.strip("[]") for host in FORBIDDEN_HOSTS if _is_address(host.strip("[]"))]
    TURNS_INSIDE += [answers for host in written for answers in ([host], ["8.8.8.8", host])]


@pytest.mark.parametrize("answers", TURNS_INSIDE)
def test_webhook__whose_name_turns_inside_after_it_was_saved__is_not_delivered_to(
    world: World, inside: tuple[Any, Any], monkeypatch: pytest.MonkeyPatch, answers: list[str]
) -> None:
    create_webhook(workspace=world.workspace, actor=world.alice.caller, url="http://a.test/", events=[EVENT])
    monkeypatch.setattr(
        connections.socket, "getaddrinfo", lambda *a, **k: [(0, 0, 0, "", (each, 80)) for each in answers]
    )
    emit(EVENT, workspace=world.workspace, status="failed")
    deliver_due()
    assert Delivery.objects.get().error == "a.test is not a public address."


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308] if is_long() else [307])
@pytest.mark.parametrize("host", FORBIDDEN_HOSTS if is_long() else ["127.0.0.1"])
def test_webhook__whose_receiver_redirects_inside__is_answered_and_not_followed(
    world: World, inside: tuple[Any, Any], start: Callable[..., Any], settings: Any, host: str, status: int
) -> None:
    settings.OUTBOUND_ALLOW_CIDRS = ("127.0.0.1/32",)
    to = f"http://{host}:{inside[0].port}/"
    head = f"HTTP/1.1 {status} Elsewhere\r\nContent-Length: 0\r\nLocation: {to}\r\n\r\n".encode()
    redirecting = start(lambda connection, request: connection.sendall(head))
    create_webhook(
        workspace=world.workspace,
        actor=world.alice.caller,
        url=f"http://127.0.0.1:{redirecting.port}/",
        events=[EVENT],
    )
    emit(EVENT, workspace=world.workspace, status="failed")
    deliver_due()
    assert Delivery.objects.get().response_status == status
    assert redirecting.connections == 1


def test_destination__with_a_forbidden_host__is_neither_made_nor_changed_nor_tried(
    world: World, inside: tuple[Any, Any]
) -> None:
    world.organization.burst, world.organization.requests_per_minute = 100_000, 1_000_000
    world.organization.save()
    client = world.ed.client()
    body = {
        "name": "inside",
        "connector": "postgresql",
        "config": {"host": "db.example", "database": "x"},
        "credentials": {"user": "x", "password": "x"},
    }
    path = f"/api/destinations/{assert_success(client.post('/api/destinations', body, format='json'), 201)['id']}"
    for host in FORBIDDEN_HOSTS:
        bare = host.strip("[]")
        port = inside[1 if ":" in bare else 0].port
        config = {"host": bare, "port": port, "database": "x", "sslmode": "disable"}
        changed = {**body, "name": "another", "config": config}
        for answer in (
            client.post("/api/destinations", changed, format="json"),
            client.patch(path, changed, format="json"),
        ):
            assert answer.status_code == 422, host
            assert answer.json()["error_code"] in {"ADDRESS_NOT_ALLOWED", "INVALID_HOST"}, host
        # As if it had been saved before it was forbidden.
        Destination.objects.update(config=config)
        network = assert_success(client.post(f"{path}/test"))["steps"][0]
        assert (network["name"], network["passed"]) == ("network", False), host
