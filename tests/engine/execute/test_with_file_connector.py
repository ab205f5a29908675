"""Uploaded files as the connector reads them, through a mapping: the seam between the two holds."""

import gzip
from pathlib import Path

import pytest

from datalinx.engine.connectors.base import SourceContext
from datalinx.engine.connectors.file.connector import FileConnector
from tests.engine.execute.conftest import Desk


@pytest.fixture
def area(tmp_path: Path) -> Path:
    folder = tmp_path / "area"
    folder.mkdir()
    return folder


def scan(desk: Desk, area: Path, table: str) -> None:
    """Let the input `c` be a table of the area."""
    desk.scans["c"] = FileConnector().scan(SourceContext(config={}, area=area), table)


def places(desk: Desk) -> set[tuple[str | None, str | None, str]]:
    return set(desk.run(keep=False).reasons)


def test_run__a_csv_file_with_broken_records__rejects_them_at_their_place(desk: Desk, area: Path) -> None:
    (area / "people.csv").write_text("id,n\n1,1\n2\n3,x\n4,4,4\n5,y\n", encoding="utf-8")
    scan(desk, area, "people")
    desk.target("id integer", "n integer", key=["id"])
    desk.map({"id": "c.id", "n": "c.n"})
    outcome = desk.run()
    assert outcome.counts == {"read": 5, "rejected": 4, "inserted": 1}
    assert set(outcome.reasons) == {
        ("people.csv:2", None, "malformed_record"),
        ("people.csv:3", "n", "cast_failed"),
        ("people.csv:4", None, "malformed_record"),
        ("people.csv:5", "n", "cast_failed"),
    }


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("people.csv", b'id;n\r\n"1";"1"\r\n2;x\r\n'),
        ("people.tsv", b"id\tn\n1\t1\n2\tx\n"),
        ("people.csv.gz", gzip.compress(b"id,n\n1,1\n2,x\n", mtime=0)),
        ("people.jsonl", b'{"id": 1, "n": "1"}\n{"id": 2, "n": "x"}\n'),
        ("people.json", b'[{"id": 1, "n": "1"}, {"id": 2, "n": "x"}]'),
    ],
)
def test_run__any_kind_of_file__gives_rows_and_places(
    desk: Desk, area: Path, name: str, content: bytes
) -> None:
    (area / name).write_bytes(content)
    scan(desk, area, "people")
    desk.target("id integer", "n integer", key=["id"])
    desk.map({"id": "c.id", "n": "c.n"})
    outcome = desk.run()
    assert outcome.rows == [{"id": 1, "n": 1}]
    assert outcome.reasons == [(f"{name}:2", "n", "cast_failed")]


def test_run__a_quoted_empty_field__is_a_text_and_an_unquoted_one_is_missing(desk: Desk, area: Path) -> None:
    (area / "people.csv").write_text('id,t\n1,""\n2,\n', encoding="utf-8")
    scan(desk, area, "people")
    desk.target("id integer", "t string", key=["id"])
    desk.map({"id": "c.id", "t": "c.t"})
    assert {row["id"]: row["t"] for row in desk.run().rows} == {1: "", 2: None}
