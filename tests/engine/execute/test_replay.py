"""Quarantined rows come back as they were, once, and never over a newer row of their key."""

from pathlib import Path
from typing import Any

import pytest

from datalinx.engine.compile.plan import SourceColumn
from datalinx.engine.connectors.base import Malformed, Scan
from datalinx.engine.execute.quarantine import Quarantine, close_quarantine, open_quarantine
from datalinx.engine.execute.replay import plan_replay, precedence_of
from datalinx.engine.execute.run import run_table
from datalinx.engine.execute.session import Session
from datalinx.engine.execute.stage import FAULT_TYPE
from datalinx.errors import Invalid
from tests.engine.execute.conftest import LIMITS, NO_GUARDS, NOW, Desk, Outcome, parquet_scan, read_rows


def rejects_of(outcome: Outcome) -> Path:
    assert outcome.result.rejected_path is not None
    return outcome.result.rejected_path


def quarantine(desk: Desk, rejected: Path, **more: Any) -> Quarantine:
    folder = desk.folder / f"quarantine-{len(list(desk.folder.iterdir()))}"
    folder.mkdir()
    columns = more.pop("columns", None) or desk.scans["c"].columns
    return open_quarantine(rejected, columns, folder=folder, limits=LIMITS, **more)


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        ("VARCHAR", "'  O''Brien \"x\" \\ ☃ '"),
        ("VARCHAR", "''"),
        ("VARCHAR", "'null'"),
        ("VARCHAR", "NULL"),
        ("BOOLEAN", "TRUE"),
        ("BIGINT", "9223372036854775807"),
        ("UHUGEINT", "340282366920938463463374607431768211455"),
        ("DOUBLE", "0.1 + 0.2"),
        ("DOUBLE", "'nan'"),
        ("DOUBLE", "'-infinity'"),
        ("FLOAT", "0.1"),
        ("DECIMAL(38,10)", "1234567890123456789012345678.0123456789"),
        ("DATE", "'0044-03-15 (BC)'"),
        ("DATE", "'infinity'"),
        ("TIME", "'23:59:59.999999'"),
        ("TIMESTAMP", "'2024-02-29 12:00:00.000001'"),
        ("TIMESTAMP WITH TIME ZONE", "'2024-02-29 12:00:00.5+02:00'"),
        ("UUID", "'7f0c1a52-0000-4000-8000-000000000001'"),
        ("BLOB", "'\\x00\\xFFa'"),
        ("INTEGER[]", "[1, NULL, 3]"),
        ("STRUCT(a VARCHAR, b DOUBLE)", "{'a': 'x', 'b': 1.5}"),
        ("STRUCT(a VARCHAR, b DOUBLE)", "{'a': 'x', 'b': 'nan'}"),
        ("MAP(VARCHAR, INTEGER)", "MAP {'k': 1}"),
    ],
)
def test_quarantine__a_value_of_any_type__comes_back_as_it_was(desk: Desk, kind: str, value: str) -> None:
    rejected = desk.folder / "rejected.parquet"
    names = ('strange /~" name', "other")
    columns = [SourceColumn(names[0], kind), SourceColumn(names[1], "VARCHAR")]
    with Session(limits=LIMITS, workdir=None) as session:
        from datalinx.engine.execute.json_rows import row_json

        row = row_json([(names[0], "v", kind), (names[1], "'x'", "VARCHAR")])
        session.run(f"CREATE TEMP TABLE given AS SELECT CAST({value} AS {kind}) AS v")
        session.run(
            f"COPY (SELECT {row} AS row, 'crm' AS source, 'c' AS \"table\", 'c.csv:1' AS locator, 'f' AS field, "
            f"'cast_failed' AS reason, CAST([] AS {FAULT_TYPE}[]) AS reasons FROM given) TO '{rejected}' "
            "(FORMAT parquet)"
        )
        found = quarantine(desk, rejected, columns=columns)
        assert (found.rows, found.unreadable) == (1, 0)
        same, known = session.row(
            f"SELECT g.v IS NOT DISTINCT FROM q.v, typeof(g.v) = typeof(q.v) "
            f"FROM given AS g, ({found.scan.sql}) AS q(v, other)"
        )
        assert (same, known) == (True, True)


@pytest.fixture
def people(desk: Desk) -> Desk:
    desk.csv(
        "c",
        ["id", "n", "at"],
        [
            ["1", "1", "2024-01-01"],
            ["2", "x", "2024-01-02"],
            ["3", "y", "2024-01-03"],
            ["4", "4", "2024-01-04"],
        ],
    )
    desk.target("id integer", "n string", key=["id"])
    desk.map({"id": "c.id", "n": strict()}, load={"mode": "merge"})
    return desk


def strict() -> dict[str, Any]:
    return {"type": "decorated", "source": "c.n", "decorators": [{"name": "cast", "type": "integer"}]}


def replay(desk: Desk, found: Quarantine, *, was_read_since: bool = False, **more: Any) -> Outcome:
    """Replay a quarantine into the desk's stored table by its present mapping, and keep the table."""
    compiled = plan_replay(desk.compiled())
    before = more.pop("before", ())
    desk.runs += 1
    result = run_table(
        compiled,
        scans={**desk.scans, compiled.first: found.scan},
        workdir=desk.folder / f"run-{desk.runs}",
        now=NOW,
        limits=LIMITS,
        guards=NO_GUARDS,
        base=desk.stored,
        replay=precedence_of(compiled, was_read_since=was_read_since, before=before),
        **more,
    )
    gone = set(result.removed_files)
    files = [*(path for path in desk.stored.files if path not in gone), *(file.path for file in result.files)]
    desk.stored = type(desk.stored)(tuple(files), result.cursor, result.output_hash)
    return Outcome(
        result, read_rows(files), read_rows([result.rejected_path]) if result.rejected_path else []
    )


def close(desk: Desk, found: Quarantine, outcome: Outcome) -> Any:
    return close_quarantine(found, outcome.result.rejected_path, folder=found.path.parent, limits=LIMITS)


@pytest.mark.parametrize("mode", ["full", "append", "merge", "history"])
def test_replay__under_a_mended_mapping__brings_each_row_in_once(people: Desk, mode: str) -> None:
    people.mapping["load"] = {"mode": mode}
    first = people.run()
    assert first.counts == {"read": 4, "rejected": 2, "inserted": 2}
    rejected = rejects_of(first)
    people.mapping["fields"]["n"] = {"type": "direct", "source": "c.n"}
    found = quarantine(people, rejected)
    done = replay(people, found)
    assert done.counts == {"read": 2, "inserted": 2}
    assert sorted((row["id"], row["n"]) for row in done.rows) == [(1, "1"), (2, "x"), (3, "y"), (4, "4")]
    released = close(people, found, done)
    assert (released.count, released.rejected) == (2, None)
    again = quarantine(people, rejected, passed=[released.passed])
    assert (again.rows, again.unreadable) == (0, 0)


def test_replay__of_rows_that_fail_again__keeps_them_where_they_stood(people: Desk) -> None:
    first = people.run()
    people.mapping["fields"]["n"] = {
        "type": "decorated",
        "source": "c.n",
        "decorators": [{"name": "map_values", "values": {"x": "10"}}, {"name": "cast", "type": "integer"}],
    }
    found = quarantine(people, rejects_of(first))
    done = replay(people, found)
    assert done.counts == {"read": 2, "rejected": 1, "inserted": 1}
    released = close(people, found, done)
    assert [row["locator"] for row in read_rows([released.rejected])] == ["c.csv:3"]
    assert [row["number"] for row in read_rows([released.passed])] == [0]
    rest = quarantine(people, rejects_of(first), passed=[released.passed])
    assert [rest.rows, rest.unreadable] == [1, 0]


def test_replay__chosen_by_reason__takes_only_these(people: Desk) -> None:
    people.csv("c", ["id", "n"], [["1", "x"], [None, "2"]])
    rejected = rejects_of(people.run())
    assert quarantine(people, rejected, reason="null_not_allowed").rows == 1
    assert quarantine(people, rejected, reason="nothing").rows == 0
    assert quarantine(people, rejected).rows == 2


def test_replay__of_malformed_records__leaves_and_counts_them(people: Desk) -> None:
    malformed = Malformed(
        1, "SELECT 'c.csv' AS __file, 9 AS __record, 'a,b,c' AS text, 'too many' AS message"
    )
    people.scans["c"] = Scan(**{**vars(people.scans["c"]), "malformed": malformed})
    found = quarantine(people, rejects_of(people.run()))
    assert (found.rows, found.unreadable) == (2, 1)


def test_replay__over_a_newer_cursor__changes_nothing(people: Desk) -> None:
    people.mapping["load"] = {"mode": "merge", "cursor": "c.at"}
    rejected = rejects_of(people.run())
    people.csv("c", ["id", "n", "at"], [["2", "22", "2024-03-01"], ["3", "33", "2024-01-03"]])
    people.stored = type(people.stored)(people.stored.files, None, people.stored.output_hash)
    people.run()
    cursor = people.stored.cursor
    people.mapping["fields"]["n"] = {"type": "direct", "source": "c.n"}
    done = replay(people, quarantine(people, rejected), was_read_since=True)
    assert done.counts == {"read": 2, "unchanged": 2}
    assert done.result.superseded == 2
    assert {row["id"]: row["n"] for row in done.rows} == {1: "1", 2: "22", 3: "33", 4: "4"}
    assert people.stored.cursor == cursor


def test_replay__without_a_cursor__changes_only_rows_from_before_the_load(people: Desk) -> None:
    people.csv("c", ["id", "n"], [["1", "1"], ["2", "2"]])
    people.run()
    before = people.stored.files
    people.csv("c", ["id", "n"], [["1", "new"], ["2", "x"], ["3", "3"], ["9", "x"]])
    people.mapping["fields"]["n"] = {
        "type": "decorated",
        "source": "c.n",
        "decorators": [{"name": "map_values", "values": {"new": "11"}}, {"name": "cast", "type": "integer"}],
    }
    rejected = rejects_of(people.run())
    people.mapping["fields"]["n"] = {"type": "direct", "source": "c.n"}
    stored = people.stored
    done = replay(people, quarantine(people, rejected), before=before)
    assert done.counts == {"read": 2, "inserted": 1, "updated": 1}
    assert {row["id"]: row["n"] for row in done.rows} == {1: "11", 2: "x", 3: "3", 9: "x"}
    people.stored = stored
    later = replay(people, quarantine(people, rejected), before=before, was_read_since=True)
    assert later.counts == {"read": 2, "inserted": 1, "unchanged": 1}
    assert later.result.superseded == 1


def test_replay__of_a_row_that_a_join_multiplied__takes_it_once(people: Desk) -> None:
    people.csv("o", ["id", "item"], [["2", "a"], ["2", "b"], ["3", "c"]])
    people.target("id integer", "n string", "item string", key=["id", "item"])
    joins = [{"left": "c", "right": "o", "type": "inner", "on": [["id", "id"]]}]
    people.map({"id": "c.id", "n": strict(), "item": "o.item"}, joins=joins, load={"mode": "merge"})
    first = people.run()
    assert [row["locator"] for row in first.rejected] == ["c.csv:2", "c.csv:2", "c.csv:3"]
    people.mapping["fields"]["n"] = {"type": "direct", "source": "c.n"}
    found = quarantine(people, rejects_of(first))
    assert found.rows == 2
    done = replay(people, found)
    assert (done.counts["read"], done.counts["joined_in"], done.counts["inserted"]) == (2, 1, 3)
    assert close(people, found, done).count == 3


def test_replay__of_typed_rows_in_an_append__comes_in_without_a_key(desk: Desk, tmp_path: Path) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    from datalinx.engine.connectors.base import Part

    path = tmp_path / "c.parquet"
    pq.write_table(pa.table({"id": pa.array([1, 2], pa.int32()), "n": [1.5, 0.1]}), path)
    desk.scans["c"] = parquet_scan([Part("c.parquet", path, 2)], [("id", "INTEGER"), ("n", "DOUBLE")])
    desk.target("id integer", "n integer")
    desk.map({"id": "c.id", "n": "c.n"}, load={"mode": "append", "cursor": "c.id"})
    first = desk.run()
    assert first.counts == {"read": 2, "rejected": 2}
    desk.target("id integer", "n double")
    desk.stored = type(desk.stored)((), first.result.cursor, None)
    done = replay(desk, quarantine(desk, rejects_of(first)))
    assert sorted((row["id"], row["n"]) for row in done.rows) == [(1, 1.5), (2, 0.1)]
    assert desk.stored.cursor == "2"


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"group_by": ["c.id"], "fields": {"id": {"type": "direct", "source": "c.id"}}}, "REPLAY_NOT_BY_ROW"),
        ({"joins": [{"left": "c", "right": "o", "type": "full", "on": [["id", "id"]]}]}, "REPLAY_NOT_BY_ROW"),
        ({"load": {"mode": "append"}}, "REPLAY_NEEDS_KEY"),
        ({"load": {"mode": "full"}}, "REPLAY_NEEDS_KEY"),
    ],
    ids=["grouped", "full join", "append", "full"],
)
def test_plan_replay__of_what_cannot_come_row_by_row__is_refused(
    people: Desk, change: dict[str, Any], code: str
) -> None:
    if "joins" in change:
        people.csv("o", ["id"], [["1"]])
    people.target("id integer", "n string")
    people.map({"id": "c.id", "n": "c.n"})
    people.mapping |= change
    if code == "REPLAY_NOT_BY_ROW" and "group_by" in change:
        people.target("id integer")
    with pytest.raises(Invalid) as caught:
        plan_replay(people.compiled())
    assert caught.value.code == code
