"""Processes of a platform under a drill: found by what they do, ended hard, and started again when they ended."""

import contextlib
import os
import signal
import subprocess
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from tests.up.conftest import ROOT, descendants

# What stands in the command line of the first process of each role.
ROLES = {
    "runs": "worker --queues runs",
    "default": "worker --queues default",
    "scheduler": "-A datalinx beat",
    "web": "gunicorn",
}


def leaders(root: int, role: str) -> list[int]:
    """Return the first process of each group that does this work, below the process `root`."""
    found = []
    for pid, line in descendants(root).items():
        with contextlib.suppress(ProcessLookupError):
            if ROLES[role] in line and os.getpgid(pid) == pid:
                found.append(pid)
    return found


def signal_group(pid: int, number: signal.Signals) -> None:
    """Send a signal to a process with all that it started; one that is gone already needs none."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(pid, number)


class Keeper:
    """Starts programs and starts them again when they end, as whatever runs containers does."""

    def __init__(self, logs: Path) -> None:
        self._logs = logs
        self._programs: dict[str, tuple[Sequence[str], Mapping[str, str]]] = {}
        self._running: dict[str, subprocess.Popen[bytes]] = {}
        self._ends = threading.Event()
        self._thread = threading.Thread(target=self._keep, daemon=True)

    @contextlib.contextmanager
    def keep(self, programs: Mapping[str, tuple[Sequence[str], Mapping[str, str]]]) -> Iterator[None]:
        """Keep these programs, by name with command and environment, until the end."""
        self._programs = dict(programs)
        self._start_missing()
        self._thread.start()
        try:
            yield
        finally:
            self._ends.set()
            self._thread.join()
            self._end_all()

    def _keep(self) -> None:
        while not self._ends.wait(0.3):
            self._start_missing()

    def _start_missing(self) -> None:
        for name, (command, environment) in self._programs.items():
            running = self._running.get(name)
            if running is None or running.poll() is not None:
                if running is not None:
                    signal_group(running.pid, signal.SIGKILL)
                with (self._logs / f"{name}.log").open("ab") as log:
                    self._running[name] = subprocess.Popen(
                        command,
                        env=dict(environment),
                        cwd=ROOT,
                        stdin=subprocess.DEVNULL,
                        stdout=log,
                        stderr=subprocess.STDOUT,
                        process_group=0,
                    )

    def _end_all(self) -> None:
        for process in self._running.values():
            signal_group(process.pid, signal.SIGCONT)
            process.terminate()
        deadline = time.monotonic() + 8
        for process in self._running.values():
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(max(0.1, deadline - time.monotonic()))
            signal_group(process.pid, signal.SIGKILL)
            process.wait(5)
