"""A pipeline that asks for Spark: refused where there is none, and otherwise the same tables, ledger and rejects."""

from typing import Any

import pytest

from tests.apps.pipelines.test_replays import ask, emails, mend, replay
from tests.apps.pipelines.test_verifications import verify
from tests.journey import lay_out, run
from tests.resources import assert_failure, assert_success
from tests.world import World


def ask_for(world: World, pipeline: dict[str, Any], engine: str) -> Any:
    return world.ed.client().patch(f"/api/pipelines/{pipeline['id']}", {"engine": engine}, format="json")


def test_pipeline__of_spark_without_an_address__is_refused_and_says_what_to_set(
    world: World, settings: Any
) -> None:
    settings.SPARK_REMOTE = ""
    failure = assert_failure(ask_for(world, lay_out(world), "spark"), 422, "ENGINE_NOT_AVAILABLE")
    assert "DATALINX_SPARK_REMOTE" in failure["errors"][0]["message"]
    assert failure["errors"][0]["field"] == "engine"


@pytest.fixture
def on_spark(settings: Any, remote: str) -> None:
    settings.SPARK_REMOTE = remote
    settings.ENGINE_MEMORY_BYTES, settings.ENGINE_THREADS = 1_536 * 1024**2, 2


# A run that takes seconds keeps its lease from a thread of its own, which must see the run.
@pytest.mark.django_db(transaction=True)
def test_pipeline__of_spark__gives_the_tables_ledger_and_rejects_of_duckdb(
    world: World, on_spark: None
) -> None:
    pipeline, client = lay_out(world), world.ed.client()
    found = []
    for engine in ("duckdb", "spark"):
        assert_success(ask_for(world, pipeline, engine))
        ended = run(world, pipeline)
        assert ended["status"] == "success", ended["error"]
        assert ended["manifest"]["engine"].startswith(f"{engine} ")
        rejected = assert_success(client.get(f"/api/runs/{ended['id']}/rejected"))
        rows = assert_success(client.get("/api/tables/customers/rows"))
        found.append((rejected, rows, ended["manifest"]["output_hash"], ended["manifest"]["inputs"]))
        inserted = ended["totals"]["inserted"]
    assert inserted
    assert found[0] == found[1]


@pytest.mark.django_db(transaction=True)
def test_run__of_spark__is_verified_on_spark_and_where_that_is_gone_on_duckdb(
    world: World, on_spark: None, settings: Any
) -> None:
    pipeline = lay_out(world)
    assert_success(ask_for(world, pipeline, "spark"))
    first = run(world, pipeline)
    found = verify(world, first["id"])
    report = found["steps"][0]["report"]
    assert (found["verified"], report["verdict"]) == (True, "verified"), report
    assert report["engine"] == first["manifest"]["engine"]
    settings.SPARK_REMOTE = ""
    found = verify(world, first["id"])
    report = found["steps"][0]["report"]
    assert (found["verified"], report["engine"][:7]) == (True, "duckdb "), report


@pytest.mark.django_db(transaction=True)
def test_rejects_of_spark__rehearsed_and_replayed__come_in_exactly_once(world: World, on_spark: None) -> None:
    pipeline = lay_out(world)
    assert_success(ask_for(world, pipeline, "spark"))
    first = run(world, pipeline)
    mend(world)
    rehearsed = assert_success(ask(world, first["id"], rehearse=True))
    assert (rehearsed["rows"], rehearsed["would_pass"], rehearsed["still_rejected"]) == (3, 2, 1)
    done = replay(world, first["id"])
    assert (done["status"], done["engine"], done["manifest"]["engine"][:6]) == ("success", "spark", "spark ")
    (table,) = rehearsed["tables"]
    # What was rehearsed is what is done, though one engine tells it and the other does it.
    counts = done["steps"][0]["counts"]
    assert {name: table["counts"][name] for name in counts} == counts
    assert sorted(emails(world)) == [1, 2, 3, 4]
    still = assert_success(world.vera.client().get(f"/api/runs/{done['id']}/rejected"))
    assert [(row["locator"], row["reason"]) for row in still] == [("contacts.csv:5", "cast_failed")]
    again = replay(world, first["id"])
    assert (again["totals"]["read"], again["totals"]["inserted"]) == (1, 0)
    assert sorted(emails(world)) == [1, 2, 3, 4]
