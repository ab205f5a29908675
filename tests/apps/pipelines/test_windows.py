"""Runs with bounds on the cursor: what they read, what they leave alone, and what is refused."""

from typing import Any

import pytest

from apps.pipelines.models import Run, StoredTable
from tests.apps.pipelines.ground import add_orders
from tests.apps.pipelines.test_runs import rows, source_of
from tests.apps.pipelines.test_verifications import verify
from tests.journey import MAPPING, lay_out, run, upload
from tests.resources import assert_failure, assert_success
from tests.world import World

CONTACTS = b"contact_id,mail,amount,joined\n" + b"".join(
    f"{day},p{day}@example.org,{day},2024-01-{day:02}\n".encode() for day in range(1, 9)
)
WINDOW = {"since": "2024-01-03", "until": "2024-01-05T00:00:00Z"}


def lay_out_with_cursor(world: World, mode: str = "merge", **more: Any) -> dict[str, Any]:
    pipeline = lay_out(world, CONTACTS)
    body = {**MAPPING, "load": {"mode": mode, "cursor": "c.joined"}, **more}
    assert_success(world.ed.client().put("/api/mappings/customers", body, format="json"))
    return pipeline


def ids(world: World) -> list[int]:
    return [row["customer_id"] for row in rows(world)]


def start(client: Any, pipeline: dict[str, Any], body: dict[str, Any]) -> Any:
    return client.post(f"/api/pipelines/{pipeline['id']}/run", body, format="json")


@pytest.mark.parametrize("mode", ["merge", "history", "append"])
def test_window__of_a_run__is_what_it_reads_and_what_it_shows(world: World, mode: str) -> None:
    pipeline = lay_out_with_cursor(world, mode)
    done = run(world, pipeline, **WINDOW)
    bounds = {"since": "2024-01-03T00:00:00Z", "until": "2024-01-05T00:00:00Z"}
    assert (done["status"], done["totals"]["read"], done["totals"]["inserted"]) == ("success", 2, 2)
    assert done["request"] == bounds
    assert done["manifest"]["window"] == bounds
    assert ids(world) == [3, 4]
    assert StoredTable.objects.get().cursor is None


def test_window__before_what_was_loaded__fills_in_and_keeps_the_cursor(world: World) -> None:
    pipeline = lay_out_with_cursor(world)
    upload(
        world,
        source_of(world),
        CONTACTS.split(b"\n1,", maxsplit=1)[0] + b"\n8,late@example.org,1,2024-01-08\n",
    )
    run(world, pipeline)
    upload(world, source_of(world), CONTACTS)
    done = run(world, pipeline, until="2024-01-03")
    assert (done["totals"]["read"], ids(world)) == (2, [1, 2, 8])
    assert StoredTable.objects.get().cursor == "2024-01-08"
    # Without bounds the run goes on from the cursor, as if the other had not been.
    assert run(world, pipeline)["totals"]["read"] == 0
    assert "window" not in run(world, pipeline)["manifest"]


def test_window__that_meets_newer_rows__does_not_overwrite_them(world: World) -> None:
    pipeline = lay_out_with_cursor(world)
    upload(world, source_of(world), b"contact_id,mail,amount,joined\n3,new@example.org,1,2024-01-20\n")
    run(world, pipeline)
    upload(world, source_of(world), CONTACTS)
    done = run(world, pipeline, **WINDOW)
    assert (done["totals"]["inserted"], done["totals"]["unchanged"]) == (1, 1)
    assert [row["email"] for row in rows(world)] == ["new@example.org", "p4@example.org"]


def test_window__of_an_append__warns_of_rows_that_may_be_there_twice(world: World) -> None:
    pipeline = lay_out_with_cursor(world, "append")
    run(world, pipeline)
    done = run(world, pipeline, **WINDOW)
    assert ids(world) == [1, 2, 3, 3, 4, 4, 5, 6, 7, 8]
    logged = assert_success(world.vera.client().get(f"/api/runs/{done['id']}/logs", {"level": "warning"}))
    assert "twice" in logged[0]["message"]


def test_window__of_a_run__is_that_of_its_verification(world: World) -> None:
    pipeline = lay_out_with_cursor(world)
    run(world, pipeline, until="2024-01-02")
    done = run(world, pipeline, **WINDOW)
    found = verify(world, done["id"])
    assert (found["verified"], found["request"]["since"]) == (True, "2024-01-03T00:00:00Z"), found["steps"]


def test_window__of_a_run_with_rejects__lets_them_be_replayed(world: World) -> None:
    pipeline = lay_out_with_cursor(world)
    broken = CONTACTS.replace(b"p3@example.org", b"p3 at example.org")
    upload(world, source_of(world), broken)
    done = run(world, pipeline, **WINDOW)
    assert done["totals"]["rejected"] == 1
    mended = {"type": "constant", "value": "mended@example.org"}
    client = world.ed.client()
    assert_success(client.put("/api/mappings/customers/fields/email", mended, format="json"))
    found = assert_success(
        client.post(f"/api/runs/{done['id']}/rejected/replay", {"rehearse": True}, format="json")
    )
    assert (found["rows"], found["would_pass"]) == (1, 1)


def test_window__of_a_failed_run__is_that_of_its_retry(world: World) -> None:
    pipeline = lay_out_with_cursor(world, on_invalid="fail")
    upload(world, source_of(world), CONTACTS.replace(b"p3@example.org", b"p3 at example.org"))
    failed = run(world, pipeline, **WINDOW)
    assert failed["status"] == "failed"
    again = assert_success(world.ed.client().post(f"/api/runs/{failed['id']}/retry"), 201)
    assert {name: again["request"][name] for name in WINDOW} == failed["manifest"]["window"]


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("2024-01-03T01:30:00+01:30", "2024-01-03T00:00:00Z"),
        ("2024-01-03t00:00:00.5z", "2024-01-03T00:00:00.500000Z"),
        ("0001-01-01", "0001-01-01T00:00:00Z"),
        ("9998-12-31", "9998-12-31T00:00:00Z"),
    ],
)
def test_window__in_each_form_of_a_moment__is_kept_in_utc(world: World, given: str, kept: str) -> None:
    done = run(world, lay_out_with_cursor(world), since=given)
    assert (done["status"], done["request"]["since"]) == ("success", kept)


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"since": "2024-01-05", "until": "2024-01-05"}, "until"),
        ({"since": "2024-01-05", "until": "2024-01-04T23:59:59Z"}, "until"),
        ({"since": 20240105}, "since"),
        ({"since": None}, "since"),
        ({"until": ["2024-01-05"]}, "until"),
        ({"until": ""}, "until"),
        ({"since": "yesterday"}, "since"),
        ({"since": "2024-02-30"}, "since"),
        ({"since": "20240105"}, "since"),
        ({"since": "2024-W03"}, "since"),
        ({"since": "2024-01-05T10:00:00"}, "since"),
        ({"since": "2024-01-05T25:00:00Z"}, "since"),
        ({"since": "٢٠٢٤-01-05"}, "since"),
        ({"since": "0001-01-01T00:00:00+14:00"}, "since"),
        ({"until": "9999-12-31T23:59:59-14:00"}, "until"),
        ({"until": "9999-06-01"}, "until"),
        ({"until": "10000-01-01"}, "until"),
    ],
)
def test_window__that_is_none__is_422_and_names_the_bound(
    world: World, body: dict[str, Any], field: str
) -> None:
    pipeline = lay_out_with_cursor(world)
    failure = assert_failure(start(world.ed.client(), pipeline, body), 422, "VALIDATION_ERROR")
    assert [each["field"] for each in failure["errors"]] == [field]
    assert not Run.objects.exists()


@pytest.mark.parametrize(
    ("load", "more"),
    [
        ({"mode": "full"}, {}),
        ({"mode": "merge"}, {}),
        ({"mode": "merge", "delete_missing": True}, {}),
        ({"mode": "merge", "cursor": "c.contact_id"}, {}),
        ({"mode": "merge", "cursor": "c.joined"}, {"full_refresh": True}),
    ],
)
def test_window__of_a_load_that_it_cannot_bound__is_422(
    world: World, load: dict[str, Any], more: dict[str, Any]
) -> None:
    pipeline = lay_out_with_cursor(world, load=load)
    response = start(world.ed.client(), pipeline, {**WINDOW, **more})
    failure = assert_failure(response, 422, "WINDOW_NOT_POSSIBLE")
    assert "customers" in failure["errors"][0]["message"]
    assert_failure(
        world.ed.client().post("/api/pipelines/run", {**WINDOW, **more}, format="json"),
        422,
        "WINDOW_NOT_POSSIBLE",
    )
    assert not Run.objects.exists()


def test_window__of_some_tables__asks_nothing_of_the_others(world: World) -> None:
    pipeline = add_orders(world, lay_out_with_cursor(world))
    failure = assert_failure(start(world.ed.client(), pipeline, WINDOW), 422, "WINDOW_NOT_POSSIBLE")
    assert sorted(each["field"] for each in failure["errors"]) == ["dates", "spenders"]
    assert run(world, pipeline, tables=["customers"], **WINDOW)["totals"]["read"] == 2


def test_window__asked_for_by_others__is_refused(world: World) -> None:
    pipeline = lay_out_with_cursor(world)
    assert_failure(start(world.vera.client(), pipeline, WINDOW), 403, "PERMISSION_DENIED")
    assert_failure(start(world.eve.client(), pipeline, WINDOW), 404, "PIPELINE_NOT_FOUND")
    assert_failure(start(world.nobody(), pipeline, WINDOW), 401, "AUTHENTICATION_REQUIRED")
    assert not Run.objects.exists()
