"""R1, R3, R4: whatever happens to a worker, a run takes effect once and wholly, or not at all."""

import os
import random
import signal
import time

import pytest

from tests.drilling import is_long, patient
from tests.drills.cluster import Cluster
from tests.drills.conftest import Round, rounds
from tests.drills.workload import ENDED, Client, Watched, require_closed

pytestmark = pytest.mark.drill

# A run that was let down ends within this after a worker is there.
TAKEN_UP = patient(45.0)
CANCELLED = patient(10.0)
POINTS = [
    "run.claimed@1",
    "run.extracted@1",
    "run.mid_batch@1",
    "run.before_commit@1",
    "run.after_commit@1",
    "run.before_final@1",
    # Of the second table, when the first is there.
    "run.before_commit@2",
    "run.after_commit@2",
]
# Each takes a lease's time: in the short form every variant does its half.
IN_SHORT = {
    "embedded": {"run.claimed@1", "run.mid_batch@1", "run.before_commit@1"},
    "redis": {"run.extracted@1", "run.after_commit@1", "run.before_final@1"},
    "rabbitmq": {"run.mid_batch@1", "run.after_commit@1"},
}


def _end_after_kill(client: Client, run: str) -> float:
    """Wait for the run's end and return how long it took from when a worker was there."""
    available = None
    deadline = time.monotonic() + patient(150)
    while client.run(run)["status"] not in ENDED:
        if available is None and client.cluster.is_ready:
            available = time.monotonic()
        assert time.monotonic() < deadline, f"{run} never ended. Logs: {client.cluster.folder}"
        time.sleep(0.1)
    return time.monotonic() - (available or time.monotonic())


def _require_undisturbed(client: Client, watched: Watched, run: str) -> None:
    found = client.run(run)
    assert found["status"] == "success", found
    require_closed(found)
    watched.expect(appended=1)


@pytest.mark.parametrize("point", POINTS)
def test_run__worker_killed_at_a_fail_point__takes_effect_once_within_45_seconds(
    point: str, cluster: Cluster, client: Client, watched: Watched, counted: Round
) -> None:
    if not is_long() and point not in IN_SHORT[cluster.variant]:
        pytest.skip("in the long form, or with the other variant")
    name, _, hit = point.partition("@")
    with counted("R1 worker killed at a fail-point") as measured:
        cluster.arm(f"{name}=killtree@{hit}")
        run = client.start(watched.pipeline)
        cluster.wait_for_hit(name, hit=int(hit))
        measured.seconds = _end_after_kill(client, run)
        _require_undisturbed(client, watched, run)
        assert measured.seconds < TAKEN_UP


def test_run__worker_killed_at_random__takes_effect_once_within_45_seconds(
    cluster: Cluster, client: Client, watched: Watched, counted: Round, dice: random.Random
) -> None:
    # Two at a time: most of a round is the wait for a lease to end.
    pair = (watched, Watched(Client(cluster)))
    for _ in range(max(1, rounds(short=2, long=20) // len(pair))):
        begun = []
        for each in pair:
            run = each.client.start(each.pipeline)
            time.sleep(dice.uniform(0, each.seconds))
            cluster.kill_holder(run)
            begun.append(run)
        for each, run in zip(pair, begun, strict=True):
            with counted("R1 worker killed at random") as measured:
                measured.seconds = _end_after_kill(each.client, run)
                _require_undisturbed(each.client, each, run)
                assert measured.seconds < TAKEN_UP
        cluster.wait_until_ready()


def test_run__taken_over_while_its_worker_stood_still__is_not_written_by_it(
    cluster: Cluster, client: Client, watched: Watched, counted: Round
) -> None:
    for _ in range(rounds(short=1, long=5)):
        with counted("R3 stopped worker goes on after a take-over") as measured:
            cluster.arm("run.before_commit=sleep:3@1")
            run = client.start(watched.pipeline)
            cluster.wait_for_hit("run.before_commit")
            (owner,) = cluster.execute(f"SELECT lease_owner FROM pipelines_run WHERE id = '{run}'")
            holder = int(owner[0].rpartition(":")[2])
            # The pool's processes share a group: one worker of an embedded home does two runs at a time.
            os.kill(holder, signal.SIGSTOP)
            stopped = time.monotonic()
            try:
                found = client.wait_for(run, patient(90))
                measured.seconds = time.monotonic() - stopped
            finally:
                os.kill(holder, signal.SIGCONT)
            time.sleep(5)
            assert client.run(run) == found
            _require_undisturbed(client, watched, run)
            (log,) = cluster.execute(f"SELECT attempt, fence FROM pipelines_run WHERE id = '{run}'")
            assert log[0] >= 2


def test_run__cancelled_at_any_moment__ends_in_ten_seconds_and_writes_no_more(
    cluster: Cluster, client: Client, watched: Watched, counted: Round, dice: random.Random
) -> None:
    for _ in range(rounds(short=3, long=20)):
        with counted("R4 cancelled at random") as measured:
            run = client.start(watched.pipeline)
            time.sleep(dice.uniform(0, watched.seconds * 1.1))
            asked = time.monotonic()
            answer = client.send("POST", f"/api/runs/{run}/cancel")
            assert answer is not None
            assert answer.status_code == 200 or "RUN_ALREADY_FINISHED" in answer.text, answer.text
            found = client.wait_for(run, patient(60))
            measured.seconds = time.monotonic() - asked
            assert found["status"] == ("cancelled" if answer.status_code == 200 else "success"), found
            committed = sum(
                step["status"] == "success" for step in found["steps"] if step["table"] == "visits"
            )
            watched.expect(appended=committed)
            time.sleep(1)
            watched.expect(appended=0)
            assert measured.seconds < CANCELLED


def test_run__cancelled_in_a_call_that_lets_no_thread_have_its_turn__ends_in_ten_seconds(
    cluster: Cluster, client: Client, watched: Watched, counted: Round
) -> None:
    for _ in range(rounds(short=1, long=5)):
        with counted("R4 cancelled in a call that keeps Python's lock") as measured:
            cluster.arm("run.mid_batch=seize@1")
            run = client.start(watched.pipeline)
            cluster.wait_for_hit("run.mid_batch")
            asked = time.monotonic()
            client.call("POST", f"/api/runs/{run}/cancel")
            found = client.wait_for(run, 60)
            measured.seconds = time.monotonic() - asked
            assert found["status"] == "cancelled", found
            watched.expect(appended=0)
            assert measured.seconds < CANCELLED
        # The worker has another process for the next one.
        cluster.disarm()
        again = client.start(watched.pipeline)
        assert client.wait_for(again, 60)["status"] == "success"
        watched.expect(appended=1)


def test_run__every_process_of_the_platform_killed__takes_effect_once(
    cluster: Cluster, client: Client, watched: Watched, counted: Round, dice: random.Random
) -> None:
    for _ in range(rounds(short=0, long=3)):
        with counted("R1 all processes killed at random") as measured:
            run = client.start(watched.pipeline)
            time.sleep(dice.uniform(0, watched.seconds))
            cluster.kill_all()
            measured.seconds = _end_after_kill(client, run)
            _require_undisturbed(client, watched, run)
        cluster.wait_until_ready()
