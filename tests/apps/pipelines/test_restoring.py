"""A restore brings back rows, cursor and all; late rows come again, and a run meanwhile loses nothing."""

from typing import Any

import pytest

from apps.pipelines.models import StoredTable
from apps.pipelines.services import engines, restoring
from apps.pipelines.services.execution import execute_run
from apps.pipelines.services.tables import table_storage
from datalinx.engine import lake
from datalinx.errors import Interrupted
from tests.apps.pipelines.ground import start
from tests.journey import MAPPING, lay_out, run, upload
from tests.resources import assert_failure, assert_success
from tests.world import World

HEAD = b"contact_id,mail,amount,joined\n"
URL = "/api/tables/customers"


def line(number: int, day: int) -> bytes:
    return b"%d,p%d@example.org,1,2024-05-%02d\n" % (number, number, day)


@pytest.fixture
def pipeline(world: World) -> dict[str, Any]:
    """A pipeline whose mapping appends what is newer than its cursor."""
    made = lay_out(world, HEAD + line(1, 1) + line(2, 2))
    load = {"mode": "append", "cursor": "c.joined"}
    assert_success(world.ed.client().put("/api/mappings/customers", {**MAPPING, "load": load}, format="json"))
    return made


def give(world: World, *lines: bytes) -> None:
    source = assert_success(world.ed.client().get("/api/sources"))[0]["id"]
    upload(world, source, HEAD + b"".join(lines))


def restore(world: World, **body: Any) -> Any:
    return world.ed.client().post(f"{URL}/restore", body, format="json")


def ids(world: World, **query: str) -> list[int]:
    found = assert_success(world.vera.client().get(f"{URL}/rows", {"ordering": "customer_id", **query}))
    return [row["customer_id"] for row in found]


def done(world: World, pipeline: dict[str, Any]) -> dict[str, Any]:
    made = run(world, pipeline)
    assert made["status"] == "success", made["error"]
    return made


def test_restore__of_an_appended_table__brings_its_cursor_back_and_later_rows_come_again_once(
    world: World, pipeline: dict[str, Any]
) -> None:
    done(world, pipeline)
    first = StoredTable.objects.get()
    give(world, line(1, 1), line(2, 2), line(3, 3))
    done(world, pipeline)
    assert ids(world) == [1, 2, 3]
    assert StoredTable.objects.get().cursor != first.cursor
    assert_success(restore(world, snapshot=1))
    back = StoredTable.objects.get()
    assert (back.cursor, back.output_hash, back.mapping_version) == (
        first.cursor,
        first.output_hash,
        first.mapping_version,
    )
    assert ids(world) == [1, 2]
    done(world, pipeline)
    assert ids(world) == [1, 2, 3]
    assert StoredTable.objects.get().snapshot == 4


def test_restore__of_a_merged_table__loses_no_late_row(world: World, pipeline: dict[str, Any]) -> None:
    load = {"mode": "merge", "keys": ["customer_id"], "cursor": "c.joined"}
    assert_success(world.ed.client().put("/api/mappings/customers", {**MAPPING, "load": load}, format="json"))
    done(world, pipeline)
    give(world, line(1, 1), line(2, 9), line(3, 3))
    done(world, pipeline)
    assert_success(restore(world, snapshot=1))
    done(world, pipeline)
    rows = assert_success(world.vera.client().get(f"{URL}/rows", {"ordering": "customer_id"}))
    assert [(row["customer_id"], row["joined_on"]) for row in rows] == [
        (1, "2024-05-01"),
        (2, "2024-05-09"),
        (3, "2024-05-03"),
    ]


def test_restore__named_by_run_or_time__goes_back_to_it(world: World, pipeline: dict[str, Any]) -> None:
    first = done(world, pipeline)
    # A run that finds nothing new leaves no version, and is a name for the one that it found.
    second = done(world, pipeline)
    give(world, line(3, 3))
    done(world, pipeline)
    at = assert_success(world.vera.client().get(f"{URL}/snapshots"))[-1]["at"]
    for name in (first["id"], second["id"], at, "1"):
        assert ids(world, as_of=name) == [1, 2]
        assert_success(restore(world, as_of=name))
        assert ids(world) == [1, 2]
    newest = assert_success(world.vera.client().get(f"{URL}/snapshots"))[0]
    assert (newest["restored_from"], newest["current"]) == (1, True)


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ({}, 422, "VALIDATION_ERROR"),
        ({"snapshot": 1, "as_of": "1"}, 422, "VALIDATION_ERROR"),
        ({"as_of": "last week"}, 422, "VALIDATION_ERROR"),
        ({"as_of": 1}, 422, "VALIDATION_ERROR"),
        ({"snapshot": 0}, 422, "VALIDATION_ERROR"),
        ({"snapshot": 1, "when": 1}, 422, "UNKNOWN_FIELD"),
        ({"as_of": "run_nobody"}, 404, "SNAPSHOT_NOT_FOUND"),
        ({"as_of": "1999-01-01T00:00:00Z"}, 404, "SNAPSHOT_NOT_FOUND"),
    ],
)
def test_restore__that_names_no_version__is_refused(
    world: World, pipeline: dict[str, Any], body: dict[str, Any], status: int, code: str
) -> None:
    done(world, pipeline)
    assert_failure(restore(world, **body), status, code)
    assert StoredTable.objects.get().snapshot == 1


def test_run__that_a_restore_overtakes__starts_again_from_what_is_restored(
    world: World, pipeline: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    done(world, pipeline)
    give(world, line(1, 1), line(2, 2), line(3, 3))
    done(world, pipeline)
    give(world, line(1, 1), line(2, 2), line(3, 3), line(4, 4))
    real, calls = engines.run_table, []

    def restored_meanwhile(*args: Any, **kwargs: Any) -> Any:
        calls.append(kwargs["base"].cursor)
        result = real(*args, **kwargs)
        if len(calls) == 1:
            assert_success(restore(world, snapshot=1))
        return result

    monkeypatch.setattr(engines, "run_table", restored_meanwhile)
    queued = start(world, pipeline)
    execute_run(queued)
    shown = assert_success(world.vera.client().get(f"/api/runs/{queued}"))
    assert (shown["status"], shown["attempt"]) == ("success", 1)
    assert calls[0] != calls[1]
    assert ids(world) == [1, 2, 3, 4]


def test_run__without_news_that_a_restore_overtakes__does_not_keep_its_newer_cursor(
    world: World, pipeline: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    done(world, pipeline)
    give(world, line(3, 3))
    done(world, pipeline)
    real, calls = engines.run_table, []

    def restored_meanwhile(*args: Any, **kwargs: Any) -> Any:
        calls.append(1)
        result = real(*args, **kwargs)
        if len(calls) == 1:
            assert_success(restore(world, snapshot=1))
        return result

    monkeypatch.setattr(engines, "run_table", restored_meanwhile)
    done(world, pipeline)
    assert len(calls) == 2
    assert ids(world) == [1, 2, 3]


def test_restore__of_a_table_that_moves_meanwhile__is_made_on_the_newest(
    world: World, pipeline: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    done(world, pipeline)
    give(world, line(3, 3))
    real, calls = lake.restore, []

    def run_meanwhile(*args: Any, **kwargs: Any) -> Any:
        staged = real(*args, **kwargs)
        calls.append(staged.sequence)
        if len(calls) == 1:
            done(world, pipeline)
        return staged

    monkeypatch.setattr(restoring.lake, "restore", run_meanwhile)
    assert_success(restore(world, snapshot=1))
    assert calls == [2, 3]
    assert ids(world) == [1, 2]
    assert ids(world, as_of="2") == [1, 2, 3]


def test_restore__of_a_table_that_never_rests__says_so(
    world: World, pipeline: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    done(world, pipeline)

    def moved(**_: Any) -> Any:
        raise Interrupted("TABLE_MOVED", "The table customers was changed meanwhile.")

    monkeypatch.setattr(restoring, "move_pointer", moved)
    assert_failure(restore(world, snapshot=1), 503, "TABLE_MOVED")
    assert StoredTable.objects.get().snapshot == 1


def test_version__that_a_run_left__says_all_that_a_restore_needs(
    world: World, pipeline: dict[str, Any]
) -> None:
    done(world, pipeline)
    table = StoredTable.objects.get()
    found = lake.snapshot(table_storage(world.workspace, table.pk), table.metadata_key)
    assert dict(found.properties) == {
        "datalinx.run-id": table.run_id,
        "datalinx.cursor": table.cursor,
        "datalinx.cursor-type": "DATE",
        "datalinx.output-hash": table.output_hash,
        "datalinx.mapping-version": str(table.mapping_version),
        "datalinx.merge-keys": '["customer_id"]',
    }
