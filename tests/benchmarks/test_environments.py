"""Environments are made once, made again when what is pinned changes, and a reason is told when they cannot be."""

import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks import environments
from benchmarks.environments import NotHere, python_of
from benchmarks.peers import MAPPING_PEERS


@pytest.fixture
def pins(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(environments, "_REQUIREMENTS", tmp_path)
    monkeypatch.setattr(environments, "_ENVIRONMENTS", tmp_path / "envs")
    monkeypatch.setenv("PATH", "/nowhere")
    path = tmp_path / "peer.txt"
    path.write_text("# nothing\n")
    return path


def test_python_of__first_time__makes_an_environment_of_its_own_and_keeps_it(pins: Path) -> None:
    python = python_of("peer")
    prefix = subprocess.run(
        [python, "-c", "import sys; print(sys.prefix)"], capture_output=True, text=True, check=True
    ).stdout.strip()
    assert Path(prefix) == pins.parent / "envs" / "peer"
    kept = Path(prefix) / "kept"
    kept.touch()
    assert python_of("peer") == python
    assert kept.exists()
    pins.write_text("# something else\n")
    python_of("peer")
    assert not kept.exists()


def test_python_of__package_that_cannot_be_had__says_why(pins: Path) -> None:
    pins.write_text("--no-index\nno-such-package-anywhere==1.0\n")
    with pytest.raises(NotHere, match=r"peer could not be installed: .*no-such-package-anywhere"):
        python_of("peer")


@pytest.mark.parametrize("name", sorted({peer.environment for peer in MAPPING_PEERS if peer.environment}))
def test_requirements__of_each_peer__are_pinned_exactly(name: str) -> None:
    lines = (Path(environments.__file__).parent / "peers" / f"{name}.txt").read_text().splitlines()
    pins = [line for line in lines if line and not line.startswith("#")]
    assert pins
    assert all("==" in line for line in pins)


def test_answer__libraries_that_print__do_not_spoil_the_answer() -> None:
    code = (
        "from benchmarks.peers.answer import answer\n"
        "answer(lambda work: lambda: print('noise', work['noise']), 'pip')"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], input='{"noise": 1}', capture_output=True, text=True, check=True
    )
    assert done.stdout.startswith('{"seconds": ')
    assert "noise 1" in done.stderr
