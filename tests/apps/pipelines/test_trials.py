"""Runs in test mode: what they report of each table, and that they leave nothing else behind."""

from typing import Any

import pytest

from apps.pipelines.models import StoredTable
from apps.pipelines.services import effects
from datalinx.errors import Failed
from tests.apps.pipelines.test_runs import rows, source_of
from tests.journey import CONTACTS, MAPPING, lay_out, run, upload
from tests.resources import assert_failure, assert_success
from tests.world import World

CHANGED = CONTACTS.replace(b"10.50", b"").replace(b"bob@example.org", b"robert@example.org")


def report_of(done: dict[str, Any]) -> dict[str, Any]:
    assert done["status"] == "success", done["error"]
    return dict(done["steps"][0]["report"])


def load_by(world: World, **load: Any) -> None:
    body = {**MAPPING, "load": load}
    assert_success(world.ed.client().put("/api/mappings/customers", body, format="json"))


def test_trial__of_a_table_that_is_not_there__reports_what_it_would_hold(world: World) -> None:
    done = run(world, lay_out(world), test_mode=True)
    report = report_of(done)
    assert report["counts"] == done["steps"][0]["counts"]
    assert report["rejected_by_reason"] == {"cast_failed": 1, "invalid_email": 1, "null_not_allowed": 1}
    assert report["rows"] == {"before": 0, "after": 2}
    assert report["columns"][0] == {
        "name": "customer_id",
        "type": "INTEGER",
        "before": None,
        "after": {"nulls": 0, "distinct": 2},
    }
    assert (report["effect"], report["not_compared"]) == (None, None)
    assert not StoredTable.objects.exists()


@pytest.mark.parametrize("mode", ["full", "merge", "history"])
def test_trial__of_changed_rows__reports_them_beside_the_stored_ones(world: World, mode: str) -> None:
    pipeline = lay_out(world)
    load_by(world, mode=mode)
    run(world, pipeline)
    before = (StoredTable.objects.get().metadata_key, rows(world))
    upload(world, source_of(world), CHANGED + b"7,new@example.org,2,2024-05-05\n")
    report = report_of(run(world, pipeline, test_mode=True))
    assert report["rows"] == {"before": 2, "after": 3}
    assert report["effect"] == {
        "keys": ["customer_id"],
        "new": 1,
        "changed": 2,
        "unchanged": 0,
        "gone": 0,
        # A history's version begins and ends with the load itself.
        "values_changed": {"email": 1, "spent": 1} | ({"valid_from": 2} if mode == "history" else {}),
    }
    spent = next(column for column in report["columns"] if column["name"] == "spent")
    assert (spent["before"], spent["after"]) == ({"nulls": 0, "distinct": 2}, {"nulls": 1, "distinct": 2})
    assert (StoredTable.objects.get().metadata_key, rows(world)) == before


def test_trial__with_rows_gone__counts_them(world: World) -> None:
    pipeline = lay_out(world)
    run(world, pipeline)
    upload(world, source_of(world), CONTACTS.replace(b"2,bob@example.org,7,2024-02-01\n", b""))
    body = {"guards": {"max_deleted_share": None}}
    client = world.ed.client()
    assert_success(client.patch(f"/api/pipelines/{pipeline['id']}", body, format="json"))
    effect = report_of(run(world, pipeline, test_mode=True))["effect"]
    assert (effect["unchanged"], effect["gone"]) == (1, 1)


def test_trial__of_an_append_of_known_keys__is_not_told_by_key(world: World) -> None:
    pipeline = lay_out(world)
    load_by(world, mode="append")
    run(world, pipeline)
    report = report_of(run(world, pipeline, test_mode=True))
    assert (report["rows"], report["effect"]) == ({"before": 2, "after": 4}, None)


def test_trial__holds_no_value_of_a_row(world: World) -> None:
    done = run(world, lay_out(world), test_mode=True)
    assert "example.org" not in str(done["steps"][0]["report"])


def test_trial__that_names_very_many_reasons__keeps_the_most_frequent(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(effects, "MAX_NAMED", 2)
    report = report_of(run(world, lay_out(world), test_mode=True))
    assert report["rejected_by_reason"] == {"cast_failed": 1, "invalid_email": 1}


def test_trial__that_cannot_be_compared__succeeds_and_says_why(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*args: Any, **more: Any) -> None:
        raise Failed("MEMORY_EXCEEDED", "The table needs more memory than a run may use.")

    monkeypatch.setattr(effects, "compare_versions", fail)
    report = report_of(run(world, lay_out(world), test_mode=True))
    assert "memory" in report["not_compared"]
    assert (report["rows"], report["columns"], report["effect"]) == (None, [], None)


def test_trial__that_publishes__keeps_no_report(world: World) -> None:
    assert run(world, lay_out(world))["steps"][0]["report"] is None


def test_trial__read_by_others__is_shown_to_members_alone(world: World) -> None:
    done = run(world, lay_out(world), test_mode=True)
    shown = assert_success(world.vera.client().get(f"/api/runs/{done['id']}"))
    assert shown["steps"][0]["report"]["rows"] == {"before": 0, "after": 2}
    assert_failure(world.eve.client().get(f"/api/runs/{done['id']}"), 404, "RUN_NOT_FOUND")
    assert_failure(world.nobody().get(f"/api/runs/{done['id']}"), 401, "AUTHENTICATION_REQUIRED")
