"""What starts after other pipelines: once for each set of ends, and never in a circle."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from django.db import connection

from apps.pipelines.models import Pipeline, Run, Upstream
from apps.pipelines.services.runs import cancel_run
from apps.pipelines.services.triggering import start_triggered_runs
from datalinx.caller import Caller
from tests.apps.pipelines.ground import start
from tests.apps.pipelines.time import change, end, make
from tests.journey import lay_out
from tests.resources import assert_failure, assert_success
from tests.world import World, make_world


@pytest.fixture
def upstream(world: World) -> dict[str, Any]:
    return lay_out(world)


def after(*names: str, on: str = "success") -> dict[str, Any]:
    return {"after": {"pipelines": list(names), "on": on}}


def started(follower: dict[str, Any]) -> int:
    start_triggered_runs()
    return Run.objects.filter(pipeline=follower["id"], trigger="after").count()


def somebody(world: World) -> Caller:
    return Caller(kind="system", id="x", name="somebody", organization=world.organization)


@pytest.mark.parametrize(
    ("on", "status", "expected"),
    [
        ("success", "success", 1),
        ("success", "failed", 0),
        ("failed", "failed", 1),
        ("failed", "success", 0),
        ("failed", "cancelled", 0),
        ("finished", "success", 1),
        ("finished", "failed", 1),
        ("finished", "cancelled", 1),
        ("success", "cancelled", 0),
    ],
)
def test_trigger__by_an_end__starts_one_run_for_the_ends_that_count(
    world: World, upstream: dict[str, Any], on: str, status: str, expected: int
) -> None:
    follower = make(world, "later", **after("nightly", on=on))
    run_id = start(world, upstream)
    assert started(follower) == 0
    end(run_id, status)
    assert [started(follower), started(follower)] == [expected, expected]
    for run in assert_success(world.vera.client().get("/api/runs?trigger=after")):
        assert (run["status"], run["triggered_by"]) == ("queued", run_id)


def test_trigger__by_a_queued_run_that_is_cancelled__counts_as_finished(
    world: World, upstream: dict[str, Any]
) -> None:
    follower = make(world, "later", **after("nightly", on="finished"))
    cancel_run(run=Run.objects.get(pk=start(world, upstream)), actor=somebody(world))
    assert started(follower) == 1


def test_trigger__by_several__waits_until_each_has_ended_since_the_last_start(
    world: World, upstream: dict[str, Any]
) -> None:
    other = make(world, "other")
    follower = make(world, "later", **after("nightly", "other"))
    for _ in range(3):
        end(start(world, upstream))
        assert started(follower) == 0
    last = start(world, other)
    end(last)
    assert started(follower) == 1
    run = Run.objects.get(trigger="after")
    assert run.triggered_by_id == last
    end(run)
    end(start(world, other))
    assert started(follower) == 1
    end(start(world, upstream))
    assert started(follower) == 2


@pytest.mark.parametrize(
    "values", [{"trigger": "verify"}, {"trigger": "replay"}, {"request": {"test_mode": True}}]
)
def test_trigger__by_a_test_a_replay_or_a_verification__starts_nothing(
    world: World, upstream: dict[str, Any], values: dict[str, Any]
) -> None:
    follower = make(world, "later", **after("nightly", on="finished"))
    run_id = start(world, upstream)
    Run.objects.filter(pk=run_id).update(**values)
    end(run_id)
    assert started(follower) == 0


def test_trigger__down_a_chain__goes_on_to_its_end(world: World, upstream: dict[str, Any]) -> None:
    second = make(world, "second", **after("nightly"))
    third = make(world, "third", **after("second"))
    end(start(world, upstream))
    assert started(second) == 1
    end(Run.objects.get(pipeline=second["id"]))
    assert started(third) == 1
    assert Run.objects.get(pipeline=third["id"]).triggered_by.triggered_by.pipeline_id == upstream["id"]


def test_trigger__of_what_cannot_begin__leaves_a_failed_run_that_others_follow(
    world: World, upstream: dict[str, Any]
) -> None:
    second = make(world, "second", **after("nightly"))
    third = make(world, "third", **after("second", on="failed"))
    run_id = start(world, upstream)
    assert_success(world.ed.client().delete("/api/mappings/customers/fields/spent"))
    end(run_id)
    assert (started(second), started(third)) == (1, 1)
    run = Run.objects.get(pipeline=second["id"])
    assert (run.status, run.error["code"]) == ("failed", "MAPPING_INCOMPLETE")


def test_trigger__while_a_triggered_run_waits__is_recorded_as_skipped(
    world: World, upstream: dict[str, Any]
) -> None:
    follower = make(world, "later", **after("nightly"))
    for _ in range(2):
        end(start(world, upstream))
        assert started(follower) == 1
    assert Pipeline.objects.get(pk=follower["id"]).skipped_count == 1


def test_trigger__changed_in_other_parts__forgets_no_end(world: World, upstream: dict[str, Any]) -> None:
    make(world, "other")
    follower = make(world, "later", **after("nightly", "other"))
    end(start(world, upstream))
    change(world, follower, description="changed")
    change(world, follower, **after("nightly"))
    assert started(follower) == 1


def test_save__of_a_cycle__is_422_with_its_path(world: World, upstream: dict[str, Any]) -> None:
    client = world.ed.client()
    second = make(world, "second", **after("nightly"))
    make(world, "third", **after("second"))
    url = f"/api/pipelines/{upstream['id']}"
    failure = assert_failure(client.patch(url, after("third"), format="json"), 422, "TRIGGER_CYCLE")
    assert failure["details"]["path"] == ["nightly", "third", "second", "nightly"]
    assert_failure(client.patch(url, after("nightly"), format="json"), 422, "TRIGGER_CYCLE")
    own = {"name": "own", "tables": ["customers"], **after("own")}
    assert_failure(client.post("/api/pipelines", own, format="json"), 422, "TRIGGER_CYCLE")
    change(world, second, after=None)
    assert change(world, upstream, **after("third"))["version"] == 2


def test_rename__of_a_pipeline_that_others_follow__is_followed(
    world: World, upstream: dict[str, Any]
) -> None:
    follower = make(world, "later", **after("nightly"))
    change(world, upstream, name="daily")
    found = assert_success(world.vera.client().get(f"/api/pipelines/{follower['id']}"))
    assert (found["after"], found["version"]) == ({"pipelines": ["daily"], "on": "success"}, 2)
    end(start(world, upstream))
    assert started(follower) == 1


def test_delete__of_a_pipeline_that_others_follow__is_refused_by_name(
    world: World, upstream: dict[str, Any]
) -> None:
    follower = make(world, "later", **after("nightly"))
    url = f"/api/pipelines/{upstream['id']}"
    failure = assert_failure(world.ed.client().delete(url), 422, "PIPELINE_HAS_FOLLOWERS")
    assert failure["details"]["pipelines"] == ["later"]
    assert_success(world.ed.client().delete(f"/api/pipelines/{follower['id']}"))
    assert_success(world.ed.client().delete(url))


def test_trigger__of_a_process_that_dies_between_end_and_start__is_made_up_by_the_tick(
    world: World, upstream: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    follower = make(world, "later", **after("nightly"))
    end(start(world, upstream))

    def die(**_: Any) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("apps.pipelines.services.triggering.start_or_record", die)
        with pytest.raises(KeyboardInterrupt):
            start_triggered_runs()
    assert Upstream.objects.get().run_id is not None
    assert started(follower) == 1


def test_trigger__four_that_look_at_once__start_one_run(shared_database: None) -> None:
    world = make_world()
    upstream = lay_out(world)
    other = make(world, "other")
    follower = make(world, "later", **after("nightly", "other"))
    runs = [start(world, each) for each in (upstream, other)]
    with ThreadPoolExecutor(2) as pool:
        list(pool.map(lambda run_id: in_thread(lambda: end(run_id)), runs))
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda _: in_thread(start_triggered_runs), range(4)))
    assert started(follower) == 1


def in_thread(act: Any) -> Any:
    try:
        return act()
    finally:
        connection.close()
