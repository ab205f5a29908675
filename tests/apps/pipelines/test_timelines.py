"""A day of each schedule at a glance: what ran around now, and what will."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from apps.pipelines.models import Pipeline, Run
from apps.pipelines.services.timelines import MOST_FIRES, MOST_RUNS
from tests.apps.pipelines.time import DatabaseClock, change, make
from tests.journey import lay_out, run
from tests.resources import assert_failure, assert_success
from tests.world import World

NOON = datetime(2026, 1, 10, 12, tzinfo=UTC)
EVERY_HOUR = {"cron": "30 * * * *", "timezone": "Asia/Kolkata"}


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> DatabaseClock:
    return DatabaseClock(monkeypatch, NOON)


@pytest.fixture
def pipeline(world: World, clock: DatabaseClock) -> dict[str, Any]:
    return lay_out(world)


def ran(pipeline: dict[str, Any], began: datetime, minutes: int | None = 10, **keys: Any) -> Run:
    """Put a run there that began then; without minutes it goes on."""
    ended = None if minutes is None else began + timedelta(minutes=minutes)
    status = "running" if ended is None else "success"
    row = Pipeline.objects.get(pk=pipeline["id"])
    values = {"status": status, "started_at": began, "finished_at": ended, **keys}
    made: Run = Run.objects.create(workspace=row.workspace, pipeline=row, **values)
    Run.objects.filter(pk=made.pk).update(created_at=began)
    return made


def ask(world: World, hours: int = 12) -> list[dict[str, Any]]:
    return list(assert_success(world.vera.client().get("/api/schedules", {"hours": hours})))


def test_timeline__of_a_schedule__has_what_ran_and_what_will(world: World, pipeline: dict[str, Any]) -> None:
    change(world, pipeline, schedule=EVERY_HOUR)
    make(world, "later", after={"pipelines": ["nightly"], "on": "success"})
    ran(pipeline, NOON - timedelta(hours=20))
    across = ran(pipeline, NOON - timedelta(hours=12, minutes=5))
    fired = ran(
        pipeline, NOON - timedelta(hours=2), trigger="schedule", scheduled_for=NOON - timedelta(hours=2)
    )
    going = ran(pipeline, NOON - timedelta(minutes=5), None)
    later, nightly = ask(world)
    timeline = nightly["timeline"]
    assert [each["id"] for each in timeline["runs"]] == [across.pk, fired.pk, going.pk]
    assert timeline["runs"][1]["scheduled_for"] == "2026-01-10T10:00:00Z"
    assert (timeline["since"][:16], timeline["until"][:16]) == ("2026-01-10T00:00", "2026-01-11T00:00")
    # Half past in a zone whose clock is half an hour off: at the full hour in UTC.
    assert [each[11:16] for each in timeline["fires"]] == [f"{hour:02}:00" for hour in [*range(13, 24), 0]]
    assert (timeline["more_fires"], timeline["more_runs"]) == (False, False)
    assert (later["timeline"]["fires"], later["timeline"]["runs"]) == ([], [])


def test_timeline__of_a_paused_schedule__has_no_time_to_come(world: World, pipeline: dict[str, Any]) -> None:
    change(world, pipeline, schedule={**EVERY_HOUR, "enabled": False})
    [found] = ask(world, 24)
    assert found["timeline"]["fires"] == []


def test_timeline__of_every_minute__is_bounded_and_says_so(world: World, pipeline: dict[str, Any]) -> None:
    change(world, pipeline, schedule={"cron": "* * * * *"})
    made = [ran(pipeline, NOON - timedelta(minutes=minute), 0) for minute in range(MOST_RUNS + 5)]
    [found] = ask(world)
    timeline = found["timeline"]
    assert (len(timeline["fires"]), timeline["more_fires"]) == (MOST_FIRES, True)
    assert [each["id"] for each in timeline["runs"]] == [each.pk for each in reversed(made[:MOST_RUNS])]
    assert timeline["more_runs"] is True


@pytest.mark.parametrize("hours", ["0", "25", "-1", "1.5", "many"])
def test_timeline__of_hours_that_cannot_be__is_refused(
    world: World, pipeline: dict[str, Any], hours: str
) -> None:
    answer = world.vera.client().get("/api/schedules", {"hours": hours})
    assert_failure(answer, 422, "VALIDATION_ERROR")
    assert "a whole number from 1 to 24" in answer.json()["message"]


def test_timeline__not_asked_for__is_not_there(world: World, pipeline: dict[str, Any]) -> None:
    change(world, pipeline, schedule=EVERY_HOUR)
    [found] = assert_success(world.vera.client().get("/api/schedules"))
    assert (found["timeline"], found["cron_in_words"]) == (None, "At minute 30 of every hour")


def test_timelines__of_another_organization__hold_nothing_of_this_one(
    world: World, pipeline: dict[str, Any]
) -> None:
    change(world, pipeline, schedule=EVERY_HOUR)
    ran(pipeline, NOON - timedelta(hours=1))
    assert world.eve.client().get("/api/schedules?hours=12").json()["data"] == []
    assert world.max.client().get("/api/schedules?hours=12").status_code == 403
    assert world.nobody().get("/api/schedules?hours=12").status_code == 401


def test_timelines__of_many_pipelines__cost_as_many_queries_as_of_one(
    world: World, pipeline: dict[str, Any]
) -> None:
    client = world.vera.client()

    def queries() -> int:
        with CaptureQueriesContext(
            connection,
        ) as seen:
            assert_success(client.get("/api/schedules", {"hours": 12}))
        return len(seen)

    change(world, pipeline, schedule=EVERY_HOUR)
    ran(pipeline, NOON - timedelta(hours=1))
    queries()
    one = queries()
    for number in range(5):
        ran(make(world, f"p{number}", schedule=EVERY_HOUR), NOON - timedelta(hours=1))
    assert queries() == one


def test_last_run__of_a_schedule__tells_what_it_gave(world: World, pipeline: dict[str, Any]) -> None:
    change(world, pipeline, schedule=EVERY_HOUR)
    done = run(world, pipeline)
    [found] = assert_success(world.vera.client().get("/api/schedules"))
    last = found["last_run"]
    assert (last["id"], last["error"], last["totals"]["read"]) == (done["id"], None, done["totals"]["read"])
