"""Where a rejected row stands: file and record, whatever the plan that read it."""

from pathlib import Path

import duckdb
import pytest

from datalinx.engine.connectors.base import Malformed, Part, Scan
from tests.engine.execute.conftest import Desk, csv_scan, parquet_scan

# Many enough for DuckDB to read them by several threads, in several row groups.
MANY = 400_000


@pytest.fixture
def many(tmp_path: Path) -> Scan:
    path = tmp_path / "many.csv"
    # Every 1,000th row does not fit, and tells its own number.
    number = "CASE WHEN i % 1000 = 0 THEN 'row ' || i ELSE i::VARCHAR END"
    duckdb.sql(f"SELECT i AS id, {number} AS n FROM range(1, {MANY + 1}) AS t(i)").write_csv(str(path))
    return csv_scan([Part("many.csv", path, MANY)], ["id", "n"])


def as_parquet(scan: Scan, folder: Path) -> Scan:
    """The rows of a scan in two Parquet files of many row groups."""
    parts = []
    for number, half in enumerate((f"LIMIT {MANY // 2}", f"OFFSET {MANY // 2}"), start=1):
        path = folder / f"many{number}.parquet"
        duckdb.sql(f"{scan.sql} {half}").write_parquet(str(path), row_group_size=10_000)
        parts.append(Part(path.name, path, MANY // 2))
    return parquet_scan(parts, [(column.name, column.type) for column in scan.columns])


def places(desk: Desk) -> list[tuple[str, str]]:
    return [(row["locator"], row["value"]) for row in desk.run(keep=False).rejected]


def test_run__a_large_file__tells_the_records_of_rejected_rows(desk: Desk, many: Scan) -> None:
    desk.scans["c"] = many
    desk.target("id integer", "n integer", key=["id"])
    desk.map({"id": "c.id", "n": "c.n"}, filter="c.id not in ('7', '8')")
    expected = [(f"many.csv:{n}", f"row {n}") for n in range(1000, MANY + 1, 1000)]
    assert places(desk) == expected


def test_run__large_parquet_files__tell_the_rows_of_rejected_rows(
    desk: Desk, many: Scan, tmp_path: Path
) -> None:
    desk.scans["c"] = as_parquet(many, tmp_path)
    desk.target("id integer", "n integer", key=["id"])
    desk.map({"id": "c.id", "n": "c.n"})
    half = MANY // 2
    expected = [
        (f"many{1 + (n > half)}.parquet:{n - half * (n > half)}", f"row {n}")
        for n in range(1000, MANY + 1, 1000)
    ]
    assert places(desk) == expected


def test_run__a_large_file_with_a_join__tells_the_records_of_rejected_rows(desk: Desk, many: Scan) -> None:
    desk.scans["c"] = many
    desk.csv("x", ["id", "more"], [["1", "a"], ["2", "b"]])
    desk.target("id integer", "n integer", "more string", key=["id"])
    desk.map(
        {"id": "c.id", "n": "c.n", "more": "x.more"},
        joins=[{"left": "c", "right": "x", "type": "left", "on": [["id", "id"]]}],
    )
    assert sorted(places(desk), key=lambda each: int(each[1][4:])) == [
        (f"many.csv:{n}", f"row {n}") for n in range(1000, MANY + 1, 1000)
    ]


def test_run__repeated_keys_of_a_large_file__are_read_again_by_their_records(desk: Desk, many: Scan) -> None:
    desk.scans["c"] = many
    desk.target("id integer", "n string", key=["id"])
    expression = "case when c.id in ('777', '300001') then '1' else c.id end"
    desk.map({"id": {"type": "expression", "expression": expression}, "n": "c.n"})
    rejected = desk.run().rejected
    assert [(row["locator"], row["row"]) for row in rejected] == [
        (f"many.csv:{n}", f'{{"id":"{n}","n":"{n}"}}') for n in (1, 777, 300001)
    ]


def two_files(folder: Path, rows: list[list[str]]) -> Scan:
    """The rows in two CSV files, the first row alone in the first."""
    parts = []
    for number, chunk in enumerate((rows[:1], rows[1:]), start=1):
        path = folder / f"part{number}.csv"
        path.write_text("id,n\n" + "".join(",".join(row) + "\n" for row in chunk), encoding="utf-8")
        parts.append(Part(f"part{number}.csv", path, len(chunk)))
    return csv_scan(parts, ["id", "n"])


ROWS = [["1", "x"], ["2", "2"], ["3", "y"], ["3", "4"]]


def test_run__several_files__count_records_in_each(desk: Desk, tmp_path: Path) -> None:
    desk.scans["c"] = two_files(tmp_path, ROWS)
    desk.target("id integer", "n integer")
    desk.map({"id": "c.id", "n": "c.n"})
    assert places(desk) == [("part1.csv:1", "x"), ("part2.csv:2", "y")]


def test_run__malformed_records__count_as_read_and_move_the_records_behind_them(
    desk: Desk, tmp_path: Path
) -> None:
    scan = two_files(tmp_path, ROWS)
    malformed = (
        "SELECT 'part2.csv' AS __file, unnest([1, 3]) AS __record, 'a,b,c' AS text, "
        "'Three values, not two.' AS message"
    )
    desk.scans["c"] = Scan(**{**vars(scan), "malformed": Malformed(2, malformed)})
    desk.target("id integer", "n integer")
    desk.map({"id": "c.id", "n": "c.n"})
    outcome = desk.run()
    assert outcome.counts == {"read": 6, "rejected": 4, "inserted": 2}
    assert sorted(outcome.reasons, key=str) == [
        ("part1.csv:1", "n", "cast_failed"),
        ("part2.csv:1", None, "malformed_record"),
        ("part2.csv:3", None, "malformed_record"),
        ("part2.csv:4", "n", "cast_failed"),
    ]
    assert outcome.rejected[-1]["row"] == '{"record":"a,b,c"}'
    assert outcome.rejected[-1]["message"] == "Three values, not two."


@pytest.mark.parametrize("with_join", [False, True])
def test_run__parquet_files__tell_rows_in_each(desk: Desk, tmp_path: Path, with_join: bool) -> None:
    parts = []
    for number, rows in enumerate((ROWS[:1], ROWS[1:]), start=1):
        path = tmp_path / f"p{number}.parquet"
        values = ", ".join(f"({row[0]}, '{row[1]}')" for row in rows)
        duckdb.sql(f"SELECT * FROM (VALUES {values}) AS t(id, n)").write_parquet(str(path))
        parts.append(Part(f"p{number}.parquet", path, len(rows)))
    desk.scans["c"] = parquet_scan(parts, [("id", "INTEGER"), ("n", "VARCHAR")])
    desk.csv("x", ["id"], [["1"], ["2"]])
    desk.target("id integer", "n integer", key=["id"])
    joins = [{"left": "c", "right": "x", "type": "left", "on": [["n", "id"]]}]
    if with_join:
        desk.map({"id": "c.id", "n": "c.n"}, joins=joins)
    else:
        del desk.scans["x"]
        desk.map({"id": "c.id", "n": "c.n"})
    outcome = desk.run()
    assert sorted(outcome.reasons, key=str) == [
        ("p1.parquet:1", "n", "cast_failed"),
        ("p2.parquet:2", "n", "cast_failed"),
    ]
    assert outcome.rejected[0]["row"] == '{"id":1,"n":"x"}'


def test_run__an_input_without_parts__is_located_by_its_label(desk: Desk) -> None:
    desk.csv("c", ["id"], [["1"], ["x"]])
    desk.scans["c"] = Scan(**{**vars(desk.scans["c"]), "parts": (), "label": "crm.contacts"})
    desk.target("id integer")
    desk.map({"id": "c.id"})
    assert places(desk) == [("crm.contacts:2", "x")]
