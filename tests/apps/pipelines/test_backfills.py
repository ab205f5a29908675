"""Backfills that run: what they read, what they leave alone, and that nothing is lost or twice whoever dies."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from django.db import transaction

from apps.pipelines.models import Backfill, BackfillChunk, Run, StoredTable
from apps.pipelines.services import backfill_driving, table_execution
from apps.pipelines.services.backfill_driving import advance_backfill, advance_backfills
from apps.pipelines.services.execution import execute_run
from apps.workspaces.models import Event
from tests.apps.pipelines.backfilling import CONTACTS, begin, do, lay_days, look, present_run, row_of, work
from tests.apps.pipelines.ground import start
from tests.apps.pipelines.test_runs import rows, source_of
from tests.journey import MAPPING, run, upload
from tests.resources import assert_failure, assert_success
from tests.world import World


def test_backfill__of_ten_days__makes_what_a_full_load_makes(world: World) -> None:
    pipeline = lay_days(world)
    made = begin(world, pipeline)
    assert (made["status"], made["chunks"]["total"], made["chunks"]["running"]) == ("running", 10, 1)
    assert work(made) == 10
    done = look(world, made)
    assert (done["status"], done["progress"], done["chunks"]["success"]) == ("success", 1.0, 10)
    assert (done["totals"]["read"], done["totals"]["inserted"]) == (30, 30)
    filled = StoredTable.objects.get()
    full = run(world, pipeline, full_refresh=True)
    assert full["manifest"]["output_hash"]["customers"] == filled.output_hash


def test_backfill__done_again__changes_nothing(world: World) -> None:
    pipeline = lay_days(world)
    work(begin(world, pipeline))
    before = StoredTable.objects.get()
    again = begin(world, pipeline, chunk="3 days")
    work(again)
    totals = look(world, again)["totals"]
    assert (totals["read"], totals["inserted"], totals["unchanged"]) == (30, 0, 30)
    assert StoredTable.objects.get().output_hash == before.output_hash


def test_runs__of_a_backfill__tell_which_and_can_be_listed_by_it(world: World) -> None:
    pipeline = lay_days(world)
    made = begin(world, pipeline, chunk="5 days")
    work(made)
    found = assert_success(world.vera.client().get("/api/runs", {"backfill_id": made["id"]}))
    assert [(each["trigger"], each["backfill_id"]) for each in found] == [("backfill", made["id"])] * 2
    assert found[-1]["request"] == {
        "tables": ["customers"],
        "since": "2024-01-01T00:00:00Z",
        "until": "2024-01-06T00:00:00Z",
    }
    chunks = assert_success(world.vera.client().get(f"/api/backfills/{made['id']}/chunks"))
    assert [each["run_id"] for each in chunks] == [found[1]["id"], found[0]["id"]]
    assert [each["attempts"] for each in chunks] == [1, 1]


def test_backfill__from_the_newest__reads_backwards(world: World) -> None:
    made = begin(world, lay_days(world), order="newest", chunk="4 days")
    work(made)
    since = Run.objects.order_by("created_at").values_list("request__since", flat=True)
    assert [each[:10] for each in since] == ["2024-01-09", "2024-01-05", "2024-01-01"]


def test_cursor__after_a_backfill__skips_and_repeats_nothing(world: World) -> None:
    pipeline = lay_days(world, contacts=CONTACTS + b"900,late@example.org,1,2024-01-10\n")
    run(world, pipeline)
    assert StoredTable.objects.get().cursor == "2024-01-10"
    made = begin(world, pipeline, until="2024-01-06")
    upload(world, source_of(world), CONTACTS + b"901,new@example.org,1,2024-01-12\n")
    work(made)
    assert StoredTable.objects.get().cursor == "2024-01-10"
    after = run(world, pipeline)
    # The one new row; those of the cursor's own day are looked at by no rule.
    assert (after["totals"]["inserted"], after["totals"]["updated"]) == (1, 0)
    assert len(rows(world)) == len({row["customer_id"] for row in rows(world)}) == 32


def test_cursor__after_a_backfill_of_a_new_table__lets_the_next_run_read_everything(world: World) -> None:
    pipeline = lay_days(world)
    work(begin(world, pipeline, until="2024-01-04"))
    assert StoredTable.objects.get().cursor is None
    after = run(world, pipeline)
    assert (after["totals"]["inserted"], after["totals"]["unchanged"]) == (21, 9)


@pytest.mark.parametrize("point", ["settled", "queued", "ended"])
def test_backfill__whose_driver_dies_at_any_point__loses_nothing_and_does_nothing_twice(
    world: World, monkeypatch: pytest.MonkeyPatch, point: str
) -> None:
    pipeline = lay_days(world)
    made = begin(world, pipeline, chunk="2 days")
    deaths = [0]

    def die_first(original: Callable[..., Any]) -> Callable[..., Any]:
        def wrapped(*args: Any, **kwargs: Any) -> Any:
            done = original(*args, **kwargs)
            deaths[0] += 1
            # Every second time the process is gone after the work and before the commit.
            if deaths[0] % 2:
                raise RuntimeError("the process died here")
            return done

        return wrapped

    names = {"settled": "_settle", "queued": "queue_run", "ended": "_set"}
    monkeypatch.setattr(backfill_driving, names[point], die_first(getattr(backfill_driving, names[point])))
    for _ in range(30):
        if (active := present_run(made)) is not None:
            execute_run(active.pk)
        advance_backfills()
    done = look(world, made)
    assert deaths[0] > 0
    assert (done["status"], done["chunks"]["success"]) == ("success", 5)
    assert Run.objects.filter(backfill=made["id"]).count() == 5
    assert done["totals"]["inserted"] == 30


def test_worker__that_is_lost_within_a_chunk__leaves_it_to_the_next(world: World) -> None:
    made = begin(world, lay_days(world), chunk="5 days")
    lost = present_run(made)
    assert lost is not None
    Run.objects.filter(pk=lost.pk).update(status="running", fence=1, lease_expires_at=None)
    advance_backfills()
    assert look(world, made)["run_id"] == lost.pk
    from apps.pipelines.services.dispatching import reap_lost_runs

    reap_lost_runs()
    assert work(made) == 2
    assert look(world, made)["status"] == "success"
    assert Run.objects.get(pk=lost.pk).attempt == 2


def test_backfill__looked_at_again_and_again__has_one_run_at_a_time(world: World) -> None:
    made = begin(world, lay_days(world))
    for _ in range(5):
        advance_backfill(made["id"])
    assert Run.objects.filter(backfill=made["id"]).count() == 1


def test_run__asked_for_between_chunks__has_its_turn(world: World) -> None:
    pipeline = lay_days(world)
    made = begin(world, pipeline, chunk="5 days")
    normal = start(world, pipeline)
    assert work(made) == 1
    assert present_run(made) is None
    advance_backfills()
    assert present_run(made) is None
    execute_run(normal)
    advance_backfills()
    assert present_run(made) is not None


def test_run__of_another_pipeline_on_the_same_table__has_its_turn_between_chunks(world: World) -> None:
    pipeline = lay_days(world)
    other = another(world)
    made = begin(world, pipeline, chunk="5 days")
    normal = start(world, other)
    assert work(made) == 1
    assert present_run(made) is None
    execute_run(normal)
    advance_backfills()
    assert work(made) == 1
    assert look(world, made)["status"] == "success"
    assert len(rows(world)) == 30


def test_run__of_another_pipeline_that_publishes_while_a_chunk_is_made__is_built_upon(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    pipeline = lay_days(world)
    other = another(world)
    made = begin(world, pipeline, until="2024-01-06", chunk="5 days")
    chunk = present_run(made)
    assert chunk is not None
    reached = table_execution.reach
    seen = []

    def publish_first(name: str) -> None:
        reached(name)
        if name == "run.mid_batch" and not seen:
            seen.append(name)
            execute_run(start(world, other))

    monkeypatch.setattr(table_execution, "reach", publish_first)
    execute_run(chunk.pk)
    chunk.refresh_from_db()
    assert (chunk.status, chunk.attempt) == ("success", 1)
    assert len({row["customer_id"] for row in rows(world)}) == len(rows(world)) == 30
    lines = assert_success(world.vera.client().get(f"/api/runs/{chunk.pk}/logs"))
    assert any("changed meanwhile" in line["message"] for line in lines)


def another(world: World) -> dict[str, Any]:
    """Make a second pipeline of the same table."""
    body = {"name": "another", "tables": ["customers"]}
    return dict(assert_success(world.ed.client().post("/api/pipelines", body, format="json"), 201))


def events() -> list[tuple[str, str | None]]:
    found = [json.loads(event.body) for event in Event.objects.order_by("sequence")]
    return [(event["event"], event.get("status")) for event in found if event["event"] != "schema.changed"]


def test_events__of_a_backfill__are_its_own_and_not_its_chunks(world: World) -> None:
    pipeline = lay_days(world)
    made = begin(world, pipeline, chunk="2 days")
    do(world, made, "pause")
    work(made)
    do(world, made, "resume")
    work(made)
    assert events() == [("backfill.paused", "paused"), ("backfill.completed", "success")]
    body = json.loads(Event.objects.get(type="backfill.completed").body)
    assert (body["backfill_id"], body["pipeline_id"]) == (made["id"], pipeline["id"])
    assert (body["since"], body["until"]) == ("2024-01-01T00:00:00Z", "2024-01-11T00:00:00Z")
    assert (body["chunks"]["success"], body["totals"]["inserted"], body["error"]) == (5, 30, None)
    run(world, pipeline)
    assert events()[2:] == [("pipeline.started", "running"), ("pipeline.completed", "success")]


def test_events__of_each_chunk__are_sent_where_they_are_asked_for(world: World) -> None:
    made = begin(world, lay_days(world), chunk="5 days", notify="chunks")
    assert made["notify"] == "chunks"
    work(made, chunks=1)
    do(world, made, "cancel")
    assert events() == [
        ("pipeline.started", "running"),
        ("pipeline.completed", "success"),
        ("pipeline.cancelled", "cancelled"),
        ("backfill.cancelled", "cancelled"),
    ]


def test_events__of_a_chunk_that_fails__are_one_of_the_backfill(world: World) -> None:
    broken = CONTACTS.replace(b"p40@example.org", b"p40 at example.org")
    work(begin(world, lay_days(world, contacts=broken, on_invalid="fail")))
    assert events() == [("backfill.failed", "failed")]
    assert (
        json.loads(Event.objects.get(type="backfill.failed").body)["error"]["code"] == "BACKFILL_CHUNK_FAILED"
    )


def test_failure__stops_the_backfill__and_a_retry_goes_on_by_the_mended_mapping(world: World) -> None:
    broken = CONTACTS.replace(b"p40@example.org", b"p40 at example.org")
    pipeline = lay_days(world, contacts=broken, on_invalid="fail")
    made = begin(world, pipeline, chunk="1 day")
    work(made)
    failed = look(world, made)
    assert (failed["status"], failed["chunks"]["success"], failed["chunks"]["failed"]) == ("failed", 3, 1)
    assert failed["error"]["code"] == "BACKFILL_CHUNK_FAILED"
    assert failed["chunks"]["pending"] == 6
    body = {**MAPPING, "load": {"mode": "merge", "cursor": "c.joined"}, "on_invalid": "quarantine"}
    assert_success(world.ed.client().put("/api/mappings/customers", body, format="json"))
    assert do(world, made, "retry")["status"] == "running"
    work(made)
    done = look(world, made)
    assert (done["status"], done["chunks"]["success"], done["error"]) == ("success", 10, None)
    assert (done["totals"]["inserted"], done["totals"]["rejected"]) == (29, 1)
    assert [chunk.attempts for chunk in BackfillChunk.objects.order_by("position")] == [1, 1, 1, 2] + [1] * 6


def test_retry__over_the_days_that_another_reads_by_now__is_refused(world: World) -> None:
    broken = CONTACTS.replace(b"p40@example.org", b"p40 at example.org")
    made = begin(world, lay_days(world, contacts=broken, on_invalid="fail"))
    work(made)
    beside = begin(world, another(world))
    failure = assert_failure(
        world.ed.client().post(f"/api/backfills/{made['id']}/retry"), 422, "BACKFILL_OVERLAPS"
    )
    assert failure["details"] == {"backfill_id": beside["id"]}
    assert look(world, made)["status"] == "failed"


def test_failure__with_continue__goes_on_and_is_told_at_the_end(world: World) -> None:
    broken = CONTACTS.replace(b"p40@example.org", b"p40 at example.org")
    made = begin(world, lay_days(world, contacts=broken, on_invalid="fail"), on_failure="continue")
    work(made)
    done = look(world, made)
    assert (done["status"], done["chunks"]["success"], done["chunks"]["failed"]) == ("failed", 9, 1)
    assert [(each["status"], each["chunks"]) for each in done["stretches"]] == [
        ("success", 3),
        ("failed", 1),
        ("success", 6),
    ]


def test_pause__lets_the_present_chunk_end__and_resume_goes_on(world: World) -> None:
    made = begin(world, lay_days(world), chunk="2 days")
    assert do(world, made, "pause")["status"] == "pausing"
    assert work(made) == 1
    assert look(world, made)["status"] == "paused"
    advance_backfills()
    assert present_run(made) is None
    assert do(world, made, "resume")["status"] == "running"
    assert work(made) == 4
    assert look(world, made)["status"] == "success"


def test_cancel__ends_the_present_chunk_and_all_that_wait(world: World) -> None:
    made = begin(world, lay_days(world), chunk="2 days")
    work(made, chunks=1)
    done = do(world, made, "cancel")
    assert (done["status"], done["chunks"]["success"], done["chunks"]["cancelled"]) == ("cancelled", 1, 4)
    assert done["progress"] == 0.2
    assert present_run(made) is None
    assert sorted(row["customer_id"] for row in rows(world)) == [10, 11, 12, 20, 21, 22]


def test_cancel__of_a_chunk_that_runs__is_seen_until_its_run_has_ended(world: World) -> None:
    made = begin(world, lay_days(world))
    active = present_run(made)
    assert active is not None
    Run.objects.filter(pk=active.pk).update(status="running", fence=1)
    assert do(world, made, "cancel")["status"] == "cancelling"
    active.refresh_from_db()
    assert active.cancel_requested_at is not None
    failure = world.ed.client().post(f"/api/backfills/{made['id']}/cancel")
    assert_failure(failure, 422, "BACKFILL_NOT_RUNNING")
    from apps.pipelines.services.dispatching import reap_lost_runs

    Run.objects.filter(pk=active.pk).update(lease_expires_at=None)
    reap_lost_runs()
    advance_backfills()
    assert look(world, made)["status"] == "cancelled"


def test_chunk__whose_run_somebody_cancels__has_failed(world: World) -> None:
    made = begin(world, lay_days(world))
    active = present_run(made)
    assert active is not None
    assert_success(world.ed.client().post(f"/api/runs/{active.pk}/cancel"))
    advance_backfills()
    found = look(world, made)
    assert (found["status"], found["chunks"]["failed"]) == ("failed", 1)
    again = world.ed.client().post(f"/api/runs/{active.pk}/retry")
    assert assert_failure(again, 422, "RUN_OF_BACKFILL")["details"]["backfill_id"] == made["id"]


def test_documents__that_change_meanwhile__pause_it_with_a_reason(world: World) -> None:
    made = begin(world, lay_days(world), chunk="5 days")
    body = {**MAPPING, "load": {"mode": "merge", "cursor": "c.joined"}, "filter": "c.joined >= '2001-01-01'"}
    assert_success(world.ed.client().put("/api/mappings/customers", body, format="json"))
    work(made)
    found = look(world, made)
    assert (found["status"], found["error"]["code"]) == ("paused", "BACKFILL_DOCUMENTS_CHANGED")
    assert do(world, made, "resume")["error"] is None
    work(made)
    assert look(world, made)["status"] == "success"
    versions = Run.objects.order_by("created_at").values_list(
        "snapshot__mappings__customers__version", flat=True
    )
    assert list(versions) == [2, 3]


def test_deliveries__of_a_backfill__are_left_to_its_last_chunk(world: World) -> None:
    made = begin(world, lay_days(world), chunk="5 days")
    backfill = row_of(made)
    snapshot = {**backfill.snapshot, "pipeline": {**backfill.snapshot["pipeline"], "deliver": [1]}}
    assert "deliver" not in backfill_driving._documents(snapshot, is_last=False)["pipeline"]
    assert backfill_driving._documents(snapshot, is_last=True) == snapshot


def test_pipeline_and_workspace__with_an_open_backfill__are_deleted_when_they_may(world: World) -> None:
    pipeline = lay_days(world)
    made = begin(world, pipeline)
    do(world, made, "pause")
    work(made)
    client = world.ed.client()
    failure = assert_failure(client.delete(f"/api/pipelines/{pipeline['id']}"), 422, "PIPELINE_IS_RUNNING")
    assert failure["details"]["backfill_id"] == made["id"]
    path = f"/api/workspaces/{world.workspace.pk}?confirm={world.workspace.name}"
    assert_success(world.alice.client(None).delete(path))
    assert not Backfill.objects.exists()


def test_pipeline__whose_backfills_have_ended__goes_with_them(world: World) -> None:
    pipeline = lay_days(world)
    do(world, begin(world, pipeline), "cancel")
    assert_success(world.ed.client().delete(f"/api/pipelines/{pipeline['id']}"))
    assert not BackfillChunk.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_end_of_a_chunk__starts_the_next_at_once(transactional_db: None) -> None:
    from tests.world import make_world

    world = make_world()
    made = begin(world, lay_days(world), chunk="5 days")
    first = present_run(made)
    assert first is not None
    execute_run(first.pk)
    second = present_run(made)
    assert second is not None
    assert second.pk != first.pk
    assert not transaction.get_connection().in_atomic_block
