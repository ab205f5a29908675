"""The probes and the numbers: before login, before host names, outside the envelope."""

import os
import socket
import time
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from celery import Celery
from django.core.cache import cache
from django.test import Client
from django.test.utils import override_settings

from datalinx import connections, health, heartbeat
from datalinx.up.probe import beat_file
from tests.servers import server_url


@pytest.fixture(autouse=True)
def _clean_cache() -> None:
    cache.clear()


@pytest.fixture
def processes() -> None:
    """A worker of each queue, and a scheduler: this process plays all of them."""
    heartbeat.beat("worker", ["runs", "default"])
    heartbeat.beat("scheduler")


def test_healthz__of_a_living_process__is_ok_without_any_lookup(client: Client) -> None:
    # Without the database mark: a query would fail the test.
    answer = client.get("/healthz", headers={"host": "10.1.2.3"})
    assert (answer.status_code, answer.json()) == (200, {"status": "ok"})


@pytest.mark.django_db
def test_readyz__with_everything_there__is_ready(client: Client, processes: None) -> None:
    answer = client.get("/readyz")
    assert answer.status_code == 200
    parts = ["web", "database", "migrations", "cache", "broker", "worker", "scheduler"]
    assert answer.json() == {"status": "ready", "checks": dict.fromkeys(parts, "ok")}
    assert answer["Cache-Control"] == "no-store"
    assert answer["X-Request-Id"]


@pytest.mark.django_db
@override_settings(ALLOWED_HOSTS=["datalinx.example"])
def test_readyz__asked_by_address__answers_too(client: Client, processes: None) -> None:
    assert client.get("/readyz", headers={"host": "10.1.2.3:8000"}).status_code == 200


@pytest.mark.django_db
def test_readyz__without_a_worker__names_the_queues(client: Client) -> None:
    answer = client.get("/readyz")
    assert answer.status_code == 503
    assert answer.json()["status"] == "not_ready"
    assert answer.json()["checks"]["worker"] == "No living worker takes from runs, default."
    assert client.get("/readyz?role=web").status_code == 200


@pytest.mark.django_db
def test_readyz__without_a_scheduler__is_ready_and_says_so(client: Client) -> None:
    heartbeat.beat("worker", ["runs", "default"])
    answer = client.get("/readyz")
    assert answer.status_code == 200
    assert answer.json()["checks"]["scheduler"] == "No living scheduler."


@pytest.mark.django_db
@pytest.mark.parametrize("part", ["database", "migrations", "cache", "broker"])
def test_readyz__with_a_part_away__names_it_and_tells_no_more(
    client: Client, processes: None, part: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail() -> str:
        raise ConnectionError("password=canary host=10.0.0.9")

    monkeypatch.setitem(health._PARTS, part, fail)
    answer = client.get("/readyz")
    assert answer.status_code == 503
    assert answer.json()["checks"][part] == f"The {part} does not answer."
    assert "canary" not in answer.text
    assert client.get("/readyz?role=web").status_code == 503


@pytest.mark.django_db
def test_readyz__with_a_missing_migration__says_how_many(
    client: Client, processes: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(health, "_migrated", False)
    monkeypatch.setattr("django.db.migrations.executor.MigrationExecutor.migration_plan", lambda *_: [1, 2])
    answer = client.get("/readyz")
    assert answer.status_code == 503
    assert answer.json()["checks"]["migrations"] == "2 migrations are not applied."


@pytest.mark.parametrize("path", ["/healthz", "/readyz", "/metrics"])
@pytest.mark.parametrize("method", ["post", "delete"])
def test_probes__by_another_method__are_refused(client: Client, path: str, method: str) -> None:
    answer = getattr(client, method)(path)
    assert (answer.status_code, answer["Allow"]) == (405, "GET, HEAD")


@pytest.mark.django_db
def test_metrics__on_this_machine__are_prometheus_text(client: Client) -> None:
    # Before the sign of life, which is forgotten sooner than a busy machine may write the document.
    client.get("/api/openapi.json")
    heartbeat.beat("worker", ["runs", "default"])
    answer = client.get("/metrics")
    assert answer.status_code == 200
    assert answer["Content-Type"].startswith("text/plain")
    text = answer.text
    assert 'datalinx_ready{part="database"} 1.0' in text
    assert 'datalinx_processes{role="worker"} 1.0' in text
    assert 'route="api/openapi.json"' in text
    assert "datalinx_build_info{version=" in text


@pytest.mark.django_db
def test_metrics__of_addresses_that_do_not_exist__have_one_label(client: Client) -> None:
    for number in range(3):
        client.get(f"/api/canary-{number}")
    assert "canary" not in client.get("/metrics").text


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("meta", "headers", "status"),
    [
        ({"REMOTE_ADDR": "127.0.0.1"}, {}, 200),
        ({"REMOTE_ADDR": "::1"}, {}, 200),
        ({"REMOTE_ADDR": "10.0.0.1"}, {}, 403),
        ({"REMOTE_ADDR": ""}, {}, 403),
        # A proxy on this machine speaks for others.
        ({"REMOTE_ADDR": "127.0.0.1"}, {"X-Forwarded-For": "203.0.113.1"}, 403),
    ],
)
def test_metrics__without_a_token__are_for_this_machine_alone(
    client: Client, meta: dict[str, Any], headers: dict[str, str], status: int
) -> None:
    assert client.get("/metrics", headers=headers, **meta).status_code == status


@pytest.mark.django_db
@override_settings(METRICS_TOKEN="a-token")
@pytest.mark.parametrize(
    ("given", "status"), [("", 401), ("Bearer wrong", 401), ("Bearer ключ", 401), ("Bearer a-token", 200)]
)
def test_metrics__with_a_token__are_for_who_has_it(client: Client, given: str, status: int) -> None:
    answer = client.get("/metrics", headers={"Authorization": given})
    assert answer.status_code == status
    assert ("WWW-Authenticate" in answer) == (status == 401)


def _beat_of(host: str, pid: int = 2**22 + 1) -> None:
    """Give a sign of life as a worker of this host does, whose process number is nobody's here."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(heartbeat.socket, "gethostname", lambda: host)
        patch.setattr(heartbeat.os, "getpid", lambda: pid)
        heartbeat.beat("worker", ["runs"])


def _living() -> list[str]:
    return sorted(each.host for each in heartbeat.living("worker"))


def test_heartbeat__of_a_process_that_is_gone__does_not_count() -> None:
    _beat_of(socket.gethostname())
    assert _living() == []


def test_heartbeat__of_another_machine__counts_while_it_is_fresh(monkeypatch: pytest.MonkeyPatch) -> None:
    _beat_of("elsewhere")
    assert _living() == ["elsewhere"]
    monkeypatch.setattr(heartbeat, "ALIVE_SECONDS", 0.0)
    _beat_of("elsewhere")
    assert _living() == []


def test_heartbeat__of_several__are_kept_side_by_side_and_forgotten_in_time() -> None:
    _beat_of("gone")
    cache.delete("life:worker:gone:4194305")
    _beat_of("elsewhere")
    heartbeat.beat("worker", ["runs"])
    assert _living() == sorted(["elsewhere", socket.gethostname()])
    assert len(cache.get("life:worker")) == 2


def test_heartbeat__of_a_role__touches_its_file(settings: Any) -> None:
    file = beat_file(settings.HOME, "worker-default-runs")
    heartbeat.beat("worker", ["runs", "default"])
    assert time.time() - file.stat().st_mtime < 5
    assert heartbeat.living("worker")[0].pid == os.getpid()


@pytest.mark.parametrize(
    "broker", [pytest.param(name, marks=getattr(pytest.mark, name)) for name in ("redis", "rabbitmq")]
)
def test_readyz__of_a_broker_that_is_a_server__knows_whether_it_answers(
    broker: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = server_url(broker)
    port = str(urlsplit(url).port)
    for address, state in ((url, "ok"), (url.replace(port, "9"), "The broker does not answer.")):
        app = Celery(set_as_current=False)
        app.conf.update(connections.broker(address, Path("/nowhere")))
        monkeypatch.setattr(health, "current_app", app)
        assert health._state("broker", health._broker) == state
