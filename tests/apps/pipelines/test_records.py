"""Looking a record up: did it go through in this run, and if not, why?"""

import json
from typing import Any

import pytest

from apps.pipelines.models import Run, RunStep
from apps.pipelines.services import record_tracing
from apps.pipelines.services.execution import execute_run
from datalinx.files import workspace_storage
from tests.apps.pipelines.ground import add_orders, start
from tests.apps.pipelines.test_runs import source_of
from tests.journey import CONTACTS, MAPPING, lay_out, run, upload
from tests.resources import assert_failure, assert_success
from tests.world import World

MERGE = {**MAPPING, "load": {"mode": "merge", "cursor": "c.contact_id"}}


def find(world: World, run_id: str, key: Any, **query: Any) -> dict[str, Any]:
    text = json.dumps(key) if isinstance(key, dict) else str(key)
    response = world.vera.client().get(f"/api/runs/{run_id}/records", {"key": text, **query})
    return dict(assert_success(response))


def find_in_table(world: World, key: Any, **query: Any) -> dict[str, Any]:
    text = json.dumps(key) if isinstance(key, dict) else str(key)
    response = world.vera.client().get("/api/tables/customers/records", {"key": text, **query})
    return dict(assert_success(response))


def test_records__of_a_first_run__tell_each_row_apart(world: World) -> None:
    first = run(world, lay_out(world))["id"]
    outcomes = {key: find(world, first, key)["outcome"] for key in range(1, 8)}
    assert outcomes == {
        1: "new", 2: "new", 3: "rejected", 4: "rejected", 5: "rejected", 6: "filtered", 7: "not_in_source"
    }  # fmt: skip


def test_records__a_row_that_went_through__shows_the_table_before_and_after(world: World) -> None:
    found = find(world, run(world, lay_out(world))["id"], 1)
    assert found["stored"]["before"] == []
    assert found["stored"]["after"] == [
        {"customer_id": 1, "email": "ann@example.org", "spent": "10.50", "joined_on": "2024-01-31"}
    ]
    assert found["source"]["read"] is False
    assert (found["table"], found["key"]) == ("customers", {"customer_id": "1"})


def test_records__a_rejected_row__says_why_without_asking_the_source(world: World) -> None:
    found = find(world, run(world, lay_out(world))["id"], 3)
    (row,) = found["rejected"]
    assert (row["locator"], row["reason"], row["replayed"]) == ("contacts.csv:3", "invalid_email", False)
    assert found["message"].startswith("Its row at contacts.csv:3 was rejected")
    assert found["source"]["read"] is False


def test_records__asked_for_the_source__shows_what_the_mapping_makes_of_it(world: World) -> None:
    first = run(world, lay_out(world))["id"]
    source = find(world, first, 1, source="always")["source"]
    (record,) = source["records"]
    assert (source["as_then"], record["outcome"], record["locator"]) == (True, "valid", "contacts.csv:1")
    assert record["row"]["mail"] == " Ann@Example.org "
    assert find(world, first, 6, source="never")["outcome"] == "unknown"


def test_records__by_another_column__takes_the_value_as_people_write_it(world: World) -> None:
    first = run(world, lay_out(world))["id"]
    assert find(world, first, {"email": "ANN@example.org"})["outcome"] == "new"
    assert find(world, first, {"email": "not an address"})["outcome"] == "rejected"
    assert find(world, first, {"customer_id": 1, "email": "bob@example.org"})["outcome"] == "not_in_source"


def test_records__of_a_later_run__tell_what_it_changed(world: World) -> None:
    pipeline = lay_out(world)
    run(world, pipeline)
    changed = CONTACTS.replace(b"10.50", b"11.50").replace(b"2,bob@example.org,7,2024-02-01\n", b"")
    upload(
        world, source_of(world), changed + b"7,new@example.org,1,2024-03-01\n8,new@example.org,x,2024-03-01\n"
    )
    second = run(world, pipeline)["id"]
    outcomes = {key: find(world, second, key)["outcome"] for key in (1, 2, 7, 8)}
    assert outcomes == {1: "changed", 2: "gone", 7: "new", 8: "rejected"}


def test_records__behind_the_cursor__were_not_read(world: World) -> None:
    pipeline = lay_out(world)
    assert_success(world.ed.client().put("/api/mappings/customers", MERGE, format="json"))
    run(world, pipeline)
    late = CONTACTS.replace(b"6,old@example.org,1,1999-01-01", b"6,old@example.org,1,2024-01-01")
    upload(world, source_of(world), late + b"7,new@example.org,1,2024-03-01\n")
    second = run(world, pipeline)["id"]
    assert find(world, second, 7)["outcome"] == "new"
    assert find(world, second, 1)["outcome"] == "unchanged"
    missed = find(world, second, 6)
    assert (missed["outcome"], missed["source"]["as_then"]) == ("not_read", True)
    assert "cursor" in missed["message"]


def test_records__after_the_source_was_replaced__say_so(world: World) -> None:
    first = run(world, lay_out(world))["id"]
    upload(world, source_of(world), CONTACTS + b"9,late@example.org,1,2024-03-01\n")
    late = find(world, first, 9)
    assert (late["outcome"], late["source"]["as_then"]) == ("unknown", False)
    assert "it has changed since" in late["message"]


def test_records__of_a_replayed_row__name_the_replay(world: World) -> None:
    pipeline = lay_out(world)
    assert_success(world.ed.client().put("/api/mappings/customers", MERGE, format="json"))
    first = run(world, pipeline)["id"]
    mended = {**MERGE, "fields": {**MERGE["fields"], "spent": {"type": "constant", "value": 1}}}
    assert_success(world.ed.client().put("/api/mappings/customers", mended, format="json"))
    started = world.ed.client().post(
        f"/api/runs/{first}/rejected/replay", {"reason": "cast_failed"}, format="json"
    )
    replay = assert_success(started, 201)["id"]
    execute_run(replay)
    found = find(world, first, 5)
    assert (found["outcome"], found["rejected"][0]["replayed_by"]) == ("replayed", replay)
    assert find(world, replay, 5)["outcome"] == "new"
    assert find(world, replay, 1)["outcome"] == "unchanged"
    nothing = find(world, replay, 77)
    assert (nothing["outcome"], nothing["source"]["note"]) == (
        "unknown",
        "A replay reads rejected rows, and no source.",
    )


def test_records__of_a_run_in_test_mode__tell_what_would_become_of_them(world: World) -> None:
    tried = run(world, lay_out(world), test_mode=True)["id"]
    assert [find(world, tried, key)["outcome"] for key in (1, 3, 6)] == ["valid", "rejected", "filtered"]
    assert find(world, tried, 1)["stored"] is None


def test_records__of_a_run_that_has_not_begun__are_pending(world: World) -> None:
    queued = start(world, lay_out(world))
    assert find(world, queued, 1)["outcome"] == "pending"


def test_records__of_a_failed_run__tell_what_stopped_it(world: World) -> None:
    pipeline = lay_out(world)
    strict = {"max_rejected": {"rows": 0}}
    assert_success(world.ed.client().patch(f"/api/pipelines/{pipeline['id']}", strict, format="json"))
    failed = run(world, pipeline)
    assert failed["status"] == "failed"
    found = find(world, failed["id"], 1)
    assert (found["outcome"], found["stored"]) == ("not_published", None)
    assert failed["steps"][0]["error"]["message"] in found["message"]
    assert find(world, failed["id"], 3)["outcome"] == "rejected"


def test_records__of_versions_that_are_gone__are_not_guessed(world: World) -> None:
    first = run(world, lay_out(world))["id"]
    row = Run.objects.get(pk=first)
    row.manifest["base"]["customers"]["table"] = "tbl_another"
    row.save()
    found = find(world, first, 1)
    assert (found["outcome"], found["stored"]["known"]) == ("valid", False)
    assert "made anew" in found["notes"][0]


def test_records__a_look_up_that_takes_too_long__tells_what_is_known(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = run(world, lay_out(world))["id"]
    monkeypatch.setattr(record_tracing.Deadline, "is_over", lambda self: True)
    found = find(world, first, 6)
    assert found["outcome"] == "unknown"
    assert "within 20 seconds" in found["source"]["note"]
    assert "were not looked through" in found["notes"][0]


def test_records__whose_rejected_rows_are_gone_from_the_storage__say_so(world: World) -> None:
    first = run(world, lay_out(world))["id"]
    step = RunStep.objects.get(run=first)
    workspace_storage(world.organization.pk, world.workspace.pk).local(step.rejected_key).unlink()
    for found in (find(world, first, 3), find_in_table(world, 3)):
        assert (found["outcome"], found["rejected"]) == ("rejected", [])
        assert any("not in the storage any more" in note for note in found["notes"])


def test_records__of_a_source_that_is_gone__say_so(world: World) -> None:
    first = run(world, lay_out(world))["id"]
    step = RunStep.objects.get(run=first)
    documents = step.run.snapshot
    documents["sources"]["crm"]["id"] = "src_gone"
    Run.objects.filter(pk=first).update(snapshot=documents)
    found = find(world, first, 6)
    assert (found["outcome"], found["source"]["read"]) == ("unknown", False)
    assert "'crm'" in found["message"]


def test_records__of_a_run_of_several_tables__need_the_table(world: World) -> None:
    made = run(world, add_orders(world, lay_out(world)))["id"]
    client = world.vera.client()
    assert_failure(client.get(f"/api/runs/{made}/records", {"key": "1"}), 422, "UNKNOWN_TABLE")
    assert_failure(client.get(f"/api/runs/{made}/records", {"key": "1", "table": "x"}), 422, "UNKNOWN_TABLE")
    assert find(world, made, 1, table="customers")["outcome"] == "new"
    assert find(world, made, {"customer_id": 1}, table="spenders")["outcome"] == "new"
    answer = client.get(f"/api/runs/{made}/records", {"key": "1", "table": "spenders"})
    body = assert_failure(answer, 422, "RECORD_KEY_INCOMPLETE")
    assert '{"customer_id":"…"}' in body["message"]


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ({}, "RECORD_KEY_INVALID"),
        ({"key": "x" * 2_001}, "RECORD_KEY_INVALID"),
        ({"key": "a\0b"}, "VALIDATION_ERROR"),
        ({"key": "{"}, "RECORD_KEY_INVALID"),
        ({"key": "{}"}, "RECORD_KEY_INVALID"),
        ({"key": '{"customer_id": [1]}'}, "RECORD_KEY_INVALID"),
        ({"key": '{"nothing": 1}'}, "UNKNOWN_COLUMN"),
        ({"key": "1", "source": "maybe"}, "VALIDATION_ERROR"),
        ({"key": "1", "what": "x"}, "UNKNOWN_PARAMETER"),
    ],
)
def test_records__malformed__are_refused(world: World, query: dict[str, str], code: str) -> None:
    first = run(world, lay_out(world))["id"]
    for path in (f"/api/runs/{first}/records", "/api/tables/customers/records"):
        assert_failure(world.vera.client().get(path, query), 422, code)


def test_records__of_a_stranger_and_of_nobody__are_not_there(world: World) -> None:
    first = run(world, lay_out(world))["id"]
    for path in (f"/api/runs/{first}/records", "/api/tables/customers/records"):
        assert world.eve.client().get(path, {"key": "1"}).status_code == 404
        assert world.nobody().get(path, {"key": "1"}).status_code == 401


@pytest.mark.parametrize("missing", ["pipelines:view", "queries:run"])
def test_records__for_a_key_that_may_see_half_of_it__are_forbidden(world: World, missing: str) -> None:
    first = run(world, lay_out(world))["id"]
    given = [name for name in ("pipelines:view", "queries:run") if name != missing]
    role = {"name": "half", "permissions": given}
    assert_success(world.alice.client(None).post("/api/roles", role, format="json"), 201)
    account = {"name": "half", "role": "half", "workspace": "production"}
    made = assert_success(world.alice.client(None).post("/api/service-accounts", account, format="json"), 201)
    world.api_key = made["api_key"]
    client = world.robot()
    for path in (f"/api/runs/{first}/records", "/api/tables/customers/records"):
        body = assert_failure(client.get(path, {"key": "1"}), 403, "PERMISSION_DENIED")
        assert missing in body["message"]


def test_records__of_a_table__tell_its_history(world: World) -> None:
    pipeline = lay_out(world)
    first = run(world, pipeline)["id"]
    upload(world, source_of(world), CONTACTS.replace(b"10.50", b"11.50"))
    second = run(world, pipeline)["id"]
    run(world, pipeline)
    found = find_in_table(world, 1)
    assert (found["outcome"], found["rows"][0]["spent"]) == ("stored", "11.50")
    assert [(each["run_id"], each["change"]) for each in found["history"]] == [
        (second, "changed"),
        (first, "new"),
    ]
    assert found["source"]["read"] is False


def test_records__of_a_table_without_it__say_why(world: World) -> None:
    pipeline = lay_out(world)
    first = run(world, pipeline)["id"]
    rejected = find_in_table(world, 3)
    assert (rejected["outcome"], rejected["rejected"][0]["run_id"]) == ("rejected", first)
    assert find_in_table(world, 6)["outcome"] == "filtered"
    assert find_in_table(world, 77)["outcome"] == "not_in_source"
    fewer = CONTACTS.replace(b"2,bob@example.org,7,2024-02-01\n", b"")
    upload(world, source_of(world), fewer + b"7,new@example.org,1,2024-03-01\n")
    second = run(world, pipeline)["id"]
    gone = find_in_table(world, 2)
    assert (gone["outcome"], gone["history"][0]["run_id"]) == ("gone", second)
    assert second in gone["message"]


def test_records__that_wait_for_a_run__would_pass(world: World) -> None:
    run(world, lay_out(world))
    upload(world, source_of(world), CONTACTS + b"9,late@example.org,1,2024-03-01\n")
    assert find_in_table(world, 9)["outcome"] == "valid"


HISTORY = {**MAPPING, "load": {"mode": "history", "delete_missing": True}}


def test_records__of_a_table_that_keeps_history__tell_former_versions_from_the_present_one(
    world: World,
) -> None:
    contacts = CONTACTS + b"".join(b"%d,p%d@example.org,1,2024-03-01\n" % (n, n) for n in range(10, 15))
    pipeline = lay_out(world, contacts)
    assert_success(world.ed.client().put("/api/mappings/customers", HISTORY, format="json"))
    first = run(world, pipeline)["id"]
    moved = contacts.replace(b"bob@", b"rob@").replace(b"1, Ann@Example.org ,10.50,2024-01-31\n", b"")
    upload(world, source_of(world), moved)
    second = run(world, pipeline)["id"]
    third = run(world, pipeline)["id"]

    gone = find_in_table(world, 1)
    assert (gone["outcome"], [each["change"] for each in gone["history"]]) == ("ended", ["ended", "new"])
    (row,) = gone["rows"]
    assert gone["ended_at"] == row["valid_to"] is not None
    assert gone["message"].startswith(
        f"Former versions of it alone are in the table: the last ended at {row['valid_to']}, by the run {second}. "
        "No row of the source is this record's."
    )
    assert find_in_table(world, {"email": "bob@example.org"})["outcome"] == "ended"
    present = find_in_table(world, 2)
    assert (present["outcome"], present["ended_at"], len(present["rows"])) == ("stored", None, 2)

    ended = find(world, second, 1)
    assert (ended["outcome"], ended["stored"]["ended_at"]) == ("ended", row["valid_to"])
    assert ended["message"].endswith(f"It ended at {row['valid_to']}.")
    later = find(world, third, 1)
    assert (later["outcome"], later["stored"]["change"]) == ("not_in_source", "unchanged")
    assert "the last ended at" in later["message"]
    assert (find(world, first, 1)["outcome"], find(world, second, 2)["outcome"]) == ("new", "changed")
