"""R2: web server, broker and database ended while runs are started: none that was accepted is missing or stuck."""

import signal
import threading
import time
import uuid
from collections.abc import Callable

import pytest

from tests.drilling import patient
from tests.drills.cluster import Cluster
from tests.drills.conftest import Round, rounds
from tests.drills.workload import Client, Watched, require_closed

pytestmark = pytest.mark.drill

RECOVERED = patient(60.0)
# So long after the web server is there again, the key of a call whose process died is free.
CLAIM_FREE = patient(8.0)
SMALL = 200


class Starter:
    """Starts runs of a pipeline one after the other and remembers which were accepted."""

    def __init__(self, client: Client, pipeline: str) -> None:
        self.accepted: list[str] = []
        self._client, self._pipeline = client, pipeline
        self._ends = threading.Event()
        self._thread = threading.Thread(target=self._start, daemon=True)

    def __enter__(self) -> "Starter":
        self._thread.start()
        return self

    def __exit__(self, *exception: object) -> None:
        self._ends.set()
        self._thread.join(60)

    def wait_for_one(self) -> None:
        """Wait until a run was accepted and a moment longer, so that another is under way."""
        deadline = time.monotonic() + patient(30)
        while not self.accepted:
            assert time.monotonic() < deadline, "No run was accepted."
            time.sleep(0.1)
        time.sleep(1)

    def _start(self) -> None:
        while not self._ends.wait(0.8):
            answer = self._client.send("POST", f"/api/pipelines/{self._pipeline}/run", {})
            if answer is not None and answer.status_code < 300:
                self.accepted.append(answer.json()["data"]["id"])


def _require_all_done(client: Client, watched: Watched, accepted: list[str], since: float) -> float:
    """Check that every accepted run is there, ends in time, and that each run took effect once."""
    for run in accepted:
        found = client.wait_for(run, max(1.0, RECOVERED + len(accepted) - (time.monotonic() - since)))
        assert found["status"] == "success", found
        require_closed(found)
    seconds = time.monotonic() - since
    where = f"workspace_id = '{client.workspace_id}'"
    left = client.cluster.execute(
        f"SELECT id, status FROM pipelines_run WHERE {where} AND status IN ('queued', 'running')"
    )
    # One whose answer was lost may have been begun too: it ends like the others.
    for run, _ in left:
        client.wait_for(run, RECOVERED)
    ((made,),) = client.cluster.execute(
        f"SELECT count(*) FROM pipelines_run WHERE {where} AND status = 'success'"
    )
    watched.expect(appended=made - watched.appended)
    return seconds


@pytest.mark.parametrize("point", ["web.run_before_dispatch", "web.run_before_answer"])
def test_web__killed_while_it_starts_a_run__leaves_a_whole_run_or_none(
    point: str, cluster: Cluster, client: Client, counted: Round
) -> None:
    watched = Watched(client, SMALL)
    for _ in range(rounds(short=1, long=5)):
        with counted("R2 web server killed in POST …/run") as measured:
            cluster.arm(f"{point}=killtree@1")
            answer = client.send("POST", f"/api/pipelines/{watched.pipeline}/run", {})
            assert answer is None, "The web server was killed before it could answer."
            cluster.wait_until_ready()
            measured.seconds = _require_all_done(client, watched, [], time.monotonic())


@pytest.mark.parametrize("point", ["web.run_before_dispatch", "web.run_before_answer"])
def test_web__killed_between_effect_and_answer__starts_one_run_when_it_is_asked_again(
    point: str, cluster: Cluster, client: Client, counted: Round
) -> None:
    pipeline, made = client.lay_out(SMALL), 0
    for _ in range(rounds(short=1, long=3)):
        with counted("I1 web killed between effect and answer") as measured:
            cluster.arm(f"{point}=killtree@1")
            key, path = uuid.uuid4().hex, f"/api/pipelines/{pipeline}/run"
            assert client.send("POST", path, {}, **{"Idempotency-Key": key}) is None
            cluster.wait_for_web()
            answering = time.monotonic()
            first = client.call("POST", path, {}, patience=CLAIM_FREE, **{"Idempotency-Key": key})
            measured.seconds = time.monotonic() - answering
            again = client.call("POST", path, {}, **{"Idempotency-Key": key})
            assert first == again
            client.wait_for(first["id"], RECOVERED)
            made += 1
            assert _count_runs(client) == made


def _count_runs(client: Client) -> int:
    where = f"workspace_id = '{client.workspace_id}'"
    ((count,),) = client.cluster.execute(f"SELECT count(*) FROM pipelines_run WHERE {where}")
    return int(count)


def _database_immediately(cluster: Cluster) -> None:
    cluster.server("postgresql").stop(signal.SIGQUIT)
    time.sleep(3)
    cluster.server("postgresql").start()


def _database_ends_connections(cluster: Cluster) -> None:
    for _ in range(5):
        cluster.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'datalinx'"
        )
        time.sleep(0.4)


OUTAGES: dict[str, Callable[[Cluster], None]] = {
    "broker emptied, killed and started": Cluster.lose_broker,
    "database ended with -m immediate": _database_immediately,
    "database's connections ended": _database_ends_connections,
    "every process killed": Cluster.kill_all,
}


@pytest.mark.parametrize("outage", OUTAGES)
def test_platform__that_loses_something__misses_no_accepted_run(
    outage: str, cluster: Cluster, client: Client, counted: Round
) -> None:
    if outage.startswith("database") and cluster.variant == "embedded":
        pytest.skip("its database is a file, which cannot be ended")
    watched = Watched(client, SMALL)
    for _ in range(rounds(short=1, long=3)):
        with counted(f"R2 {outage}") as measured:
            with Starter(client, watched.pipeline) as starter:
                starter.wait_for_one()
                OUTAGES[outage](cluster)
                recovered = time.monotonic()
                time.sleep(2)
            cluster.wait_until_ready()
            assert starter.accepted
            measured.seconds = _require_all_done(client, watched, starter.accepted, recovered)
