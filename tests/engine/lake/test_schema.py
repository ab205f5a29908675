"""Columns come, go and widen; rows that are kept forbid every other change, and a full load allows it."""

from decimal import Decimal

import pytest

from datalinx.engine import lake
from datalinx.errors import Invalid


def columns(*texts: str) -> tuple[lake.LakeColumn, ...]:
    """Return columns from texts such as `id long!`, required with the mark."""
    parts = [text.split(" ", 1) for text in texts]
    return tuple(lake.LakeColumn(name, type_.rstrip("!"), type_.endswith("!")) for name, type_ in parts)


def ids(bench) -> dict[str, int]:
    return {column.name: column.field_id for column in lake.columns(bench.storage, bench.base)}


def test_columns__added_and_dropped__leave_old_rows_with_nulls(bench):
    bench.columns = columns("id long!", "name string")
    bench.append("SELECT 1::BIGINT id, 'a' name")
    bench.columns = columns("id long!", "city string")
    bench.append("SELECT 2::BIGINT id, 'Bath' city")
    assert bench.read("id, coalesce(city, '-')") == [(1, "-"), (2, "Bath")]
    assert bench.read("id, name", sequence=1) == [(1, "a")]
    assert ids(bench) == {"id": 1, "city": 3}


def test_column__dropped_and_named_again__does_not_bring_old_values_back(bench):
    bench.columns = columns("id long", "note string")
    bench.append("SELECT 1::BIGINT id, 'secret' note")
    bench.columns = columns("id long")
    bench.append("SELECT 2::BIGINT id")
    bench.columns = columns("id long", "note string")
    bench.append("SELECT 3::BIGINT id, 'new' note")
    assert bench.read("id, coalesce(note, '-')") == [(1, "-"), (2, "-"), (3, "new")]


@pytest.mark.parametrize(
    ("old", "new", "value", "read"),
    [
        ("int", "long", "7::INTEGER", 7),
        ("float", "double", "0.5::FLOAT", 0.5),
        ("decimal(10, 2)", "decimal(38, 2)", "1.25::DECIMAL(10, 2)", Decimal("1.25")),
    ],
)
def test_column__widened__keeps_its_id_and_its_values(bench, old, new, value, read):
    bench.columns = columns(f"v {old}")
    bench.append(f"SELECT {value} v")
    bench.columns = columns(f"v {new}")
    bench.append(f"SELECT 9::{lake.duckdb_type(new)} v")
    assert ids(bench) == {"v": 1}
    assert bench.read("v, typeof(v)") == [(read, lake.duckdb_type(new)), (9, lake.duckdb_type(new))]
    assert {file.bounds["v"].lower for file in bench.files(bounds=["v"])} == {read, 9}


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("long", "int"),
        ("string", "long"),
        ("string", "binary"),
        ("decimal(18, 2)", "decimal(18, 3)"),
        ("decimal(18, 2)", "decimal(10, 2)"),
        ("timestamp", "timestamptz"),
        ("double", "float"),
    ],
)
def test_column__changed_otherwise__needs_a_full_load(bench, old, new):
    bench.columns = columns("id long", f"v {old}")
    bench.append(f"SELECT 1::BIGINT id, NULL::{lake.duckdb_type(old)} v")
    bench.columns = columns("id long", f"v {new}")
    for act in (
        lambda: lake.plan_columns(bench.storage, bench.base, bench.columns, replace=False),
        lambda: bench.stage("append", []),
    ):
        with pytest.raises(Invalid, match=r"`v` changes from .*`full_refresh`") as caught:
            act()
        assert caught.value.code == "COLUMN_CHANGE_NEEDS_FULL_LOAD"
        assert [fault.field for fault in caught.value.errors] == ["v"]
    bench.replace(f"SELECT 2::BIGINT id, NULL::{lake.duckdb_type(new)} v")
    assert ids(bench) == {"id": 1, "v": 3}
    assert bench.read() == [2]


def test_column__changed_while_the_table_is_empty__needs_no_full_load(bench):
    bench.columns = columns("v string")
    bench.keep(bench.stage("replace", []))
    bench.columns = columns("v long")
    bench.append("SELECT 1::BIGINT v")
    assert bench.read("v") == [1]


def test_column__case_of_its_name_changed__is_the_same_column(bench):
    bench.columns = columns("Id long", "Full_Name string")
    bench.append('SELECT 1::BIGINT "Id", \'a\' "Full_Name"')
    bench.columns = columns("id long", "full_name string")
    bench.append("SELECT 2::BIGINT id, 'b' full_name")
    assert ids(bench) == {"id": 1, "full_name": 2}
    assert bench.read("id, full_name") == [(1, "a"), (2, "b")]


def test_column__made_required__is_so_from_the_next_full_load(bench):
    bench.columns = columns("id long")
    bench.append("SELECT NULL::BIGINT id")
    bench.columns = columns("id long!")
    bench.append("SELECT 1::BIGINT id")
    assert [column.required for column in lake.columns(bench.storage, bench.base)] == [False]
    bench.replace("SELECT 1::BIGINT id")
    assert [column.required for column in lake.columns(bench.storage, bench.base)] == [True]


def test_column__reordered__is_shown_in_the_new_order(bench):
    bench.columns = columns("a long", "b string")
    bench.append("SELECT 1::BIGINT a, 'x' b")
    bench.columns = columns("b string", "a long")
    bench.append("SELECT 'y' b, 2::BIGINT a")
    assert list(ids(bench)) == ["b", "a"]
    assert bench.read("*") == [("x", 1), ("y", 2)]


def test_column__with_an_awkward_name__is_written_and_read(bench):
    awkward = 'Größe "in" cm; it\'s'
    bench.columns = (lake.LakeColumn(awkward, "string"), lake.LakeColumn("select", "long"))
    quoted = awkward.replace('"', '""')
    bench.append(f'SELECT \'x\' AS "{quoted}", 1::BIGINT AS "select"')
    assert bench.read("*") == [("x", 1)]


def test_plan__before_the_first_version__numbers_the_columns_from_one(bench):
    plan = lake.plan_columns(bench.storage, None, columns("a long", "b string"), replace=True)
    assert [(column.name, column.field_id) for column in plan] == [("a", 1), ("b", 2)]
