"""The two limits of an organization: exact in any minute and any second, and true on every answer."""

import math
from bisect import bisect_right
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from datalinx.api import throttling
from datalinx.api.throttling import TIERS, Limits, RedisHitLog, SqliteHitLog, judge, limits_of
from tests.resources import assert_failure, assert_success
from tests.servers import server_url
from tests.world import World

LIMITS = st.builds(Limits, st.integers(1, 12), st.integers(1, 6))
# Steps between calls: none, within the burst's second, exactly its edge, within the minute, exactly its edge.
STEPS = st.lists(
    st.one_of(st.sampled_from([0.0, 0.25, 0.5, 1.0, 30.0, 59.0, 60.0]), st.floats(0, 70)),
    min_size=1,
    max_size=60,
)


class Clock:
    """A clock that is moved by hand."""

    def __init__(self) -> None:
        self.now = 1_700_000_000.0

    def __call__(self) -> float:
        return self.now


def reference(accepted: list[float], limits: Limits, now: float) -> bool:
    """Say whether a call is accepted, as the contract has it: count what lies in each span."""
    minute = [at for at in accepted if at > now - 60]
    second = [at for at in accepted if at > now - 1]
    return len(minute) < limits.minute and len(second) < limits.burst


@given(LIMITS, STEPS)
def test_judge__any_calls__accepts_as_the_reference_and_tells_when_a_slot_is_free(
    limits: Limits, steps: list[float]
) -> None:
    now, accepted = 1_700_000_000.0, list[float]()
    for step in steps:
        now += step
        live = accepted[bisect_right(accepted, now - 60) :]
        verdict = judge(live, limits, now)
        assert (not verdict.refused_by) == reference(accepted, limits, now)
        if verdict.refused_by:
            assert verdict.accepted == len(live)
            # One call at the moment that Retry-After names is accepted if nobody else calls.
            assert reference(accepted, limits, now + verdict.retry_after)
            assert verdict.retry_after == max(1, math.ceil(verdict.retry_at - now))
        else:
            accepted.append(now)
            assert verdict.accepted == len(live) + 1
        remaining = int(verdict.headers["X-RateLimit-Remaining"])
        assert remaining == limits.minute - len([at for at in accepted if at > now - 60])
    for start in accepted:
        assert len([at for at in accepted if start <= at < start + 60]) <= limits.minute
        assert len([at for at in accepted if start <= at < start + 1]) <= limits.burst


@settings(deadline=None, max_examples=30)
@given(limits=LIMITS, steps=STEPS, keys=st.lists(st.sampled_from("ab"), min_size=60, max_size=60))
def test_sqlite_log__any_calls_of_two_organizations__keeps_each_apart(
    tmp_path_factory: pytest.TempPathFactory, limits: Limits, steps: list[float], keys: list[str]
) -> None:
    clock = Clock()
    path = tmp_path_factory.mktemp("rate") / "rate.sqlite3"
    # Two processes share one file.
    logs = [SqliteHitLog(path, clock), SqliteHitLog(path, clock)]
    accepted: dict[str, list[float]] = {"a": [], "b": []}
    for number, (step, key) in enumerate(zip(steps, keys, strict=False)):
        clock.now += step
        expected = reference(accepted[key], limits, clock.now)
        verdict = logs[number % 2].hit(key, limits)
        assert (not verdict.refused_by) == expected
        if expected:
            accepted[key].append(clock.now)


@pytest.mark.redis
def test_redis_log__of_many_calls__holds_both_limits() -> None:
    log = RedisHitLog(server_url("redis"))
    key = f"test-{id(log)}"
    verdicts = [log.hit(key, Limits(minute=30, burst=4)) for _ in range(12)]
    assert [bool(verdict.refused_by) for verdict in verdicts[:5]] == [False] * 4 + [True]
    assert {verdict.refused_by for verdict in verdicts} == {"", "burst"}
    few = [log.hit(f"{key}-minute", Limits(minute=3, burst=100)) for _ in range(5)]
    assert [verdict.refused_by for verdict in few] == ["", "", "", "minute", "minute"]
    assert [verdict.accepted for verdict in few] == [1, 2, 3, 3, 3]
    assert 58 <= few[-1].retry_after <= 60


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Clock:
    """Give the API a log of its own whose clock stands still."""
    clock = Clock()
    log = SqliteHitLog(tmp_path / "rate.sqlite3", clock)
    monkeypatch.setattr(throttling, "hit_log", lambda: log)
    return clock


def limit(world: World, **values: Any) -> None:
    for name, value in values.items():
        setattr(world.organization, name, value)
    world.organization.save()


def facts(response: Any) -> tuple[int, int, int]:
    names = ("Limit", "Remaining", "Reset")
    limit, remaining, reset = (int(response[f"X-RateLimit-{name}"]) for name in names)
    return limit, remaining, reset


def test_headers__on_every_authenticated_answer__speak_of_the_minute(world: World, clock: Clock) -> None:
    limit(world, requests_per_minute=100, burst=50)
    client = world.alice.client(None)
    answers = [
        client.get("/api/workspaces"),
        client.get("/api/workspaces/ws_none"),
        client.post("/api/workspaces", {}, format="json"),
        client.get("/api/sources"),
        client.delete("/api/workspaces"),
        client.get("/api/workspaces", {"colour": "red"}),
        client.post("/api/workspaces", b"{", content_type="application/json"),
    ]
    assert [answer.status_code for answer in answers] == [200, 404, 422, 400, 405, 422, 400]
    reset = math.ceil(clock.now + 60)
    assert [facts(answer) for answer in answers] == [(100, 99 - n, reset) for n in range(7)]
    clock.now += 60
    assert facts(client.get("/api/workspaces")) == (100, 99, math.ceil(clock.now + 60))


def test_headers__before_authentication__are_not_there(world: World, clock: Clock) -> None:
    for response in (world.nobody().get("/api/workspaces"), world.nobody().get("/api/openapi.json")):
        assert not [name for name in response.headers if name.startswith("X-RateLimit")]


@pytest.mark.parametrize("tier", list(TIERS))
def test_tier__of_an_organization__sets_its_limits(world: World, clock: Clock, tier: str) -> None:
    limit(world, tier=tier, requests_per_minute=None, burst=None)
    expected = TIERS[tier]
    assert limits_of(world.organization) == expected
    client = world.robot(None)
    codes = [client.get("/api/auth/me").status_code for _ in range(expected.burst + 1)]
    assert codes == [200] * expected.burst + [429]


def test_refusal__by_the_burst_and_by_the_minute__says_which_and_when(world: World, clock: Clock) -> None:
    limit(world, requests_per_minute=5, burst=2)
    client = world.alice.client(None)

    def ask() -> Any:
        return client.get("/api/auth/me")

    assert [ask().status_code for _ in range(2)] == [200, 200]
    refused = ask()
    body = assert_failure(refused, 429, "RATE_LIMITED")
    assert (body["details"], refused["Retry-After"]) == ({"limit": "burst"}, "1")
    assert facts(refused)[:2] == (5, 3)
    clock.now += 1
    assert [ask().status_code for _ in range(3)] == [200, 200, 429]
    clock.now += 1
    assert ask().status_code == 200
    clock.now += 10.5
    refused = ask()
    body = assert_failure(refused, 429, "RATE_LIMITED")
    assert (body["details"], facts(refused)[1]) == ({"limit": "minute"}, 0)
    # The oldest leaves 60 seconds after it came: 12.5 have gone by.
    assert refused["Retry-After"] == "48"
    clock.now += 48
    assert ask().status_code == 200


def test_limit__of_one_organization__is_shared_by_its_callers_and_by_nobody_else(
    world: World, clock: Clock
) -> None:
    limit(world, requests_per_minute=2, burst=2)
    assert_success(world.alice.client(None).get("/api/auth/me"))
    assert_success(world.robot(None).get("/api/auth/me"))
    assert_failure(world.ed.client(None).get("/api/auth/me"), 429, "RATE_LIMITED")
    assert_success(world.eve.client(None).get("/api/auth/me"))
