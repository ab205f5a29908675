"""Clocks of workers and schedulers that jump by an hour: nothing is reaped, fired or stopped by them.

What is due and who has fallen silent is told by the database's clock. Embedded that is the machine's own: there a
run may be taken up anew when it jumps, but takes effect once all the same.
"""

import tempfile
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.drilling import is_long, patient
from tests.drills.clocks import build_library
from tests.drills.cluster import Cluster
from tests.drills.conftest import Round, keeping_failed
from tests.drills.workload import Client, Watched, require_closed
from tests.up.conftest import get

pytestmark = pytest.mark.drill

HOUR = 3600
# Two ticks and more.
NOTICED = 8.0
# A schedule that is due starts its run within this.
STARTED = patient(20.0)


@pytest.fixture(scope="module")
def cluster(request: pytest.FixtureRequest, variant: str) -> Iterator[Cluster]:
    """A platform whose machines have clocks that can be moved. Of the short form's two, one is enough."""
    if variant == "embedded" and not is_long():
        pytest.skip("in the long form, or with PostgreSQL and Redis")
    folder = Path(tempfile.mkdtemp(prefix=f"datalinx-drill-clocks-{variant}-"))
    library = build_library(folder)
    if not library:
        pytest.skip("there is no C compiler here (cc), without which no clock can be moved")
    with keeping_failed(request, folder), Cluster(variant, folder, clocks_by=library).running() as running:
        yield running


def _move(cluster: Cluster, seconds: int, client: Client | None = None) -> None:
    """Move the clocks of all machines but the web server's, or embedded of the one that there is.

    Who was logged in by that one's clock logs in anew.
    """
    for name, clock in cluster.clocks.items():
        if name != "web":
            clock.set(seconds)
    if client is not None and cluster.variant == "embedded":
        client.log_in(anew=True)


def _watch(cluster: Cluster, seconds: float) -> None:
    """Look for so long that the platform stays ready, but for the moment in which an embedded clock jumps."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        answer = get(f"{cluster.url}/readyz")
        assert answer[0] == 200 or cluster.variant == "embedded", answer
        time.sleep(0.3)


@pytest.fixture(autouse=True)
def _right_again(cluster: Cluster) -> Iterator[None]:
    yield
    _move(cluster, 0)
    cluster.token = ("", 0.0)
    cluster.wait_until_ready()


def test_run__under_way_while_clocks_jump__goes_on_undisturbed(
    cluster: Cluster, client: Client, watched: Watched, counted: Round
) -> None:
    with counted("clocks jump by an hour, run under way"):
        cluster.arm("run.before_commit=sleep:30@1")
        run = client.start(watched.pipeline)
        cluster.wait_for_hit("run.before_commit")
        for seconds in (HOUR, -HOUR, 0):
            _move(cluster, seconds, client)
            _watch(cluster, NOTICED)
        found = client.wait_for(run, patient(120))
        assert found["status"] == "success", found
        require_closed(found)
        watched.expect(appended=1)
        ((attempt,),) = cluster.execute(f"SELECT attempt FROM pipelines_run WHERE id = '{run}'")
        assert attempt == 1 or cluster.variant == "embedded"


def test_schedule__while_clocks_jump__fires_by_the_database_alone(
    cluster: Cluster, client: Client, counted: Round
) -> None:
    with counted("clocks jump by an hour, schedules") as measured:
        client.lay_out(200)
        # Half an hour from now: a clock that is fast by an hour has it behind it.
        later = datetime.now(UTC) + timedelta(minutes=30)
        cron = {"cron": f"{later.minute} * * * *", "timezone": "UTC", "enabled": True}
        pipelines = [client.pipeline(f"hourly-{number}", schedule=cron) for number in range(5)]
        listed = ", ".join(f"'{each}'" for each in pipelines)
        for seconds in (HOUR, -HOUR):
            _move(cluster, seconds, client)
            time.sleep(NOTICED)
            if cluster.variant != "embedded":
                assert _counts(cluster, listed) == {}
            measured.seconds = max(_start_a_due_one(cluster, client), measured.seconds or 0.0)
        _move(cluster, 0, client)
        time.sleep(NOTICED)
        # Embedded the clock that jumped is the one that counts: each time of the schedule is met once, no more.
        assert all(count == 1 for count in _counts(cluster, listed).values())
        assert _counts(cluster, listed) == {} or cluster.variant == "embedded"


def _counts(cluster: Cluster, listed: str) -> dict[tuple[str, str], int]:
    rows = cluster.execute(
        "SELECT pipeline_id, scheduled_for, count(*) FROM pipelines_run "
        f"WHERE pipeline_id IN ({listed}) GROUP BY 1, 2"
    )
    return {(pipeline, str(moment)): count for pipeline, moment, count in rows}


def _start_a_due_one(cluster: Cluster, client: Client) -> float:
    """Let a schedule fall due by the database's clock, and return how long its start took: the ticks go on."""
    # By the clock of whoever moved it last, embedded, the last time that it fires at lies elsewhere.
    now = datetime.now(UTC)
    if cluster.variant == "embedded":
        ((text,),) = cluster.execute(
            "SELECT strftime('%Y-%m-%d %H:%M:%S', max(updated_at)) FROM pipelines_run"
        )
        now = max(now, datetime.fromisoformat(f"{text}+00:00")) if text else now
    cron = {"cron": "0 3 * * *", "timezone": "UTC", "enabled": True}
    pipeline = client.pipeline(f"due-{time.monotonic()}".replace(".", "-"), schedule=cron)
    fired = now.replace(hour=3, minute=0, second=0, microsecond=0)
    fired -= timedelta(days=int(fired > now - timedelta(hours=2)))
    moment = fired.strftime("%Y-%m-%d %H:%M:%S") + ("" if cluster.variant == "embedded" else "+00")
    began = time.monotonic()
    cluster.execute(f"UPDATE pipelines_pipeline SET next_run_at = '{moment}' WHERE id = '{pipeline}'")
    while not _counts(cluster, f"'{pipeline}'"):
        assert time.monotonic() - began < STARTED, f"The ticks stopped. Logs: {cluster.folder}"
        time.sleep(0.2)
    return time.monotonic() - began


def test_worker__killed_while_clocks_are_wrong__is_replaced_as_soon_as_ever(
    cluster: Cluster, client: Client, watched: Watched, counted: Round
) -> None:
    if not is_long():
        pytest.skip("takes two leases' time: in the long form")
    for seconds in (HOUR, -HOUR):
        with counted("clocks wrong by an hour, worker killed") as measured:
            _move(cluster, seconds, client)
            time.sleep(NOTICED)
            cluster.arm("run.before_commit=killtree@1")
            run = client.start(watched.pipeline)
            cluster.wait_for_hit("run.before_commit")
            cluster.wait_until_ready()
            began = time.monotonic()
            assert client.wait_for(run, patient(90))["status"] == "success"
            measured.seconds = time.monotonic() - began
            watched.expect(appended=1)
            assert measured.seconds < patient(45)
