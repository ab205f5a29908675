"""Parquet: types, nested values, row numbers."""

import io

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from datalinx.engine.connectors.file.parquet import engine_type


def parquet(tmp_path, select):
    path = tmp_path / "made.bin"
    duckdb.execute(f"COPY ({select}) TO '{path}' (FORMAT parquet)")
    content = path.read_bytes()
    path.unlink()
    return content


def test_columns__of_parquet__keep_their_types_or_take_the_nearest(make_source, tmp_path):
    select = (
        "SELECT 1::BIGINT AS id, 2::UTINYINT AS small, 1.50::DECIMAL(9,2) AS amount, 'x' AS name, "
        "DATE '2024-01-31' AS day, TIMESTAMP '2024-01-31 10:00:00' AS at, [1, 2] AS list, "
        "{'a': 1} AS nested, INTERVAL 1 DAY AS span, 7::UBIGINT AS big"
    )
    source = make_source({"t.parquet": parquet(tmp_path, select)})
    assert [(c.name, c.type) for c in source.table().columns] == [
        ("id", "BIGINT"),
        ("small", "INTEGER"),
        ("amount", "DECIMAL(9,2)"),
        ("name", "VARCHAR"),
        ("day", "DATE"),
        ("at", "TIMESTAMP"),
        ("list", "JSON"),
        ("nested", "JSON"),
        ("span", "VARCHAR"),
        ("big", "DECIMAL(20,0)"),
    ]
    row = source.preview().rows[0]
    assert row == (1, 2, "1.50", "x", "2024-01-31", "2024-01-31T10:00:00", "[1,2]", '{"a":1}', "1 day", "7")


def test_instants__of_parquet__are_shown_in_utc(make_source, tmp_path):
    content = parquet(tmp_path, "SELECT epoch_ms(1700000000123)::TIMESTAMP::TIMESTAMPTZ AS at")
    source = make_source({"t.parquet": content})
    assert source.table().columns[0].type == "TIMESTAMP WITH TIME ZONE"
    assert source.preview().rows[0][0].endswith("Z")


def test_instants__of_nanoseconds__are_instants_too(make_source):
    stream = io.BytesIO()
    at = pa.array([1_700_000_000_000_000_000, None], pa.timestamp("ns", "UTC"))
    pq.write_table(pa.table({"at": at}), stream)
    source = make_source({"t.parquet": stream.getvalue()})
    assert source.table().columns[0].type == "TIMESTAMP WITH TIME ZONE"
    assert source.preview().rows == (("2023-11-14T22:13:20Z",), (None,))


def test_locator__of_parquet__is_the_row_and_free(make_source, tmp_path):
    files = {
        f"p{n}.parquet": parquet(tmp_path, f"SELECT i + {n} AS i FROM range(300000) AS t(i)") for n in (1, 2)
    }
    source = make_source(files, {"tables": {"t": {"path": "p*.parquet"}}})
    scan = source.scan()
    assert (scan.locator, scan.numbering, scan.rows) == ("row", "free", 600_000)
    wrong = "SELECT count(*) FROM ({}) WHERE __record <> i - CASE __file WHEN 'p1.parquet' THEN 0 ELSE 1 END"
    assert source.run(wrong.format(scan.numbered_sql), scan) == [(0,)]


@pytest.mark.parametrize("name", ["file_row_number", "FILE_ROW_NUMBER", "file_index", "filename"])
def test_locator__beside_a_column_named_as_the_reader_names_its_own__is_the_row(make_source, tmp_path, name):
    files = {
        f"p{n}.parquet": parquet(tmp_path, f'SELECT i + {n} AS i, 7 AS "{name}" FROM range(300000) AS t(i)')
        for n in (1, 2)
    }
    source = make_source(files, {"tables": {"t": {"path": "p*.parquet"}}})
    scan = source.scan()
    assert (scan.locator, scan.rows) == ("row", 600_000)
    wrong = "SELECT count(*) FROM ({}) WHERE __record <> i - CASE __file WHEN 'p1.parquet' THEN 0 ELSE 1 END"
    assert source.run(wrong.format(scan.numbered_sql), scan) == [(0,)]


def test_locator__of_text_files_with_a_column_named_file_index__is_the_record(make_source):
    files = {f"p{n}.csv": "".join(["i,file_index\n", *(f"{i},9\n" for i in range(1, 4))]) for n in (1, 2)}
    source = make_source(files, {"tables": {"t": {"path": "p*.csv"}}})
    scan = source.scan()
    found = source.run(f"SELECT __file, __record, i FROM ({scan.numbered_sql})", scan)
    assert found == [(f"p{n}.csv", i, str(i)) for n in (1, 2) for i in (1, 2, 3)]


@pytest.mark.parametrize("cut", [8, 40, 200])
def test_parquet__cut_off__is_refused(make_source, tmp_path, cut):
    content = parquet(tmp_path, "SELECT i, i::VARCHAR AS s FROM range(1000) AS t(i)")
    problem = make_source({"t.parquet": io.BytesIO(content).read()[:-cut]}).table().problem
    assert problem is not None
    assert problem.code == "FILE_UNREADABLE"


@pytest.mark.parametrize(
    ("given", "wanted"),
    [
        ("TIMESTAMP_NS", "TIMESTAMP"),
        ("TIMESTAMPTZ_NS", "TIMESTAMP WITH TIME ZONE"),
        ("TIMESTAMP_NS WITH TIME ZONE", "TIMESTAMP WITH TIME ZONE"),
        ("STRUCT(a INTEGER)[]", "JSON"),
        ("MAP(VARCHAR, INTEGER)", "JSON"),
        ("ENUM('a')", "VARCHAR"),
        ("DECIMAL(38,9)", "DECIMAL(38,9)"),
        ("HUGEINT", "VARCHAR"),
        ("BLOB", "BLOB"),
    ],
)
def test_type__of_duckdb__has_one_in_the_engine(given, wanted):
    assert engine_type(given) == wanted
