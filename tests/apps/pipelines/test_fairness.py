"""Whose turn it is: organizations beside each other, the oldest first, and what an ending worker does with its run."""

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.utils import timezone

from apps.pipelines.models import Pipeline, Run, RunLog, StoredTable
from apps.pipelines.services import dispatching, engines
from apps.pipelines.services.claiming import claim_fairest_run, claim_run
from apps.pipelines.services.dispatching import dispatch_waiting_runs, reap_lost_runs
from apps.pipelines.services.execution import execute_next_run, execute_run
from apps.workspaces.models import Event, Workspace
from datalinx import heartbeat, stopping
from datalinx.version import RUN_PROTOCOL
from tests.apps.pipelines.ground import start
from tests.journey import lay_out
from tests.resources import assert_failure, assert_success
from tests.world import World, make_world


def queue(workspace: Workspace, count: int, **values: Any) -> list[Run]:
    """Queue runs, the first one the oldest."""
    made = []
    for number in range(count):
        run = Run.objects.create(workspace=workspace, dispatched_at=timezone.now(), **values)
        Run.objects.filter(pk=run.pk).update(created_at=timezone.now() - timedelta(hours=1, seconds=-number))
        made.append(run)
    return made


def claimed() -> Run:
    run = claim_fairest_run()
    assert run is not None
    return run


def test_claim__of_two_organizations__takes_turns_however_many_one_has(world: World) -> None:
    many = queue(world.workspace, 100)
    (one,) = queue(world.other_workspace, 1)
    # Both workers are free: the oldest first, and then whoever has none under way.
    assert [claimed().pk, claimed().pk] == [many[0].pk, one.pk]
    # The one is under way still, as is one of the many: who waits longest is next.
    assert claimed().pk == many[1].pk


def test_claim__of_one_organization__is_by_age_and_what_fills_in_the_past_comes_last(world: World) -> None:
    past = queue(world.workspace, 1, trigger="backfill")
    wanted = queue(world.workspace, 2)
    assert [claimed().pk for _ in range(3)] == [wanted[0].pk, wanted[1].pk, past[0].pk]
    assert claim_fairest_run() is None


def test_claim__of_what_fills_in_the_past__comes_within_a_bound_however_much_is_wanted(world: World) -> None:
    past = queue(world.workspace, 2, trigger="backfill")
    wanted = queue(world.workspace, 20)
    taken = []
    for _ in range(11):
        run = claimed()
        taken.append("past" if run in past else "wanted")
        Run.objects.filter(pk=run.pk).update(status="success", finished_at=timezone.now())
        if run in past:
            # As the next chunk is: queued when the one before has ended.
            Run.objects.filter(pk__in=[each.pk for each in past], status="queued").update(
                created_at=timezone.now()
            )
    assert taken == ["wanted"] * 4 + ["past"] + ["wanted"] * 4 + ["past", "wanted"]
    assert {run.pk for run in wanted[:9]} == set(
        Run.objects.filter(status="success").exclude(trigger="backfill").values_list("pk", flat=True)
    )


def test_claim__of_what_fills_in_the_past__does_not_mind_the_runs_of_others(world: World) -> None:
    (past,) = queue(world.workspace, 1, trigger="backfill")
    for run in queue(world.other_workspace, 6):
        assert claim_run(run.pk) is not None
        Run.objects.filter(pk=run.pk).update(status="success", finished_at=timezone.now())
    (wanted,) = queue(world.workspace, 1)
    assert [claimed().pk, claimed().pk] == [wanted.pk, past.pk]


def test_claim__over_the_organizations_limit__waits_until_one_has_ended(world: World, settings: Any) -> None:
    settings.ORGANIZATION_RUNS = 2
    first, _, third = queue(world.workspace, 3)
    claimed(), claimed()
    assert claim_fairest_run() is None
    assert claim_run(third.pk) is None
    (other,) = queue(world.other_workspace, 1)
    assert claimed().pk == other.pk
    Run.objects.filter(pk=first.pk).update(status="success", finished_at=timezone.now())
    assert claimed().pk == third.pk


def test_claim__by_eight_workers_at_once__gives_each_run_to_one(shared_database: None) -> None:
    world = make_world()
    wanted = {run.pk for run in [*queue(world.workspace, 12), *queue(world.other_workspace, 4)]}

    def work(_: int) -> list[str]:
        found = []
        try:
            while (run := claim_fairest_run()) is not None:
                found.append(run.pk)
        finally:
            connection.close()
        return found

    with ThreadPoolExecutor(8) as pool:
        taken = [pk for found in pool.map(work, range(8)) for pk in found]
    assert sorted(taken) == sorted(wanted)


def test_claim__of_a_run_of_a_newer_version__is_left_to_a_newer_worker(world: World) -> None:
    (newer,) = queue(world.workspace, 1, protocol=RUN_PROTOCOL + 1)
    assert claim_run(newer.pk) is None
    assert claim_fairest_run() is None
    assert waiting(world, newer)["code"] == "worker_too_old"


def test_messages__that_workers_have_not_come_to__are_not_sent_again(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    queue(world.workspace, 5)
    Run.objects.update(dispatched_at=timezone.now() - timedelta(minutes=1))
    monkeypatch.setattr(dispatching, "messages_in", lambda _: 5)
    assert dispatch_waiting_runs() == 0
    monkeypatch.setattr(dispatching, "messages_in", lambda _: 3)
    assert dispatch_waiting_runs() == 2
    monkeypatch.setattr(dispatching, "messages_in", lambda _: 0)
    assert dispatch_waiting_runs() == 3


def test_reaper__of_a_lease_from_before_the_clock_was_set_back__takes_the_run_up(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dispatching, "messages_in", lambda _: 0)
    (run,) = queue(world.workspace, 1)
    claimed()
    assert reap_lost_runs() == 0
    # An hour is added to what was written, as if the clock had been an hour ahead then.
    Run.objects.filter(pk=run.pk).update(lease_expires_at=timezone.now() + timedelta(hours=1))
    assert reap_lost_runs() == 1
    Run.objects.filter(pk=run.pk).update(dispatched_at=timezone.now() + timedelta(hours=1))
    assert dispatch_waiting_runs() == 1


@pytest.mark.parametrize("most", [0, 1])
def test_worker__that_brought_a_run_to_its_end__wakes_another_for_the_one_that_waited_for_it(
    world: World, settings: Any, monkeypatch: pytest.MonkeyPatch, most: int
) -> None:
    settings.ORGANIZATION_RUNS = most
    woken: list[str] = []
    monkeypatch.setattr(dispatching, "dispatch", woken.append)
    pipeline = lay_out(world)
    first, second = start(world, pipeline), start(world, pipeline)
    (other,) = queue(world.workspace, 1)
    (stranger,) = queue(world.other_workspace, 1)
    Run.objects.filter(pk=stranger.pk).update(not_before=timezone.now() + timedelta(hours=1))
    Run.objects.filter(pk=first).update(created_at=timezone.now() - timedelta(hours=2))
    woken.clear()
    execute_next_run(end_process=lambda: None)
    assert Run.objects.get(pk=first).status == "success"
    # Where an organization has a bound, whatever it runs waited; its oldest comes first.
    assert woken == [other.pk if most else second]


@pytest.fixture
def ending() -> Iterator[None]:
    """Have the flag of a worker that is to end put back."""
    yield
    stopping.begin_anew()


@pytest.mark.usefixtures("ending")
def test_worker__told_to_end_within_a_run__hands_it_over_at_once(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    queued = start(world, lay_out(world))
    real = engines.run_table

    def told_meanwhile(*args: Any, **more: Any) -> Any:
        stopping.ask_to_stop()
        deadline = timezone.now() + timedelta(seconds=5)
        while not more["cancelled"]():
            assert timezone.now() < deadline
        return real(*args, **more)

    monkeypatch.setattr(engines, "run_table", told_meanwhile)
    execute_run(queued)
    row = Run.objects.get(pk=queued)
    assert (row.status, row.attempt, row.failures, row.handovers) == ("queued", 2, 0, 1)
    assert row.lease_expires_at is None
    assert not StoredTable.objects.exists()
    assert RunLog.objects.filter(run=queued, message__contains="handed over").exists()
    # It takes nothing any more; another does, and what was told of the run was told once.
    assert claim_fairest_run() is None
    monkeypatch.undo()
    stopping.begin_anew()
    execute_next_run(end_process=lambda: None)
    assert Run.objects.get(pk=queued).status == "success"
    told = Event.objects.filter(type__startswith="pipeline.").order_by("sequence")
    assert list(told.values_list("type", flat=True)) == ["pipeline.started", "pipeline.completed"]


@pytest.mark.usefixtures("ending")
def test_worker__told_to_end_within_a_cancelled_run__ends_it_as_cancelled(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    queued = start(world, lay_out(world))

    def cancelled_meanwhile(*args: Any, **more: Any) -> Any:
        assert_success(world.ed.client().post(f"/api/runs/{queued}/cancel"))
        stopping.ask_to_stop()
        while not more["cancelled"]():
            pass
        return real(*args, **more)

    real = engines.run_table
    monkeypatch.setattr(engines, "run_table", cancelled_meanwhile)
    execute_run(queued)
    assert Run.objects.get(pk=queued).status == "cancelled"


def waiting(world: World, run: Run) -> dict[str, Any]:
    return dict(assert_success(world.vera.client().get(f"/api/runs/{run.pk}"))["waiting"])


def test_waiting__of_each_kind__says_why(world: World, settings: Any) -> None:
    pipeline = Pipeline.objects.create(workspace=world.workspace, name="nightly", document={})
    first, second = queue(world.workspace, 2, pipeline=pipeline)
    (lone,) = queue(world.workspace, 1)
    assert waiting(world, first)["code"] == "no_worker"
    heartbeat.beat("worker", ["runs"])
    assert waiting(world, first)["code"] == "starting"
    assert (waiting(world, second)["code"], waiting(world, second)["ahead"]) == ("in_line", 2)
    assert claim_run(first.pk) is not None
    found = waiting(world, second)
    assert (found["code"], found["run_id"]) == ("pipeline_busy", first.pk)
    assert assert_success(world.vera.client().get(f"/api/runs/{first.pk}"))["waiting"] is None
    settings.ORGANIZATION_RUNS = 1
    assert waiting(world, lone)["code"] == "organization_limit"
    settings.ORGANIZATION_RUNS = 0
    Run.objects.filter(pk=lone.pk).update(dispatched_at=None)
    assert waiting(world, lone)["code"] == "not_sent"
    Run.objects.filter(pk=lone.pk).update(not_before=timezone.now() + timedelta(minutes=5))
    assert waiting(world, lone)["code"] == "pause_before_retry"


def test_waiting__of_a_page_of_runs__takes_as_many_queries_as_of_one(
    world: World, django_assert_max_num_queries: Any
) -> None:
    heartbeat.beat("worker", ["runs"])
    queue(world.workspace, 40)
    client = world.vera.client()
    client.get("/api/runs")
    with django_assert_max_num_queries(20):
        page = assert_success(client.get("/api/runs"))
    assert sorted(run["waiting"].get("ahead", 0) for run in page) == list(range(40))


def test_run__of_a_pipeline_that_runs_one_at_a_time__started_twice_is_refused(world: World) -> None:
    pipeline = lay_out(world)
    client = world.ed.client()
    assert_success(client.patch(f"/api/pipelines/{pipeline['id']}", {"concurrency": "skip"}, format="json"))
    first = start(world, pipeline)
    again = client.post(f"/api/pipelines/{pipeline['id']}/run", {}, format="json")
    failure = assert_failure(again, 422, "RUN_ALREADY_ACTIVE")
    assert failure["details"] == {"run_id": first}
    assert Run.objects.count() == 1
    execute_run(first)
    assert start(world, pipeline) != first


def test_retry__of_a_pipeline_that_runs_one_at_a_time__while_another_is_active_is_refused(
    world: World,
) -> None:
    pipeline = lay_out(world)
    client = world.ed.client()
    assert_success(client.patch(f"/api/pipelines/{pipeline['id']}", {"concurrency": "skip"}, format="json"))
    cancelled = start(world, pipeline)
    assert_success(client.post(f"/api/runs/{cancelled}/cancel"))
    retried = assert_success(client.post(f"/api/runs/{cancelled}/retry"), 201)
    again = client.post(f"/api/runs/{cancelled}/retry")
    failure = assert_failure(again, 422, "RUN_ALREADY_ACTIVE")
    assert failure["details"] == {"run_id": retried["id"]}


def test_run__of_a_pipeline_that_runs_one_at_a_time__started_by_many_at_once_is_started_once(
    shared_database: None,
) -> None:
    world = make_world()
    pipeline = lay_out(world)
    client = world.ed.client()
    assert_success(client.patch(f"/api/pipelines/{pipeline['id']}", {"concurrency": "skip"}, format="json"))
    together = threading.Barrier(6)

    def begin(_: int) -> int:
        own = world.ed.client()
        together.wait(20)
        try:
            return int(own.post(f"/api/pipelines/{pipeline['id']}/run", {}, format="json").status_code)
        finally:
            connection.close()

    with ThreadPoolExecutor(6) as pool:
        statuses = sorted(pool.map(begin, range(6)))
    assert statuses == [201, *[422] * 5]
    assert Run.objects.count() == 1


def test_waiting__of_a_run_that_was_just_started__does_not_say_that_nobody_was_told(world: World) -> None:
    heartbeat.beat("worker", ["runs"])
    pipeline = lay_out(world)
    started = world.ed.client().post(f"/api/pipelines/{pipeline['id']}/run", {}, format="json")
    assert assert_success(started, 201)["waiting"]["code"] == "starting"
