"""What identifies inputs and outputs: the same rows give the same hash, whatever their order and files."""

from pathlib import Path

import duckdb

from datalinx.engine.connectors.base import Scan
from datalinx.engine.execute import Limits
from tests.engine.execute.conftest import LIMITS, Desk


def letters(desk: Desk, texts: str, mode: str = "full") -> str:
    desk.csv("c", ["id", "t"], [[str(ord(text)), text] for text in texts])
    desk.target("id integer", "t string", key=["id"])
    desk.map({"id": "c.id", "t": "c.t"}, load={"mode": mode})
    return desk.run().result.output_hash


def test_output_hash__equal_rows_in_another_order_and_file__is_equal(desk: Desk) -> None:
    assert letters(desk, "abc") == letters(desk, "cab")


def test_output_hash__other_rows__is_another(desk: Desk) -> None:
    assert len({letters(desk, texts) for texts in ("abc", "abd", "ab", "", "abcd")}) == 5


def test_output_hash__reached_by_merging__is_that_of_the_whole_table(desk: Desk, tmp_path: Path) -> None:
    merged = [letters(desk, texts, mode="merge") for texts in ("ab", "bc", "d")][-1]
    other = Desk(tmp_path / "other")
    other.folder.mkdir()
    assert merged == letters(other, "dcba")


def test_output_hash__of_a_base_without_one__is_computed_anew(desk: Desk) -> None:
    letters(desk, "ab", mode="merge")
    known = desk.stored
    desk.stored = type(known)(known.files, known.cursor, None)
    forgotten = letters(desk, "bc", mode="merge")
    desk.stored = known
    assert letters(desk, "bc", mode="merge") == forgotten


def test_inputs__files__are_told_by_rows_and_fingerprint(desk: Desk) -> None:
    letters(desk, "abc")
    first = desk.run(keep=False).result.inputs["c"]
    assert (first.rows, len(first.fingerprint)) == (3, 64)
    assert desk.run(keep=False).result.inputs["c"] == first
    desk.scans["c"].files[0].touch()
    assert desk.run(keep=False).result.inputs["c"].fingerprint != first.fingerprint


def test_inputs__a_scan_with_a_fingerprint__is_told_by_it(desk: Desk) -> None:
    letters(desk, "abc")
    desk.scans["c"] = Scan(**{**vars(desk.scans["c"]), "fingerprint": "abc123", "rows": None})
    report = desk.run().result.inputs["c"]
    assert (report.rows, report.fingerprint) == (3, "abc123")


def test_engine__tells_the_version_that_ran(desk: Desk) -> None:
    letters(desk, "a")
    assert desk.run(limits=Limits(LIMITS.memory_bytes, 1)).result.engine == f"duckdb {duckdb.__version__}"
