"""Small files become large ones: the same rows, in order, and every earlier version as it was."""

from datetime import UTC, datetime, timedelta

import pytest
from pyiceberg.table import StaticTable

from datalinx.engine import lake
from datalinx.errors import Failed, Interrupted

TARGET = 128 * 1024**2


def small(bench, at_least: int = 2, at_most_bytes: int = TARGET) -> list[lake.DataFile]:
    return lake.small_files(
        bench.files(), target_bytes=TARGET, at_least=at_least, at_most_bytes=at_most_bytes
    )


def merged(bench, *, order_by=(), name: str = "merged"):
    paths = [bench.storage.local(file.key) for file in bench.files()]
    columns = lake.columns(bench.storage, bench.base)
    bench.work.mkdir(exist_ok=True)
    return lake.merge_files(
        bench.connection, columns, paths, order_by=order_by, folder=bench.work / name, target_bytes=TARGET
    )


def compact(bench, **given) -> lake.Staged:
    keys = [file.key for file in bench.files()]
    return lake.stage_compaction(
        bench.storage, bench.base, remove=keys, add=merged(bench, **given), now=bench.now()
    )


def test_compaction__of_many_files__keeps_rows_and_history(any_bench):
    bench = any_bench
    for number in range(6):
        bench.append(bench.rows(10 - number, 20 + number))
    before = bench.read("id, name, amount")
    staged = bench.keep(compact(bench, order_by=["id"]))
    assert len(bench.files()) == 1
    assert bench.read("id, name, amount") == before
    assert bench.read(sequence=2) == [9, 10, 20, 21]
    newest = lake.snapshot(bench.storage, bench.base)
    assert (newest.operation, newest.added_rows, newest.removed_rows) == ("replace", 0, 0)
    assert (newest.sequence, newest.rows, staged.rows) == (7, 12, 12)
    bench.append(bench.rows(99))
    assert bench.read() == [*range(5, 11), *range(20, 26), 99]
    lake.sweep(bench.storage, bench.base, before=datetime.now(UTC) + timedelta(days=1))
    assert bench.read(sequence=6) == bench.read(sequence=7)


def test_compaction__with_an_order__sorts_the_rows(bench):
    for number in (5, 1, 9, 3):
        bench.append(bench.rows(number))
    bench.keep(compact(bench, order_by=["id", "no such column"]))
    [file] = bench.files(bounds=["id"])
    assert file.bounds["id"] == lake.Bounds(1, 9, 0)
    path = bench.storage.local(file.key)
    assert bench.connection.execute(f"SELECT id FROM '{path}'").fetchall() == [(1,), (3,), (5,), (9,)]


def test_compaction__of_files_older_than_the_columns__writes_what_readers_see(bench):
    bench.columns = (lake.LakeColumn("a", "int"), lake.LakeColumn("old", "string"))
    bench.append("SELECT 1 a, 'secret' old")
    bench.columns = (lake.LakeColumn("a", "long"),)
    bench.append("SELECT 2::BIGINT a")
    bench.columns = (lake.LakeColumn("a", "long"), lake.LakeColumn("old", "string"))
    bench.append("SELECT 3::BIGINT a, 'new' old")
    bench.keep(compact(bench))
    expected = [(1, "-"), (2, "-"), (3, "new")]
    assert bench.read("a, coalesce(old, '-')") == expected
    table = StaticTable.from_metadata(bench.storage.uri(bench.base))
    assert table.current_snapshot().summary.operation.value == "replace"
    rows = table.scan().to_arrow().sort_by("a").to_pylist()
    assert [(row["a"], row["old"] or "-") for row in rows] == expected


def test_small_files__are_those_worth_merging__smallest_first():
    half = TARGET // 2
    files = [lake.DataFile(f"data/{size}", 1, size) for size in (half, half - 1, 10, 5, TARGET * 2)]
    find = lake.small_files
    assert [file.size for file in find(files, target_bytes=TARGET, at_least=3, at_most_bytes=TARGET)] == [
        5,
        10,
        half - 1,
    ]
    assert find(files, target_bytes=TARGET, at_least=4, at_most_bytes=TARGET) == []
    assert [file.size for file in find(files, target_bytes=TARGET, at_least=2, at_most_bytes=20)] == [5, 10]
    assert find(files, target_bytes=TARGET, at_least=2, at_most_bytes=9) == []


def test_compaction__of_a_version_that_is_not_the_present_one__is_refused(bench):
    bench.append(bench.rows(1))
    keys, files = [file.key for file in bench.files()], merged(bench)
    bench.replace(bench.rows(2))
    with pytest.raises(Interrupted) as caught:
        lake.stage_compaction(bench.storage, bench.base, remove=keys, add=files, now=bench.now())
    assert caught.value.code == "FILES_NOT_CURRENT"
    assert bench.read() == [2]


def test_compaction__that_lost_rows__is_refused(bench):
    bench.append(bench.rows(1, 2))
    keys = [file.key for file in bench.files()]
    with pytest.raises(Failed) as caught:
        lake.stage_compaction(
            bench.storage, bench.base, remove=keys, add=[bench.file(bench.rows(1))], now=bench.now()
        )
    assert caught.value.code == "COMPACTION_UNBALANCED"


def test_reader__of_files_planned_before_a_compaction__ends_in_peace(bench):
    for number in range(3):
        bench.append(bench.rows(number))
    columns = lake.columns(bench.storage, bench.base)
    paths = [bench.storage.local(file.key) for file in bench.files()]
    bench.keep(compact(bench))
    rows = bench.connection.execute(f"SELECT id FROM ({lake.relation_sql(columns, paths)})").fetchall()
    assert sorted(rows) == [(0,), (1,), (2,)]


def test_expire__more_versions_than_may_be_kept__lets_go_of_young_ones_too(bench):
    for number in range(5):
        bench.replace(bench.rows(number))
    early = datetime(2000, 1, 1, tzinfo=UTC)
    bench.keep(lake.expire(bench.storage, bench.base, before=early, keep=1, most=3, now=bench.now()))
    assert [each.sequence for each in lake.snapshots(bench.storage, bench.base)] == [5, 4, 3]
    assert lake.expire(bench.storage, bench.base, before=early, keep=1, most=3, now=bench.now()) is None
