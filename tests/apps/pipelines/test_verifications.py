"""Verifying a run: repeated from its manifest and compared, or said why that cannot be."""

from typing import Any

import pytest

from apps.pipelines.models import Run, StoredTable
from apps.pipelines.services.execution import execute_run
from tests.apps.pipelines.ground import add_orders, start
from tests.apps.pipelines.test_runs import rows, source_of
from tests.journey import CONTACTS, MAPPING, lay_out, run, upload
from tests.resources import assert_failure, assert_success
from tests.world import World


def verify(world: World, run_id: str) -> dict[str, Any]:
    client = world.ed.client()
    made = assert_success(client.post(f"/api/runs/{run_id}/verify"), 201)
    assert (made["trigger"], made["verify_of"], made["verified"]) == ("verify", run_id, None)
    execute_run(made["id"])
    return dict(assert_success(client.get(f"/api/runs/{made['id']}")))


@pytest.mark.parametrize("mode", ["full", "append", "merge", "history"])
def test_verify__of_the_second_run__repeats_it_on_the_version_it_began_with(world: World, mode: str) -> None:
    pipeline = lay_out(world)
    load = {"mode": mode, **({"cursor": "c.contact_id"} if mode != "full" else {})}
    body = {**MAPPING, "load": load}
    assert_success(world.ed.client().put("/api/mappings/customers", body, format="json"))
    run(world, pipeline)
    upload(world, source_of(world), CONTACTS + b"7,new@example.org,2,2024-05-05\n")
    second = run(world, pipeline)
    assert second["totals"]["inserted"] > 0
    before = (StoredTable.objects.get().metadata_key, rows(world))
    # The mapping has moved on; the run's own documents count.
    changed = {**body, "fields": {**body["fields"], "spent": {"type": "constant", "value": 1}}}
    assert_success(world.ed.client().put("/api/mappings/customers", changed, format="json"))
    found = verify(world, second["id"])
    assert (found["status"], found["verified"]) == ("success", True), found["steps"]
    report = found["steps"][0]["report"]
    assert report["verdict"] == "verified"
    assert [report[name]["equal"] for name in ("counts", "rejected_by_reason", "output_hash")] == [True] * 3
    assert (StoredTable.objects.get().metadata_key, rows(world)) == before


def test_verify__after_an_input_was_replaced__is_not_possible_and_names_it(world: World) -> None:
    first = run(world, lay_out(world))
    upload(world, source_of(world), CONTACTS.replace(b"10.50", b"11.50"))
    found = verify(world, first["id"])
    assert (found["status"], found["verified"]) == ("success", None)
    report = found["steps"][0]["report"]
    assert report["verdict"] == "not_possible"
    assert "'c'" in report["reasons"][0]
    assert report["inputs"]["c"]["equal"] is False


@pytest.mark.parametrize("what", ["output_hash", "counts"])
def test_verify__of_a_manifest_that_tells_something_else__is_different(world: World, what: str) -> None:
    first = run(world, lay_out(world))
    row = Run.objects.get(pk=first["id"])
    if what == "output_hash":
        method = row.manifest["output_hash"]["customers"].partition(":")[0]
        row.manifest["output_hash"]["customers"] = f"{method}:0000000000000000"
        row.save()
    else:
        row.steps.update(counts={**first["steps"][0]["counts"], "inserted": 3})
    found = verify(world, first["id"])
    assert found["verified"] is False
    report = found["steps"][0]["report"]
    assert (report["verdict"], report[what]["equal"]) == ("different", False)


def test_verify__of_tables_that_read_each_other__reads_the_version_that_the_run_read(world: World) -> None:
    pipeline = add_orders(world, lay_out(world))
    first = run(world, pipeline)
    run(world, pipeline)
    found = verify(world, first["id"])
    assert {step["table"]: step["report"]["verdict"] for step in found["steps"]} == {
        "customers": "verified", "spenders": "verified", "dates": "verified"
    }  # fmt: skip


def test_verify__of_what_cannot_be__is_422(world: World) -> None:
    pipeline = lay_out(world)
    client = world.ed.client()
    tried = run(world, pipeline, test_mode=True)
    assert_failure(client.post(f"/api/runs/{tried['id']}/verify"), 422, "RUN_NOT_VERIFIABLE")
    first = run(world, pipeline)
    found = verify(world, first["id"])
    assert_failure(client.post(f"/api/runs/{found['id']}/verify"), 422, "RUN_NOT_VERIFIABLE")
    assert_failure(client.post(f"/api/runs/{found['id']}/retry"), 422, "RUN_NOT_FAILED")
    assert_failure(client.post(f"/api/runs/{start(world, pipeline)}/verify"), 422, "RUN_NOT_FINISHED")


def test_verify__by_others__is_forbidden_or_not_there(world: World) -> None:
    url = f"/api/runs/{run(world, lay_out(world))['id']}/verify"
    assert_failure(world.vera.client().post(url), 403, "PERMISSION_DENIED")
    assert_failure(world.eve.client(None).post(url), 404, "RUN_NOT_FOUND")
    assert_failure(world.nobody().post(url), 401, "AUTHENTICATION_REQUIRED")
