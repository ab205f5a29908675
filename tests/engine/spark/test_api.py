"""A pipeline that asks for Spark: refused where there is none, and otherwise the same tables, ledger and rejects."""

from typing import Any

import pytest

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


# A run that takes seconds keeps its lease from a thread of its own, which must see the run.
@pytest.mark.django_db(transaction=True)
def test_pipeline__of_spark__gives_the_tables_ledger_and_rejects_of_duckdb(
    world: World, settings: Any, remote: str
) -> None:
    settings.SPARK_REMOTE = remote
    settings.ENGINE_MEMORY_BYTES, settings.ENGINE_THREADS = 1_536 * 1024**2, 2
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
