"""Who holds a run: one worker at a time, and none that was given up on may write."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
from django.db import InterfaceError, InternalError, OperationalError, connection, transaction
from django.db.models.functions import Now

from apps.pipelines.models import Pipeline, Run, RunStep, StoredTable
from apps.pipelines.services import dispatching, engines, execution, lease, pipelines, run_record
from apps.pipelines.services.claiming import claim_run
from apps.pipelines.services.dispatching import MAX_ATTEMPTS, dispatch_waiting_runs, reap_lost_runs
from apps.pipelines.services.ending import hand_over_run
from apps.pipelines.services.execution import Execution, execute_run
from apps.pipelines.services.lease import LeaseLost, now_plus, require_held
from apps.pipelines.services.run_record import RunRecord
from apps.pipelines.services.watchdog import RunWatchdog
from apps.workspaces.models import Event
from datalinx.errors import Interrupted
from tests.apps.pipelines.ground import start
from tests.apps.pipelines.time import make
from tests.journey import lay_out
from tests.resources import assert_failure, assert_success
from tests.world import World, make_world


def silence(run_id: str) -> None:
    """Let the lease of a run be over."""
    Run.objects.filter(pk=run_id).update(lease_expires_at=now_plus(timedelta(seconds=-1)))


def events(world: World) -> list[str]:
    rows = Event.objects.for_workspace(world.workspace.pk).filter(type__startswith="pipeline.")
    return list(rows.order_by("sequence").values_list("type", flat=True))


def test_claim__by_eight_workers_at_once__is_given_to_one(shared_database: None) -> None:
    world = make_world()
    queued = start(world, lay_out(world))

    def claim(_: int) -> bool:
        try:
            return claim_run(queued) is not None
        finally:
            connection.close()

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(claim, range(8))) == 1
    assert Run.objects.get(pk=queued).fence == 1


def test_start__with_one_key_in_twenty_threads__makes_one_run(shared_database: None) -> None:
    world = make_world()
    pipeline = lay_out(world)
    client = world.ed.client()
    headers = dict(client._credentials)

    def ask(_: int) -> tuple[int, str]:
        from rest_framework.test import APIClient

        try:
            own = APIClient()
            own.credentials(**headers, HTTP_IDEMPOTENCY_KEY="the same")
            response = own.post(f"/api/pipelines/{pipeline['id']}/run", {}, format="json")
            body = response.json()
            return response.status_code, body["data"]["id"] if response.status_code == 201 else body[
                "error_code"
            ]
        finally:
            connection.close()

    with ThreadPoolExecutor(20) as pool:
        answers = set(pool.map(ask, range(20)))
    assert Run.objects.count() == 1
    made = Run.objects.get().pk
    assert (201, made) in answers
    assert answers <= {(201, made), (503, "IDEMPOTENCY_IN_PROGRESS")}


def test_claim__while_another_run_of_the_pipeline_runs__waits(world: World) -> None:
    pipeline = lay_out(world)
    first, second = start(world, pipeline), start(world, pipeline)
    assert claim_run(first) is not None
    assert claim_run(second) is None
    Run.objects.filter(pk=first).update(status="success", finished_at=Now())
    assert claim_run(second) is not None


def test_write__after_the_fence_moved__is_refused_and_nothing_is_published(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    queued = start(world, lay_out(world))
    real = engines.run_table

    def taken_over_meanwhile(*args: Any, **kwargs: Any) -> Any:
        result = real(*args, **kwargs)
        silence(queued)
        assert reap_lost_runs() == 1
        return result

    monkeypatch.setattr(engines, "run_table", taken_over_meanwhile)
    run = claim_run(queued)
    assert run is not None
    with pytest.raises(LeaseLost):
        Execution(run, RunWatchdog(run)).run_all()
    with pytest.raises(LeaseLost):
        require_held(run)
    assert not StoredTable.objects.exists()
    row = Run.objects.get(pk=queued)
    assert (row.status, row.attempt, row.failures) == ("queued", 2, 0)
    # Who takes it up next brings it to its end, and those who listen hear of each thing once.
    monkeypatch.undo()
    execute_run(queued)
    assert assert_success(world.vera.client().get(f"/api/runs/{queued}"))["status"] == "success"
    assert events(world) == ["pipeline.started", "pipeline.completed"]


def test_reaper__of_a_run_that_never_sent_a_heartbeat__takes_it_up(world: World) -> None:
    queued = start(world, lay_out(world))
    assert claim_run(queued) is not None
    assert reap_lost_runs() == 0
    Run.objects.filter(pk=queued).update(heartbeat_at=None, lease_expires_at=None)
    assert reap_lost_runs() == 1
    row = Run.objects.get(pk=queued)
    assert (row.status, row.attempt, row.fence) == ("queued", 2, 2)
    assert "taken up again" in row.logs.last().message


def test_reaper__of_a_run_in_the_middle_of_a_table__begins_the_table_anew(world: World) -> None:
    queued = start(world, lay_out(world))
    claim_run(queued)
    RunStep.objects.filter(run=queued).update(status="running")
    silence(queued)
    assert reap_lost_runs() == 1
    shown = assert_success(world.vera.client().get(f"/api/runs/{queued}"))
    assert [step["status"] for step in shown["steps"]] == ["pending"]
    shown = assert_success(world.ed.client().post(f"/api/runs/{queued}/cancel"))
    assert (shown["status"], [step["status"] for step in shown["steps"]]) == ("cancelled", ["cancelled"])
    assert last_line(queued) == "Ended: cancelled."


def last_line(run_id: str) -> str:
    return str(Run.objects.get(pk=run_id).logs.order_by("id").last().message)


def test_reaper__of_a_run_that_cannot_be_taken_up__takes_up_the_others(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    pipeline = lay_out(world)
    stuck, lost = start(world, pipeline), start(world, make(world, "another"))
    for each in (stuck, lost):
        assert claim_run(each) is not None
        silence(each)
    real = dispatching.write_log

    def fails_for_one(run: Run, *words: Any, **more: Any) -> None:
        if run.pk == stuck:
            raise OperationalError("canceling statement due to lock timeout")
        real(run, *words, **more)

    monkeypatch.setattr(dispatching, "write_log", fails_for_one)
    assert reap_lost_runs() == 1
    assert [Run.objects.get(pk=each).status for each in (stuck, lost)] == ["running", "queued"]


def test_reaper__while_the_row_of_a_lost_run_is_locked__waits_for_nobody(shared_database: None) -> None:
    if connection.vendor == "sqlite":
        pytest.skip("locks the whole file, not a row")
    world = make_world()
    pipeline = lay_out(world)
    stuck, lost = start(world, pipeline), start(world, make(world, "another"))
    for each in (stuck, lost):
        assert claim_run(each) is not None
        silence(each)
    locked, ends = threading.Event(), threading.Event()

    def stand_still() -> None:
        with transaction.atomic():
            Run.objects.filter(pk=stuck).update(progress=0.5)
            locked.set()
            ends.wait(30)
        connection.close()

    holder = threading.Thread(target=stand_still)
    holder.start()
    assert locked.wait(10)
    try:
        assert reap_lost_runs() == 1
        assert Run.objects.get(pk=lost).status == "queued"
    finally:
        ends.set()
        holder.join()
    assert reap_lost_runs() == 1
    assert Run.objects.get(pk=stuck).status == "queued"


def test_cancel__while_the_run_goes_back_to_the_queue__ends_it(shared_database: None) -> None:
    world = make_world()
    queued = start(world, lay_out(world))
    run = claim_run(queued)
    assert run is not None
    locked, asked = threading.Event(), threading.Event()

    def go_back() -> None:
        with transaction.atomic():
            assert hand_over_run(run)
            locked.set()
            asked.wait(1)
        connection.close()

    worker = threading.Thread(target=go_back)
    worker.start()
    assert locked.wait(10)
    answer = world.ed.client().post(f"/api/runs/{queued}/cancel")
    asked.set()
    worker.join()
    assert assert_success(answer)["status"] == "cancelled"


def test_cancel__that_is_accepted_while_a_run_is_looked_at_as_lost__ends_it(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    queued = start(world, lay_out(world))
    claim_run(queued)
    silence(queued)
    real = dispatching.transaction.atomic

    def asked_meanwhile(*args: Any, **kwargs: Any) -> Any:
        Run.objects.filter(pk=queued).update(cancel_requested_at=Now())
        return real(*args, **kwargs)

    monkeypatch.setattr(dispatching.transaction, "atomic", asked_meanwhile)
    reap_lost_runs()
    assert Run.objects.get(pk=queued).status == "cancelled"


@pytest.mark.parametrize("kind", [OperationalError, InterfaceError, InternalError])
def test_database__that_breaks_off_a_run__has_it_taken_up_again(
    world: World, monkeypatch: pytest.MonkeyPatch, kind: type[Exception]
) -> None:
    queued = start(world, lay_out(world))
    real = execution.finish_run

    def broken(*_: Any, **__: Any) -> bool:
        raise kind("terminating connection due to administrator command")

    monkeypatch.setattr(execution, "finish_run", broken)
    execute_run(queued)
    row = Run.objects.get(pk=queued)
    assert (row.status, row.attempt, row.failures) == ("queued", 2, 0)
    assert "The database broke off" in last_line(queued)
    assert row.not_before is not None
    assert claim_run(queued) is None
    Run.objects.filter(pk=queued).update(not_before=Now())
    version = StoredTable.objects.get().snapshot
    monkeypatch.setattr(execution, "finish_run", real)
    execute_run(queued)
    assert Run.objects.get(pk=queued).status == "success"
    # What was committed is not made twice.
    assert StoredTable.objects.get().snapshot == version
    assert events(world) == ["pipeline.started", "pipeline.completed"]


def test_database__that_breaks_a_run_off_each_time__ends_it(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    queued = start(world, lay_out(world))

    def broken(*_: Any, **__: Any) -> Any:
        raise OperationalError("no space left on device")

    monkeypatch.setattr(engines, "run_table", broken)
    pauses = []
    for _ in range(MAX_ATTEMPTS):
        execute_run(queued)
        row = Run.objects.get(pk=queued)
        if row.not_before is not None:
            pauses.append(round((row.not_before - row.updated_at).total_seconds()))
        Run.objects.filter(pk=queued).update(not_before=None)
    assert pauses == [1, 2, 4, 8, 16, 32, 60, 60, 60]
    assert (row.status, row.error["code"]) == ("failed", "WORKER_LOST")
    assert last_line(queued).startswith("Ended: failed. The worker was lost 10 times")


def test_heartbeat__whose_connection_broke__beats_by_another(
    shared_database: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = make_world()
    run = claim_run(start(world, lay_out(world)))
    assert run is not None
    monkeypatch.setattr(lease, "HEARTBEAT_SECONDS", 0.1)
    real, seen = RunWatchdog._renew, list[Any]()

    def cut_off(watchdog: RunWatchdog) -> None:
        if not seen:
            # As a server ends a session: the client's side is told by the next statement.
            connection.ensure_connection()
            seen.append(connection.connection)
            connection.connection.close()
        real(watchdog)

    monkeypatch.setattr(RunWatchdog, "_renew", cut_off)
    silence(run.pk)
    with RunWatchdog(run):
        time.sleep(2.5)
    assert seen
    assert reap_lost_runs() == 0


def test_progress__that_cannot_be_written__does_not_end_the_work(
    shared_database: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = make_world()
    run = claim_run(start(world, lay_out(world)))
    assert run is not None
    step = run.steps.get()
    record = RunRecord(run, [step])

    def broken(_: Run) -> Any:
        raise OperationalError("the connection is lost")

    monkeypatch.setattr(run_record, "held", broken)
    record.report(step, 0.5, {"read": 5})
    monkeypatch.undo()
    RunStep.objects.filter(pk=step.pk).update(status="running")
    monkeypatch.setattr(run_record, "REPORT_SECONDS", 0.0)
    record.report(step, 0.5, {"read": 7})
    assert run.steps.get().counts == {"read": 7}
    # Somebody else's by now.
    Run.objects.filter(pk=run.pk).update(fence=5)
    record.report(step, 0.6, {"read": 9})
    assert run.steps.get().counts == {"read": 7}


def test_reaper__of_a_run_lost_again_and_again__ends_it(world: World) -> None:
    queued = start(world, lay_out(world))
    for attempt in range(1, MAX_ATTEMPTS + 1):
        claimed = claim_run(queued)
        assert claimed is not None
        assert claimed.attempt == attempt
        silence(queued)
        assert reap_lost_runs() == 1
    row = Run.objects.get(pk=queued)
    assert (row.status, row.error["code"]) == ("failed", "WORKER_LOST")
    assert {step.status for step in row.steps.all()} == {"skipped"}
    assert events(world)[-1:] == ["pipeline.failed"]


def test_reaper__of_a_lost_run_that_was_to_stop__cancels_it(world: World) -> None:
    queued = start(world, lay_out(world))
    claim_run(queued)
    shown = assert_success(world.ed.client().post(f"/api/runs/{queued}/cancel"))
    assert shown["status"] == "running"
    silence(queued)
    assert reap_lost_runs() == 1
    assert Run.objects.get(pk=queued).status == "cancelled"
    assert events(world)[-1:] == ["pipeline.cancelled"]


def test_cancel__of_a_running_run__stops_it_and_publishes_nothing(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    queued = start(world, lay_out(world))
    run = claim_run(queued)
    assert run is not None
    assert_success(world.ed.client().post(f"/api/runs/{queued}/cancel"))
    heartbeat = RunWatchdog(run)
    heartbeat._renew()
    assert heartbeat.cancelled.is_set()
    Execution(run, heartbeat).run_all()
    row = Run.objects.get(pk=queued)
    assert row.status == "cancelled"
    assert {step.status for step in row.steps.all()} == {"cancelled"}
    assert not StoredTable.objects.exists()
    assert events(world) == ["pipeline.started", "pipeline.cancelled"]


def test_passing_failure__is_tried_again_after_a_growing_pause(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    pipeline = lay_out(world)
    body = {"retries": {"max": 2, "backoff_seconds": 60}}
    assert_success(world.ed.client().patch(f"/api/pipelines/{pipeline['id']}", body, format="json"))
    queued = start(world, pipeline)

    def interrupted(*_: Any, **__: Any) -> Any:
        raise Interrupted("READ_INTERRUPTED", "The source went away.")

    monkeypatch.setattr(engines, "run_table", interrupted)
    for failures in (1, 2):
        execute_run(queued)
        row = Run.objects.get(pk=queued)
        assert (row.status, row.failures, row.attempt) == ("queued", failures, failures + 1)
        assert row.not_before is not None
        assert claim_run(queued) is None
        assert dispatch_waiting_runs() == 0
        Run.objects.filter(pk=queued).update(not_before=None)
    execute_run(queued)
    row = Run.objects.get(pk=queued)
    assert (row.status, row.error["code"]) == ("failed", "READ_INTERRUPTED")
    # Told once, for the final state.
    assert events(world) == ["pipeline.started", "pipeline.failed"]


def test_unforeseen_error__in_a_run__fails_it_and_says_nothing_of_the_inside(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    queued = start(world, lay_out(world))

    def crash(*_: Any, **__: Any) -> Any:
        raise RuntimeError("secret detail of the inside")

    monkeypatch.setattr(engines, "run_table", crash)
    execute_run(queued)
    shown = assert_success(world.vera.client().get(f"/api/runs/{queued}"))
    assert (shown["status"], shown["error"]["code"]) == ("failed", "INTERNAL_ERROR")
    assert "secret" not in str(shown)
    assert [step["status"] for step in shown["steps"]] == ["failed"]


def test_timeout__of_a_run__fails_it(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    queued = start(world, lay_out(world))
    run = claim_run(queued)
    assert run is not None
    watchdog = RunWatchdog(run)
    execution_of_it = Execution(run, watchdog)
    watchdog.ends_at = 0.0
    execution_of_it.run_all()
    row = Run.objects.get(pk=queued)
    assert (row.status, row.error["code"]) == ("failed", "RUN_TIMEOUT")


def test_start__of_a_pipeline_that_is_being_deleted__is_refused_and_no_run_is_lost(
    shared_database: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = make_world()
    pipeline = lay_out(world)
    looked, asked = threading.Event(), threading.Event()
    real = pipelines.followers_of

    def slowly(row: Pipeline) -> Any:
        looked.set()
        asked.wait(1)
        return real(row)

    monkeypatch.setattr(pipelines, "followers_of", slowly)

    def delete() -> None:
        row = Pipeline.objects.get(pk=pipeline["id"])
        pipelines.delete_pipeline(pipeline=row, actor=world.ed.caller)
        connection.close()

    deleter = threading.Thread(target=delete)
    deleter.start()
    assert looked.wait(10)
    answer = world.ed.client().post(f"/api/pipelines/{pipeline['id']}/run", {}, format="json")
    asked.set()
    deleter.join()
    assert_failure(answer, 404, "PIPELINE_NOT_FOUND")
    assert not Run.objects.exists()
