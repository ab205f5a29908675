"""A platform that really runs, for the tests of `datalinx up`."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO, Any

import pytest

ROOT = Path(__file__).parents[2]
FIRST = {
    "DATALINX_ADMIN_EMAIL": "owner@example.com",
    "DATALINX_ADMIN_PASSWORD": "correct horse battery",
    "DATALINX_ORGANIZATION": "Example",
}


def free_port() -> int:
    """Return a port that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def get(url: str, **headers: str) -> tuple[int, Any]:
    """Return the status and the JSON (or text) of an answer; 0 when there is none."""
    try:
        with urllib.request.urlopen(urllib.request.Request(url, headers=headers), timeout=20) as answer:
            status, body = answer.status, answer.read()
    except urllib.error.HTTPError as error:
        status, body = error.code, error.read()
    except OSError:
        return 0, None
    try:
        return status, json.loads(body)
    except ValueError:
        return status, body.decode(errors="replace")


class Platform:
    """One `datalinx up` under test."""

    def __init__(
        self,
        home: Path,
        *,
        environment: dict[str, str],
        port: int | None = None,
        output: int | IO[bytes] = subprocess.PIPE,
    ) -> None:
        self.home = home
        self.port = port or free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        own = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith(("DATALINX_", "DATABASE_"))
        }
        own.pop("DJANGO_SETTINGS_MODULE", None)
        self.started_at = time.monotonic()
        self.process = subprocess.Popen(
            [sys.executable, "-m", "datalinx.up", "--port", str(self.port), "--home", str(home)],
            cwd=ROOT,
            env={**own, **environment},
            stdout=output,
            stderr=output,
            text=True,
        )

    def wait_until_ready(self, seconds: float = 60) -> list[str]:
        """Return the lines that it printed until it was ready."""
        assert self.process.stdout is not None
        lines: list[str] = []
        for line in self.process.stdout:
            lines.append(line.rstrip("\n"))
            if "is ready" in line:
                return lines
        raise AssertionError(f"It ended: {self.process.communicate(timeout=10)[1]}")

    def workers(self) -> dict[int, str]:
        """Return the command lines of its workers by process id."""
        return {
            pid: line
            for pid, line in descendants(self.process.pid).items()
            if "celery -A datalinx worker" in line
        }

    def end(self, number: int = signal.SIGTERM) -> tuple[int, float]:
        """Return the exit code and how many seconds it took to end."""
        asked = time.monotonic()
        self.process.send_signal(number)
        self.process.communicate(timeout=30)
        return self.process.returncode, time.monotonic() - asked

    def refusal(self) -> str:
        """Return what it said on standard error when it did not start, having checked that it exited non-zero."""
        out, said = self.process.communicate(timeout=60)
        assert self.process.returncode != 0
        assert out == ""
        assert "Traceback" not in said
        return said


def _children_files(pid: int) -> list[Path]:
    """Return where the kernel lists a process's children; none for one that has ended meanwhile."""
    try:
        return list(Path(f"/proc/{pid}/task").glob("*/children"))
    except FileNotFoundError:
        return []


def descendants(pid: int) -> dict[int, str]:
    """Return the command lines of all processes below one, by process id."""
    found: dict[int, str] = {}
    for task in _children_files(pid):
        try:
            children = [int(text) for text in task.read_text().split()]
        except OSError:
            continue
        for child in children:
            try:
                raw = Path(f"/proc/{child}/cmdline").read_bytes()
            except OSError:
                continue
            found[child] = raw.replace(b"\0", b" ").decode(errors="replace").strip()
            found |= descendants(child)
    return found


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[..., Platform]]:
    """Start a platform in a folder of this test."""
    made: list[Platform] = []

    def begin(home: Path | None = None, port: int | None = None, **environment: str) -> Platform:
        made.append(Platform(home or tmp_path / "home", environment=environment, port=port))
        return made[-1]

    yield begin
    for each in made:
        _finish(each)


@pytest.fixture(scope="module")
def platform(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Platform]:
    """One platform for all tests of a module that do not end it."""
    made = Platform(tmp_path_factory.mktemp("up") / "home", environment=FIRST)
    try:
        made.lines = made.wait_until_ready()  # type: ignore[attr-defined]
        made.ready_after = time.monotonic() - made.started_at  # type: ignore[attr-defined]
        yield made
    finally:
        _finish(made)


def _finish(platform: Platform) -> None:
    if platform.process.poll() is None:
        platform.process.terminate()
        try:
            platform.process.communicate(timeout=20)
        except subprocess.TimeoutExpired:
            platform.process.kill()
            platform.process.communicate(timeout=10)
