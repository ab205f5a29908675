"""I1 and the schedulers: what is asked for once, or is due once, starts one run."""

import time
import uuid
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.drilling import patient
from tests.drills.cluster import Cluster
from tests.drills.conftest import Round, rounds
from tests.drills.workload import Client

pytestmark = pytest.mark.drill

SMALL = 200


def test_start__a_hundred_times_at_once_with_one_key__starts_one_run(
    cluster: Cluster, client: Client, counted: Round
) -> None:
    pipeline = client.lay_out(SMALL)
    for number in range(1, rounds(short=1, long=5) + 1):
        with counted("I1 a hundred POSTs with one key") as measured:
            key, began = uuid.uuid4().hex, time.monotonic()

            def start(_: int, key: str = key) -> Any:
                return client.call("POST", f"/api/pipelines/{pipeline}/run", {}, **{"Idempotency-Key": key})

            with ThreadPoolExecutor(100) as pool:
                answers = list(pool.map(start, range(100)))
            measured.seconds = time.monotonic() - began
            assert all(each == answers[0] for each in answers)
            ((count,),) = cluster.execute(
                f"SELECT count(*) FROM pipelines_run WHERE workspace_id = '{client.workspace_id}'"
            )
            assert count == number
            client.wait_for(answers[0]["id"], patient(60))


def test_schedule__due_for_two_schedulers_at_once__starts_each_run_once(
    cluster: Cluster, client: Client, counted: Round
) -> None:
    client.lay_out(SMALL)
    daily = {"cron": "0 3 * * *", "timezone": "UTC", "enabled": True}
    for number in range(rounds(short=1, long=5)):
        made = [client.pipeline(f"daily-{number}-{each}", schedule=daily) for each in range(20)]
        listed = ", ".join(f"'{each}'" for each in made)
        with counted("schedules, two schedulers") as measured:
            # All of them missed the last time that the schedule fires at, and find it at the next look.
            now = datetime.now(UTC)
            fired = now.replace(hour=3, minute=0, second=0, microsecond=0)
            fired -= timedelta(days=int(fired > now))
            moment = fired.strftime("%Y-%m-%d %H:%M:%S") + ("" if cluster.variant == "embedded" else "+00")
            cluster.execute(f"UPDATE pipelines_pipeline SET next_run_at = '{moment}' WHERE id IN ({listed})")
            began = time.monotonic()
            while _started(cluster, listed) < len(made):
                assert time.monotonic() - began < patient(45), (
                    "A schedule that was due did not start its run."
                )
                time.sleep(0.2)
            measured.seconds = time.monotonic() - began
            # Two more ticks of each scheduler: nothing is started a second time.
            time.sleep(7)
            counts = cluster.execute(
                f"SELECT pipeline_id, count(*) FROM pipelines_run WHERE pipeline_id IN ({listed}) GROUP BY 1"
            )
            assert dict(counts) == dict.fromkeys(made, 1)


def test_schedule__of_every_minute__starts_one_run_at_each(
    cluster: Cluster, client: Client, counted: Round
) -> None:
    minutes = rounds(short=0, long=2)
    if not minutes:
        pytest.skip("waits for the clock: in the long form")
    client.lay_out(SMALL)
    every = {"cron": "* * * * *", "enabled": True}
    pipelines = [client.pipeline(f"minutely-{number}", schedule=every) for number in range(5)]
    listed = ", ".join(f"'{each}'" for each in pipelines)
    with counted("schedules, each minute"):
        # Begun in the middle of a minute, so that exactly so many minutes begin.
        time.sleep((90 - time.time() % 60) % 60)
        before = _started(cluster, listed)
        time.sleep(60 * minutes)
        assert _started(cluster, listed) - before == len(pipelines) * minutes
    for pipeline in pipelines:
        client.call("PATCH", f"/api/pipelines/{pipeline}", {"schedule": {**every, "enabled": False}})


def _started(cluster: Cluster, listed: str) -> int:
    ((count,),) = cluster.execute(f"SELECT count(*) FROM pipelines_run WHERE pipeline_id IN ({listed})")
    return int(count)
