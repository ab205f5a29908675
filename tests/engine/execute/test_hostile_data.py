"""Data that nobody would write by hand and that every platform meets."""

import json
from pathlib import Path
from typing import Any

import duckdb
import pytest

from datalinx.engine.compile.plan import SourceColumn
from datalinx.engine.connectors.base import Part, Scan
from datalinx.engine.execute import Limits
from datalinx.errors import Failed
from tests.engine.execute.conftest import LIMITS, Desk, parquet_scan


def typed(desk: Desk, select: str) -> None:
    """Let the input `c` be a Parquet file of what a SELECT gives."""
    path = desk.folder / "typed.parquet"
    relation = duckdb.sql(select)
    relation.write_parquet(str(path))
    columns = [(name, str(kind)) for name, kind in zip(relation.columns, relation.types, strict=True)]
    rows = duckdb.sql(f"SELECT count(*) FROM '{path}'").fetchall()[0][0]
    desk.scans["c"] = parquet_scan([Part("typed.parquet", path, rows)], columns)


def test_run__an_input_without_rows__makes_an_empty_table(desk: Desk) -> None:
    desk.csv("c", ["id"], [])
    desk.target("id integer", key=["id"])
    desk.map({"id": "c.id"})
    outcome = desk.run()
    assert (outcome.counts, outcome.result.files, outcome.result.rejected_path) == ({}, (), None)


NAMES = ['a"b', "it's", "x;--", "Ünïcode ☃", "c.d", "=keep", "__s0", "select", "new\nline", "{}", "%s"]


@pytest.mark.parametrize("name", NAMES)
def test_run__any_name_of_a_column__is_only_a_name(desk: Desk, name: str) -> None:
    quoted = name.replace('"', '""')
    typed(desk, f"SELECT unnest(['1', 'x']) AS \"{quoted}\"")
    desk.target("n integer")
    desk.map({"n": f'c."{quoted}"'})
    outcome = desk.run()
    assert outcome.counts == {"read": 2, "rejected": 1, "inserted": 1}
    assert json.loads(outcome.rejected[0]["row"]) == {name: "x"}


@pytest.mark.parametrize("name", ["=place", "=PLACE", "rowid"])
def test_run__a_column_named_as_the_engine_names_its_own__does_not_number_the_rows(
    desk: Desk, name: str
) -> None:
    desk.csv("c", ["id", name], [["1", "7"], ["2", "7"], ["x", "7"]])
    desk.csv("o", ["id"], [["1"], ["1"]])
    desk.target("id integer", "t string")
    desk.map(
        {"id": "c.id", "t": f'c."{name}"'},
        joins=[{"left": "c", "right": "o", "type": "left", "on": [["id", "id"]]}],
    )
    outcome = desk.run()
    assert outcome.counts == {"read": 3, "joined_in": 1, "rejected": 1, "inserted": 3}
    assert [row["locator"] for row in outcome.rejected] == ["c.csv:3"]


def test_run__a_key_that_repeats_beside_a_column_of_such_a_name__is_shown_where_it_stands(desk: Desk) -> None:
    desk.csv("c", ["id", "=place"], [["1", "a"], ["2", "b"], ["2", "c"]])
    desk.target("id integer", "t string", key=["id"])
    desk.map({"id": "c.id", "t": 'c."=place"'})
    rejected = desk.run().rejected
    assert [(row["locator"], json.loads(row["row"])["=place"]) for row in rejected] == [
        ("c.csv:2", "b"),
        ("c.csv:3", "c"),
    ]


def test_run__any_name_of_a_file__is_only_a_name(desk: Desk) -> None:
    path = desk.folder / "it's; DROP.csv"
    desk.csv("c", ["n"], [["x"]])
    (part,) = desk.scans["c"].parts
    part.path.rename(path)
    old, new = str(part.path), str(path).replace("'", "''")
    changed = {
        "sql": desk.scans["c"].sql.replace(old, new),
        "files": (path,),
        "parts": (Part(path.name, path, 1),),
    }
    desk.scans["c"] = Scan(**{**vars(desk.scans["c"]), **changed})
    desk.target("n integer")
    desk.map({"n": "c.n"})
    assert desk.run().reasons == [("it's; DROP.csv:1", "n", "cast_failed")]


def test_run__nul_bytes_and_odd_text__pass_through_unchanged(desk: Desk) -> None:
    texts = ["a\0b", "\ufeff", "👩‍👩‍👧", "tab\there", "line\nbreak", "'quote\"", "\\", "", " "]
    values = ", ".join(
        "'" + text.replace("'", "''").replace("\0", "' || chr(0) || '") + "'" for text in texts
    )
    typed(desk, f"SELECT unnest([{values}]) AS t, 'x' AS n")
    desk.target("t string", "n integer")
    desk.map({"t": "c.t", "n": {"type": "constant", "value": 1}})
    assert desk.run().column("t") == sorted(texts)
    desk.map({"t": "c.t", "n": "c.n"})
    assert sorted(json.loads(row["row"])["t"] for row in desk.run().rejected) == sorted(texts)


def test_run__values_that_json_has_not__stay_readable_in_a_rejection(desk: Desk) -> None:
    typed(
        desk,
        "SELECT 'x' AS n, 'nan'::DOUBLE AS a, '-inf'::FLOAT AS b, 9007199254740993::BIGINT AS c, "
        "0.1::DECIMAL(38,9) AS d, '\\x00\\xFF'::BLOB AS e, {'f': 'nan'::DOUBLE} AS f, [1, 2] AS g, "
        "TIMESTAMPTZ '2024-01-01 00:00:00+00' AS h, DATE '2024-01-01' AS i, NULL::INTEGER AS j, 7::BIGINT AS k, "
        "1.5::DOUBLE AS l, true AS m, '{\"a\": NaN}'::JSON AS o",
    )
    desk.target("n integer")
    desk.map({"n": "c.n"})
    (row,) = desk.run().rejected
    shown = json.loads(row["row"], parse_constant=lambda word: pytest.fail(f"{word} is not JSON"))
    assert (shown["a"], shown["b"], shown["c"], shown["d"]) == (
        "nan",
        "-inf",
        "9007199254740993",
        "0.100000000",
    )
    assert (shown["g"], shown["i"], shown["j"], shown["k"]) == ([1, 2], "2024-01-01", None, 7)
    assert (shown["l"], shown["m"]) == (1.5, True)
    assert shown["h"].startswith("2024-01-01 00:00:00")


def test_run__minus_zero__is_zero(desk: Desk) -> None:
    typed(desk, "SELECT unnest(['0', '-0', '1', NULL])::DOUBLE AS x")
    desk.target("x double")
    desk.map({"x": "c.x"}, load={"mode": "merge", "keys": ["x"]}, deduplicate={"keys": ["x"]})
    assert desk.run().counts == {"read": 4, "deduplicated": 1, "inserted": 3}
    assert desk.run().counts == {"read": 4, "deduplicated": 1, "unchanged": 3}


NUMBERS = ["float", "double", "decimal", "integer", "bigint", "latitude", "percentage", "amount"]


@pytest.mark.parametrize("kind", NUMBERS)
@pytest.mark.parametrize("given", ["DOUBLE", "FLOAT", "VARCHAR"])
def test_run__what_is_not_finite__fits_no_number_whatever_file_it_came_in(
    desk: Desk, kind: str, given: str
) -> None:
    typed(desk, f"SELECT unnest(['nan', 'inf', '-inf', '1', NULL])::{given} AS x")
    desk.target(f"x {kind}")
    desk.map({"x": "c.x"})
    outcome = desk.run()
    assert outcome.counts == {"read": 5, "rejected": 3, "inserted": 2}
    assert {reason for _, _, reason in outcome.reasons} == {"cast_failed"}
    assert outcome.column("x") == [1, None]


@pytest.mark.parametrize(
    "made",
    [
        {"type": "expression", "expression": "c.x - c.x + 1"},
        {"type": "expression", "expression": "CASE WHEN c.x = 1 THEN 1 ELSE 1e308 * 10 END"},
        {"type": "expression", "expression": "CASE WHEN c.x = 1 THEN 1 ELSE 1 / 0 END"},
        {"type": "decorated", "source": "c.x", "decorators": [{"name": "clamp", "max": 1}]},
        {"type": "decorated", "source": "c.x", "decorators": [{"name": "round", "digits": 1}]},
        {"type": "decorated", "source": "c.x", "decorators": [{"name": "cast", "type": "double"}]},
    ],
)
def test_run__a_computation_that_ends_in_no_number__is_rejected(desk: Desk, made: dict[str, Any]) -> None:
    typed(desk, "SELECT unnest(['nan', 'inf', '1'])::DOUBLE AS x")
    desk.target("x double")
    desk.map({"x": made})
    outcome = desk.run()
    assert outcome.counts == {"read": 3, "rejected": 2, "inserted": 1}
    assert [reason for _, _, reason in outcome.reasons] == ["cast_failed"] * 2
    assert outcome.column("x") == [1]


def test_run__an_average_that_is_no_number__rejects_its_group(desk: Desk) -> None:
    typed(desk, "SELECT unnest([1, 1, 2]) AS k, unnest(['nan', '1', '3'])::DOUBLE AS x")
    desk.target("k integer", "x double")
    desk.map({"k": "c.k", "x": {"type": "aggregate", "expression": "avg(c.x)"}}, group_by=["c.k"])
    outcome = desk.run()
    assert outcome.counts == {"read": 3, "grouped": 1, "rejected": 1, "inserted": 1}
    assert outcome.rows == [{"k": 2, "x": 3.0}]


def test_cursor__that_is_no_number__does_not_hold_back_what_comes_later(desk: Desk) -> None:
    desk.target("id integer", key=["id"])
    for rows in ("(1, '1'), (2, 'nan'), (3, 'inf')", "(1, '1'), (4, '2')"):
        typed(desk, f"SELECT id, x::DOUBLE AS x FROM (VALUES {rows}) AS t(id, x)")
        desk.map({"id": "c.id"}, load={"mode": "merge", "cursor": "c.x"})
        outcome = desk.run()
    assert outcome.result.cursor == "2.0"
    assert outcome.column("id") == [1, 2, 3, 4]


def test_run__huge_cells__are_kept_whole_and_shown_short(desk: Desk) -> None:
    huge = "ä" * 3_000_000
    typed(desk, "SELECT repeat('ä', 3000000) AS t, unnest(['1', repeat('ä', 3000000)]) AS n")
    desk.target("t string", "n integer")
    desk.map({"t": "c.t", "n": "c.n"})
    outcome = desk.run()
    assert outcome.rows == [{"t": huge, "n": 1}]
    assert len(outcome.rejected[0]["value"]) == 1_000
    assert json.loads(outcome.rejected[0]["row"])["n"] == huge


def test_run__a_wide_table__is_checked_column_by_column(desk: Desk) -> None:
    names = [f"c{n}" for n in range(300)]
    desk.csv("c", names, [["1"] * 300, ["x"] * 300])
    desk.target(*(f"{name} integer" for name in names))
    desk.map({name: f"c.{name}" for name in names})
    outcome = desk.run()
    assert outcome.counts == {"read": 2, "rejected": 1, "inserted": 1}
    assert [fault["field"] for fault in outcome.rejected[0]["reasons"]] == names


def test_run__more_columns_than_a_run_reads__is_refused_with_a_sentence(desk: Desk) -> None:
    desk.csv("c", ["id"], [["1"]])
    desk.target("id integer")
    desk.map({"id": "c.id"})
    compiled = desk.compiled()
    wide = tuple(SourceColumn(f"c{n}", "VARCHAR") for n in range(5_000))
    desk.scans["c"] = Scan(**{**vars(desk.scans["c"]), "columns": wide})
    desk.compiled = lambda: compiled  # type: ignore[method-assign]
    with pytest.raises(Failed) as caught:
        desk.run()
    assert caught.value.code == "TOO_MANY_COLUMNS"
    assert "5000 columns" in caught.value.message


def test_run__an_input_that_lost_rows_since_it_was_counted__does_not_balance(desk: Desk) -> None:
    desk.csv("c", ["id"], [["1"], ["2"]])
    desk.scans["c"] = Scan(**{**vars(desk.scans["c"]), "rows": 3})
    desk.target("id integer")
    desk.map({"id": "c.id"})
    with pytest.raises(Failed) as caught:
        desk.run()
    assert caught.value.code == "LEDGER_UNBALANCED"


def test_run__an_input_that_grew_since_it_was_counted__does_not_balance(desk: Desk) -> None:
    desk.csv("c", ["id"], [["1"], ["2"]])
    desk.scans["c"] = Scan(**{**vars(desk.scans["c"]), "rows": 1})
    desk.target("id integer")
    desk.map({"id": "c.id"})
    with pytest.raises(Failed) as caught:
        desk.run()
    assert caught.value.code == "LEDGER_UNBALANCED"


def test_run__more_than_fits_into_memory__spills_into_its_own_folder(desk: Desk, tmp_path: Path) -> None:
    path = tmp_path / "wide.parquet"
    duckdb.sql(
        "SELECT i % 150000 AS id, repeat(md5(i::VARCHAR), 16) AS t, i AS n FROM range(900000) AS r(i)"
    ).write_parquet(str(path))
    desk.scans["c"] = parquet_scan(
        [Part("wide.parquet", path, 900_000)], [("id", "BIGINT"), ("t", "VARCHAR"), ("n", "BIGINT")]
    )
    desk.target("id bigint", "t string", "n bigint", key=["id"])
    desk.map({"id": "c.id", "t": "c.t", "n": "c.n"}, deduplicate={"keys": ["id"], "order_by": ["c.n DESC"]})
    outcome = desk.run(limits=Limits(memory_bytes=400 * 1024**2, threads=LIMITS.threads))
    assert outcome.counts == {"read": 900_000, "deduplicated": 750_000, "inserted": 150_000}
    assert min(outcome.column("n")) == 750_000
