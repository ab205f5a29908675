"""The platform's side of the warm server: start it when first needed, ask it, hear the answer or kill the query."""

import atexit
import contextlib
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from dataclasses import dataclass
from pathlib import Path

import datalinx
from datalinx.engine.query.wire import ENDED, ENDED_MARK, LENGTH, send_job
from datalinx.errors import Unavailable

# `-I` ignores the environment, the user's site and the working directory; the package's own place is given.
_CODE = (
    "import sys; sys.path.insert(0, sys.argv[1]); from datalinx.engine.query.server import main; "
    "main(int(sys.argv[2]), float(sys.argv[3]))"
)
_SEND_SECONDS = 10.0


@dataclass(frozen=True)
class Reply:
    """What came back: a whole answer, or how the process ended without one.

    `ended_by` is the number of the signal, 0 when the process ended by itself, None when that is not known.
    """

    answer: bytes | None = None
    timed_out: bool = False
    too_long: bool = False
    ended_by: int | None = None


class QueryServer:
    """One warm server of this process, shared by its threads. A forked child of this process makes its own."""

    def __init__(self, *, idle_seconds: float = 300.0) -> None:
        self._idle_seconds = idle_seconds
        self._lock = threading.Lock()
        self._control: socket.socket | None = None
        self._process: subprocess.Popen[bytes] | None = None
        os.register_at_fork(after_in_child=self._forget)
        atexit.register(self.close)

    @property
    def pid(self) -> int | None:
        """The server's process id while it runs."""
        return self._process.pid if self._process and self._process.poll() is None else None

    def ask(self, job: bytes, *, seconds: float, max_bytes: int) -> Reply:
        """Run one job; return within `seconds` and a moment. Its process is dead when this returns."""
        deadline = time.monotonic() + seconds
        channel = self._send(job)
        try:
            return _receive(channel, deadline, max_bytes)
        finally:
            # A shutdown reaches every copy of the socket; the server sees it and kills the query.
            with contextlib.suppress(OSError):
                channel.shutdown(socket.SHUT_RDWR)
            channel.close()

    def close(self) -> None:
        """End the server and every query of it."""
        with self._lock:
            self._drop()

    def _send(self, job: bytes) -> socket.socket:
        with self._lock:
            for attempt in (1, 2):
                ours, theirs = socket.socketpair()
                try:
                    send_job(self._started(), job, theirs.fileno())
                except OSError as error:
                    # An idle server has ended, or somebody killed it: start one more, once.
                    ours.close()
                    self._drop()
                    if attempt == 2:
                        raise Unavailable(
                            "QUERY_ENGINE_UNAVAILABLE",
                            "The query engine does not start. Try again in a moment.",
                        ) from error
                else:
                    return ours
                finally:
                    theirs.close()
        raise AssertionError("The loop above returns or raises.")

    def _started(self) -> socket.socket:
        if self._control is None:
            ours, theirs = socket.socketpair()
            with theirs:
                root = str(Path(datalinx.__file__).resolve().parent.parent)
                arguments = [
                    sys.executable,
                    "-I",
                    "-c",
                    _CODE,
                    root,
                    str(theirs.fileno()),
                    str(self._idle_seconds),
                ]
                self._process = subprocess.Popen(  # noqa: S603  # nothing in it comes from a user
                    arguments,
                    env={},
                    cwd="/",
                    stdin=subprocess.DEVNULL,
                    stdout=subprocess.DEVNULL,
                    pass_fds=[theirs.fileno()],
                    start_new_session=True,
                )
            ours.settimeout(_SEND_SECONDS)
            self._control = ours
        return self._control

    def _drop(self) -> None:
        if self._control is not None:
            self._control.close()
            self._control = None
        if self._process is not None:
            try:
                self._process.wait(timeout=2)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
            self._process = None

    def _forget(self) -> None:
        """In a forked child: the server is the parent's, and the lock may be held by a thread that is not here."""
        self._lock = threading.Lock()
        if self._control is not None:
            self._control.close()
        if self._process is not None:
            # Not our child: nothing to wait for.
            self._process.returncode = 0
        self._control = self._process = None


def _receive(channel: socket.socket, deadline: float, max_bytes: int) -> Reply:
    data = bytearray()
    wanted: int | None = None
    while wanted is None or len(data) < wanted:
        remaining = deadline - time.monotonic()
        if remaining <= 0:
            return Reply(timed_out=True)
        channel.settimeout(remaining)
        try:
            part = channel.recv(1 << 20)
        except TimeoutError:
            return Reply(timed_out=True)
        except OSError:
            part = b""
        if not part:
            return Reply(ended_by=_end_of(bytes(data)))
        data += part
        if wanted is None and len(data) >= LENGTH.size and not data.startswith(ENDED_MARK):
            wanted = LENGTH.size + LENGTH.unpack_from(data)[0]
        if len(data) > max_bytes or (wanted or 0) > max_bytes:
            return Reply(too_long=True)
    return Reply(answer=bytes(data[LENGTH.size :]))


def _end_of(data: bytes) -> int | None:
    """The signal that ended the process, from what the server wrote after it."""
    if len(data) < ENDED.size:
        return None
    mark, status = ENDED.unpack(data[-ENDED.size :])
    if mark != ENDED_MARK:
        return None
    return os.WTERMSIG(status) if os.WIFSIGNALED(status) else 0


TIME_SIGNALS = (signal.SIGALRM, signal.SIGXCPU)
