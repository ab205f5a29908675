"""Any version can be read, by its number, its id or a time; other readers see the same as ours."""

import datetime as dt
import os
import shutil
from decimal import Decimal
from uuid import UUID

import pytest
from pyiceberg.table import StaticTable

from datalinx.engine import lake
from datalinx.engine.storage import Storage
from datalinx.errors import Failed, NotFound

from .conftest import START, Workbench

EVERY_TYPE = {
    "b": ("boolean", "true", True),
    "i": ("int", "7::INTEGER", 7),
    "l": ("long", "8::BIGINT", 8),
    "f": ("float", "0.5::FLOAT", 0.5),
    "d": ("double", "0.25::DOUBLE", 0.25),
    "small": ("decimal(9, 2)", "1.25::DECIMAL(9, 2)", Decimal("1.25")),
    "middle": ("decimal(18, 2)", "-1.25::DECIMAL(18, 2)", Decimal("-1.25")),
    "large": ("decimal(38, 9)", "12345678901234567890.123456789::DECIMAL(38, 9)",
              Decimal("12345678901234567890.123456789")),
    "day": ("date", "DATE '0001-01-01'", dt.date(1, 1, 1)),
    "clock": ("time", "TIME '23:59:59.5'", dt.time(23, 59, 59, 500000)),
    "plain": ("timestamp", "TIMESTAMP '2024-01-05 10:00:00.123456'",
              dt.datetime.fromisoformat("2024-01-05 10:00:00.123456")),
    "instant": ("timestamptz", "TIMESTAMPTZ '2024-01-05 10:00:00+00'", dt.datetime(2024, 1, 5, 10, tzinfo=dt.UTC)),
    "text": ("string", "'Ünïcode'", "Ünïcode"),
    "key": ("uuid", "UUID '3f2504e0-4f89-11d3-9a0c-0305e82c3301'", UUID("3f2504e0-4f89-11d3-9a0c-0305e82c3301")),
    "bytes": ("binary", "'\\x00\\xFF'::BLOB", b"\x00\xff"),
}  # fmt: skip


@pytest.fixture
def typed(any_bench) -> Workbench:
    any_bench.columns = tuple(lake.LakeColumn(name, fact[0]) for name, fact in EVERY_TYPE.items())
    values = ", ".join(f'{fact[1]} AS "{name}"' for name, fact in EVERY_TYPE.items())
    nulls = ", ".join(f"NULL::{lake.duckdb_type(fact[0])}" for fact in EVERY_TYPE.values())
    any_bench.append(f"SELECT {values} UNION ALL SELECT {nulls}")
    return any_bench


def test_types__read_by_pyiceberg__are_the_values_that_duckdb_wrote(typed):
    endpoint = {"s3.endpoint": os.environ.get("AWS_ENDPOINT_URL", ""), "s3.region": "us-east-1"}
    table = StaticTable.from_metadata(typed.storage.uri(typed.base), endpoint)
    rows = table.scan().to_arrow().to_pylist()
    assert {name: fact[2] for name, fact in EVERY_TYPE.items()} in rows
    assert dict.fromkeys(EVERY_TYPE) in rows


def test_types__bounds__are_the_values_in_the_file(typed):
    [file] = typed.files(bounds=list(EVERY_TYPE))
    for name, fact in EVERY_TYPE.items():
        assert (name, file.bounds[name]) == (name, lake.Bounds(fact[2], fact[2], 1))


def test_types__read_by_plain_duckdb__need_no_lake(typed):
    [file] = typed.files()
    path = typed.storage.local(file.key)
    names = ", ".join(f'"{name}"' for name in EVERY_TYPE if name != "instant")
    rows = typed.connection.execute(f"SELECT {names} FROM '{path}'").fetchall()
    assert tuple(fact[2] for name, fact in EVERY_TYPE.items() if name != "instant") in rows


def test_bounds__of_long_texts__enclose_all_values(bench):
    bench.columns = (lake.LakeColumn("t", "string"),)
    values = ["a" * 100, "z" * 100, "é" * 40, "m"]
    bench.append("SELECT unnest([" + ", ".join(f"'{value}'" for value in values) + "]) t")
    bounds = bench.files(bounds=["t", "no such column"])[0].bounds["t"]
    assert all(bounds.lower <= value <= bounds.upper for value in values)


def test_bounds__column_that_a_file_does_not_have__are_left_out(bench):
    bench.columns = (lake.LakeColumn("a", "long"),)
    bench.append("SELECT 1::BIGINT a")
    bench.columns = (lake.LakeColumn("a", "long"), lake.LakeColumn("b", "long"))
    bench.append("SELECT 2::BIGINT a, 3::BIGINT b")
    found = {file.bounds["a"].lower: file.bounds.get("b") for file in bench.files(bounds=["a", "b"])}
    assert found == {1: None, 2: lake.Bounds(3, 3, 0)}


def test_pyiceberg__reads_every_version__of_a_table_whose_columns_changed(bench):
    bench.columns = (lake.LakeColumn("a", "int"), lake.LakeColumn("b", "string"))
    bench.append("SELECT 1 a, 'x' b")
    bench.columns = (lake.LakeColumn("b", "double"), lake.LakeColumn("a", "long"))
    bench.replace("SELECT 1.5::DOUBLE b, 2::BIGINT a")
    bench.columns = (lake.LakeColumn("a", "long"),)
    bench.append("SELECT 3::BIGINT a")
    table = StaticTable.from_metadata(bench.storage.uri(bench.base))
    versions = [table.scan(snapshot_id=each.snapshot_id).to_arrow() for each in table.snapshots()]
    assert [version.schema.names for version in versions] == [["a", "b"], ["b", "a"], ["a"]]
    assert [sorted(version["a"].to_pylist()) for version in versions] == [[1], [2], [2, 3]]


def test_snapshots__say_what_each_version_did(bench):
    bench.replace(bench.rows(1, 2), run_id="run_a", properties={"datalinx.mapping-version": "4"})
    bench.replace(bench.rows(3))
    newest, oldest = lake.snapshots(bench.storage, bench.base)
    assert (oldest.sequence, oldest.at, oldest.run_id, oldest.operation) == (1, START, "run_a", "append")
    assert dict(oldest.properties) == {"datalinx.mapping-version": "4", "datalinx.run-id": "run_a"}
    assert (newest.sequence, newest.operation) == (2, "overwrite")
    assert (newest.rows, newest.added_rows, newest.removed_rows) == (1, 1, 2)
    assert lake.snapshot(bench.storage, bench.base) == newest


def test_version__chosen_by_time__is_the_last_one_made_by_then(bench):
    for number in range(3):
        bench.replace(bench.rows(number))
    for minutes, expected in ((0, [0]), (59, [0]), (60, [1]), (61, [1]), (9999, [2])):
        assert bench.read(as_of=START + dt.timedelta(minutes=minutes)) == expected
    chosen = lake.snapshot(bench.storage, bench.base, sequence=2)
    assert bench.read(snapshot_id=chosen.snapshot_id) == [1]


@pytest.mark.parametrize(
    "version", [{"sequence": 7}, {"snapshot_id": 7}, {"as_of": START - dt.timedelta(seconds=1)}]
)
def test_version__that_is_not_there__is_not_found(bench, version):
    bench.replace(bench.rows(1))
    with pytest.raises(NotFound, match="no version") as caught:
        bench.files(**version)
    assert caught.value.code == "SNAPSHOT_NOT_FOUND"


@pytest.mark.parametrize("number", [0, 7])
def test_version__that_is_not_there__is_named(bench, number):
    bench.replace(bench.rows(1))
    with pytest.raises(NotFound, match=f"no version {number};"):
        bench.files(sequence=number)


def test_versions__clock_that_goes_back__are_stamped_in_order(bench):
    bench.replace(bench.rows(1), now=START)
    bench.replace(bench.rows(2), now=START - dt.timedelta(days=1))
    newest, oldest = lake.snapshots(bench.storage, bench.base)
    assert oldest.at < newest.at < START + dt.timedelta(seconds=1)


def test_storage__moved_to_another_place__is_read_and_written_on(bench, tmp_path):
    bench.replace(bench.rows(1))
    shutil.move(tmp_path / "files", tmp_path / "restored")
    moved = Storage.open(str(tmp_path / "restored"), tmp_path / "cache").within("org/ws/lake/table")
    there = Workbench(moved, tmp_path / "work", bench.connection, bench.base)
    there.append(there.rows(2), run_id="run_there")
    assert there.read() == [1, 2]
    assert not (tmp_path / "files").exists()


def test_metadata__that_names_foreign_files__is_refused(bench):
    bench.replace(bench.rows(1))
    text = bench.storage.read_bytes(bench.base, max_bytes=10**6).decode()
    bench.storage.put_bytes(
        "metadata/forged.json", text.replace("/lake/table/metadata/snap", "/lake/other/snap").encode()
    )
    with pytest.raises(Failed) as caught:
        lake.data_files(bench.storage, "metadata/forged.json")
    assert caught.value.code == "LAKE_FILE_OUTSIDE"


def test_metadata__damaged__says_so_in_a_sentence(bench):
    bench.storage.put_bytes("metadata/bad.json", b'{"format-version": 2')
    with pytest.raises(Failed, match="cannot be read") as caught:
        lake.snapshots(bench.storage, "metadata/bad.json")
    assert caught.value.code == "LAKE_METADATA_UNREADABLE"
    with pytest.raises(NotFound):
        lake.snapshots(bench.storage, "metadata/missing.json")
