"""Pipelines that start after others, under kills: one start for each success, whoever looks and whoever dies."""

import random
import time

import pytest

from tests.drilling import patient
from tests.drills.cluster import Cluster
from tests.drills.conftest import Round, rounds
from tests.drills.workload import Client, Watched

pytestmark = pytest.mark.drill

SMALL = 200
# From the end of the run that others follow, with everything there.
FOLLOWED = patient(60.0)
# A place in the code with the hit that is meant, or a role whose processes are killed at random.
KILLS = [
    "trigger.taken@1",
    "run.before_final@1",
    "trigger.started@2",
    "scheduler",
    "trigger.started@1",
    "default",
    "trigger.taken@3",
    "runs",
    "run.after_commit@3",
    "everything",
]


class Chain:
    """A pipeline that three others follow: `first` after it, `second` after `first`, `both` after the two."""

    def __init__(self, client: Client) -> None:
        self.client = client
        self.watched = Watched(client, SMALL)
        self.followers = {
            name: client.pipeline(
                name, tables=["visits"], after={"pipelines": after, "on": "success"}, concurrency="queue"
            )
            for name, after in (("first", ["drill"]), ("second", ["first"]), ("both", ["drill", "first"]))
        }

    def runs(self, name: str) -> list[tuple[str, str, str]]:
        """Return id, status and what started it of each run of a follower."""
        return [
            (run, status, cause)
            for run, status, cause in self.client.cluster.execute(
                "SELECT id, status, triggered_by_id FROM pipelines_run "
                f"WHERE pipeline_id = '{self.followers[name]}' ORDER BY created_at"
            )
        ]

    def wait_for(self, count: int, seconds: float) -> None:
        """Wait until each follower has so many runs that succeeded."""
        deadline = time.monotonic() + seconds
        while True:
            states = {name: [status for _, status, _ in self.runs(name)] for name in self.followers}
            if all(each.count("success") >= count for each in states.values()):
                return
            assert time.monotonic() < deadline, f"{states}. Logs: {self.client.cluster.folder}"
            time.sleep(0.2)

    def require_once(self, upstream: list[str]) -> None:
        """Check that each success was followed once, and that each run took effect once."""
        first = self.runs("first")
        assert [cause for _, _, cause in first] == upstream
        assert [cause for _, _, cause in self.runs("second")] == [run for run, _, _ in first]
        causes = [cause for _, _, cause in self.runs("both")]
        # The later one of the two that it waits for, which is `first` as that follows the other.
        assert causes == [run for run, _, _ in first]
        assert all(status == "success" for name in self.followers for _, status, _ in self.runs(name))
        appended = len(upstream) * (1 + len(self.followers))
        self.watched.expect(appended=appended - self.watched.appended + 1)


def test_followers__processes_killed_anywhere__start_once_for_each_success(
    cluster: Cluster, client: Client, counted: Round, dice: random.Random
) -> None:
    chain = Chain(client)
    kills = KILLS if rounds(short=0, long=1) else [KILLS[0], KILLS[2]]
    upstream: list[str] = []
    for kill in kills:
        with counted("pipelines that follow, processes killed") as measured:
            name, _, hit = kill.partition("@")
            if hit:
                cluster.arm(f"{name}=killtree@{hit}")
            upstream.append(client.start(chain.watched.pipeline))
            if hit:
                cluster.wait_for_hit(name, hit=int(hit))
            else:
                time.sleep(dice.uniform(0, 2))
                cluster.kill_all() if kill == "everything" else cluster.kill(kill)
            cluster.wait_until_ready()
            began = time.monotonic()
            chain.wait_for(len(upstream), FOLLOWED)
            measured.seconds = time.monotonic() - began
        cluster.disarm()
    # Two more looks of each scheduler.
    time.sleep(7)
    chain.require_once(upstream)


def test_followers__of_runs_one_upon_the_other__answer_no_success_twice(
    cluster: Cluster, client: Client, counted: Round, dice: random.Random
) -> None:
    if not rounds(short=0, long=1):
        pytest.skip("in the long form")
    with counted("pipelines that follow, many ends at once"):
        chain = Chain(client)
        upstream = [client.start(chain.watched.pipeline) for _ in range(6)]
        for role in ("default", "scheduler", "runs"):
            time.sleep(dice.uniform(0.5, 2))
            cluster.kill(role)
        for run in upstream:
            last = client.wait_for(run, patient(120))
            assert last["status"] == "success"
        time.sleep(7)
        for name in chain.followers:
            for run, _, _ in chain.runs(name):
                assert client.wait_for(run, patient(120))["status"] == "success"
        # A start that waits answers the ends that come meanwhile: what ended last was read by the last one.
        assert client.run(chain.runs("first")[-1][0])["started_at"] >= last["finished_at"]
        causes = [cause for _, _, cause in chain.runs("first")]
        assert len(set(causes)) == len(causes)
        assert set(causes) <= set(upstream)
        for name in ("second", "both"):
            after = [cause for _, _, cause in chain.runs(name)]
            assert len(set(after)) == len(after)
        started = len(upstream) + sum(len(chain.runs(name)) for name in chain.followers)
        chain.watched.expect(appended=started)
