"""A whole table as a file: every value back as it was, and no more memory for more rows."""

import csv
import io
import json
import subprocess
import sys
from pathlib import Path

import duckdb
import pyarrow.parquet as pq
import pytest

from datalinx.engine.query.export import export_table
from datalinx.engine.query.tables import TableFiles

COLUMNS = [
    ("id", "BIGINT"),
    ("text", "VARCHAR"),
    ('odd "name", x', "DECIMAL(18,2)"),
    ("at", "TIMESTAMP WITH TIME ZONE"),
    ("plain", "TIMESTAMP"),
    ("day", "DATE"),
    ("real", "DOUBLE"),
    ("yes", "BOOLEAN"),
    ("key", "UUID"),
    ("raw", "BLOB"),
]
TEXTS = [
    "plain",
    "",
    None,
    'say "hi", twice',
    "two\nlines",
    " spaced ",
    "=1+1",
    "-x",
    "@a",
    "Ünïcode \U0001f600",
    "it's",
]
SHOWN = [("'" + text if text and text[0] in "=-@" else text) for text in TEXTS]


@pytest.fixture
def table(tmp_path: Path) -> TableFiles:
    path = tmp_path / "t.parquet"
    names = [f'"{name.replace(chr(34), chr(34) * 2)}"' for name, _ in COLUMNS]
    values = ", ".join("NULL" if text is None else "'" + text.replace("'", "''") + "'" for text in TEXTS)
    with duckdb.connect() as connection:
        connection.execute("SET TimeZone = 'UTC'")
        connection.execute(
            f"COPY (SELECT * FROM (SELECT (9007199254740990 + n)::BIGINT, t, 1.5::DECIMAL(18,2), "
            "TIMESTAMPTZ '2024-01-05 10:00:00.5+00', TIMESTAMP '2024-01-05 10:00:00', DATE '2024-01-05', "
            "CASE n WHEN 0 THEN 'NaN'::DOUBLE WHEN 1 THEN '-Infinity'::DOUBLE ELSE 0.25 END, n = 1, "
            "UUID '3f2504e0-4f89-11d3-9a0c-0305e82c3301', '\\x00\\xFF'::BLOB "
            f"FROM (SELECT unnest(range({len(TEXTS)})) n, unnest([{values}]) t)) AS v({', '.join(names)})) "
            f"TO '{path}' (FORMAT parquet)"
        )
    return TableFiles(COLUMNS, [path])


def whole(table: TableFiles, form: str) -> bytes:
    return b"".join(export_table(table, form, memory_bytes=2**28, threads=2))  # type: ignore[arg-type]  # a test's word


def test_csv__of_every_kind_of_value__comes_back_from_a_reader(table: TableFiles) -> None:
    text = whole(table, "csv").decode()
    rows = list(csv.reader(io.StringIO(text, newline="")))
    assert rows[0] == [name for name, _ in COLUMNS]
    assert [row[1] for row in rows[1:]] == [text or "" for text in SHOWN]
    assert rows[2] == ["9007199254740991", "", "1.50", "2024-01-05T10:00:00.5Z", "2024-01-05T10:00:00", "2024-01-05",
                       "-Infinity", "true", "3f2504e0-4f89-11d3-9a0c-0305e82c3301", "AP8="]  # fmt: skip
    # NULL and the empty text stay two things.
    lines = text.split("\r\n")
    assert lines[2].startswith('9007199254740991,"",')
    assert lines[3].startswith("9007199254740992,,")


def test_jsonl__of_every_kind_of_value__is_exact(table: TableFiles) -> None:
    rows = [json.loads(line) for line in whole(table, "jsonl").decode().splitlines() if line]
    assert [row["text"] for row in rows] == TEXTS
    assert [row["id"] for row in rows[1:4]] == [9007199254740991, 9007199254740992, "9007199254740993"]
    assert [row["real"] for row in rows[:3]] == ["NaN", "-Infinity", 0.25]
    assert rows[0]['odd "name", x'] == "1.50"
    assert (rows[0]["yes"], rows[0]["raw"]) == (False, "AP8=")


def test_parquet__of_every_kind_of_value__holds_the_same_types_and_values(
    table: TableFiles, tmp_path: Path
) -> None:
    out = tmp_path / "out.parquet"
    out.write_bytes(whole(table, "parquet"))
    with duckdb.connect() as connection:
        query = "SELECT CAST(t AS VARCHAR) FROM '{}' t ORDER BY id"
        rows = [connection.execute(query.format(path)).fetchall() for path in (out, table.files[0])]
        kinds = dict(row[:2] for row in connection.execute(f"DESCRIBE FROM '{out}'").fetchall())
    assert rows[0] == rows[1]
    assert kinds == dict(COLUMNS)


@pytest.mark.parametrize(("form", "expected"), [("csv", b"a,b\r\n"), ("jsonl", b"")])
def test_export__of_a_table_without_rows__is_a_file_all_the_same(form: str, expected: bytes) -> None:
    assert whole(TableFiles([("a", "BIGINT"), ("b", "VARCHAR")]), form) == expected


def test_parquet__of_a_table_without_rows__has_its_columns() -> None:
    table = pq.read_table(io.BytesIO(whole(TableFiles([("a", "BIGINT"), ("b", "VARCHAR")]), "parquet")))
    assert (table.num_rows, table.column_names) == (0, ["a", "b"])


def test_export__left_half_way__closes_what_it_opened(table: TableFiles) -> None:
    stream = export_table(table, "csv", memory_bytes=2**28, threads=1)
    assert next(stream).startswith(b"id,text")
    stream.close()  # type: ignore[attr-defined]  # it is a generator
    assert list(stream) == []


CODE = """
import os, resource, sys
from datalinx.engine.query.export import export_table
from datalinx.engine.query.tables import TableFiles
table = TableFiles([("n", "BIGINT"), ("t", "VARCHAR")], [sys.argv[1]])
size = sum(map(len, export_table(table, sys.argv[2], memory_bytes=2**27, threads=2)))
# The kernel's own figure of this program: getrusage counts what its parent held when it was forked.
status = open("/proc/self/status").read() if os.path.exists("/proc/self/status") else ""
peak = int(status.split("VmHWM:")[1].split()[0]) if status else resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
print(size, peak)
"""


@pytest.mark.parametrize("form", ["csv", "jsonl", "parquet"])
def test_export__of_a_large_table__streams_in_bounded_memory(tmp_path: Path, form: str) -> None:
    path = tmp_path / "large.parquet"
    with duckdb.connect() as connection:
        text = "md5(CAST(n AS VARCHAR)) || sha256(CAST(n AS VARCHAR))"
        connection.execute(f"COPY (SELECT n, {text} AS t FROM range(3000000) r(n)) TO '{path}'")
    done = subprocess.run(
        [sys.executable, "-c", CODE, str(path), form], check=True, capture_output=True, text=True, timeout=120
    )
    size, peak = map(int, done.stdout.split()[:2])
    unit = 1 if sys.platform == "darwin" else 1024
    assert size > 150 * 2**20
    assert peak * unit < 700 * 2**20
