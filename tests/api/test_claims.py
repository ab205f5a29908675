"""Claims of calls with a key: leases that live as long as the process that answers, and never two answers."""

import threading
import time
import uuid
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from django.utils import timezone
from rest_framework.response import Response

from apps.accounts.models import IdempotencyRecord
from apps.workspaces.models import Workspace
from apps.workspaces.services import workspaces
from datalinx.api import claims
from tests.resources import assert_failure, assert_success
from tests.up.conftest import FIRST, Platform, get
from tests.world import World

BODY = {"name": "made-once"}


def ask(world: World) -> Response:
    return world.alice.client(None).post("/api/workspaces", BODY, format="json", HTTP_IDEMPOTENCY_KEY="k")


def leave_behind(world: World, *, seconds: float, holder: str = "x" * 32) -> None:
    """Make the claim of a process that last renewed it so long ago, by asking and taking the answer away."""
    assert_success(ask(world), 201)
    Workspace.objects.filter(name=BODY["name"]).delete()
    at = timezone.now() - timedelta(seconds=seconds)
    assert IdempotencyRecord.objects.update(answer="", claimed_at=at, holder=holder) == 1


def test_claim__of_a_process_that_died__is_free_after_its_lease(world: World) -> None:
    leave_behind(world, seconds=claims.LEASE.total_seconds() + 0.5)
    assert_success(ask(world), 201)
    assert ask(world)["Idempotency-Replayed"] == "true"
    assert Workspace.objects.filter(name=BODY["name"]).count() == 1


@pytest.mark.parametrize("seconds", [claims.LEASE.total_seconds() - 2, -2])
def test_claim__within_its_lease__refuses_a_second_call(world: World, seconds: float) -> None:
    leave_behind(world, seconds=seconds)
    response = ask(world)
    assert_failure(response, 503, "IDEMPOTENCY_IN_PROGRESS")
    assert response["Retry-After"] == "1"
    assert not Workspace.objects.filter(name=BODY["name"]).exists()


def test_claim__from_before_the_clock_was_set_back__is_free(world: World) -> None:
    leave_behind(world, seconds=-3600)
    assert_success(ask(world), 201)


def test_claim__renewed_by_its_holder__is_kept(world: World) -> None:
    leave_behind(world, seconds=100, holder="mine")
    assert claims.renew_claims(["another"]) == 0
    assert claims.renew_claims(["another", "mine"]) == 1
    assert_failure(ask(world), 503, "IDEMPOTENCY_IN_PROGRESS")


def test_claim__taken_over_while_the_first_call_goes_on__undoes_what_that_did(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    create = workspaces.create_workspace

    def lose(*given: Any, **more: Any) -> Any:
        answer = create(*given, **more)
        IdempotencyRecord.objects.update(holder="of another process")
        return answer

    monkeypatch.setattr(workspaces, "create_workspace", lose)
    assert_failure(ask(world), 503, "IDEMPOTENCY_CLAIM_LOST")
    assert not Workspace.objects.filter(name=BODY["name"]).exists()


def test_renewal__of_a_call_that_takes_long__goes_on_until_it_is_answered(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    renewed: list[list[str]] = []
    # The thread of the calls before sleeps on as long as it meant to.
    for thread in threading.enumerate():
        if thread.name == "claims":
            thread.join(5)
    monkeypatch.setattr(claims, "RENEW_SECONDS", 0.05)
    monkeypatch.setattr(claims, "renew_claims", renewed.append)
    with claims.renew("one"):
        time.sleep(0.3)
        with claims.renew("two"):
            time.sleep(0.2)
    assert ["one"] in renewed
    assert any(sorted(each) == ["one", "two"] for each in renewed)
    time.sleep(0.2)
    count = len(renewed)
    time.sleep(0.2)
    assert len(renewed) == count
    assert not any(each.name == "claims" for each in threading.enumerate())


class Web:
    """A platform whose web server is killed or slowed by fail-points."""

    def __init__(self, folder: Path) -> None:
        self.rules = folder / "failpoints"
        environment = {
            **FIRST,
            "DATALINX_FAILPOINTS": f"file:{self.rules}",
            "DATALINX_FAILPOINTS_STATE": str(folder / "hits"),
        }
        self.platform = Platform(folder / "home", environment=environment)
        self.platform.wait_until_ready()
        self.http = httpx.Client(base_url=self.platform.url, timeout=60)
        login = {"email": FIRST["DATALINX_ADMIN_EMAIL"], "password": FIRST["DATALINX_ADMIN_PASSWORD"]}
        token = self.http.post("/api/auth/login", json=login).raise_for_status().json()["access_token"]
        self.http.headers["Authorization"] = f"Bearer {token}"

    def post(self, path: str, body: Any, **headers: str) -> httpx.Response:
        return self.http.post(path, json=body, headers=headers)


@pytest.fixture(scope="module")
def web(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Web]:
    made = Web(tmp_path_factory.mktemp("claims"))
    yield made
    made.platform.end()


def test_web__killed_before_its_answer__gives_the_key_back_within_seconds_and_makes_one_resource(
    web: Web,
) -> None:
    key = {"Idempotency-Key": uuid.uuid4().hex}
    web.rules.write_text("web.before_keeping=kill@1")
    with pytest.raises(httpx.TransportError):
        web.post("/api/workspaces", BODY, **key)
    while get(f"{web.platform.url}/readyz?role=web")[0] != 200:
        time.sleep(0.1)
    began = time.monotonic()
    codes = []
    while (answer := web.post("/api/workspaces", BODY, **key)).status_code != 201:
        codes.append(answer.json()["error_code"])
        assert time.monotonic() - began < 8, answer.text
        time.sleep(0.3)
    assert set(codes) <= {"IDEMPOTENCY_IN_PROGRESS"}
    assert web.post("/api/workspaces", BODY, **key).json() == answer.json()
    names = [each["name"] for each in web.http.get("/api/workspaces").json()["data"]]
    assert names.count(BODY["name"]) == 1


def test_web__slower_than_the_lease__keeps_its_key_and_makes_one_resource(web: Web) -> None:
    key, body = {"Idempotency-Key": uuid.uuid4().hex}, {"name": "slowly-made"}
    web.rules.write_text(f"web.before_keeping=sleep:{claims.LEASE.total_seconds() * 2}@1")
    for file in (web.rules.parent / "hits").glob("*"):
        file.unlink()
    answers: list[httpx.Response] = []
    first = threading.Thread(target=lambda: answers.append(web.post("/api/workspaces", body, **key)))
    first.start()
    time.sleep(0.5)
    codes = set()
    while (again := web.post("/api/workspaces", body, **key)).status_code == 503:
        codes.add(again.json()["error_code"])
        time.sleep(0.3)
    first.join(60)
    assert (answers[0].status_code, again.status_code) == (201, 201), again.text
    assert again.json() == answers[0].json()
    assert again.headers["Idempotency-Replayed"] == "true"
    assert codes <= {"IDEMPOTENCY_IN_PROGRESS"}
