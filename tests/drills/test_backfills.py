"""Backfills whose workers and schedulers are killed: each chunk is read once, as if nothing had happened."""

import random
import time
from datetime import timedelta
from typing import Any

import pytest

from tests.drilling import as_often, patient
from tests.drills.cluster import Cluster
from tests.drills.conftest import Round, rounds
from tests.drills.workload import FIRST_DAY, Client, mapping, require_closed

pytestmark = pytest.mark.drill

# From when a chunk's worker is killed until another chunk is through, when workers and scheduler are there again.
TAKEN_UP = patient(45.0)
DAYS = as_often(8, 16)
ROWS = DAYS * 4_000
# A place in the code, or a role whose processes are killed at random, or all of them.
KILLS = [
    "backfill.queued",
    "run.after_commit",
    "scheduler",
    "backfill.settled",
    "run.before_commit",
    "default",
    "run.claimed",
    "runs",
    "run.before_final",
    "everything",
]
IN_SHORT = {
    "embedded": ["backfill.settled"],
    "redis": ["backfill.queued", "runs"],
    "rabbitmq": ["run.before_commit", "default"],
}


class Days:
    """A pipeline whose one table is merged by day, and what a load of all days at once leaves."""

    def __init__(self, client: Client) -> None:
        self.client = client
        self.pipeline = self._lay_out(client)
        undisturbed = Client(client.cluster)
        run = undisturbed.start(self._lay_out(undisturbed))
        assert undisturbed.wait_for(run, patient(90))["status"] == "success"
        self.content = undisturbed.content("customers")
        self.path = ""

    @staticmethod
    def _lay_out(client: Client) -> str:
        client.upload(ROWS, DAYS)
        client.call("PUT", "/api/mappings/customers", mapping("customers", "merge", cursor="c.joined"))
        return client.pipeline("days", tables=["customers"])

    def begin(self) -> None:
        """Start a backfill of all days, one after the other."""
        made = self.client.call("POST", self._starts, self._range)
        self.path = f"/api/backfills/{made['id']}"

    @property
    def _starts(self) -> str:
        return f"/api/pipelines/{self.pipeline}/backfills"

    @property
    def _range(self) -> dict[str, str]:
        until = FIRST_DAY + timedelta(days=DAYS)
        return {"since": str(FIRST_DAY), "until": str(until), "chunk": "1 day"}

    def begin_and_be_killed(self) -> None:
        """Ask for a backfill of a web server that is killed before it could answer: there is none."""
        self.client.cluster.arm("backfill.queued=killtree@1")
        assert self.client.send("POST", self._starts, self._range) is None
        self.client.cluster.wait_until_ready()
        assert self.client.call("GET", "/api/backfills") == []

    def look(self) -> dict[str, Any]:
        """Return the backfill as the API shows it."""
        return dict(self.client.call("GET", self.path))

    def done(self) -> int:
        """Return how many chunks are through."""
        ((count,),) = self.client.cluster.execute(
            "SELECT count(*) FROM pipelines_backfillchunk "
            f"WHERE backfill_id = '{self.path.rpartition('/')[2]}' AND status = 'success'"
        )
        return int(count)

    def wait_for(self, status: str, seconds: float) -> dict[str, Any]:
        """Wait until the backfill is so, and return it."""
        deadline = time.monotonic() + seconds
        while (found := self.look())["status"] != status:
            assert time.monotonic() < deadline, f"{found}. Logs: {self.client.cluster.folder}"
            assert found["status"] not in {"failed", "success", "cancelled"}, found
            time.sleep(0.2)
        return found

    def wait_for_chunks(self, count: int, seconds: float) -> None:
        """Wait until so many chunks are through."""
        deadline = time.monotonic() + seconds
        while self.done() < count:
            assert time.monotonic() < deadline, f"{self.look()}. Logs: {self.client.cluster.folder}"
            time.sleep(0.1)

    def require_once(self, chunks: int) -> None:
        """Check that so many chunks were read, each by one run that took effect once."""
        backfill = self.path.rpartition("/")[2]
        runs = self.client.call("GET", f"/api/runs?backfill_id={backfill}&page_size=100")
        done = [self.client.run(each["id"]) for each in runs if each["status"] == "success"]
        for run in done:
            require_closed(run)
        assert len(done) == chunks == self.done()
        rows = self.client.cluster.execute(
            "SELECT c.attempts, s.snapshot FROM pipelines_backfillchunk c JOIN pipelines_runstep s "
            f"ON s.run_id = c.run_id WHERE c.backfill_id = '{backfill}' AND c.status = 'success'"
        )
        assert [attempts for attempts, _ in rows] == [1] * chunks
        # Each made a version of the table of its own.
        assert len({snapshot for _, snapshot in rows}) == chunks
        totals = self.look()["totals"]
        assert (totals.get("updated", 0), totals.get("unchanged", 0)) == (0, 0)
        assert totals["read"] == chunks * ROWS // DAYS
        assert totals["inserted"] == self.client.content("customers")[0]


@pytest.fixture
def days(client: Client) -> Days:
    """Days to be filled."""
    return Days(client)


def _kills(cluster: Cluster) -> list[str]:
    return KILLS if rounds(short=0, long=1) else IN_SHORT[cluster.variant]


def test_backfill__its_processes_killed_anywhere__reads_each_chunk_once(
    cluster: Cluster, days: Days, counted: Round, dice: random.Random
) -> None:
    with counted("backfill begun by a web server that is killed"):
        days.begin_and_be_killed()
    cluster.disarm()
    days.begin()
    for kill in _kills(cluster):
        with counted("backfill, processes killed") as measured:
            if "." in kill:
                cluster.arm(f"{kill}=killtree@1")
                cluster.wait_for_hit(kill)
            else:
                time.sleep(dice.uniform(0, 1.5))
                cluster.kill_all() if kill == "everything" else cluster.kill(kill)
            done = days.done()
            cluster.wait_until_ready()
            began = time.monotonic()
            days.wait_for_chunks(min(DAYS, done + 1), TAKEN_UP)
            measured.seconds = time.monotonic() - began
        cluster.disarm()
    days.wait_for("success", TAKEN_UP + patient(5.0 * DAYS))
    days.require_once(DAYS)
    assert days.client.content("customers") == days.content


@pytest.mark.parametrize("point", ["run.before_commit", "backfill.settled"])
def test_backfill__paused_while_its_worker_is_killed__pauses_and_goes_on(
    point: str, cluster: Cluster, days: Days, counted: Round
) -> None:
    if (point == "run.before_commit" or cluster.variant != "embedded") and not rounds(short=0, long=1):
        pytest.skip("in the long form, or embedded at another place")
    days.begin()
    days.wait_for_chunks(1, TAKEN_UP)
    with counted("backfill paused, worker killed") as measured:
        cluster.arm(f"{point}=killtree@1")
        days.client.call("POST", f"{days.path}/pause")
        cluster.wait_for_hit(point)
        cluster.wait_until_ready()
        began = time.monotonic()
        paused = days.wait_for("paused", TAKEN_UP)
        measured.seconds = time.monotonic() - began
        assert paused["chunks"].get("running", 0) == 0
        done = days.done()
        time.sleep(4)
        assert days.done() == done < DAYS
        cluster.disarm()
        days.client.call("POST", f"{days.path}/resume")
        cluster.kill("scheduler")
        cluster.kill("default")
        days.wait_for("success", TAKEN_UP + patient(5.0 * DAYS))
        days.require_once(DAYS)
        assert days.client.content("customers") == days.content


@pytest.mark.parametrize("point", ["run.before_commit", "run.after_commit"])
def test_backfill__cancelled_while_its_worker_is_killed__ends_and_keeps_what_is_committed(
    point: str, cluster: Cluster, days: Days, counted: Round
) -> None:
    if not rounds(short=0, long=1):
        pytest.skip("takes a lease's time: in the long form")
    days.begin()
    days.wait_for_chunks(2, TAKEN_UP)
    with counted("backfill cancelled, worker killed") as measured:
        cluster.arm(f"{point}=killtree@1")
        cluster.wait_for_hit(point)
        days.client.call("POST", f"{days.path}/cancel")
        cluster.disarm()
        cluster.wait_until_ready()
        began = time.monotonic()
        days.wait_for("cancelled", TAKEN_UP)
        measured.seconds = time.monotonic() - began
        done, content = days.done(), days.client.content("customers")
        time.sleep(5)
        assert (days.done(), days.client.content("customers")) == (done, content)
        active = cluster.execute(
            "SELECT id FROM pipelines_run WHERE status IN ('queued', 'running') "
            f"AND backfill_id = '{days.path.rpartition('/')[2]}'"
        )
        assert active == []
        # A chunk that was committed when it was cancelled is there, and its run is told as cancelled.
        committed = done + (point == "run.after_commit")
        share = ROWS // DAYS
        assert share * committed * 0.98 <= content[0] <= share * committed
