"""Rejected rows of a load on Spark wait in the same quarantine, and a replay on Spark does what one on DuckDB does."""

from functools import partial
from pathlib import Path
from typing import Any

import pytest

from datalinx.engine.execute import Limits
from datalinx.engine.execute import spark as on_spark
from datalinx.engine.execute.quarantine import Released, close_quarantine, open_quarantine
from datalinx.engine.execute.replay import plan_replay, precedence_of
from tests.engine.execute.conftest import NO_GUARDS, NOW, Desk, Outcome, read_rows
from tests.engine.spark.desks import LIMITS, REMOTE, Desks, facts

COLUMNS = ["id", "n", "at"]
STRICT = {"type": "decorated", "source": "c.n", "decorators": [{"name": "cast", "type": "integer"}]}
MENDED = {
    "type": "decorated",
    "source": "c.n",
    "decorators": [
        {"name": "map_values", "values": {"x": "10", "\u200fy é": "11"}},
        {"name": "cast", "type": "integer"},
    ],
}
LOADS: dict[str, dict[str, Any]] = {
    "full": {"mode": "full"},
    "append": {"mode": "append"},
    "merge": {"mode": "merge"},
    "merge with a cursor": {"mode": "merge", "cursor": "c.at"},
    "history": {"mode": "history"},
}


def prepare(desks: Desks, load: dict[str, Any]) -> None:
    rows = [["1", "1", "2024-01-01"], ["2", "22", "2024-01-02"]]
    desks.duckdb.csv("c", COLUMNS, rows)
    desks.duckdb.target("id integer", "n integer", key=["id"])
    desks.duckdb.map({"id": "c.id", "n": STRICT}, load=load)


def replayed(
    desk: Desk, rejected: Path, before: tuple[Path, ...], *, was_read_since: bool
) -> tuple[Outcome, Released]:
    """Put rejected rows through the desk's mapping by the desk's engine, and keep the table."""
    desk.runs += 1
    folder = desk.folder / f"quarantine-{desk.runs}"
    folder.mkdir()
    found = open_quarantine(rejected, desk.scans["c"].columns, folder=folder, limits=Limits())
    compiled = plan_replay(desk.compiled())
    result = desk.execute(
        compiled,
        scans={**desk.scans, compiled.first: found.scan},
        workdir=desk.folder / f"run-{desk.runs}",
        now=NOW,
        limits=LIMITS,
        guards=NO_GUARDS,
        base=desk.stored,
        replay=precedence_of(compiled, was_read_since=was_read_since, before=before),
    )
    gone = set(result.removed_files)
    files = [*(path for path in desk.stored.files if path not in gone), *(file.path for file in result.files)]
    desk.stored = type(desk.stored)(tuple(files), result.cursor, result.output_hash)
    again = [result.rejected_path] if result.rejected_path else []
    released = close_quarantine(found, result.rejected_path, folder=folder, limits=Limits())
    return Outcome(result, read_rows(files), read_rows(again)), released


def _but_files(outcome: Outcome) -> dict[str, Any]:
    """The facts of a replay without the fingerprint of the quarantine's file, which is another one each time."""
    return {name: found for name, found in facts(outcome).items() if name != "inputs"}


# `make spark-full` replays into the others too.
IN_SHORT = {("merge", False), ("history", True)}


@pytest.mark.parametrize(
    ("name", "was_read_since"),
    [
        pytest.param(name, since, marks=[] if (name, since) in IN_SHORT else [pytest.mark.slow])
        for name in LOADS
        for since in (False, True)
    ],
)
def test_replay__on_spark__does_what_one_on_duckdb_does(
    desks: Desks, name: str, *, was_read_since: bool
) -> None:
    prepare(desks, LOADS[name])
    desks.same()
    before = [desk.stored.files for desk in (desks.duckdb, desks.spark)]
    tuesday = [
        ["1", "x", "2024-01-03"], ["2", "2", "2024-01-03"], ["3", "\u200fy é", "2024-01-03"], ["4", "z", None]
    ]  # fmt: skip
    desks.duckdb.csv("c", COLUMNS, tuesday)
    one, other = desks.run()
    assert facts(other) == facts(one)
    if was_read_since:
        desks.duckdb.csv("c", COLUMNS, [["3", "3", "2024-01-04"]])
        desks.same()
    desks.duckdb.mapping["fields"]["n"] = MENDED
    desks.spark.mapping = desks.duckdb.mapping
    found = []
    for desk, first, files in ((desks.duckdb, one, before[0]), (desks.spark, other, before[1])):
        assert first.result.rejected_path is not None
        done, released = replayed(desk, first.result.rejected_path, files, was_read_since=was_read_since)
        passed = read_rows([released.passed]) if released.passed else []
        stays = read_rows([released.rejected]) if released.rejected else []
        found.append(
            (_but_files(done), released.count, sorted(map(repr, passed)), stays, done.result.superseded)
        )
    assert found[1] == found[0]
    assert found[0][0]["counts"]["rejected"] == 1
    # The row that is not mended waits where it first stood.
    assert [row["locator"] for row in found[0][3]] == ["c.csv:4"]


def test_replay__of_rows_of_one_engine_by_the_other__is_the_same(desks: Desks) -> None:
    prepare(desks, LOADS["merge"])
    desks.duckdb.csv("c", COLUMNS, [["1", "x", "2024-01-03"], ["2", "2", None], ["3", "z", ""]])
    one, other = desks.run()
    desks.duckdb.mapping["fields"]["n"] = MENDED
    desks.duckdb.execute = partial(on_spark.run_table, remote=REMOTE)
    crossed = []
    for desk, first in ((desks.duckdb, other), (desks.spark, one)):
        desk.mapping = desks.duckdb.mapping
        assert first.result.rejected_path is not None
        done, released = replayed(desk, first.result.rejected_path, (), was_read_since=False)
        crossed.append((_but_files(done), released.count))
    assert crossed[1] == crossed[0]
    assert crossed[0][1] == 1
