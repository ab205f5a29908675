"""Looking after tables: files merged and old versions let go of, never against a run, never a reader's files."""

import io
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.core.management import call_command
from django.utils import timezone

from apps.pipelines.models import Run, StoredTable
from apps.pipelines.services import engines, strays, tables, upkeep
from apps.pipelines.services.claiming import claim_run
from apps.pipelines.services.upkeep import due_tables, keep_up_due_table, keep_up_table
from datalinx.engine import lake
from datalinx.errors import Interrupted
from datalinx.files import storage, workspace_storage
from tests.apps.pipelines.ground import start
from tests.journey import MAPPING, lay_out, run, upload
from tests.resources import assert_failure, assert_success
from tests.world import World

HEAD = b"contact_id,mail,amount,joined\n"
URL = "/api/tables/customers"


@pytest.fixture
def pipeline(world: World) -> dict[str, Any]:
    """A pipeline that appends, run four times: four files, four versions."""
    made = lay_out(world, HEAD + b"4,p4@example.org,1,2024-05-01\n")
    load = {"mode": "append", "cursor": "c.joined"}
    assert_success(world.ed.client().put("/api/mappings/customers", {**MAPPING, "load": load}, format="json"))
    go(world, made)
    for number in (3, 2, 1):
        add(world, made, number)
    return made


@pytest.fixture(autouse=True)
def few(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(upkeep, "SMALL_FILES", 3)
    monkeypatch.setattr(upkeep, "KEEP_NEWEST", 1)


def go(world: World, pipeline: dict[str, Any]) -> dict[str, Any]:
    made = run(world, pipeline)
    assert made["status"] == "success", made["error"]
    return made


def add(world: World, pipeline: dict[str, Any], number: int) -> None:
    source = assert_success(world.ed.client().get("/api/sources"))[0]["id"]
    row = b"%d,p%d@example.org,1,2024-05-%02d\n" % (number, number, 20 - number)
    upload(world, source, HEAD + row)
    go(world, pipeline)


def table() -> StoredTable:
    return StoredTable.objects.select_related("workspace").get()


def files(found: StoredTable) -> list[lake.DataFile]:
    return lake.data_files(tables.table_storage(found.workspace, found.pk), found.metadata_key)


def keys() -> set[str]:
    found = table()
    return {each.key for each in tables.table_storage(found.workspace, found.pk).list()}


def ids(world: World, **query: str) -> list[int]:
    found = assert_success(world.vera.client().get(f"{URL}/rows", query))
    return [row["customer_id"] for row in found]


def move_clock(monkeypatch: pytest.MonkeyPatch, **ahead: float) -> None:
    now = datetime.now(UTC) + timedelta(**ahead)
    monkeypatch.setattr(timezone, "now", lambda: now)


def test_upkeep__of_small_files__merges_them_sorted_by_key_and_keeps_cursor_and_history(
    world: World, pipeline: dict[str, Any]
) -> None:
    before = table()
    assert len(files(before)) == 4
    done = keep_up_table(table=table())
    after = table()
    assert (done.merged_files, len(files(after)), after.snapshot) == (4, 1, 5)
    assert ids(world) == [1, 2, 3, 4]
    assert sorted(ids(world, as_of="2")) == [3, 4]
    assert (after.cursor, after.output_hash, after.run_id) == (
        before.cursor,
        before.output_hash,
        before.run_id,
    )
    newest = assert_success(world.vera.client().get(f"{URL}/snapshots"))[0]
    assert (newest["operation"], newest["added_rows"], newest["current"]) == ("replace", 0, True)
    # What follows builds on it: a load, and a restore of the merged version with its cursor.
    add(world, pipeline, 0)
    assert_success(world.ed.client().post(f"{URL}/restore", {"snapshot": 5}, format="json"))
    assert table().cursor == before.cursor
    go(world, pipeline)
    assert sorted(ids(world)) == [0, 1, 2, 3, 4]


def test_upkeep__rehearsed__lists_and_changes_nothing(
    world: World, pipeline: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    before, stored = table(), keys()
    move_clock(monkeypatch, days=60)
    out = io.StringIO()
    call_command("keep_up", "--dry-run", stdout=out)
    assert f"{before.pk} customers: 4 files merged, 3 versions let go of, 0 files deleted" in out.getvalue()
    assert (table().metadata_key, keys()) == (before.metadata_key, stored)


def test_upkeep__while_a_run_works_on_the_table__leaves_it_alone(
    world: World, pipeline: dict[str, Any]
) -> None:
    queued = start(world, pipeline)
    assert claim_run(queued) is not None
    before = table()
    with pytest.raises(Interrupted) as caught:
        keep_up_table(table=table())
    assert caught.value.code == "TABLE_IN_USE"
    assert keep_up_due_table(before.pk) is None
    assert table().metadata_key == before.metadata_key


def test_upkeep__that_a_run_overtakes__gives_up_and_leaves_the_runs_rows(
    world: World, pipeline: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    real = lake.stage_compaction

    def run_meanwhile(*args: Any, **kwargs: Any) -> Any:
        staged = real(*args, **kwargs)
        add(world, pipeline, 0)
        return staged

    monkeypatch.setattr(upkeep.lake, "stage_compaction", run_meanwhile)
    with pytest.raises(Interrupted) as caught:
        keep_up_table(table=table())
    assert caught.value.code == "TABLE_MOVED"
    assert sorted(ids(world)) == [0, 1, 2, 3, 4]


def test_run__that_upkeep_overtakes__starts_again_and_succeeds(
    world: World, pipeline: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    real, calls = engines.run_table, []

    def kept_up_meanwhile(*args: Any, **kwargs: Any) -> Any:
        result = real(*args, **kwargs)
        calls.append(1)
        if len(calls) == 1:
            # As if it had looked just before the run was claimed.
            monkeypatch.setattr(upkeep, "_require_unused", lambda _: None)
            keep_up_table(table=table())
        return result

    monkeypatch.setattr(engines, "run_table", kept_up_meanwhile)
    add(world, pipeline, 0)
    assert (len(calls), sorted(ids(world))) == (2, [0, 1, 2, 3, 4])


def test_upkeep__killed_between_its_files_and_its_commit__leaves_orphans_that_are_swept_a_day_later(
    world: World, pipeline: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    before, stored = table(), keys()

    def die(*_: Any, **__: Any) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as dying:
        dying.setattr(upkeep, "_publish", die)
        with pytest.raises(KeyboardInterrupt):
            keep_up_table(table=table())
    left = keys() - stored
    assert left
    assert table().metadata_key == before.metadata_key
    assert sorted(ids(world)) == [1, 2, 3, 4]
    assert keep_up_table(table=table()).deleted_files == ()
    move_clock(monkeypatch, hours=25)
    assert set(keep_up_table(table=table()).deleted_files) >= left
    assert not left & keys()
    assert ids(world) == [1, 2, 3, 4]


def test_upkeep__of_old_versions__forgets_them_and_deletes_their_files_a_day_later(
    world: World, pipeline: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    keep_up_table(table=table())
    stored = {key for key in keys() if key.startswith("data/")}
    assert len(stored) == 5
    move_clock(monkeypatch, days=31)
    done = keep_up_table(table=table())
    assert (done.forgotten_snapshots, done.deleted_files) == (4, ())
    # A reader that asked before may still be reading.
    assert stored <= keys()
    assert keep_up_table(table=table()).deleted_files == ()
    assert_failure(world.vera.client().get(f"{URL}/rows", {"as_of": "1"}), 404, "SNAPSHOT_EXPIRED")
    first = Run.objects.order_by("created_at").values_list("pk", flat=True)[0]
    assert_failure(world.vera.client().get(f"{URL}/rows", {"as_of": first}), 404, "SNAPSHOT_EXPIRED")
    move_clock(monkeypatch, days=33)
    keep_up_table(table=table())
    assert len({key for key in keys() if key.startswith("data/")}) == 1
    assert ids(world) == [1, 2, 3, 4]
    add(world, pipeline, 0)


def test_upkeep__while_a_long_run_may_read_forgotten_versions__deletes_nothing(
    world: World, pipeline: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    keep_up_table(table=table())
    queued = start(world, pipeline)
    assert claim_run(queued) is not None
    now = datetime.now(UTC)
    StoredTable.objects.update(expired_at=now - timedelta(days=2))
    Run.objects.filter(pk=queued).update(started_at=now - timedelta(days=3))
    orphan = tables.table_storage(table().workspace, table().pk)
    orphan.put_bytes("data/left.parquet", b"x")
    move_clock(monkeypatch, hours=30)
    assert keep_up_table(table=table()).deleted_files == ()
    Run.objects.filter(pk=queued).update(status="failed", finished_at=now)
    assert keep_up_table(table=table()).deleted_files == ("data/left.parquet",)


def test_due__after_changes_and_once_a_day__each_table_once(world: World, pipeline: dict[str, Any]) -> None:
    found = table()
    assert due_tables() == [found.pk]
    assert keep_up_due_table(found.pk) is not None
    assert (due_tables(), keep_up_due_table(found.pk)) == ([], None)
    hours = timedelta(hours=2)
    StoredTable.objects.update(kept_up_at=timezone.now() - hours, updated_at=timezone.now() - 2 * hours)
    assert due_tables() == []
    StoredTable.objects.update(updated_at=timezone.now() - hours / 2)
    assert due_tables() == [found.pk]
    StoredTable.objects.update(kept_up_at=timezone.now() - timedelta(days=2), updated_at=found.created_at)
    assert due_tables() == [found.pk]


def ours(world: World) -> set[str]:
    """The files of the world's organizations: other tests' files lie in the same storage."""
    roots = (world.organization.pk, world.other_organization.pk)
    return {file.key for file in storage().list() if file.key.startswith(roots)}


def test_strays__of_what_is_deleted__go_and_all_else_stays(
    world: World, pipeline: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    stored = ours(world)
    own = workspace_storage(world.organization.pk, world.workspace.pk)
    gone = workspace_storage(world.organization.pk, "ws_deleted")
    own.put_bytes("lake/tbl_gone/data/a.parquet", b"x")
    own.put_bytes("runs/run_gone/t/rejected-1.parquet", b"x")
    gone.put_bytes("sources/src_1/a.csv", b"x")
    # A table's id under another workspace is not its own.
    elsewhere = workspace_storage(world.other_organization.pk, world.other_workspace.pk)
    elsewhere.put_bytes(f"lake/{table().pk}/data/a.parquet", b"x")
    storage().put_bytes("notes.txt", b"somebody else's file")
    assert not {file.key for file in strays.find_strays()} & ours(world)
    move_clock(monkeypatch, hours=25)
    strays_here = ours(world) - stored
    assert {file.key for file in strays.delete_strays()} & strays_here == {
        f"{world.organization.pk}/{world.workspace.pk}/lake/tbl_gone/data/a.parquet",
        f"{world.organization.pk}/{world.workspace.pk}/runs/run_gone/t/rejected-1.parquet",
        f"{world.organization.pk}/ws_deleted/sources/src_1/a.csv",
        f"{world.other_organization.pk}/{world.other_workspace.pk}/lake/{table().pk}/data/a.parquet",
    }
    assert ours(world) == stored
    assert storage().info("notes.txt") is not None


def test_rejected_rows__kept_their_time__go_and_their_counts_stay(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    done = go(world, lay_out(world))
    url = f"/api/runs/{done['id']}/rejected"
    assert len(assert_success(world.ed.client().get(url))) == 3
    assert strays.delete_old_rejects() == 0
    move_clock(monkeypatch, days=91)
    assert (strays.delete_old_rejects(), strays.delete_old_rejects()) == (1, 0)
    monkeypatch.undo()
    assert assert_success(world.ed.client().get(url)) == []
    shown = assert_success(world.ed.client().get(f"/api/runs/{done['id']}"))
    assert shown["totals"]["rejected"] == 3
    own = storage().list(world.organization.pk)
    assert not [file.key for file in own if "rejected" in file.key]


def test_workspace__deleted__takes_its_files_along(
    world: World, pipeline: dict[str, Any], django_capture_on_commit_callbacks: Any
) -> None:
    prefix = f"{world.organization.pk}/{world.workspace.pk}"
    assert list(storage().list(prefix))
    with django_capture_on_commit_callbacks(execute=True):
        path = f"/api/workspaces/{world.workspace.pk}?confirm={world.workspace.name}"
        assert_success(world.alice.client().delete(path))
    assert list(storage().list(prefix)) == []
