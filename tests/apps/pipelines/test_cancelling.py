"""A cancellation at any moment: it wins or loses against each commit, and what it accepted it keeps."""

import threading
import time
from datetime import timedelta
from typing import Any

import pytest
from django.db import connections
from django.db.models.functions import Now

from apps.pipelines.models import Run, StoredTable
from apps.pipelines.services.claiming import claim_run
from apps.pipelines.services.ending import finish_run, release_run
from apps.pipelines.services.execution import execute_run
from apps.pipelines.services.lease import require_held, require_uncancelled
from datalinx.errors import Cancelled, Interrupted
from tests.apps.pipelines.ground import start
from tests.apps.pipelines.test_parallel_tables import lay_out_six
from tests.journey import lay_out
from tests.resources import assert_success
from tests.world import World, make_world

MOMENTS = 12


def pointers() -> dict[str, str]:
    return dict(StoredTable.objects.values_list("name", "metadata_key"))


def test_cancel__at_many_moments__commits_nothing_after_it_was_accepted(
    shared_database: None, settings: Any
) -> None:
    settings.ENGINE_MEMORY_BYTES = 1024**3
    world = make_world()
    pipeline = lay_out_six(world, max_parallel_tables=2)
    began = time.monotonic()
    execute_run(start(world, pipeline, full_refresh=True))
    whole = time.monotonic() - began
    ends = []
    for moment in range(MOMENTS):
        queued = start(world, pipeline, full_refresh=True)
        worker = threading.Thread(target=work, args=(queued,))
        worker.start()
        time.sleep(whole * 1.1 * moment / (MOMENTS - 1))
        answer = world.ed.client().post(f"/api/runs/{queued}/cancel")
        at_once, asked = pointers(), time.monotonic()
        worker.join(20)
        assert not worker.is_alive()
        row = Run.objects.get(pk=queued)
        ends.append(row.status)
        if answer.status_code != 200:
            assert (answer.json()["error_code"], row.status) == ("RUN_ALREADY_FINISHED", "success")
            continue
        assert row.status == "cancelled"
        assert time.monotonic() - asked < 10
        assert pointers() == at_once
        # What is there can be read, whole: of no table is a half there.
        for name in at_once:
            page = world.ed.client().get(f"/api/tables/{name}/rows").json()
            assert page["status"] == "success"
        committed = {step.table for step in row.steps.all() if step.status == "success"}
        made = set(StoredTable.objects.filter(run=queued).values_list("name", flat=True))
        assert committed == made
    assert "cancelled" in ends


def work(run_id: str) -> None:
    try:
        execute_run(run_id)
    finally:
        connections.close_all()


def cancelled_run(world: World) -> Run:
    """Return a claimed run that was asked to stop, which its worker has not heard yet."""
    queued = start(world, lay_out(world))
    run = claim_run(queued)
    assert run is not None
    assert_success(world.ed.client().post(f"/api/runs/{queued}/cancel"))
    return run


def test_commit__after_a_cancellation__is_refused_and_the_run_can_be_ended_still(world: World) -> None:
    run = cancelled_run(world)
    require_held(run)
    with pytest.raises(Cancelled):
        require_uncancelled(run)


@pytest.mark.parametrize("status", ["success", "failed"])
def test_end__of_a_run_whose_cancellation_was_accepted__is_cancelled(world: World, status: str) -> None:
    run = cancelled_run(world)
    error = Interrupted("READ_INTERRUPTED", "The source went away.") if status == "failed" else None
    assert finish_run(run, status=status, error=error)
    row = Run.objects.get(pk=run.pk)
    assert (row.status, row.error) == ("cancelled", None)


def test_retry__of_a_run_whose_cancellation_was_accepted__does_not_come(world: World) -> None:
    run = cancelled_run(world)
    error = Interrupted("READ_INTERRUPTED", "The source went away.")
    assert release_run(run, error=error, backoff=timedelta(seconds=1))
    assert Run.objects.get(pk=run.pk).status == "cancelled"


def test_cancel__of_a_run_that_has_ended__is_refused(world: World) -> None:
    queued = start(world, lay_out(world))
    assert claim_run(queued) is not None
    Run.objects.filter(pk=queued).update(status="success", finished_at=Now())
    answer = world.ed.client().post(f"/api/runs/{queued}/cancel")
    assert (answer.status_code, answer.json()["error_code"]) == (422, "RUN_ALREADY_FINISHED")
