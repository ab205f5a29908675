"""What starts by the clock: each time once, missed times and overlaps as the document has them."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import IntegrityError, connection, transaction

from apps.pipelines.models import Pipeline, Run
from apps.pipelines.services.scheduling import align_schedules, start_due_runs
from tests.apps.pipelines.time import DatabaseClock, change, end
from tests.journey import lay_out
from tests.resources import assert_failure, assert_success
from tests.world import World, make_world

NIGHT = {"cron": "0 2 * * *", "timezone": "Europe/London", "enabled": True}
EVERY_MINUTE = {"cron": "* * * * *"}


def at(day: int, hour: int = 2, minute: int = 0, second: int = 0) -> datetime:
    return datetime(2026, 1, day, hour, minute, second, tzinfo=UTC)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> DatabaseClock:
    return DatabaseClock(monkeypatch, at(10, 1, 59))


@pytest.fixture
def pipeline(world: World, clock: DatabaseClock) -> dict[str, Any]:
    return lay_out(world)


def row(pipeline: dict[str, Any]) -> Pipeline:
    return Pipeline.objects.get(pk=pipeline["id"])


def times() -> list[datetime | None]:
    return list(Run.objects.order_by("scheduled_for").values_list("scheduled_for", flat=True))


def test_schedule__when_due__starts_one_run_and_moves_on(
    world: World, pipeline: dict[str, Any], clock: DatabaseClock
) -> None:
    change(world, pipeline, schedule=NIGHT)
    assert start_due_runs() == 0
    clock.move_to(at(10, 2, 0, 2))
    assert (start_due_runs(), start_due_runs()) == (1, 0)
    [run] = assert_success(world.vera.client().get("/api/runs"))
    assert (run["trigger"], run["scheduled_for"]) == ("schedule", "2026-01-10T02:00:00.000000Z")
    assert run["request"] == {}
    assert row(pipeline).next_run_at == at(11)
    assert row(pipeline).missed_count == 0


@pytest.mark.parametrize(
    ("missed", "expected", "left_out"),
    [
        ("last", [at(15)], 5),
        ("all", [at(day) for day in range(10, 16)], 0),
        ("skip", [], 6),
    ],
)
def test_missed__after_days_away__follows_the_policy(
    world: World,
    pipeline: dict[str, Any],
    clock: DatabaseClock,
    missed: str,
    expected: list[datetime],
    left_out: int,
) -> None:
    change(world, pipeline, schedule={**NIGHT, "missed": missed})
    clock.move_to(at(15, 12))
    assert (start_due_runs(), start_due_runs()) == (len(expected), 0)
    assert times() == expected
    found = row(pipeline)
    assert (found.next_run_at, found.missed_count) == (at(16), left_out)
    assert found.last_missed_at == {"last": at(14), "all": None, "skip": at(15)}[missed]


@pytest.mark.parametrize(("late", "started"), [(timedelta(seconds=60), 1), (timedelta(seconds=61), 0)])
def test_missed__with_skip__forgives_a_minute(
    world: World, pipeline: dict[str, Any], clock: DatabaseClock, late: timedelta, started: int
) -> None:
    change(world, pipeline, schedule={**NIGHT, "missed": "skip"})
    clock.move_to(at(10) + late)
    assert start_due_runs() == started
    assert row(pipeline).missed_count == 1 - started


def test_missed__with_all_over_a_thousand_times__starts_the_newest_hundred_and_tells_the_rest(
    world: World, pipeline: dict[str, Any], clock: DatabaseClock
) -> None:
    change(world, pipeline, schedule={**EVERY_MINUTE, "missed": "all"})
    clock.move_to(at(10, 2) + timedelta(minutes=999))
    assert start_due_runs() == 100
    found = times()
    assert found == [clock.moment - timedelta(minutes=minute) for minute in range(99, -1, -1)]
    assert (row(pipeline).missed_count, row(pipeline).last_missed_at) == (
        900,
        clock.moment - timedelta(minutes=100),
    )


def test_missed__over_years_of_minutes__is_worked_out_at_once(
    world: World, pipeline: dict[str, Any], clock: DatabaseClock
) -> None:
    change(world, pipeline, schedule=EVERY_MINUTE)
    clock.move_to(datetime(2029, 1, 1, tzinfo=UTC))
    assert start_due_runs() == 1
    assert times() == [clock.moment]
    assert row(pipeline).missed_count == 10_000


def test_schedule__with_a_clock_set_back__fires_no_time_twice(
    world: World, pipeline: dict[str, Any], clock: DatabaseClock
) -> None:
    change(world, pipeline, schedule=NIGHT)
    clock.move_to(at(10, 2, 0, 1))
    assert start_due_runs() == 1
    end(Run.objects.get())
    clock.move_to(at(10, 1, 30))
    # Both let the schedule stand before the time that has fired.
    change(world, pipeline, description="changed")
    assert row(pipeline).next_run_at == at(10)
    clock.move_to(at(10, 2, 0, 1))
    assert start_due_runs() == 0
    assert (times(), row(pipeline).next_run_at) == ([at(10)], at(11))


def test_database__of_two_runs_for_one_time__refuses_the_second(
    world: World, pipeline: dict[str, Any], clock: DatabaseClock
) -> None:
    values = {"workspace": row(pipeline).workspace, "pipeline": row(pipeline), "scheduled_for": at(10)}
    Run.objects.create(**values, trigger="schedule")
    with pytest.raises(IntegrityError), transaction.atomic():
        Run.objects.create(**values, trigger="schedule")


def test_align__after_a_clock_ran_ahead_or_a_zone_changed__puts_the_next_time_right(
    world: World, pipeline: dict[str, Any], clock: DatabaseClock
) -> None:
    clock.move_to(at(10) + timedelta(days=365))
    change(world, pipeline, schedule=NIGHT)
    clock.move_to(at(10, 1))
    assert (align_schedules(), align_schedules()) == (1, 0)
    assert row(pipeline).next_run_at == at(10)


def test_schedule__whose_zone_no_longer_has_the_stored_time__fires_by_the_new_rules(
    world: World, pipeline: dict[str, Any], clock: DatabaseClock
) -> None:
    change(world, pipeline, schedule=NIGHT)
    # Stored under rules by which 02:00 was at 01:59 in UTC.
    Pipeline.objects.update(next_run_at=at(10, 1, 59))
    assert start_due_runs() == 0
    assert (row(pipeline).next_run_at, row(pipeline).missed_count) == (at(10), 0)


@pytest.mark.parametrize(
    ("concurrency", "statuses", "skipped"),
    [("queue", ["queued"], 2), ("skip", ["queued"], 2), ("replace", ["cancelled", "cancelled", "queued"], 0)],
)
def test_overlap__of_queued_runs__follows_the_policy(
    world: World,
    pipeline: dict[str, Any],
    clock: DatabaseClock,
    concurrency: str,
    statuses: list[str],
    skipped: int,
) -> None:
    change(world, pipeline, schedule=NIGHT, concurrency=concurrency)
    for day in (10, 11, 12):
        clock.move_to(at(day, 2, 0, 1))
        start_due_runs()
    assert [run.status for run in Run.objects.order_by("created_at")] == statuses
    found = row(pipeline)
    assert (found.skipped_count, found.last_skipped_at is not None) == (skipped, skipped > 0)


def test_overlap__of_a_long_run_and_a_queue__keeps_one_waiting_and_says_so(
    world: World, pipeline: dict[str, Any], clock: DatabaseClock
) -> None:
    from apps.pipelines.services.claiming import claim_run

    change(world, pipeline, schedule=EVERY_MINUTE)
    for minute in range(60):
        clock.move_to(at(10, 3) + timedelta(minutes=minute))
        start_due_runs()
        claim_run(Run.objects.filter(status="queued").latest("created_at").pk)
    assert list(Run.objects.order_by("created_at").values_list("status", flat=True)) == ["running", "queued"]
    assert row(pipeline).skipped_count == 58
    lines = Run.objects.get(status="queued").logs.filter(level="warning")
    assert "A start by the schedule was left out: this run is queued." in {line.message for line in lines}


def test_overlap__with_replace__asks_the_running_one_to_end(
    world: World, pipeline: dict[str, Any], clock: DatabaseClock
) -> None:
    from apps.pipelines.services.claiming import claim_run

    change(world, pipeline, schedule=NIGHT, concurrency="replace")
    clock.move_to(at(10))
    start_due_runs()
    first = claim_run(Run.objects.get().pk)
    assert first is not None
    clock.move_to(at(11))
    assert start_due_runs() == 1
    first.refresh_from_db()
    assert (first.status, first.cancel_requested_at is not None) == ("running", True)
    assert Run.objects.get(scheduled_for=at(11)).status == "queued"


def test_schedule__of_a_mapping_that_is_incomplete__leaves_a_failed_run(
    world: World, pipeline: dict[str, Any], clock: DatabaseClock
) -> None:
    change(world, pipeline, schedule=NIGHT)
    assert_success(world.ed.client().delete("/api/mappings/customers/fields/spent"))
    clock.move_to(at(10))
    start_due_runs()
    run = Run.objects.get()
    assert (run.status, run.error["code"], run.scheduled_for) == ("failed", "MAPPING_INCOMPLETE", at(10))


def test_schedule__of_one_pipeline_that_breaks__lets_the_others_start(
    world: World, pipeline: dict[str, Any], clock: DatabaseClock
) -> None:
    from tests.apps.pipelines.time import make

    make(world, "broken", schedule=NIGHT)
    Pipeline.objects.filter(name="broken").update(document={"no": "document"})
    change(world, pipeline, schedule=NIGHT)
    clock.move_to(at(10))
    assert start_due_runs() == 1


def test_schedule__of_somebody_who_left__goes_on(
    world: World, pipeline: dict[str, Any], clock: DatabaseClock
) -> None:
    change(world, pipeline, schedule=NIGHT)
    assert_success(world.alice.client().post(f"/api/users/{world.ed.user.pk}/deactivate"))
    clock.move_to(at(10))
    assert start_due_runs() == 1


def test_schedule__four_schedulers_at_once__start_each_time_once(shared_database: None) -> None:
    world = make_world()
    pipeline = lay_out(world)
    change(world, pipeline, schedule={**NIGHT, "missed": "all"})
    first = datetime.now(UTC).replace(hour=2, minute=0, second=0, microsecond=0) - timedelta(days=5)
    Pipeline.objects.update(next_run_at=first)
    with ThreadPoolExecutor(4) as pool:
        started = list(pool.map(lambda _: in_thread(start_due_runs), range(4)))
    found = times()
    assert sum(started) == len(found) == len(set(found)) >= 4


def in_thread(act: Any) -> Any:
    try:
        return act()
    finally:
        connection.close()


def test_schedules__of_a_workspace__tell_what_starts_by_itself(
    world: World, pipeline: dict[str, Any], clock: DatabaseClock
) -> None:
    from tests.apps.pipelines.time import make

    make(world, "by hand")
    make(world, "later", after={"pipelines": ["nightly"], "on": "failed"})
    change(world, pipeline, schedule={**NIGHT, "missed": "skip"})
    clock.move_to(at(12, 3))
    start_due_runs()
    later, nightly = assert_success(world.vera.client().get("/api/schedules"))
    assert (later["name"], later["waits_for"], later["next_runs"]) == ("later", ["nightly"], [])
    assert (nightly["missed_count"], nightly["next_runs"][0][:16]) == (3, "2026-01-13T02:00")
    assert (nightly["enabled"], nightly["last_run"]) == (True, None)
    assert world.eve.client().get("/api/schedules").json()["data"] == []
    assert world.vera.client().get("/api/schedules?when=now").status_code == 422


def test_pause__of_a_schedule__starts_nothing_until_it_is_resumed(
    world: World, pipeline: dict[str, Any], clock: DatabaseClock
) -> None:
    url = f"/api/pipelines/{pipeline['id']}"
    client = world.ed.client()
    assert_failure(client.post(f"{url}/pause"), 422, "NO_SCHEDULE")
    change(world, pipeline, schedule=NIGHT)
    assert world.vera.client().post(f"{url}/pause").status_code == 403
    assert world.eve.client().post(f"{url}/pause").status_code == 404
    paused = assert_success(client.post(f"{url}/pause"))
    assert (paused["schedule"]["enabled"], paused["next_run_at"], paused["version"]) == (False, None, 3)
    assert assert_success(client.post(f"{url}/pause"))["version"] == 3
    clock.move_to(at(12, 3))
    assert start_due_runs() == 0
    resumed = assert_success(client.post(f"{url}/resume"))
    assert (resumed["schedule"]["enabled"], resumed["next_run_at"][:13]) == (True, "2026-01-13T02")
    assert start_due_runs() == 0


def test_start__by_hand_with_replace__cancels_the_queued_one(
    world: World, pipeline: dict[str, Any], clock: DatabaseClock
) -> None:
    from tests.apps.pipelines.ground import start

    change(world, pipeline, concurrency="replace")
    first, second = start(world, pipeline), start(world, pipeline)
    assert [Run.objects.get(pk=each).status for each in (first, second)] == ["cancelled", "queued"]


def test_schedules__saved_before_a_rule_that_they_break__go_on_beside_the_others(world: World) -> None:
    pipeline = lay_out(world)
    other = {"name": "other", "tables": ["customers"], "schedule": NIGHT}
    client = world.ed.client()
    assert_success(client.post("/api/pipelines", other, format="json"), 201)
    row = Pipeline.objects.get(pk=pipeline["id"])
    row.document = {**row.document, "schedule": {"cron": "*/90 * * * *", "timezone": "UTC"}}
    row.save()
    shown = assert_success(client.get("/api/schedules", {"hours": 1}))
    assert [(each["name"], len(each["next_runs"])) for each in shown] == [("nightly", 5), ("other", 5)]
    assert len(assert_success(client.get(f"/api/pipelines/{row.pk}/next-runs"))) == 5
    assert_success(client.post(f"/api/pipelines/{row.pk}/run", {}, format="json"), 201)
    change = {"schedule": {"cron": "*/90 * * * *", "timezone": "UTC"}}
    assert_failure(client.patch(f"/api/pipelines/{row.pk}", change, format="json"), 422, "VALIDATION_ERROR")
