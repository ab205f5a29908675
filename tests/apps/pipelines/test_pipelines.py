"""Pipelines as a resource: what may be saved, and when their schedule starts a run."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import Any, ClassVar

import pytest
import time_machine

from apps.pipelines.models import Pipeline, Run
from apps.pipelines.services.scheduling import start_due_runs
from tests.journey import lay_out
from tests.resources import ResourceTests, assert_failure, assert_success
from tests.world import World, make_world

NIGHT = {"cron": "0 2 * * *", "timezone": "Europe/London", "enabled": True}


class TestPipelines(ResourceTests):
    path: ClassVar = "/api/pipelines"
    noun: ClassVar = "PIPELINE"

    @pytest.fixture(autouse=True)
    def _ground(self, world: World) -> None:
        lay_out(world)

    def good(self, world: World, number: int = 1) -> dict[str, Any]:
        return {"name": f"pipeline-{number}", "tables": ["customers"]}

    def change(self) -> dict[str, Any]:
        return {"name": "renamed", "timeout_seconds": 60}


@pytest.mark.parametrize(
    ("change", "field", "code"),
    [
        ({"schedule": {"cron": "0 25 * * *"}}, "schedule.cron", "invalid_cron"),
        ({"schedule": {"cron": "every day"}}, "schedule.cron", "invalid_cron"),
        (
            {"schedule": {"cron": "0 2 * * *", "timezone": "Mars/Base"}},
            "schedule.timezone",
            "invalid_timezone",
        ),
        ({"tables": ["customers", "nothing"]}, "tables[1]", "unknown_table"),
        ({"tables": ["customers", "customers"]}, "tables[1]", "duplicate_name"),
        ({"tables": []}, "tables", "too_short"),
        ({"max_rejected": {"share": 2}}, "max_rejected.share", None),
        ({"timeout_seconds": "60"}, "timeout_seconds", None),
    ],
)
def test_save__what_is_known_to_be_wrong__is_422_and_the_old_one_stays(
    world: World, change: dict[str, Any], field: str, code: str | None
) -> None:
    pipeline = lay_out(world)
    client = world.ed.client()
    url = f"/api/pipelines/{pipeline['id']}"
    failure = assert_failure(client.patch(url, change, format="json"), 422, "VALIDATION_ERROR")
    assert failure["errors"][0]["field"] == field
    assert code is None or failure["errors"][0]["code"] == code
    assert assert_success(client.get(url)) == pipeline
    assert_failure(
        client.post("/api/pipelines", {"name": "n", "tables": ["customers"], **change}, format="json"),
        422,
        "VALIDATION_ERROR",
    )


def test_patch__what_get_gave__is_accepted(world: World) -> None:
    pipeline = lay_out(world)
    client = world.ed.client()
    url = f"/api/pipelines/{pipeline['id']}"
    again = assert_success(client.patch(url, assert_success(client.get(url)), format="json"))
    assert again["version"] == 2
    stale = client.patch(url, {"name": "x"}, format="json", HTTP_IF_MATCH='"1"')
    assert_failure(stale, 422, "VERSION_CONFLICT")


def test_save__a_name_that_is_taken__is_422(world: World) -> None:
    lay_out(world)
    body = {"name": "nightly", "tables": ["customers"]}
    assert_failure(world.ed.client().post("/api/pipelines", body, format="json"), 422, "PIPELINE_NAME_TAKEN")


def test_next_runs__across_a_change_of_clocks__follow_the_zone(world: World) -> None:
    pipeline = lay_out(world)
    client = world.ed.client()
    with time_machine.travel(datetime(2026, 3, 28, 12, tzinfo=UTC), tick=False):
        client = world.ed.client()
        assert_success(
            client.patch(
                f"/api/pipelines/{pipeline['id']}",
                {"schedule": {**NIGHT, "cron": "30 3 * * *"}},
                format="json",
            )
        )
        response = client.get(f"/api/pipelines/{pipeline['id']}/next-runs")
    found = assert_success(response)
    # The clocks of London go forward on 29 March: 03:30 there is 02:30 in UTC from then on.
    assert found[:2] == ["2026-03-29T02:30:00Z", "2026-03-30T02:30:00Z"]
    assert len(found) == response.json()["pagination"]["total_items"] == 5


def test_next_runs__without_a_schedule__are_none(world: World) -> None:
    pipeline = lay_out(world)
    assert assert_success(world.vera.client().get(f"/api/pipelines/{pipeline['id']}/next-runs")) == []


def schedule(world: World, pipeline: dict[str, Any], **changes: Any) -> None:
    body = {"schedule": NIGHT, **changes}
    assert_success(world.ed.client().patch(f"/api/pipelines/{pipeline['id']}", body, format="json"))


def test_schedule__when_due__starts_one_run_and_moves_on(world: World) -> None:
    pipeline = lay_out(world)
    with time_machine.travel(datetime(2026, 1, 10, 1, 59, tzinfo=UTC), tick=False) as clock:
        schedule(world, pipeline)
        assert start_due_runs() == 0
        clock.move_to(datetime(2026, 1, 10, 2, 0, tzinfo=UTC))
        assert (start_due_runs(), start_due_runs()) == (1, 0)
        # A scheduler that slept for days starts what it missed once.
        clock.move_to(datetime(2026, 1, 15, 12, 0, tzinfo=UTC))
        assert (start_due_runs(), start_due_runs()) == (1, 0)
        assert Pipeline.objects.get(pk=pipeline["id"]).next_run_at == datetime(2026, 1, 16, 2, tzinfo=UTC)
    assert set(Run.objects.values_list("trigger", "status")) == {("schedule", "queued")}


def test_schedule__with_skip__starts_none_while_one_is_active(world: World) -> None:
    pipeline = lay_out(world)
    with time_machine.travel(datetime(2026, 1, 10, 1, 59, tzinfo=UTC), tick=False) as clock:
        schedule(world, pipeline, concurrency="skip")
        for day, expected in ((10, 1), (11, 0)):
            clock.move_to(datetime(2026, 1, day, 2, 0, tzinfo=UTC))
            assert start_due_runs() == expected


def test_schedule__of_a_mapping_that_is_incomplete__leaves_a_failed_run(world: World) -> None:
    pipeline = lay_out(world)
    with time_machine.travel(datetime(2026, 1, 10, 1, 59, tzinfo=UTC), tick=False) as clock:
        schedule(world, pipeline)
        assert_success(world.ed.client().delete("/api/mappings/customers/fields/spent"))
        clock.move_to(datetime(2026, 1, 10, 2, 0, tzinfo=UTC))
        start_due_runs()
    run = Run.objects.get()
    assert (run.status, run.error["code"]) == ("failed", "MAPPING_INCOMPLETE")


def test_schedule__two_schedulers_at_once__start_one_run(shared_database: None) -> None:
    world = make_world()
    pipeline = lay_out(world)
    schedule(world, pipeline)
    Pipeline.objects.update(next_run_at=datetime(2020, 1, 1, tzinfo=UTC))
    with ThreadPoolExecutor(4) as pool:
        started = list(pool.map(lambda _: in_thread(start_due_runs), range(4)))
    assert sum(started) == 1
    assert Run.objects.count() == 1


def in_thread(act: Any) -> Any:
    from django.db import connection

    try:
        return act()
    finally:
        connection.close()
