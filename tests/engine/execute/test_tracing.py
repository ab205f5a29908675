"""Looking a record up tells of every row of the input what a run does with it."""

from collections import Counter
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from datalinx.engine.compile.mapping import required_reads
from datalinx.engine.connectors.base import Part
from datalinx.engine.execute.finding import find_passed, find_rejected
from datalinx.engine.execute.sought import read_sought
from datalinx.engine.execute.traced import MAX_RECORDS, Record, Trace
from datalinx.engine.execute.tracing import trace_records
from datalinx.engine.spec.base import parse_document
from datalinx.engine.spec.mapping import Mapping
from datalinx.errors import Cancelled, Invalid
from tests.engine.execute.conftest import LIMITS, Desk, parquet_scan

CONTACTS = [
    ["1", "ann@example.org", "2", "a"],
    ["2", "not an address", "5", "a"],
    ["3", "cy@example.org", "1", "b"],
    ["4", "dee@example.org", "1", "a"],
    ["4", "dee@example.com", "9", "a"],
    ["x", "eve@example.org", "1", "a"],
]


def trace(desk: Desk, reading: str | None = None, **values: str) -> Trace:
    return trace_records(
        desk.compiled(),
        scans=desk.scans,
        values=values,
        workdir=desk.folder / "trace",
        reading=reading,
        limits=LIMITS,
    )


def only(found: Trace) -> Record:
    (record,) = found.records
    return record


def contacts(desk: Desk, **more: Any) -> None:
    desk.csv("c", ["id", "mail", "seen", "kind"], CONTACTS)
    desk.target("id integer", "email email", "seen integer", key=["id"])
    mail = {"type": "decorated", "source": "c.mail", "decorators": [{"name": "email"}]}
    desk.map({"id": "c.id", "email": mail, "seen": "c.seen"}, **more)


DEDUPLICATED = {"keys": ["id"], "order_by": ["c.seen DESC"]}


def test_trace__a_row_that_passes__shows_source_and_values(desk: Desk) -> None:
    contacts(desk, deduplicate=DEDUPLICATED)
    found = only(trace(desk, id="1"))
    assert (found.outcome, found.locator) == ("valid", "c.csv:1")
    assert found.row == {"id": "1", "mail": "ann@example.org", "seen": "2", "kind": "a"}
    assert found.values == {"id": 1, "email": "ann@example.org", "seen": 2}


def test_trace__a_rejected_row__tells_its_reasons(desk: Desk) -> None:
    contacts(desk, deduplicate=DEDUPLICATED)
    found = only(trace(desk, id="2"))
    assert (found.outcome, found.locator) == ("rejected", "c.csv:2")
    assert [(each["field"], each["reason"], each["value"]) for each in found.reasons] == [
        ("email", "invalid_email", "not an address")
    ]


def test_trace__a_key_that_is_no_value__is_found_as_it_stands_in_the_source(desk: Desk) -> None:
    contacts(desk, deduplicate=DEDUPLICATED)
    found = only(trace(desk, id="x"))
    assert (found.outcome, [each["reason"] for each in found.reasons]) == ("rejected", ["cast_failed"])


def test_trace__a_filtered_row__is_told(desk: Desk) -> None:
    contacts(desk, filter="c.kind = 'a'", deduplicate=DEDUPLICATED)
    assert (only(trace(desk, id="3")).outcome, only(trace(desk, id="1")).outcome) == ("filtered", "valid")


def test_trace__rows_of_one_key__say_which_one_wins(desk: Desk) -> None:
    contacts(desk, deduplicate=DEDUPLICATED)
    lost, won = trace(desk, id="4").records
    assert (lost.outcome, won.outcome) == ("deduplicated", "valid")
    assert (lost.winner, lost.winner_locator) == (won.values, "c.csv:5")


def test_trace__rows_of_one_key_that_nobody_resolves__are_rejected(desk: Desk) -> None:
    contacts(desk)
    found = trace(desk, id="4").records
    assert [each.outcome for each in found] == ["rejected", "rejected"]
    assert found[0].reasons[0]["reason"] == "duplicate_key"


def test_trace__a_winner_of_another_key__is_found_in_the_rest_of_the_input(desk: Desk) -> None:
    desk.csv("c", ["id", "mail"], [["1", "a@example.org"], ["2", "a@example.org"]])
    desk.target("id integer", "email email", key=["id"])
    desk.map({"id": "c.id", "email": "c.mail"}, deduplicate={"keys": ["email"], "order_by": ["c.id DESC"]})
    found = only(trace(desk, id="1"))
    assert (found.outcome, found.winner) == ("deduplicated", {"id": 2, "email": "a@example.org"})


def test_trace__by_another_column__takes_its_normal_form(desk: Desk) -> None:
    contacts(desk, deduplicate=DEDUPLICATED)
    assert only(trace(desk, email=" Ann@Example.org ")).values == {
        "id": 1,
        "email": "ann@example.org",
        "seen": 2,
    }


def test_trace__rows_that_a_join_drops__are_told(desk: Desk) -> None:
    desk.csv("c", ["id", "n"], [["1", "a"], ["2", "b"]])
    desk.csv("o", ["id", "m"], [["1", "x"], ["1", "y"]])
    desk.target("id integer", "m string")
    joins = [{"left": "c", "right": "o", "type": "inner", "on": [["id", "id"]]}]
    desk.map({"id": "c.id", "m": "o.m"}, joins=joins)
    assert only(trace(desk, id="2")).outcome == "joined_out"
    assert [each.values["m"] for each in trace(desk, id="1").records if each.values] == ["x", "y"]


def test_trace__a_value_that_a_join_makes__is_found_among_all_rows(desk: Desk) -> None:
    desk.csv("c", ["id"], [["1"], ["2"]])
    desk.csv("o", ["id", "m"], [["1", "x"]])
    desk.target("id integer", "m string")
    joins = [{"left": "c", "right": "o", "type": "left", "on": [["id", "id"]]}]
    desk.map({"id": "c.id", "m": "o.m"}, joins=joins)
    found = trace(desk, m="x")
    assert (only(found).outcome, only(found).locator, found.tells_all) == ("valid", "c.csv:1", False)


def test_trace__a_group__is_found_by_what_makes_it(desk: Desk) -> None:
    desk.csv("c", ["k"], [["a"], ["a"], ["b"]])
    desk.target("k string", "n integer", key=["k"])
    desk.map({"k": "c.k", "n": {"type": "aggregate", "expression": "count(*)"}}, group_by=["c.k"])
    found = only(trace(desk, k="a"))
    assert (found.outcome, found.values, found.row) == ("valid", {"k": "a", "n": 2}, {"k": "a"})


def test_trace__rows_before_the_cursor__are_not_read(desk: Desk) -> None:
    contacts(desk, deduplicate=DEDUPLICATED)
    reading = 'TRY_CAST("c"."seen" AS INTEGER) > 4'
    assert only(trace(desk, reading, id="1")).outcome == "not_read"
    assert [each.outcome for each in trace(desk, reading, id="4").records] == ["not_read", "valid"]


def test_trace__files_and_malformed_records__stand_in_the_locator(desk: Desk, tmp_path: Path) -> None:
    desk.csv("c", ["id"], [["1"], ["2"]])
    first = desk.scans.pop("c")
    desk.csv("d", ["id"], [["7"], ["8"]])
    second = desk.scans.pop("d")
    both = {
        **vars(first),
        "sql": f"{first.sql} UNION ALL {second.sql}",
        "numbered_sql": f"{first.numbered_sql} UNION ALL {second.numbered_sql}",
        "files": (*first.files, *second.files),
        "parts": (*first.parts, *second.parts),
        "rows": 4,
    }
    desk.scans["c"] = type(first)(**both)
    desk.target("id integer", key=["id"])
    desk.map({"id": "c.id"})
    assert [only(trace(desk, id=key)).locator for key in ("2", "7")] == ["c.csv:2", "d.csv:1"]


def test_trace__a_first_input_that_is_a_query__has_rows_without_a_place(desk: Desk) -> None:
    desk.csv("c", ["id", "n"], [["1", "a"], ["2", "b"]])
    scan = desk.scans.pop("c")
    desk.ctes = {"some": "SELECT id, n FROM crm.c WHERE n <> 'b'"}
    desk.target("id integer", "n string", key=["id"])
    desk.map({"id": "s.id", "n": "s.n"}, inputs=[{"alias": "s", "cte": "some"}])

    (read,) = required_reads(parse_document(Mapping, desk.mapping), ctes=desk.ctes)
    desk.scans[read.relation] = scan
    assert (only(trace(desk, id="1")).outcome, only(trace(desk, id="1")).locator) == ("valid", None)
    assert trace(desk, id="2").records == ()


def test_trace__many_rows__are_bounded(desk: Desk) -> None:
    desk.csv("c", ["id", "k"], [[str(number), "a"] for number in range(50)])
    desk.target("id integer", "k string", key=["id"])
    desk.map({"id": "c.id", "k": "c.k"})
    found = trace(desk, k="a")
    assert (len(found.records), found.left_off) == (MAX_RECORDS, True)


def test_trace__an_unknown_column__is_refused_with_a_hint(desk: Desk) -> None:
    contacts(desk)
    with pytest.raises(Invalid, match="Did you mean `email`") as refused:
        trace(desk, emial="x")
    assert refused.value.code == "UNKNOWN_COLUMN"


def test_trace__a_text_with_quotes__is_a_text(desk: Desk) -> None:
    contacts(desk)
    assert trace(desk, email="' OR 1=1 --").records == ()


def test_trace__cancelled__stops(desk: Desk) -> None:
    contacts(desk)
    with pytest.raises(Cancelled):
        trace_records(
            desk.compiled(),
            scans=desk.scans,
            values={"id": "1"},
            workdir=desk.folder / "trace",
            cancelled=lambda: True,
        )


def rejected_by(desk: Desk, **values: str) -> list[Any]:
    outcome = desk.run(keep=False)
    compiled, path = desk.compiled(), outcome.result.rejected_path
    assert path is not None
    found = find_rejected(
        path,
        compiled,
        read_sought(compiled, values),
        columns=compiled.input(compiled.first).columns,
        workdir=desk.folder / f"find-{desk.runs}",
        limits=LIMITS,
    )
    return [(row.number, row.document["locator"], row.document["reason"]) for row in found]


def test_find_rejected__by_key_source_or_faulty_value__finds_the_row(desk: Desk) -> None:
    contacts(desk)
    assert rejected_by(desk, id="2") == [(0, "c.csv:2", "invalid_email")]
    assert rejected_by(desk, id="02") == [(0, "c.csv:2", "invalid_email")]
    assert rejected_by(desk, id="x") == [(3, "c.csv:6", "cast_failed")]
    assert rejected_by(desk, email="not an address") == [(0, "c.csv:2", "invalid_email")]
    assert [row[2] for row in rejected_by(desk, id="4")] == ["duplicate_key", "duplicate_key"]
    assert rejected_by(desk, id="1") == []


def test_find_rejected__a_group__is_found_by_its_values(desk: Desk) -> None:
    desk.csv("c", ["k", "n"], [["a", "1"], ["b", "9"]])
    desk.target("k string", "n email", key=["k"])
    desk.map({"k": "c.k", "n": {"type": "aggregate", "expression": "max(c.n)"}}, group_by=["c.k"])
    assert [row[2] for row in rejected_by(desk, k="a")] == ["invalid_email"]


def test_find_passed__names_the_replay_that_took_a_row(desk: Desk, tmp_path: Path) -> None:
    paths = []
    for position, numbers in enumerate(([0, 4], [2])):
        paths.append(tmp_path / f"passed-{position}.parquet")
        pq.write_table(pa.table({"number": pa.array(numbers, pa.int64())}), paths[-1])
    assert find_passed(paths, [2, 3, 4]) == {4: 0, 2: 1}


KEYS = st.sampled_from(["1", "2", "3", "4", "x"])


@given(
    rows=st.lists(
        st.tuples(KEYS, st.sampled_from(["5", "y", "7"]), st.sampled_from("ab"), st.sampled_from("123")),
        max_size=12,
    ),
    others=st.lists(KEYS, max_size=5),
    shape=st.sampled_from(["plain", "resolved", "other key", "joined"]),
    parquet=st.booleans(),
)
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_trace__every_key__adds_up_to_the_ledger_of_the_run(
    tmp_path_factory: pytest.TempPathFactory,
    rows: list[tuple[str, ...]],
    others: list[str],
    shape: str,
    parquet: bool,
) -> None:
    desk = Desk(tmp_path_factory.mktemp("desk"))
    columns = ["id", "n", "kind", "at"]
    desk.csv("c", columns, rows)
    if parquet and rows:
        _as_parquet(desk, columns, rows)
    more: dict[str, Any] = {"filter": "c.kind = 'a'"}
    if shape == "joined":
        desk.csv("o", ["id"], [[other] for other in others])
        more["joins"] = [{"left": "c", "right": "o", "type": "inner", "on": [["id", "id"]]}]
    if shape == "resolved":
        more["deduplicate"] = {"keys": ["id"], "order_by": ["c.at"]}
    if shape == "other key":
        more["deduplicate"] = {"keys": ["n"], "order_by": ["c.at"]}
    desk.target("id integer", "n integer", key=["id"])
    desk.map({"id": "c.id", "n": "c.n"}, **more)
    counts = desk.run(keep=False).counts
    found = Counter(each.outcome for key in "1234x" for each in trace(desk, id=key).records)
    ledger = Counter(
        {
            "valid": counts.get("inserted", 0),
            "rejected": counts.get("rejected", 0),
            "deduplicated": counts.get("deduplicated", 0),
            "filtered": counts.get("filtered", 0),
            "joined_out": counts.get("joined_out", 0),
        }
    )
    assert +found == +ledger


def _as_parquet(desk: Desk, columns: list[str], rows: list[tuple[str, ...]]) -> None:

    path = desk.folder / "c.parquet"
    data = {name: pa.array([row[number] for row in rows]) for number, name in enumerate(columns)}
    pq.write_table(pa.table(data), path)
    desk.scans["c"] = parquet_scan(
        [Part("c.parquet", path, len(rows))], [(name, "VARCHAR") for name in columns]
    )
