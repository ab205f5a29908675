"""What children say: whole lines, readable, and in files that do not grow for ever."""

import json
import os
from pathlib import Path

import pytest

from datalinx.up import output
from datalinx.up.output import Output, readable, show


def test_output__lines_in_pieces__are_put_together(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    kept = Output("web", tmp_path)
    for piece in (b"ze", "rö".encode()[:-1], "ö".encode()[-1:] + b"\nsecond\nthi", b"rd"):
        kept.feed(piece)
    kept.flush()
    assert (tmp_path / "web.log").read_text().splitlines() == ["zerö", "second", "third"]
    assert list(kept.last) == ["zerö", "second", "third"]


def test_output__a_line_without_end__is_cut(tmp_path: Path) -> None:
    kept = Output("web", tmp_path)
    for _ in range(40):
        kept.feed(b"x" * 4096)
    assert len(kept._rest) <= 64 * 1024


def test_output__much_of_it__stays_within_its_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(output, "_FILE_BYTES", 10_000)
    kept = Output("web", tmp_path)
    for _ in range(1000):
        kept.feed(b"x" * 99 + b"\n")
    assert sum(path.stat().st_size for path in tmp_path.iterdir()) <= 40_000


def test_output__without_a_folder__is_passed_on_as_it_is(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    line = json.dumps({"event": "x", "level": "info"})
    Output("worker", None).feed(line.encode() + b"\n")
    assert capfd.readouterr().err == line + "\n"
    assert list(tmp_path.iterdir()) == []


def test_readable__an_event__has_clock_name_text_and_fields() -> None:
    line = json.dumps(
        {
            "timestamp": "2026-01-02T03:04:05.6Z",
            "level": "warning",
            "logger": "x",
            "event": "Late",
            "run": "run_1",
        }
    )
    assert readable("web", line) == "03:04:05 web             WARNING Late  run=run_1"


def test_readable__an_event_with_a_trace__ends_with_it() -> None:
    line = json.dumps({"event": "Crash", "level": "error", "exception": "Traceback\n  line"})
    assert readable("web", line).endswith("ERROR Crash\nTraceback\n  line")


@pytest.mark.parametrize("line", ["plain text", "[1, 2]", '{"no": "event"}', "{broken"])
def test_readable__anything_else__is_passed_on(line: str) -> None:
    assert readable("web", line) == f"web             {line}"


def test_show__into_a_full_pipe__does_not_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    reading, writing = os.pipe()
    try:
        with os.fdopen(writing, "w") as stream:
            monkeypatch.setattr("sys.stderr", stream)
            for _ in range(1000):
                show("x" * 1000)
    finally:
        os.close(reading)


def test_show__into_a_closed_stream__is_silent(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    stream = (tmp_path / "x").open("w")
    stream.close()
    monkeypatch.setattr("sys.stderr", stream)
    show("nobody hears it")
