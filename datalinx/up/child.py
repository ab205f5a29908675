"""One child process: in a process group of its own, gone when its parent is gone."""

import contextlib
import ctypes
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

from datalinx.up.output import Output
from datalinx.up.programs import Program

_PR_SET_PDEATHSIG = 1
_PR_SET_CHILD_SUBREAPER = 36
_libc = ctypes.CDLL(None) if sys.platform == "linux" else None


def become_subreaper() -> None:
    """Let orphans among this process's descendants become its own children, where the kernel can (Linux)."""
    if _libc is not None:
        _libc.prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def _end_with_parent() -> None:
    # Runs in the child, between fork and exec: a parent that is killed cannot end its children itself.
    if _libc is not None:
        _libc.prctl(_PR_SET_PDEATHSIG, signal.SIGTERM, 0, 0, 0)


class Child:
    """A program that runs, ran, or will run again at `due`. Times are of the monotonic clock."""

    def __init__(self, program: Program, output: Output) -> None:
        self.program = program
        self.output = output
        self.pid = 0
        self.due = 0.0
        self.started_at = 0.0
        self.failures = 0
        self.code = 0
        self.once = False
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def is_running(self) -> bool:
        return self.pid != 0

    def start(self) -> int:
        """Start the program and return the descriptor of its output, to be read."""
        self._process = subprocess.Popen(  # noqa: S603  # our own command line
            self.program.command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env={**os.environ, "PYTHONUNBUFFERED": "1", **self.program.environment},
            pass_fds=self.program.descriptors,
            process_group=0,
            preexec_fn=_end_with_parent,  # noqa: PLW1509  # this process has one thread
        )
        self.pid = self._process.pid
        self.started_at = time.monotonic()
        assert self._process.stdout is not None  # noqa: S101  # a pipe was asked for
        descriptor = self._process.stdout.fileno()
        os.set_blocking(descriptor, False)
        return descriptor

    def signal_leader(self, number: signal.Signals) -> None:
        """Send a signal to the process itself, which tells its own children."""
        with contextlib.suppress(ProcessLookupError):
            os.kill(self.pid, number)

    def kill_group(self) -> None:
        """Kill the process and all that it left in its group."""
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self.pid, signal.SIGKILL)

    def ended(self, status: int) -> tuple[int, int]:
        """Note that the process was reaped. Return its exit code, negative for a signal, and its life in seconds."""
        self.pid = 0
        self.code = os.waitstatus_to_exitcode(status)
        if self._process is not None:
            # Reaped by the supervisor, not through this object, which would wait for it a second time.
            self._process.returncode = self.code
            if self._process.stdout is not None:
                self._process.stdout.close()
        self.output.flush()
        return self.code, int(time.monotonic() - self.started_at)


def adopted_children() -> list[int]:
    """Return the ids of this process's children that the kernel knows, zombies among them (Linux)."""
    try:
        return [int(text) for text in Path("/proc/thread-self/children").read_text(encoding="ascii").split()]
    except OSError:
        return []
