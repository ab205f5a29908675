"""Pipelines as a resource: what may be saved, and when their schedule starts a run."""

from datetime import UTC, datetime
from typing import Any, ClassVar

import pytest

from datalinx import clock
from tests.journey import lay_out
from tests.resources import ResourceTests, assert_failure, assert_success
from tests.world import World

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
        ({"schedule": {"cron": "0 0 30 2 *"}}, "schedule.cron", "never_fires"),
        ({"schedule": {"cron": "0 0 2 * * *"}}, "schedule.cron", "invalid_cron"),
        ({"schedule": {"cron": "0 2 * * *", "missed": "some"}}, "schedule.missed", None),
        ({"concurrency": "both"}, "concurrency", None),
        ({"after": {"pipelines": ["nothing"]}}, "after.pipelines[0]", "unknown_pipeline"),
        ({"after": {"pipelines": ["a", "a"]}}, "after.pipelines[1]", "duplicate_name"),
        ({"after": {"pipelines": []}}, "after.pipelines", "too_short"),
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


def test_put__a_document__leaves_nothing_of_the_one_before(world: World) -> None:
    pipeline = lay_out(world)
    client = world.ed.client()
    url = f"/api/pipelines/{pipeline['id']}"
    full = {
        "schedule": NIGHT,
        "after": {"pipelines": ["first"]},
        "timeout_seconds": 60,
        "concurrency": "skip",
    }
    assert_success(
        client.post("/api/pipelines", {"name": "first", "tables": ["customers"]}, format="json"), 201
    )
    changed = assert_success(client.patch(url, full, format="json"))
    assert assert_success(client.put(url, changed, format="json"))["schedule"] == NIGHT
    bare = {"name": pipeline["name"], "tables": ["customers"]}
    replaced = assert_success(client.put(url, bare, format="json"))
    kept = ("schedule", "timeout_seconds", "concurrency", "next_run_at")
    assert [replaced[name] for name in kept] == [pipeline[name] for name in kept]
    assert ("after" in replaced, assert_success(client.get("/api/schedules"))) == (False, [])
    assert_failure(client.put(url, {"tables": ["customers"]}, format="json"), 422, "VALIDATION_ERROR")
    stale = client.put(url, bare, format="json", HTTP_IF_MATCH='"1"')
    assert_failure(stale, 422, "VERSION_CONFLICT")


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


def test_next_runs__across_a_change_of_clocks__follow_the_zone(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    pipeline = lay_out(world)
    client = world.ed.client()
    monkeypatch.setattr(clock, "database_now", lambda: datetime(2026, 3, 28, 12, tzinfo=UTC))
    changes = {"schedule": {**NIGHT, "cron": "30 3 * * *"}}
    assert_success(client.patch(f"/api/pipelines/{pipeline['id']}", changes, format="json"))
    response = client.get(f"/api/pipelines/{pipeline['id']}/next-runs")
    found = assert_success(response)
    # The clocks of London go forward on 29 March: 03:30 there is 02:30 in UTC from then on.
    assert found[:2] == ["2026-03-29T02:30:00Z", "2026-03-30T02:30:00Z"]
    assert len(found) == response.json()["pagination"]["total_items"] == 5


def test_next_runs__without_a_schedule__are_none(world: World) -> None:
    pipeline = lay_out(world)
    assert assert_success(world.vera.client().get(f"/api/pipelines/{pipeline['id']}/next-runs")) == []
