"""Two versions of a table compared: rows by key, values by column, and numbers of each column."""

from collections.abc import Sequence
from pathlib import Path

import duckdb
import pytest

from datalinx.engine.execute.comparing import MAX_COLUMNS, ColumnSummary, compare_versions
from datalinx.engine.execute.results import Limits
from datalinx.engine.query.tables import TableFiles
from datalinx.errors import Cancelled


def version(folder: Path, sql: str) -> TableFiles:
    path = folder / f"{len(list(folder.iterdir()))}.parquet"
    duckdb.sql(f"COPY ({sql}) TO '{path}' (FORMAT parquet)")
    described = duckdb.sql(f"DESCRIBE {sql}").fetchall()
    return TableFiles([(row[0], row[1]) for row in described], [path])


BEFORE = "SELECT * FROM (VALUES (1, 'a', 1), (2, 'b', NULL), (3, 'c', 3)) AS t(id, name, n)"
AFTER = "SELECT * FROM (VALUES (1, 'a', 1), (2, 'B', 5), (4, NULL, 4)) AS t(id, name, n)"


def test_comparison__by_key__tells_rows_and_values_apart(tmp_path: Path) -> None:
    found = compare_versions(
        version(tmp_path, BEFORE),
        version(tmp_path, AFTER),
        keys=["id"],
        workdir=tmp_path,
        limits=Limits(),
    )
    assert (found.rows_before, found.rows_after) == (3, 3)
    keyed = found.keyed
    assert keyed is not None
    assert (keyed.new, keyed.changed, keyed.unchanged, keyed.gone) == (1, 1, 1, 1)
    assert keyed.values_changed == {"name": 1, "n": 1}
    by_name = {column.name: column for column in found.columns}
    assert by_name["name"].before == ColumnSummary(nulls=0, distinct=3)
    assert by_name["name"].after == ColumnSummary(nulls=1, distinct=2)


def test_comparison__with_a_table_that_is_not_there__has_only_one_side(tmp_path: Path) -> None:
    found = compare_versions(None, version(tmp_path, AFTER), keys=["id"], workdir=tmp_path, limits=Limits())
    assert (found.rows_before, found.rows_after, found.keyed) == (0, 3, None)
    assert {column.before for column in found.columns} == {None}


def test_comparison__of_changed_columns__compares_values_in_the_later_type(tmp_path: Path) -> None:
    before = version(tmp_path, "SELECT 1 AS id, '7' AS n, 'gone' AS old, 'x' AS word")
    after = version(tmp_path, "SELECT 1::BIGINT AS id, 7 AS n, 'new' AS fresh, 3 AS word")
    found = compare_versions(before, after, keys=["id"], workdir=tmp_path, limits=Limits())
    assert found.keyed is not None
    assert (found.keyed.changed, found.keyed.values_changed) == (1, {"word": 1})
    sides = {column.name: (column.before is None, column.after is None) for column in found.columns}
    assert sides["old"] == (False, True)
    assert sides["fresh"] == (True, False)


@pytest.mark.parametrize(
    ("after", "keys"),
    [
        (AFTER, []),
        (AFTER, ["nothing"]),
        (f"{AFTER} UNION ALL SELECT 1, 'twice', 1", ["id"]),
    ],
)
def test_comparison__without_a_key_that_tells_rows_apart__is_not_by_key(
    tmp_path: Path, after: str, keys: Sequence[str]
) -> None:
    found = compare_versions(
        version(tmp_path, BEFORE), version(tmp_path, after), keys=keys, workdir=tmp_path, limits=Limits()
    )
    assert found.keyed is None
    assert found.rows_before == 3


def test_comparison__of_a_missing_key__meets_its_like(tmp_path: Path) -> None:
    same = version(tmp_path, "SELECT NULL::INTEGER AS id, 1 AS n")
    found = compare_versions(same, same, keys=["id"], workdir=tmp_path, limits=Limits())
    assert found.keyed is not None
    assert (found.keyed.unchanged, found.keyed.new, found.keyed.gone) == (1, 0, 0)


def test_comparison__of_histories__is_of_the_rows_that_have_not_ended(tmp_path: Path) -> None:
    ended = "SELECT 1 AS id, 'old' AS name, TIMESTAMP '2024-01-01' AS valid_to"
    now = "SELECT 1, '{}', NULL::TIMESTAMP"
    before = version(tmp_path, f"{ended} UNION ALL {now.format('a')}")
    after = version(tmp_path, f"{ended} UNION ALL {ended} UNION ALL {now.format('b')}")
    found = compare_versions(before, after, keys=["id"], workdir=tmp_path, limits=Limits())
    assert found.keyed is not None
    assert (found.rows_before, found.rows_after, found.keyed.changed) == (1, 1, 1)


def test_comparison__of_very_wide_tables__is_bounded_and_says_so(tmp_path: Path) -> None:
    columns = ", ".join(f"{n} AS c{n}" for n in range(MAX_COLUMNS + 5))
    wide = version(tmp_path, f"SELECT {columns}")
    found = compare_versions(wide, wide, keys=["c0"], workdir=tmp_path, limits=Limits())
    assert (len(found.columns), found.columns_left_off) == (MAX_COLUMNS, 5)


def test_comparison__that_is_cancelled__stops(tmp_path: Path) -> None:
    with pytest.raises(Cancelled):
        compare_versions(
            None,
            version(tmp_path, AFTER),
            keys=[],
            workdir=tmp_path,
            limits=Limits(),
            cancelled=lambda: True,
        )
