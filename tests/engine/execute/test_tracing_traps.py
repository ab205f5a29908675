"""Where looking a record up could tell something else than what a run did: names, readings, many rows, queries."""

from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from datalinx.engine.compile.mapping import required_reads
from datalinx.engine.connectors.base import Part
from datalinx.engine.execute.finding import MAX_FOUND, find_stored
from datalinx.engine.execute.sought import read_sought
from datalinx.engine.execute.traced import MAX_RECORDS
from datalinx.engine.execute.tracing import trace_records
from datalinx.engine.query.tables import TableFiles
from datalinx.engine.spec.base import parse_document
from datalinx.engine.spec.mapping import Mapping
from datalinx.engine.spec.semantic_type import CustomTypeDocument
from datalinx.engine.types.registry import TypeRegistry
from tests.engine.execute.conftest import LIMITS, Desk, parquet_scan
from tests.engine.execute.test_tracing import only, rejected_by, trace


def one_column(desk: Desk, kind: str, *values: str) -> None:
    desk.csv("c", ["x"], [[value] for value in values])
    desk.target(f"x {kind}", key=["x"])
    desk.map({"x": "c.x"})


@pytest.mark.parametrize("alias", ["matches", "staged", "rows", "parts"])
def test_trace__inputs_with_names_of_its_own__are_not_mixed_up(desk: Desk, alias: str) -> None:
    desk.csv("c", ["id"], [["1"], ["2"]])
    desk.csv(alias, ["id", "m"], [["2", "x"]])
    desk.target("id integer", "m string", key=["id"])
    joins = [{"left": "c", "right": alias, "type": "left", "on": [["id", "id"]]}]
    desk.map({"id": "c.id", "m": f"{alias}.m"}, joins=joins)
    assert only(trace(desk, id="2")).values == {"id": 2, "m": "x"}


@pytest.mark.parametrize("name", ["=place", "=Row", "rowid", "=read", "=number", "c0", "place"])
def test_trace__a_column_of_any_name__is_only_a_column(desk: Desk, name: str) -> None:
    desk.csv("c", ["id", name], [["1", "7"], ["2", "7"], ["2", "8"], ["x", "9"]])
    desk.target("id integer", "t string", key=["id"])
    desk.map({"id": "c.id", "t": f'c."{name}"'}, deduplicate={"keys": ["id"], "order_by": [f'c."{name}"']})
    assert [(each.outcome, each.locator) for each in trace(desk, id="2").records] == [
        ("valid", "c.csv:2"),
        ("deduplicated", "c.csv:3"),
    ]
    assert only(trace(desk, t="9")).row == {"id": "x", name: "9"}
    assert rejected_by(desk, id="x") == [(0, "c.csv:4", "cast_failed")]


@pytest.mark.parametrize("name", ["=place", "rowid"])
def test_trace__a_column_of_a_query_of_any_name__is_only_a_column(desk: Desk, name: str) -> None:
    desk.csv("c", ["id", "n"], [["1", "7"], ["2", "8"]])
    scan = desk.scans.pop("c")
    desk.ctes = {"some": f'SELECT id, n AS "{name}" FROM crm.c'}
    desk.target("id integer", "t string", key=["id"])
    desk.map({"id": "s.id", "t": f's."{name}"'}, inputs=[{"alias": "s", "cte": "some"}])
    (read,) = required_reads(parse_document(Mapping, desk.mapping), ctes=desk.ctes)
    desk.scans[read.relation] = scan
    assert only(trace(desk, id="2")).row == {"id": "2", name: "8"}


@pytest.mark.parametrize(
    ("kind", "stored", "text"),
    [
        ("integer", "2", "1.5"),
        ("integer", "1000", "1e3"),
        ("integer", "31", "0x1F"),
        ("date", "2024-01-05", "2024-01-05 10:00"),
    ],
)
def test_trace__a_text_that_the_column_would_not_take__is_not_rounded_to_another_record(
    desk: Desk, kind: str, stored: str, text: str
) -> None:
    one_column(desk, kind, stored)
    assert trace(desk, x=text).records == ()
    assert only(trace(desk, x=f" {stored} ")).outcome == "valid"


def test_trace__a_word_for_a_boolean__is_one(desk: Desk) -> None:
    one_column(desk, "boolean", "off", "yes")
    assert only(trace(desk, x="no")).values == {"x": False}


def test_find_stored__bytes__are_found_as_they_are_shown(desk: Desk) -> None:
    one_column(desk, "binary", "bytes")
    desk.run()
    table = TableFiles([("x", "BLOB")], desk.stored.files)
    for text in ("bytes", "Ynl0ZXM="):
        sought = read_sought(desk.compiled(), {"x": text})
        assert find_stored(table, desk.compiled(), sought).rows == [{"x": "Ynl0ZXM="}]


def test_read_sought__of_a_type_of_ones_own__takes_its_normal_form(desk: Desk) -> None:
    document = {"name": "work_email", "parent": "email", "max_length": 40}
    types = TypeRegistry([parse_document(CustomTypeDocument, document)])
    kind = types.resolve("work_email")
    one_column(desk, "email", "ann@example.org")
    compiled = desk.compiled()
    object.__setattr__(compiled.fields[0], "type", kind)
    (sought,) = read_sought(compiled, {"x": " Ann@Example.org "}, types=types)
    assert "ann@example.org" in sought.readings


def test_trace__of_more_rows_than_are_shown__keeps_the_one_that_wins(desk: Desk) -> None:
    desk.csv("c", ["id", "seen"], [["1", str(number)] for number in range(MAX_RECORDS + 10)])
    desk.target("id integer", "seen integer", key=["id"])
    desk.map({"id": "c.id", "seen": "c.seen"}, deduplicate={"keys": ["id"], "order_by": ["c.seen DESC"]})
    found = trace(desk, id="1")
    assert (found.left_off, len(found.records)) == (True, MAX_RECORDS)
    assert [each.locator for each in found.records if each.outcome == "valid"] == [
        f"c.csv:{MAX_RECORDS + 10}"
    ]
    assert found.records[0].locator == "c.csv:1"


def test_trace__rows_of_a_query__keep_their_numbers_while_it_is_asked(desk: Desk) -> None:
    count = 200_000
    path = desk.folder / "c.parquet"
    rows = {"id": [str(each) for each in range(count)], "k": [str(each // 2) for each in range(count)]}
    pq.write_table(pa.table(rows), path, row_group_size=20_000)
    desk.ctes = {"some": "SELECT id, max(k) AS k FROM crm.c GROUP BY id"}
    desk.target("id integer", "k string", key=["id"])
    # Which of two wins is for the whole input to say, so that it is read a second time.
    desk.map(
        {"id": "s.id", "k": "s.k"},
        inputs=[{"alias": "s", "cte": "some"}],
        deduplicate={"keys": ["k"], "order_by": ["s.id"]},
    )
    (read,) = required_reads(parse_document(Mapping, desk.mapping), ctes=desk.ctes)
    desk.scans[read.relation] = parquet_scan([Part("c", path, count)], [("id", "VARCHAR"), ("k", "VARCHAR")])
    lost, won = only(trace(desk, id="150001")), only(trace(desk, id="150000"))
    assert (lost.outcome, lost.values, lost.locator) == ("deduplicated", {"id": 150001, "k": "75000"}, None)
    assert (won.outcome, won.values, lost.winner) == ("valid", lost.winner, {"id": 150000, "k": "75000"})


def stored_in(desk: Desk, name: str, rows: list[tuple[int, str]]) -> Any:
    path = desk.folder / name
    pq.write_table(
        pa.table({"x": ["a"] * len(rows), "n": [n for n, _ in rows], "v": [v for _, v in rows]}), path
    )
    table = TableFiles([("x", "VARCHAR"), ("n", "BIGINT"), ("v", "VARCHAR")], [path])
    one_column(desk, "string", "a")
    return find_stored(table, desk.compiled(), read_sought(desk.compiled(), {"x": "a"})).digest


def test_find_stored__of_more_rows_than_are_shown__stands_for_all_of_them_in_any_order(desk: Desk) -> None:
    rows = [(number, "x") for number in range(MAX_FOUND * 3)]
    first = stored_in(desk, "first.parquet", rows)
    assert first == stored_in(desk, "second.parquet", rows[::-1])
    assert first != stored_in(desk, "third.parquet", [*rows[:-1], (rows[-1][0], "y")])
    assert stored_in(desk, "few.parquet", rows[:5]) is None


def test_trace__types_of_a_workspace__are_taken(desk: Desk) -> None:
    one_column(desk, "email", "ann@example.org")
    found = trace_records(
        desk.compiled(),
        scans=desk.scans,
        values={"x": "Ann@example.org"},
        workdir=desk.folder / "trace",
        types=TypeRegistry(),
        limits=LIMITS,
    )
    assert only(found).outcome == "valid"
