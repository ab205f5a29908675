"""Replaying rejected rows over the API: rehearsed, run, exactly once, and refused where it would be a lie."""

from typing import Any

import pytest

from apps.pipelines.models import Replay, Run, RunStep, StoredTable
from apps.pipelines.services import table_publication
from apps.pipelines.services.claiming import claim_run
from apps.pipelines.services.dispatching import reap_lost_runs
from apps.pipelines.services.execution import execute_run
from apps.pipelines.services.table_execution import TableExecution
from tests.apps.pipelines.ground import start
from tests.apps.pipelines.test_runs import rows, source_of
from tests.journey import CONTACTS, MAPPING, SCHEMA, lay_out, run, upload
from tests.resources import assert_failure, assert_success
from tests.world import World

MENDED = {
    **MAPPING,
    "fields": {
        **MAPPING["fields"],
        "email": {
            "type": "decorated",
            "source": "c.mail",
            "decorators": [
                {"name": "map_values", "values": {"not an address": "three@example.org"}},
                {"name": "default", "value": "unknown@example.org"},
                {"name": "trim"},
                {"name": "email"},
            ],
        },
    },
}


def mend(world: World, **more: Any) -> None:
    response = world.ed.client().put("/api/mappings/customers", {**MENDED, **more}, format="json")
    assert_success(response)


def ask(world: World, run_id: str, **body: Any) -> Any:
    return world.ed.client().post(f"/api/runs/{run_id}/rejected/replay", body, format="json")


def replay(world: World, run_id: str, **body: Any) -> dict[str, Any]:
    """Start a replay, do a worker's work, and return the run."""
    made = assert_success(ask(world, run_id, **body), 201)
    execute_run(made["id"])
    return dict(assert_success(world.ed.client().get(f"/api/runs/{made['id']}")))


def emails(world: World) -> dict[int, str]:
    return {row["customer_id"]: row["email"] for row in rows(world)}


def test_rehearsal__under_a_mended_mapping__tells_how_many_would_pass_and_keeps_nothing(world: World) -> None:
    first = run(world, lay_out(world))
    mend(world)
    before = StoredTable.objects.get().metadata_key
    found = assert_success(ask(world, first["id"], rehearse=True))
    assert (found["rows"], found["would_pass"], found["still_rejected"], found["superseded"]) == (3, 2, 1, 0)
    (table,) = found["tables"]
    assert table["rejected_by_reason"] == {"cast_failed": 1}
    assert (table["counts"]["read"], table["counts"]["inserted"], table["counts"]["rejected"]) == (3, 2, 1)
    assert StoredTable.objects.get().metadata_key == before
    assert Run.objects.count() == 1
    assert not Replay.objects.exists()


def test_replay__under_a_mended_mapping__brings_each_row_in_once(world: World) -> None:
    first = run(world, lay_out(world))
    mend(world)
    done = replay(world, first["id"])
    assert (done["status"], done["trigger"], done["replay_of"]) == ("success", "replay", first["id"])
    assert (done["totals"]["read"], done["totals"]["inserted"], done["totals"]["rejected"]) == (3, 2, 1)
    assert emails(world) == {
        1: "ann@example.org", 2: "bob@example.org", 3: "three@example.org", 4: "unknown@example.org"
    }  # fmt: skip
    still = assert_success(world.vera.client().get(f"/api/runs/{done['id']}/rejected"))
    assert [(row["locator"], row["reason"]) for row in still] == [("contacts.csv:5", "cast_failed")]
    shown = assert_success(world.vera.client().get(f"/api/runs/{first['id']}"))
    assert shown["steps"][0]["replayed"] == 2
    again = replay(world, first["id"])
    assert (again["totals"]["read"], again["totals"]["rejected"], again["totals"]["inserted"]) == (1, 1, 0)
    assert RunStep.objects.get(run=first["id"]).replayed == 2


def test_replay__chosen_by_reason__takes_these_rows_and_then_there_are_none_left(world: World) -> None:
    first = run(world, lay_out(world))
    mend(world)
    done = replay(world, first["id"], reason="invalid_email", table="customers")
    assert (done["totals"]["read"], done["totals"]["inserted"]) == (1, 1)
    assert set(emails(world)) == {1, 2, 3}
    assert_failure(ask(world, first["id"], reason="invalid_email"), 422, "NOTHING_TO_REPLAY")
    assert_failure(ask(world, first["id"], table="other"), 422, "UNKNOWN_TABLE")


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({"table": 5}, "VALIDATION_ERROR"),
        ({"rehearse": "perhaps"}, "VALIDATION_ERROR"),
        ({"colour": "red"}, "UNKNOWN_FIELD"),
    ],
    ids=["table", "rehearse", "unknown"],
)
def test_replay__that_asks_for_nonsense__is_422(world: World, body: dict[str, Any], code: str) -> None:
    first = run(world, lay_out(world))
    assert_failure(ask(world, first["id"], **body), 422, code)
    assert Run.objects.count() == 1


def test_replay__by_others__is_forbidden_or_not_there(world: World) -> None:
    first = run(world, lay_out(world))
    url = f"/api/runs/{first['id']}/rejected/replay"
    assert_failure(world.vera.client().post(url, {"rehearse": True}, format="json"), 403, "PERMISSION_DENIED")
    assert_failure(world.eve.client(None).post(url, {}, format="json"), 404, "RUN_NOT_FOUND")
    assert_failure(world.nobody().post(url, {}, format="json"), 401, "AUTHENTICATION_REQUIRED")


def test_replay__asked_twice_with_one_key__is_one_run(world: World) -> None:
    first = run(world, lay_out(world))
    mend(world)
    client = world.ed.client()
    url = f"/api/runs/{first['id']}/rejected/replay"
    answers = [client.post(url, {}, format="json", HTTP_IDEMPOTENCY_KEY="once") for _ in range(2)]
    assert len({assert_success(answer, 201)["id"] for answer in answers}) == 1


def test_replay__while_another_took_the_same_rows__takes_what_is_left(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = run(world, lay_out(world))
    mend(world)
    # Runs of the whole workspace do not wait for one another.
    Run.objects.filter(pk=first["id"]).update(pipeline=None)
    one, two = (assert_success(ask(world, first["id"]), 201)["id"] for _ in range(2))
    publish = TableExecution._publish
    interrupted: list[str] = []

    def late(self: TableExecution, *args: Any, **more: Any) -> None:
        if self.run_row.pk == one and not interrupted:
            interrupted.append(one)
            execute_run(two)
        publish(self, *args, **more)

    monkeypatch.setattr(TableExecution, "_publish", late)
    execute_run(one)
    row = Run.objects.get(pk=one)
    if row.status == "queued":
        Run.objects.filter(pk=one).update(not_before=None)
        execute_run(one)
    assert [Run.objects.get(pk=each).status for each in (one, two)] == ["success", "success"]
    assert sorted(emails(world)) == [1, 2, 3, 4]
    totals = [RunStep.objects.get(run=each).counts["inserted"] for each in (one, two)]
    assert sorted(totals) == [0, 2]
    assert RunStep.objects.get(run=first["id"]).replayed == 2


def test_replay__of_an_append_without_a_key__comes_in_once_though_the_worker_dies(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    pipeline = lay_out(world)
    client = world.ed.client()
    tables = [{**SCHEMA["tables"][0], "primary_key": []}]
    assert_success(client.put("/api/schemas/workspace", {**SCHEMA, "tables": tables}, format="json"))
    append = {"load": {"mode": "append", "cursor": "c.contact_id"}}
    assert_success(client.put("/api/mappings/customers", {**MAPPING, **append}, format="json"))
    first = run(world, pipeline)
    mend(world, **append)
    queued = assert_success(ask(world, first["id"]), 201)["id"]

    class Killed(BaseException):
        pass

    def die(*_: Any, **__: Any) -> None:
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(table_publication, "write_log", die)
        with pytest.raises(Killed):
            execute_run(queued)
    assert not Replay.objects.exists()
    assert sorted(emails(world)) == [1, 2]
    Run.objects.filter(pk=queued).update(lease_expires_at=None)
    assert reap_lost_runs() == 1
    execute_run(queued)
    assert Run.objects.get(pk=queued).status == "success"
    assert sorted(row["customer_id"] for row in rows(world)) == [1, 2, 3, 4]
    assert_success(
        client.patch(f"/api/pipelines/{pipeline['id']}", {"guards": {"empty_source": "allow"}}, format="json")
    )
    assert run(world, pipeline)["totals"]["read"] == 0
    assert claim_run(queued) is None


def test_replay__over_rows_that_a_later_run_merged__leaves_them(world: World) -> None:
    pipeline = lay_out(world)
    client = world.ed.client()
    merge = {"load": {"mode": "merge"}}
    assert_success(client.put("/api/mappings/customers", {**MAPPING, **merge}, format="json"))
    first = run(world, pipeline)
    upload(world, source_of(world), b"contact_id,mail,amount,joined\n3,newer@example.org,1,2024-05-05\n")
    run(world, pipeline)
    mend(world, **merge)
    found = assert_success(ask(world, first["id"], rehearse=True))
    assert (found["rows"], found["would_pass"], found["superseded"], found["still_rejected"]) == (3, 2, 1, 1)
    done = replay(world, first["id"])
    assert (done["totals"]["inserted"], done["totals"]["unchanged"], done["totals"]["updated"]) == (1, 1, 0)
    assert emails(world)[3] == "newer@example.org"
    assert emails(world)[4] == "unknown@example.org"


def test_replay__into_a_merge_nobody_ran_since__mends_the_row_that_was_stored_before(world: World) -> None:
    pipeline = lay_out(world, b"contact_id,mail,amount,joined\n3,old@example.org,1,2024-02-02\n")
    client = world.ed.client()
    merge = {"load": {"mode": "merge"}}
    assert_success(client.put("/api/mappings/customers", {**MAPPING, **merge}, format="json"))
    run(world, pipeline)
    upload(world, source_of(world), CONTACTS)
    second = run(world, pipeline)
    assert emails(world)[3] == "old@example.org"
    mend(world, **merge)
    done = replay(world, second["id"])
    assert (done["totals"]["inserted"], done["totals"]["updated"]) == (1, 1)
    assert emails(world)[3] == "three@example.org"


def test_replay__of_a_table_that_was_loaded_whole_since__is_refused(world: World) -> None:
    pipeline = lay_out(world)
    first = run(world, pipeline)
    second = run(world, pipeline)
    mend(world)
    failure = assert_failure(ask(world, first["id"]), 422, "REPLAY_SUPERSEDED")
    assert second["id"] in failure["message"]
    assert replay(world, second["id"])["status"] == "success"


def test_replay__of_what_published_nothing__is_refused(world: World) -> None:
    pipeline = lay_out(world)
    client = world.ed.client()
    tried = run(world, pipeline, test_mode=True)
    assert_failure(ask(world, tried["id"]), 422, "RUN_NOT_REPLAYABLE")
    assert_success(
        client.patch(f"/api/pipelines/{pipeline['id']}", {"max_rejected": {"rows": 0}}, format="json")
    )
    failed = run(world, pipeline)
    assert_failure(ask(world, failed["id"]), 422, "RUN_NOT_REPLAYABLE")
    assert_failure(ask(world, start(world, pipeline)), 422, "RUN_NOT_FINISHED")


def test_replay__of_a_replay__names_the_run_to_replay(world: World) -> None:
    first = run(world, lay_out(world))
    mend(world)
    done = replay(world, first["id"])
    failure = assert_failure(ask(world, done["id"]), 422, "RUN_NOT_REPLAYABLE")
    assert first["id"] in failure["message"]


def test_replay__when_the_source_file_is_gone__needs_it_not(world: World) -> None:
    first = run(world, lay_out(world))
    mend(world)
    from apps.sources.models import Source
    from apps.sources.services.sources import source_storage

    row = Source.objects.get()
    source_storage(row).put_bytes(f"uploads/{row.pk}/contacts.csv", b"nothing,like,it\n")
    assert replay(world, first["id"])["totals"]["inserted"] == 2


def test_replay__by_a_mapping_of_another_input__fails_and_says_so(world: World) -> None:
    first = run(world, lay_out(world))
    client = world.ed.client()
    other = assert_success(
        client.post("/api/sources", {"name": "other", "connector": "file"}, format="json"), 201
    )
    upload(world, other["id"], CONTACTS)
    mend(world, inputs=[{"alias": "c", "source": "other", "table": "contacts"}])
    assert_failure(ask(world, first["id"], rehearse=True), 422, "REPLAY_INPUT_CHANGED")
    done = replay(world, first["id"])
    assert (done["status"], done["error"]["code"]) == ("failed", "REPLAY_INPUT_CHANGED")
    assert not Replay.objects.exists()


def test_replay__that_failed__is_tried_again_as_a_replay(world: World) -> None:
    first = run(world, lay_out(world))
    mend(world, on_invalid="fail")
    found = assert_success(ask(world, first["id"], rehearse=True))
    assert (found["would_pass"], found["tables"][0]["error"]["code"]) == (0, "VALUE_INVALID")
    failed = replay(world, first["id"])
    assert (failed["status"], failed["error"]["code"]) == ("failed", "VALUE_INVALID")
    retried = assert_success(world.ed.client().post(f"/api/runs/{failed['id']}/retry"), 201)
    assert (retried["trigger"], retried["replay_of"], retried["retry_of"]) == (
        "replay", first["id"], failed["id"]
    )  # fmt: skip
