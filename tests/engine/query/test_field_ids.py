"""Columns are told by their ids: a name that came again does not bring old values back, at any door."""

from collections.abc import Callable
from decimal import Decimal
from pathlib import Path

import duckdb
import pytest

from datalinx.engine.query.rows import Where, count_rows, read_rows
from datalinx.engine.query.tables import QueryResult, TableFiles, table_select
from datalinx.engine.query.wire import Job

Ask = Callable[..., QueryResult]


@pytest.fixture
def notes(tmp_path: Path) -> TableFiles:
    """A table whose column `note` (id 2) was dropped, and one of its name (id 3) added; `n` was widened."""
    old, new = tmp_path / "old.parquet", tmp_path / "new.parquet"
    with duckdb.connect() as connection:
        for path, select, ids in (
            (old, "SELECT 1::INTEGER AS n, 'secret' AS note, 1.25::DECIMAL(9,2) AS paid", "n: 1, note: 2, paid: 4"),
            (new, "SELECT 2::BIGINT AS n, 'shown' AS note, 2.5::DECIMAL(18,2) AS amount",
             "n: 1, note: 3, amount: 4"),
        ):  # fmt: skip
            connection.execute(f"COPY ({select}) TO '{path}' (FORMAT parquet, FIELD_IDS {{{ids}}})")
    columns = [("n", "BIGINT"), ("note", "VARCHAR"), ("amount", "DECIMAL(18,2)")]
    return TableFiles(columns, [old, new], [1, 3, 4])


EXPECTED = [(1, None, Decimal("1.25")), (2, "shown", Decimal("2.50"))]


def test_table_select__dropped_renamed_and_widened_columns__are_told_by_id(notes: TableFiles) -> None:
    with duckdb.connect() as connection:
        assert connection.execute(table_select(notes)).fetchall() == EXPECTED
        assert connection.execute(f"{table_select(notes)} WHERE note = 'secret'").fetchall() == []


def test_users_sql__over_a_column_that_was_dropped__never_sees_it(notes: TableFiles, ask: Ask) -> None:
    answer = ask("SELECT * FROM notes ORDER BY n", tables={"notes": notes})
    assert answer.rows == [[1, None, "1.25"], [2, "shown", "2.50"]]


def test_rows__over_a_column_that_was_dropped__never_show_or_find_it(notes: TableFiles) -> None:
    assert read_rows(notes, order_by=["n"]).rows == [[1, None, "1.25"], [2, "shown", "2.50"]]
    assert count_rows(notes, where=[Where("note", "eq", "secret")]) == 0
    assert read_rows(notes, columns=["note"], where=[Where("n", "eq", 1)]).rows == [[None]]


def test_only__some_columns__keeps_their_ids(notes: TableFiles) -> None:
    some = notes.only({"note", "n"})
    assert (some.columns, some.field_ids) == ((("n", "BIGINT"), ("note", "VARCHAR")), (1, 3))
    with duckdb.connect() as connection:
        assert connection.execute(table_select(some)).fetchall() == [row[:2] for row in EXPECTED]


def test_job__sent_to_its_process__carries_the_ids(notes: TableFiles) -> None:
    job = Job("SELECT 1", {"notes": notes}, {}, 1, 1.0, 1, 1, "rows", 1)
    assert Job.from_bytes(job.to_bytes()).tables == {"notes": notes}


def test_table__with_ids_for_some_columns_only__is_no_table() -> None:
    with pytest.raises(ValueError, match="id for each column"):
        TableFiles([("a", "BIGINT"), ("b", "BIGINT")], [], [1])
