"""Runs over the API: started, refused, cancelled, tried again, and what is read of them."""

import json
from typing import Any

import pytest
import time_machine

from apps.pipelines.models import Run, RunLog, StoredTable
from apps.pipelines.selectors import stream_events
from apps.pipelines.services.claiming import claim_run
from apps.pipelines.services.dispatching import reap_lost_runs
from apps.pipelines.services.execution import execute_run
from apps.pipelines.services.logs import write_log
from tests.apps.pipelines.ground import add_orders, start
from tests.journey import CONTACTS, MAPPING, lay_out, run, upload
from tests.resources import assert_failure, assert_success
from tests.world import World


def source_of(world: World) -> str:
    return str(assert_success(world.ed.client().get("/api/sources"))[0]["id"])


def test_run__of_an_incomplete_mapping__is_refused_and_names_what_is_missing(world: World) -> None:
    pipeline = lay_out(world)
    client = world.ed.client()
    assert_success(client.delete("/api/mappings/customers/fields/spent"))
    response = client.post(f"/api/pipelines/{pipeline['id']}/run", {}, format="json")
    failure = assert_failure(response, 422, "MAPPING_INCOMPLETE")
    assert "spent" in failure["errors"][0]["message"]
    assert not Run.objects.exists()
    assert_success(client.delete("/api/mappings/customers"))
    response = client.post(f"/api/pipelines/{pipeline['id']}/run", {}, format="json")
    assert_failure(response, 422, "MAPPING_INCOMPLETE")


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({"tables": ["nothing"]}, "UNKNOWN_TABLE"),
        ({"tables": []}, "VALIDATION_ERROR"),
        ({"tables": "customers"}, "VALIDATION_ERROR"),
        ({"colour": "red"}, "UNKNOWN_FIELD"),
        ({"full_refresh": "perhaps"}, "VALIDATION_ERROR"),
    ],
)
def test_run__that_asks_for_nonsense__is_422(world: World, body: dict[str, Any], code: str) -> None:
    pipeline = lay_out(world)
    client = world.ed.client()
    assert_failure(client.post(f"/api/pipelines/{pipeline['id']}/run", body, format="json"), 422, code)
    assert not Run.objects.exists()


def test_run__of_the_whole_workspace__runs_every_mapping(world: World) -> None:
    client = world.ed.client()
    assert_failure(client.post("/api/pipelines/run", {}, format="json"), 422, "NOTHING_TO_RUN")
    lay_out(world)
    started = assert_success(client.post("/api/pipelines/run", {}, format="json"), 201)
    assert (started["status"], started["pipeline_id"]) == ("queued", None)
    execute_run(started["id"])
    assert assert_success(client.get(f"/api/runs/{started['id']}"))["status"] == "success"
    assert_failure(
        world.vera.client().post("/api/pipelines/run", {}, format="json"), 403, "PERMISSION_DENIED"
    )


def test_run__merged_twice__changes_nothing_the_second_time(world: World) -> None:
    pipeline = lay_out(world)
    client = world.ed.client()
    merging = {**MAPPING, "load": {"mode": "merge", "keys": ["customer_id"]}}
    assert_success(client.put("/api/mappings/customers", merging, format="json"))
    first, second = run(world, pipeline), run(world, pipeline)
    assert (first["totals"]["inserted"], second["totals"]["inserted"]) == (2, 0)
    assert (second["totals"]["unchanged"], second["totals"]["updated"]) == (2, 0)
    assert first["steps"][0]["snapshot"] == second["steps"][0]["snapshot"] == 1
    changed = CONTACTS.replace(b"bob@example.org,7,", b"bob@example.org,8,")
    upload(world, source_of(world), changed)
    third = run(world, pipeline)
    assert (third["totals"]["updated"], third["totals"]["unchanged"]) == (1, 1)
    assert third["steps"][0]["snapshot"] == 2


def test_run__in_test_mode__counts_and_publishes_nothing(world: World) -> None:
    done = run(world, lay_out(world), test_mode=True)
    assert (done["status"], done["totals"]["inserted"], done["totals"]["rejected"]) == ("success", 2, 3)
    assert done["steps"][0]["snapshot"] is None
    assert not StoredTable.objects.exists()
    rejected = assert_success(world.vera.client().get(f"/api/runs/{done['id']}/rejected"))
    assert len(rejected) == 3


def test_run__with_full_refresh__replaces_what_was_merged(world: World) -> None:
    pipeline = lay_out(world)
    client = world.ed.client()
    merging = {**MAPPING, "load": {"mode": "merge", "keys": ["customer_id"]}}
    assert_success(client.put("/api/mappings/customers", merging, format="json"))
    assert_success(
        client.patch(
            f"/api/pipelines/{pipeline['id']}", {"guards": {"max_deleted_share": None}}, format="json"
        )
    )
    run(world, pipeline)
    upload(world, source_of(world), b"contact_id,mail,amount,joined\n9,new@example.org,1,2024-05-05\n")
    assert run(world, pipeline)["totals"]["inserted"] == 1
    ids = [row["customer_id"] for row in rows(world)]
    assert ids == [1, 2, 9]
    done = run(world, pipeline, full_refresh=True)
    assert (done["status"], done["error"]) == ("success", None)
    assert [row["customer_id"] for row in rows(world)] == [9]


def rows(world: World, **query: Any) -> list[dict[str, Any]]:
    query = {"ordering": "customer_id", **query}
    return list(assert_success(world.vera.client().get("/api/tables/customers/rows", query)))


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"contact_id,mail,amount\n1,a@example.org,1\n", "UNKNOWN_COLUMN"),
        (b"contact_id,mail,amount,joined\n", "EMPTY_SOURCE"),
        (b"PAR1 this is no text at all \x00\x01\x02", None),
        (b"", None),
    ],
)
def test_run__of_a_source_gone_wrong__fails_and_leaves_the_table_as_it_was(
    world: World, content: bytes, code: str | None
) -> None:
    pipeline = lay_out(world)
    run(world, pipeline)
    before = rows(world)
    from apps.sources.models import Source
    from apps.sources.services.sources import source_storage

    row = Source.objects.get()
    source_storage(row).put_bytes(f"uploads/{row.pk}/contacts.csv", content)
    done = run(world, pipeline)
    assert done["status"] == "failed"
    assert done["error"]["message"].strip()
    assert code is None or done["error"]["code"] == code
    assert rows(world) == before


def test_run__with_too_many_rejected_rows__publishes_nothing(world: World) -> None:
    pipeline = lay_out(world)
    client = world.ed.client()
    url = f"/api/pipelines/{pipeline['id']}"
    assert_success(client.patch(url, {"max_rejected": {"rows": 2}}, format="json"))
    done = run(world, pipeline)
    assert (done["status"], done["error"]["code"]) == ("failed", "MAX_REJECTED_EXCEEDED")
    assert not StoredTable.objects.exists()
    assert_success(client.patch(url, {"max_rejected": {"share": 0.5}}, format="json"))
    assert run(world, pipeline)["status"] == "success"


@pytest.mark.parametrize(
    ("pipeline_change", "mapping_change", "code"),
    [
        ({"max_rejected": {"rows": 2}}, {}, "MAX_REJECTED_EXCEEDED"),
        ({"max_rejected": {"reasons": {"invalid_email": 0}}}, {}, "MAX_REJECTED_EXCEEDED"),
        ({}, {"on_invalid": "fail"}, "VALUE_INVALID"),
    ],
    ids=["rows", "reason", "on_invalid"],
)
def test_run__stopped_by_its_rejected_rows__keeps_counts_and_rows_and_publishes_nothing(
    world: World, pipeline_change: dict[str, Any], mapping_change: dict[str, Any], code: str
) -> None:
    pipeline = lay_out(world)
    client = world.ed.client()
    assert_success(client.patch(f"/api/pipelines/{pipeline['id']}", pipeline_change, format="json"))
    assert_success(client.put("/api/mappings/customers", {**MAPPING, **mapping_change}, format="json"))
    done = run(world, pipeline)
    assert (done["status"], done["error"]["code"]) == ("failed", code)
    (step,) = done["steps"]
    assert (step["counts"]["read"], step["counts"]["filtered"], step["counts"]["rejected"]) == (6, 1, 3)
    assert (step["counts"]["inserted"], step["snapshot"]) == (0, None)
    assert step["rejected_by_reason"] == {"cast_failed": 1, "invalid_email": 1, "null_not_allowed": 1}
    found = assert_success(world.vera.client().get(f"/api/runs/{done['id']}/rejected"))
    assert [(row["locator"], row["reason"]) for row in found] == [
        ("contacts.csv:3", "invalid_email"),
        ("contacts.csv:4", "null_not_allowed"),
        ("contacts.csv:5", "cast_failed"),
    ]
    assert not StoredTable.objects.exists()


def test_run__stopped_for_what_it_would_delete__keeps_its_counts(world: World) -> None:
    pipeline = lay_out(world)
    run(world, pipeline)
    upload(
        world,
        source_of(world),
        b"contact_id,mail,amount,joined\n1,new@example.org,1,2024-05-05\n7,,1,2024-05-05\n",
    )
    done = run(world, pipeline)
    assert done["error"]["code"] == "MAX_DELETED_EXCEEDED"
    assert (done["totals"]["read"], done["totals"]["rejected"], done["totals"]["deleted"]) == (2, 1, 0)
    assert done["steps"][0]["rejected_by_reason"] == {"null_not_allowed": 1}
    assert [row["customer_id"] for row in rows(world)] == [1, 2]


def test_run__of_a_table_that_fails__skips_what_reads_it_and_keeps_the_others(world: World) -> None:
    pipeline = add_orders(world, lay_out(world))
    client = world.ed.client()
    failing = {**MAPPING, "on_invalid": "fail"}
    assert_success(client.put("/api/mappings/customers", failing, format="json"))
    done = run(world, pipeline)
    assert done["status"] == "failed"
    by_table = {step["table"]: step for step in done["steps"]}
    assert {name: step["status"] for name, step in by_table.items()} == {
        "customers": "failed", "spenders": "skipped", "dates": "success"
    }  # fmt: skip
    assert by_table["spenders"]["error"]["code"] == "DEPENDENCY_FAILED"
    assert set(StoredTable.objects.values_list("name", flat=True)) == {"dates"}
    assert_success(client.put("/api/mappings/customers", MAPPING, format="json"))
    retried = assert_success(client.post(f"/api/runs/{done['id']}/retry"), 201)
    assert (retried["trigger"], retried["retry_of"]) == ("retry", done["id"])
    execute_run(retried["id"])
    again = assert_success(client.get(f"/api/runs/{retried['id']}"))
    assert [step["table"] for step in again["steps"]] == ["customers", "spenders"]
    assert again["status"] == "success"


def test_cancel__of_a_queued_run__ends_it_at_once(world: World) -> None:
    started = start(world, lay_out(world))
    client = world.ed.client()
    cancelled = assert_success(client.post(f"/api/runs/{started}/cancel"))
    assert (cancelled["status"], cancelled["steps"][0]["status"]) == ("cancelled", "cancelled")
    execute_run(started)
    assert assert_success(client.get(f"/api/runs/{started}"))["status"] == "cancelled"
    assert_failure(client.post(f"/api/runs/{started}/cancel"), 422, "RUN_ALREADY_FINISHED")


def test_cancel_and_retry__in_the_wrong_state__are_422(world: World) -> None:
    pipeline = lay_out(world)
    client = world.ed.client()
    done = run(world, pipeline)
    assert_failure(client.post(f"/api/runs/{done['id']}/cancel"), 422, "RUN_ALREADY_FINISHED")
    assert_failure(client.post(f"/api/runs/{done['id']}/retry"), 422, "RUN_NOT_FAILED")
    queued = start(world, pipeline)
    assert_failure(client.post(f"/api/runs/{queued}/retry"), 422, "RUN_NOT_FINISHED")
    assert_failure(world.vera.client().post(f"/api/runs/{queued}/cancel"), 403, "PERMISSION_DENIED")
    assert_failure(client.delete(f"/api/pipelines/{pipeline['id']}"), 422, "PIPELINE_IS_RUNNING")


def test_rejected__paged_and_filtered__sums_to_the_ledger(world: World) -> None:
    done = run(world, lay_out(world))
    client = world.vera.client()
    url = f"/api/runs/{done['id']}/rejected"
    pages = [client.get(url, {"page": page, "page_size": 2}) for page in (1, 2, 3)]
    assert [len(assert_success(page)) for page in pages] == [2, 1, 0]
    assert {page.json()["pagination"]["total_items"] for page in pages} == {3}
    found = assert_success(client.get(url, {"reason": "invalid_email", "table": "customers"}))
    assert [(row["field"], row["value"], row["target"]) for row in found] == [
        ("email", "not an address", "customers")
    ]
    assert found[0]["mapping_version"] == 1
    assert_failure(client.get(url, {"table": "other"}), 422, "UNKNOWN_TABLE")
    assert assert_success(client.get(url, {"reason": "nothing"})) == []
    assert_failure(client.get(url, {"colour": "red"}), 422, "UNKNOWN_PARAMETER")
    assert_failure(world.eve.client(None).get(url), 404, "RUN_NOT_FOUND")


def test_logs__of_a_run__are_read_on_from_a_line(world: World) -> None:
    done = run(world, lay_out(world))
    client = world.vera.client()
    url = f"/api/runs/{done['id']}/logs"
    lines = assert_success(client.get(url))
    assert lines[0]["message"].startswith("Queued by Ed")
    assert lines[-1]["message"] == "Ended: success."
    later = assert_success(client.get(url, {"after": lines[0]["id"]}))
    assert later == lines[1:]
    assert assert_success(client.get(url, {"level": "error"})) == []
    assert_failure(client.get(url, {"level": "loud"}), 422, "VALIDATION_ERROR")


def test_events__of_an_ended_run__end_and_resume_after_the_last_that_was_seen(world: World) -> None:
    done = run(world, lay_out(world))
    client = world.vera.client()
    url = f"/api/runs/{done['id']}/events"
    response = client.get(url, HTTP_ACCEPT="text/event-stream")
    assert response["Content-Type"].startswith("text/event-stream")
    assert response["X-RateLimit-Limit"]
    blocks = b"".join(response.streaming_content).decode().strip().split("\n\n")
    ids = [block.split("\n")[0].removeprefix("id: ") for block in blocks if block.startswith("id: ")]
    assert len(ids) == len(assert_success(client.get(f"/api/runs/{done['id']}/logs")))
    assert blocks[-1].startswith("event: end")
    resumed = b"".join(client.get(url, HTTP_LAST_EVENT_ID=ids[-2]).streaming_content).decode()
    assert [line for line in resumed.split("\n") if line.startswith("id: ")] == [f"id: {ids[-1]}"]
    assert_failure(world.eve.client(None).get(url), 404, "RUN_NOT_FOUND")
    assert_failure(world.nobody().get(url), 401, "AUTHENTICATION_REQUIRED")


@pytest.mark.parametrize("given", ["x", "-1", "1.5", "²", "9" * 40])
def test_events__after_an_id_that_no_line_has__are_refused_with_what_would_be_right(
    world: World, given: str
) -> None:
    done = run(world, lay_out(world))
    client = world.vera.client()
    url = f"/api/runs/{done['id']}/events"
    for answer in (client.get(url, HTTP_LAST_EVENT_ID=given), client.get(url, {"last_event_id": given})):
        assert "a whole number from 0" in assert_failure(answer, 422, "VALIDATION_ERROR")["message"]


def test_logs__chosen_by_level_table_and_attempt__are_those_alone_also_as_events(world: World) -> None:
    done = run(world, lay_out(world))
    row = Run.objects.get(pk=done["id"])
    row.logs.all().delete()
    for number, (level, table, attempt) in enumerate(
        [("info", "", 1), ("warning", "customers", 1), ("error", "orders", 1), ("error", "customers", 2)]
    ):
        row.attempt = attempt
        write_log(row, str(number), level=level, table=table)
    client, url = world.vera.client(), f"/api/runs/{done['id']}"
    chosen: list[tuple[dict[str, Any], str]] = [
        ({}, "0123"),
        ({"level": "warning"}, "1"),
        ({"min_level": "warning"}, "123"),
        ({"min_level": "info", "table": "customers"}, "13"),
        ({"attempt": 2}, "3"),
    ]
    for choice, wanted in chosen:
        lines = assert_success(client.get(f"{url}/logs", choice))
        assert "".join(line["message"] for line in lines) == wanted
        stream = b"".join(client.get(f"{url}/events", choice).streaming_content).decode()
        told = [
            json.loads(block.split("data: ")[1]) for block in stream.split("\n\n") if "event: log" in block
        ]
        assert told == [{name: line[name] for name in line if name != "id"} for line in lines]
    for path in ("logs", "events"):
        assert_failure(client.get(f"{url}/{path}", {"attempt": "0"}), 422, "VALIDATION_ERROR")
        assert_failure(client.get(f"{url}/{path}", {"min_level": "loud"}), 422, "VALIDATION_ERROR")


def test_events__dropped_at_any_line__bring_the_rest_once_when_taken_up(world: World) -> None:
    row = Run.objects.get(pk=run(world, lay_out(world))["id"])
    # More than are read at once, so that the end must not come too early.
    RunLog.objects.bulk_create(RunLog(run=row, message=str(number)) for number in range(1_100))
    wanted = list(row.logs.order_by("pk").values_list("pk", flat=True))
    seen: list[int] = []
    for most in (1, 3, 499, 500, 10_000):
        left = most
        stream = stream_events(row, after=seen[-1] if seen else 0)
        for event in stream:
            if not event.startswith(b"id: "):
                continue
            seen.append(int(event.split(b"\n")[0].removeprefix(b"id: ")))
            left -= 1
            if not left:
                break
        stream.close()
    assert seen == wanted


def test_events__over_the_loss_of_a_worker__go_on_with_the_next_attempt(world: World) -> None:
    pipeline = lay_out(world)
    run_id = start(world, pipeline)
    lost = claim_run(run_id)
    assert lost is not None
    write_log(lost, "half of it")
    stream = stream_events(lost, after=0)
    first = [next(stream), next(stream)]
    stream.close()
    Run.objects.filter(pk=run_id).update(lease_expires_at=None)
    reap_lost_runs()
    execute_run(run_id)
    last = int(first[-1].split(b"\n")[0].removeprefix(b"id: "))
    rest = [event for event in stream_events(lost, after=last) if event.startswith(b"id: ")]
    ids = [int(event.split(b"\n")[0].removeprefix(b"id: ")) for event in [*first, *rest]]
    assert ids == list(RunLog.objects.filter(run=run_id).order_by("pk").values_list("pk", flat=True))
    attempts = list(RunLog.objects.filter(run=run_id).order_by("pk").values_list("attempt", flat=True))
    assert attempts == sorted(attempts)
    assert attempts[-1] == 2


def test_events__of_a_run_that_was_deleted__end(world: World) -> None:
    row = Run.objects.get(pk=run(world, lay_out(world))["id"])
    Run.objects.filter(pk=row.pk).delete()
    assert list(stream_events(row, after=0)) == [b"event: end\ndata: {}\n\n"]


def test_lineage__of_a_run__is_that_of_the_documents_it_ran(world: World) -> None:
    done = run(world, lay_out(world))
    client = world.ed.client()
    before = assert_success(client.get(f"/api/runs/{done['id']}/lineage"))
    changed = {**MAPPING, "fields": {**MAPPING["fields"], "spent": {"type": "constant", "value": 1}}}
    assert_success(client.put("/api/mappings/customers", changed, format="json"))
    assert assert_success(client.get(f"/api/runs/{done['id']}/lineage")) == before
    assert assert_success(client.get("/api/mappings/customers/lineage")) != before


def test_runs__listed__are_filtered_and_ordered(world: World) -> None:
    pipeline = lay_out(world)
    first = run(world, pipeline)["id"]
    second = start(world, pipeline)
    client = world.vera.client()
    assert [each["id"] for each in assert_success(client.get("/api/runs"))] == [second, first]
    assert [each["id"] for each in assert_success(client.get("/api/runs", {"status": "queued"}))] == [second]
    assert assert_success(client.get("/api/runs", {"pipeline_id": "pl_none"})) == []
    assert_failure(client.get("/api/runs", {"status": "asleep"}), 422, "VALIDATION_ERROR")


def test_tables__rows_snapshots_as_of_and_restore(world: World) -> None:
    pipeline = lay_out(world)
    first = run(world, pipeline)
    upload(world, source_of(world), CONTACTS.replace(b"10.50", b"11.50"))
    run(world, pipeline)
    client = world.ed.client()
    url = "/api/tables/customers"
    assert rows(world)[0]["spent"] == "11.50"
    assert rows(world, as_of="1")[0]["spent"] == "10.50"
    assert rows(world, as_of=first["id"])[0]["spent"] == "10.50"
    assert_failure(client.get(f"{url}/rows", {"as_of": "99"}), 404, "SNAPSHOT_NOT_FOUND")
    assert_failure(client.get(f"{url}/rows", {"as_of": "1999-01-01T00:00:00Z"}), 404, "SNAPSHOT_NOT_FOUND")
    assert_failure(client.get(f"{url}/rows", {"as_of": "yesterday"}), 422, "VALIDATION_ERROR")
    assert_failure(client.get(f"{url}/rows", {"ordering": "nothing"}), 422, "UNKNOWN_COLUMN")
    page = client.get(f"{url}/rows", {"page": 2, "page_size": 1, "ordering": "-customer_id"})
    assert [row["customer_id"] for row in assert_success(page)] == [1]
    assert page.json()["pagination"]["total_items"] == 2
    snapshots = assert_success(client.get(f"{url}/snapshots"))
    assert [(each["snapshot"], each["current"]) for each in snapshots] == [(2, True), (1, False)]
    assert_failure(
        world.vera.client().post(f"{url}/restore", {"snapshot": 1}, format="json"), 403, "PERMISSION_DENIED"
    )
    assert_failure(client.post(f"{url}/restore", {"snapshot": 9}, format="json"), 404, "SNAPSHOT_NOT_FOUND")
    restored = assert_success(client.post(f"{url}/restore", {"snapshot": 1}, format="json"))
    assert restored["snapshot"] == 3
    assert rows(world)[0]["spent"] == "10.50"
    assert rows(world, as_of="2")[0]["spent"] == "11.50"
    assert [each["name"] for each in assert_success(client.get("/api/tables"))] == ["customers"]
    assert assert_success(world.eve.client().get("/api/tables")) == []


def test_idempotency__of_a_run_start__makes_one_run_for_24_hours(world: World) -> None:
    pipeline = lay_out(world)
    url = f"/api/pipelines/{pipeline['id']}/run"
    with time_machine.travel("2026-03-01T00:00:00Z", tick=False) as clock:
        client = world.ed.client()
        first = client.post(url, {}, format="json", HTTP_IDEMPOTENCY_KEY="once")
        again = client.post(url, {}, format="json", HTTP_IDEMPOTENCY_KEY="once")
        assert assert_success(first, 201) == assert_success(again, 201)
        assert again["Idempotency-Replayed"] == "true"
        other = client.post(url, {"test_mode": True}, format="json", HTTP_IDEMPOTENCY_KEY="once")
        assert_failure(other, 422, "IDEMPOTENCY_KEY_REUSED")
        # Another caller's key is another key.
        assert_success(world.alice.client().post(url, {}, format="json", HTTP_IDEMPOTENCY_KEY="once"), 201)
        assert Run.objects.count() == 2
        clock.shift(24 * 3600 + 1)
        assert_success(world.ed.client().post(url, {}, format="json", HTTP_IDEMPOTENCY_KEY="once"), 201)
    assert Run.objects.count() == 3


@pytest.mark.parametrize("value", ["yes", "true", 1, None, []])
@pytest.mark.parametrize("name", ["full_refresh", "test_mode"])
def test_run__with_a_flag_that_is_neither_true_nor_false__is_refused(
    world: World, name: str, value: Any
) -> None:
    pipeline = lay_out(world)
    response = world.ed.client().post(f"/api/pipelines/{pipeline['id']}/run", {name: value}, format="json")
    assert assert_failure(response, 422, "VALIDATION_ERROR")["errors"][0]["field"] == name
    assert not Run.objects.exists()


@pytest.mark.parametrize("moment", ["9999-12-31T23:59:59-14:00", "0001-01-01T00:00:00+14:00", "soon"])
def test_list__of_runs_about_a_moment_that_is_none__is_refused(world: World, moment: str) -> None:
    for name in ("created_after", "created_before"):
        response = world.vera.client().get("/api/runs", {name: moment})
        message = assert_failure(response, 422, "VALIDATION_ERROR")["message"]
        assert message == f"{name}: Give a moment such as 2026-05-01T08:00:00Z."


def test_list__of_runs_and_backfills_searched__looks_in_ids_and_names_of_pipelines(world: World) -> None:
    done = run(world, lay_out(world))
    client = world.vera.client()
    for words in ("NIGHT", done["id"], done["id"][-8:]):
        found = assert_success(client.get("/api/runs", {"search": words}))
        assert [each["id"] for each in found] == [done["id"]]
    for path in ("/api/runs", "/api/backfills"):
        assert assert_success(client.get(path, {"search": "weekly"})) == []


@pytest.mark.parametrize("part", ["logs", "events", "rejected"])
def test_read__of_a_table_that_the_run_does_not_make__is_refused(world: World, part: str) -> None:
    done = run(world, lay_out(world))
    response = world.vera.client().get(f"/api/runs/{done['id']}/{part}", {"table": "custmers"})
    message = assert_failure(response, 422, "UNKNOWN_TABLE")["message"]
    assert message == "This run did not make the table 'custmers'; it made customers."
