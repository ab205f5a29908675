"""An older version comes back as a new one, with its rows and its columns; the history stays."""

import pytest

from datalinx.engine import lake
from datalinx.errors import NotFound


def test_restore__older_version__is_a_new_version_with_its_rows(any_bench):
    bench = any_bench
    bench.replace(bench.rows(1, 2))
    bench.append(bench.rows(3))
    bench.replace(bench.rows(9))
    staged = bench.keep(lake.restore(bench.storage, bench.base, sequence=2, now=bench.now()))
    assert (staged.sequence, staged.rows, staged.added_rows, staged.removed_rows) == (4, 3, 3, 1)
    assert bench.read() == [1, 2, 3]
    assert lake.snapshot(bench.storage, bench.base).restored_from == 2
    assert [bench.read(sequence=number) for number in (1, 2, 3)] == [[1, 2], [1, 2, 3], [9]]
    bench.append(bench.rows(4))
    assert bench.read() == [1, 2, 3, 4]


def test_restore__columns_changed_since__brings_the_old_columns_back(bench):
    bench.columns = (lake.LakeColumn("a", "string"),)
    bench.append("SELECT 'x' a")
    bench.columns = (lake.LakeColumn("a", "long"), lake.LakeColumn("b", "long"))
    bench.replace("SELECT 1::BIGINT a, 2::BIGINT b")
    bench.keep(lake.restore(bench.storage, bench.base, sequence=1, now=bench.now()))
    assert [(column.name, column.type) for column in lake.columns(bench.storage, bench.base)] == [
        ("a", "string")
    ]
    assert bench.read("a") == ["x"]


def test_restore__present_version__changes_no_row(bench):
    bench.replace(bench.rows(1))
    staged = bench.keep(lake.restore(bench.storage, bench.base, sequence=1, now=bench.now()))
    assert (staged.sequence, staged.added_rows, staged.removed_rows, bench.read()) == (2, 0, 0, [1])


def test_restore__version_that_is_not_kept__is_not_found(bench):
    bench.replace(bench.rows(1))
    with pytest.raises(NotFound):
        lake.restore(bench.storage, bench.base, sequence=5, now=bench.now())
