"""The health check of a container, which loads nothing but the standard library."""

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest
from pytest_httpserver import HTTPServer

from datalinx.up import probe


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "run").mkdir()
    monkeypatch.setenv("DATALINX_HOME", str(tmp_path))
    return tmp_path


def test_probe__of_a_worker_that_beat_lately__is_well(home: Path) -> None:
    for name in probe.BEATS["worker"]:
        probe.beat_file(home, name).touch()
    assert probe.main(["worker"]) == 0


def test_probe__of_a_worker_with_one_queue_silent__names_it(
    home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    first, second = probe.BEATS["worker"]
    probe.beat_file(home, first).touch()
    assert probe.main(["worker"]) == 1
    assert capsys.readouterr().err == f"There was no sign of life of the {second} yet.\n"


def test_probe__of_a_scheduler_that_fell_silent__is_not_well(
    home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = probe.beat_file(home, "scheduler")
    file.touch()
    os.utime(file, (time.time() - 100, time.time() - 100))
    assert probe.main(["scheduler"]) == 1
    assert "was 100 s ago" in capsys.readouterr().err


@pytest.mark.parametrize(("status", "code"), [(200, 0), (503, 1)])
def test_probe__of_the_web_server__asks_whether_it_is_ready(
    httpserver: HTTPServer, monkeypatch: pytest.MonkeyPatch, status: int, code: int
) -> None:
    httpserver.expect_request("/readyz", query_string="role=web").respond_with_data("", status=status)
    monkeypatch.setenv("DATALINX_PORT", str(httpserver.port))
    monkeypatch.setenv("NO_PROXY", "*")
    assert probe.main(["web"]) == code


def test_probe__of_a_web_server_that_is_away__says_so(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("DATALINX_PORT", "9")
    assert probe.main(["web"]) == 1
    assert "does not answer on port 9" in capsys.readouterr().err


def test_probe__with_a_variable_that_cannot_be_used__says_which(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("DATALINX_PORT", "none")
    assert probe.main(["web"]) == 1
    assert "DATALINX_PORT" in capsys.readouterr().err


@pytest.mark.parametrize("arguments", [[], ["everything"], ["web", "worker"]])
def test_probe__of_something_else__explains_itself(
    arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert probe.main(arguments) == 2
    assert "web|worker|scheduler" in capsys.readouterr().err


def test_probe__and_the_supervisor__load_no_django() -> None:
    code = "import sys, datalinx.up, datalinx.up.probe; sys.exit(sorted({'django', 'celery'} & set(sys.modules)) or 0)"
    subprocess.run([sys.executable, "-c", code], check=True, cwd=Path(__file__).parents[2])
