"""`datalinx tables export`: a table into a file that is whole or not there."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from typer.testing import Result
from werkzeug import Response

from .conftest import Server, refusal

Run = Callable[..., Result]
CALL = "GET tables/customers/export"


def file(data: bytes) -> Response:
    return Response(data, 200, content_type="application/octet-stream")


def test_export__to_stdout__writes_the_bytes_as_they_are(server: Server, cli: Run) -> None:
    server.on(CALL, file(b"a,b\r\n1,\xc3\xbc\r\n"))
    result = cli("tables", "export", "customers", "--as-of", "3")
    assert (result.exit_code, result.stdout_bytes) == (0, b"a,b\r\n1,\xc3\xbc\r\n")
    assert server.requests[-1][1] == {"format": "csv", "as_of": "3"}


@pytest.mark.parametrize(
    ("name", "options", "expected"),
    [
        ("t.parquet", [], "parquet"),
        ("t.jsonl", [], "jsonl"),
        ("t.txt", [], "csv"),
        ("t.csv", ["-f", "jsonl"], "jsonl"),
    ],
)
def test_export__to_a_file__takes_the_format_from_its_name(
    server: Server, cli: Run, tmp_path: Path, name: str, options: list[str], expected: str
) -> None:
    server.on(CALL, file(b"\x00bytes"))
    path = tmp_path / name
    assert cli("tables", "export", "customers", "-o", str(path), *options).exit_code == 0
    assert path.read_bytes() == b"\x00bytes"
    assert server.requests[-1][1]["format"] == expected
    assert list(tmp_path.glob(".*.part")) == []


def test_export__that_is_refused__leaves_the_file_that_was_there(
    server: Server, cli: Run, tmp_path: Path
) -> None:
    server.on(CALL, refusal(404, "SNAPSHOT_EXPIRED", "The table as it was then is kept no longer."))
    path = tmp_path / "t.csv"
    path.write_text("before")
    result: Any = cli("tables", "export", "customers", "-o", str(path))
    assert result.exit_code != 0
    assert "kept no longer" in result.stderr
    assert (path.read_text(), [each.name for each in tmp_path.glob("*t.csv*")]) == ("before", ["t.csv"])
