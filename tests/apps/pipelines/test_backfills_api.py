"""Backfills over the API: what is refused, who may, and how their answers look."""

from typing import Any

import pytest

from apps.pipelines.backfill_events import stream_backfill
from apps.pipelines.models import Backfill, Run
from apps.pipelines.services.backfill_driving import advance_backfills
from tests.apps.pipelines.backfilling import RANGE, begin, do, lay_days, look, row_of, work
from tests.apps.pipelines.ground import add_orders
from tests.resources import assert_failure, assert_success
from tests.world import World

ACTIONS = ("pause", "resume", "cancel", "retry")


def ask(client: Any, pipeline: dict[str, Any], **body: Any) -> Any:
    return client.post(f"/api/pipelines/{pipeline['id']}/backfills", {**RANGE, **body}, format="json")


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"since": "yesterday"}, "since"),
        ({"since": None}, "since"),
        ({"since": 20240101}, "since"),
        ({"since": "2024-01-05T10:00:00"}, "since"),
        ({"since": "0001-01-01"}, "since"),
        ({"until": "9999-12-31"}, "until"),
        ({"until": "2024-01-01"}, "until"),
        ({"chunk": "a while"}, "chunk"),
        ({"chunk": "0 days"}, "chunk"),
        ({"chunk": 1}, "chunk"),
        ({"timezone": "Europe/Atlantis"}, "timezone"),
        ({"timezone": "../etc"}, "timezone"),
        ({"order": "random"}, "order"),
        ({"on_failure": "perhaps"}, "on_failure"),
        ({"notify": "nobody"}, "notify"),
        ({"tables": []}, "tables"),
    ],
)
def test_backfill__that_asks_for_nonsense__is_422_and_names_the_field(
    world: World, body: dict[str, Any], field: str
) -> None:
    failure = assert_failure(ask(world.ed.client(), lay_days(world), **body), 422, "VALIDATION_ERROR")
    assert [each["field"] for each in failure["errors"]] == [field]
    assert not Backfill.objects.exists()


@pytest.mark.parametrize(
    ("load", "body", "code"),
    [
        ({"mode": "append", "cursor": "c.joined"}, {}, "BACKFILL_NOT_POSSIBLE"),
        ({"mode": "history", "cursor": "c.joined"}, {"order": "newest"}, "BACKFILL_NOT_POSSIBLE"),
        ({"mode": "merge", "cursor": "c.joined"}, {"timezone": "America/New_York"}, "BACKFILL_NOT_POSSIBLE"),
        ({"mode": "merge"}, {}, "WINDOW_NOT_POSSIBLE"),
        ({"mode": "full"}, {}, "WINDOW_NOT_POSSIBLE"),
        (
            {"mode": "merge", "cursor": "c.joined"},
            {"chunk": "1 hour", "since": "2020-01-01"},
            "TOO_MANY_CHUNKS",
        ),
        ({"mode": "merge", "cursor": "c.joined"}, {"tables": ["nothing"]}, "UNKNOWN_TABLE"),
        ({"mode": "merge", "cursor": "c.joined"}, {"colour": "red"}, "UNKNOWN_FIELD"),
    ],
)
def test_backfill__that_cannot_be__is_422_with_its_reason(
    world: World, load: dict[str, Any], body: dict[str, Any], code: str
) -> None:
    failure = assert_failure(ask(world.ed.client(), lay_days(world, load=load), **body), 422, code)
    assert failure["errors"]
    assert not Backfill.objects.exists()
    assert not Run.objects.exists()


def test_backfill__of_history__is_read_forward(world: World) -> None:
    made = begin(world, lay_days(world, "history"), chunk="5 days")
    work(made)
    assert look(world, made)["status"] == "success"


def test_range__with_offsets__is_kept_in_utc(world: World) -> None:
    made = begin(
        world,
        lay_days(world),
        since="2024-03-31T00:00:00+01:00",
        until="2024-04-02T00:00:00+01:00",
        chunk="12 hours",
    )
    assert (made["chunks"]["total"], made["since"][:16]) == (4, "2024-03-30T23:00")


def test_backfill__over_the_days_of_another__is_refused_and_names_it(world: World) -> None:
    pipeline = lay_days(world)
    made = begin(world, pipeline, until="2024-01-05")
    failure = assert_failure(ask(world.ed.client(), pipeline, since="2024-01-04"), 422, "BACKFILL_OVERLAPS")
    assert failure["details"]["backfill_id"] == made["id"]
    beside = begin(world, pipeline, since="2024-01-05")
    do(world, made, "cancel")
    assert begin(world, pipeline, until="2024-01-05")["status"] == "running"
    assert beside["status"] == "running"


def test_backfill__over_the_days_of_one_of_another_pipeline__is_refused_for_the_same_table_alone(
    world: World,
) -> None:
    pipeline = lay_days(world)
    other = assert_success(
        world.ed.client().post("/api/pipelines", {"name": "other", "tables": ["customers"]}, format="json"),
        201,
    )
    made = begin(world, pipeline, until="2024-01-05")
    failure = assert_failure(ask(world.ed.client(), other), 422, "BACKFILL_OVERLAPS")
    assert failure["details"] == {"backfill_id": made["id"]}
    assert pipeline["name"] in failure["message"]
    assert begin(world, other, since="2024-01-05")["status"] == "running"


def test_backfill__of_some_tables__asks_nothing_of_the_others(world: World) -> None:
    pipeline = add_orders(world, lay_days(world))
    failure = assert_failure(ask(world.ed.client(), pipeline), 422, "WINDOW_NOT_POSSIBLE")
    assert sorted(each["field"] for each in failure["errors"]) == ["dates", "spenders"]
    assert begin(world, pipeline, tables=["customers"])["tables"] == ["customers"]


def test_actions__of_the_wrong_moment__are_refused_by_name(world: World) -> None:
    pipeline = lay_days(world)
    made, client = begin(world, pipeline, chunk="5 days"), world.ed.client()

    def refused(action: str, code: str) -> None:
        assert_failure(client.post(f"/api/backfills/{made['id']}/{action}"), 422, code)

    refused("resume", "BACKFILL_NOT_PAUSED")
    refused("retry", "BACKFILL_NOT_FAILED")
    do(world, made, "pause")
    refused("pause", "BACKFILL_NOT_RUNNING")
    do(world, made, "resume")
    work(made)
    for action in ("pause", "resume", "cancel"):
        refused(action, "BACKFILL_ALREADY_FINISHED")
    refused("retry", "BACKFILL_NOT_FAILED")
    assert look(world, made)["status"] == "success"


def test_retry__of_days_that_another_reads_now__is_refused(world: World) -> None:
    pipeline = lay_days(world)
    made = begin(world, pipeline)
    assert_success(world.ed.client().post(f"/api/runs/{look(world, made)['run_id']}/cancel"))
    advance_backfills()
    begin(world, pipeline)
    retry = world.ed.client().post(f"/api/backfills/{made['id']}/retry")
    assert_failure(retry, 422, "BACKFILL_OVERLAPS")


def test_lists__by_status_and_pipeline__hold_what_was_asked_for(world: World) -> None:
    pipeline = lay_days(world)
    first = begin(world, pipeline)
    do(world, first, "cancel")
    second = begin(world, pipeline)
    client = world.vera.client()
    ids = [each["id"] for each in assert_success(client.get("/api/backfills"))]
    assert ids == [second["id"], first["id"]]
    found = assert_success(
        client.get("/api/backfills", {"status": "cancelled", "pipeline_id": pipeline["id"]})
    )
    assert [each["id"] for each in found] == [first["id"]]
    page = client.get(f"/api/pipelines/{pipeline['id']}/backfills", {"page_size": 1})
    assert [each["id"] for each in assert_success(page)] == [second["id"]]
    assert page.json()["pagination"]["total_items"] == 2
    assert_failure(client.get("/api/backfills", {"status": "odd"}), 422, "VALIDATION_ERROR")
    assert_failure(client.get("/api/backfills", {"colour": "red"}), 422, "UNKNOWN_PARAMETER")
    chunks = client.get(f"/api/backfills/{second['id']}/chunks", {"status": "pending", "page_size": 2})
    assert [each["position"] for each in assert_success(chunks)] == [1, 2]
    assert_failure(
        client.get(f"/api/backfills/{second['id']}/chunks", {"status": "odd"}), 422, "VALIDATION_ERROR"
    )


def test_list__of_many__costs_as_many_queries_as_one(
    world: World, django_assert_max_num_queries: Any
) -> None:
    pipeline = lay_days(world)
    for _ in range(3):
        do(world, begin(world, pipeline, chunk="5 days"), "cancel")
    client = world.ed.client()
    with django_assert_max_num_queries(8):
        assert len(assert_success(client.get("/api/backfills"))) == 3


def test_backfill__asked_for_twice_with_one_key__is_one(world: World) -> None:
    pipeline = lay_days(world)
    path = f"/api/pipelines/{pipeline['id']}/backfills"
    answers = [
        world.ed.client().post(path, RANGE, format="json", headers={"Idempotency-Key": "k"}) for _ in range(2)
    ]
    assert len({assert_success(answer, 201)["id"] for answer in answers}) == 1
    assert Backfill.objects.count() == 1


def test_backfill__of_viewers_and_strangers__is_theirs_to_see_or_is_not_there(world: World) -> None:
    pipeline = lay_days(world)
    made = begin(world, pipeline)
    assert_failure(ask(world.vera.client(), pipeline), 403, "PERMISSION_DENIED")
    assert_failure(ask(world.eve.client(), pipeline), 404, "PIPELINE_NOT_FOUND")
    assert_failure(ask(world.nobody(), pipeline), 401, "AUTHENTICATION_REQUIRED")
    for action in ACTIONS:
        path = f"/api/backfills/{made['id']}/{action}"
        assert_failure(world.vera.client().post(path), 403, "PERMISSION_DENIED")
        assert_failure(world.eve.client(None).post(path), 404, "BACKFILL_NOT_FOUND")
        assert_failure(world.nobody().post(path), 401, "AUTHENTICATION_REQUIRED")
    assert look(world, made)["status"] == "running"
    assert_failure(world.ed.client(None).get("/api/backfills"), 400, "WORKSPACE_REQUIRED")
    assert_success(world.ed.client(None).get(f"/api/backfills/{made['id']}"))


def test_time_left__is_told_from_the_chunks_that_ended(world: World) -> None:
    made = begin(world, lay_days(world), chunk="1 day")
    assert made["seconds_left"] is None
    work(made, chunks=2)
    found, mean = look(world, made), row_of(made).chunk_seconds
    assert mean is not None
    assert (found["progress"], found["seconds_left"]) == (0.2, round(8 * mean, 1))
    work(made)
    assert look(world, made)["seconds_left"] is None


def test_events__of_a_backfill__are_its_states_until_it_ends(world: World) -> None:
    made = begin(world, lay_days(world), chunk="5 days")
    work(made, chunks=1)
    stream = stream_backfill(row_of(made))
    first = next(stream)
    assert first.startswith(b"event: backfill\n")
    assert b'"success":1' in first
    do(world, made, "cancel")
    rest = list(stream)
    assert b'"status":"cancelled"' in rest[0]
    assert rest[-1] == b"event: end\ndata: {}\n\n"
