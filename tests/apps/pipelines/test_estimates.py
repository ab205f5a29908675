"""The time that a run has left: from the runs of its kind before it, honest where there are none."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from apps.pipelines.models import Run, RunStep
from apps.pipelines.services.estimates import estimate_run
from tests.apps.pipelines.ground import add_orders, start
from tests.journey import lay_out, run
from tests.resources import assert_success
from tests.world import World

NOW = datetime(2026, 1, 1, tzinfo=UTC)


def shown(world: World, run_id: str) -> dict[str, Any]:
    return dict(assert_success(world.vera.client().get(f"/api/runs/{run_id}")))


def took(run_id: str, seconds: float) -> None:
    RunStep.objects.filter(run=run_id).update(seconds=seconds)


def test_estimate__without_history__is_null(world: World) -> None:
    assert shown(world, start(world, lay_out(world)))["estimate"] is None


def test_estimate__of_a_run_that_waits__is_what_the_last_ones_took_at_the_median(world: World) -> None:
    pipeline = lay_out(world)
    for seconds in (10, 40, 20):
        took(run(world, pipeline)["id"], seconds)
    queued = start(world, pipeline)
    assert shown(world, queued)["estimate"] == {"seconds_left": 20, "based_on_runs": 3}
    Run.objects.filter(pk=queued).update(status="cancelled", finished_at=NOW)
    assert shown(world, queued)["estimate"] is None


def test_estimate__by_runs_of_another_kind__is_not_made(world: World) -> None:
    pipeline = lay_out(world)
    took(run(world, pipeline)["id"], 10)
    assert shown(world, start(world, pipeline, full_refresh=True))["estimate"] is None
    assert shown(world, start(world, pipeline, test_mode=True))["estimate"] is None


def test_estimate__of_a_table_that_no_run_made_before__is_not_made(world: World) -> None:
    pipeline = lay_out(world)
    took(run(world, pipeline)["id"], 10)
    three = add_orders(world, pipeline)
    assert shown(world, start(world, three))["estimate"] is None
    known = shown(world, start(world, three, tables=["customers"]))["estimate"]
    assert known == {"seconds_left": 10, "based_on_runs": 1}


def test_estimates__of_a_list__need_no_query_of_their_own(world: World) -> None:
    pipeline = lay_out(world)
    took(run(world, pipeline)["id"], 10)
    counts = []
    for _ in range(2):
        start(world, pipeline)
        world.vera.client().get("/api/runs")
        with CaptureQueriesContext(connection) as found:
            answer = world.vera.client().get("/api/runs").json()
        assert answer["data"][0]["estimate"] == {"seconds_left": 10, "based_on_runs": 1}
        counts.append(len(found))
    assert counts[0] == counts[1]


A, B, C = "a", "b", "c"
EXPECTED = {"runs": 4, "width": 2, "tables": {A: [30.0, []], B: [10.0, []], C: [20.0, [B]]}}


def step(table: str, status: str, *, progress: float = 0.0, elapsed: float = 0.0) -> RunStep:
    began = NOW - timedelta(seconds=elapsed) if elapsed else None
    return RunStep(table=table, status=status, progress=progress, started_at=began)


@pytest.mark.parametrize(
    ("steps", "width", "left"),
    [
        # b and then c beside a: both ways end at thirty.
        ([step(A, "pending"), step(B, "pending"), step(C, "pending")], 2, 30),
        ([step(A, "pending"), step(B, "pending"), step(C, "pending")], 1, 60),
        # Half of a table is half of its usual time, and more when it is slower than usual.
        ([step(A, "running", progress=0.5, elapsed=10), step(B, "success"), step(C, "success")], 2, 15),
        ([step(A, "running", progress=0.5, elapsed=50), step(B, "success"), step(C, "success")], 2, 25),
        ([step(A, "success"), step(B, "success"), step(C, "pending")], 2, 20),
        ([step(A, "success"), step(B, "failed"), step(C, "skipped")], 2, 1),
        ([step(A, "running", progress=1.0, elapsed=90), step(B, "success"), step(C, "success")], 2, 1),
    ],
)
def test_estimate__of_a_run_under_way__is_what_its_tables_have_left(
    steps: list[RunStep], width: int, left: int
) -> None:
    row = Run(status="running", expected={**EXPECTED, "width": width})
    assert estimate_run(row, steps, now=NOW) == {"seconds_left": left, "based_on_runs": 4}


@pytest.mark.parametrize(("usual", "told"), [(7.2, 8), (61, 70), (605, 660), (3_700, 3_900)])
def test_estimate__of_a_longer_run__is_told_roughly(usual: float, told: int) -> None:
    row = Run(status="queued", expected={"runs": 1, "width": 1, "tables": {A: [usual, []]}})
    assert estimate_run(row, [step(A, "pending")], now=NOW) == {"seconds_left": told, "based_on_runs": 1}
