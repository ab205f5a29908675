"""The warm server: a small process that keeps one query process ready, hands it a job, and starts the next.

It is a fresh Python process (never a fork of a Django process with threads) that imports DuckDB once and
forks from there. It speaks to one parent over one socket. A closed answer socket kills its query; a closed
control socket, the parent's end included, kills everything.
"""

import contextlib
import gc
import os
import selectors
import signal
import socket
import sys
import time
import traceback
from dataclasses import dataclass

from datalinx.engine.query import child, limits
from datalinx.engine.query.wire import ENDED, ENDED_MARK, receive_job, send_job

# DuckDB's trees and sqlglot's recurse; a query of this depth has long been refused by DuckDB.
_RECURSION_LIMIT = 10_000
CRASHED = 70
# Most queries have ended by then.
_REFILL_SECONDS = 0.05


@dataclass
class _Process:
    """A query's process: its id, the channel that its job goes through, the socket of its answer once it has one."""

    pid: int
    channel: socket.socket
    answer: socket.socket | None = None


class Server:
    """The event loop. `idle_seconds` without a query end it; its client starts a new one when needed."""

    def __init__(self, control: socket.socket, *, idle_seconds: float) -> None:
        self._control = control
        self._idle_seconds = idle_seconds
        self._busy: dict[int, _Process] = {}
        self._ready: _Process | None = None
        self._refill_at = 0.0
        self._selector = selectors.DefaultSelector()
        self._woken, wake = socket.socketpair()
        for end in (self._woken, wake):
            end.setblocking(False)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.set_wakeup_fd(wake.fileno(), warn_on_full_buffer=False)
        self._wake = wake
        self._selector.register(control, selectors.EVENT_READ)
        self._selector.register(self._woken, selectors.EVENT_READ)

    def run(self) -> None:
        """Serve until the parent closes the control socket or nothing has been asked for a while."""
        try:
            last = time.monotonic()
            while self._busy or time.monotonic() - last < self._idle_seconds:
                self._refill()
                for key, _ in self._selector.select(self._idle_seconds if self._ready else _REFILL_SECONDS):
                    if key.fileobj is self._control:
                        self._take_job()
                        last = time.monotonic()
                    elif key.fileobj is self._woken:
                        self._reap()
                    elif isinstance(key.data, _Process) and self._busy.get(key.data.pid) is key.data:
                        # Not when it has been reaped in this very round: its id may be another's by now.
                        self._kill(key.data)
        except EOFError:
            return
        finally:
            for process in (*self._busy.values(), *([self._ready] if self._ready else [])):
                self._kill(process)

    def _take_job(self) -> None:
        job, descriptor = receive_job(self._control)
        answer = socket.socket(fileno=descriptor)
        process = self._ready or self._start()
        self._ready = None
        try:
            send_job(process.channel, job, descriptor)
        except OSError:
            # The process that stood ready is gone; its successor gets the job.
            process = self._start()
            send_job(process.channel, job, descriptor)
        process.channel.close()
        process.answer = answer
        self._busy[process.pid] = process
        # Nothing is ever sent to a query on this socket: it becomes readable when the asker closes its end.
        self._selector.register(answer, selectors.EVENT_READ, process)
        self._refill_at = time.monotonic() + _REFILL_SECONDS

    def _refill(self) -> None:
        """Have one process stand ready, but not at the cost of the query that has just begun."""
        if self._ready is None and (not self._busy or time.monotonic() >= self._refill_at):
            self._ready = self._start()

    def _start(self) -> _Process:
        ours, theirs = socket.socketpair()
        parent = os.getpid()
        pid = os.fork()
        if pid == 0:
            _be_child(theirs, parent)
        theirs.close()
        return _Process(pid, ours)

    def _kill(self, process: _Process) -> None:
        if process.answer is not None:
            with contextlib.suppress(KeyError):
                self._selector.unregister(process.answer)
        for kill in (os.killpg, os.kill):
            # The group exists only once the process has made itself its leader.
            with contextlib.suppress(ProcessLookupError, PermissionError):
                kill(process.pid, signal.SIGKILL)

    def _reap(self) -> None:
        with contextlib.suppress(BlockingIOError):
            while self._woken.recv(4096):
                pass
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return
            if pid == 0:
                return
            if self._ready is not None and self._ready.pid == pid:
                self._ready.channel.close()
                self._ready = None
            if (process := self._busy.pop(pid, None)) is not None and process.answer is not None:
                self._finish(process.answer, status)

    def _finish(self, answer: socket.socket, status: int) -> None:
        with contextlib.suppress(KeyError):
            self._selector.unregister(answer)
        if status != 0:
            with contextlib.suppress(OSError):
                answer.send(ENDED.pack(ENDED_MARK, status), socket.MSG_DONTWAIT)
        answer.close()


def _be_child(channel: socket.socket, parent: int) -> None:
    """What the forked process does; it never returns into the server's loop."""
    report = os.dup(2)
    try:
        signal.set_wakeup_fd(-1)
        _close_all_but({channel.fileno(), report})
        limits.harden(parent)
        child.serve_one(channel)
        os._exit(0)
    except EOFError:
        os._exit(0)
    except BaseException:
        # A fault of ours: the asker hears of it by the process's status, the log has the rest.
        with contextlib.suppress(OSError):
            os.write(report, traceback.format_exc().encode())
        os._exit(CRASHED)


def _close_all_but(kept: set[int]) -> None:
    """Keep these descriptors; put /dev/null in the place of the standard ones, so that nothing can be printed."""
    for name in os.listdir("/dev/fd"):  # noqa: PTH208  # names of descriptors, not paths
        if int(name) not in {0, 1, 2, *kept}:
            with contextlib.suppress(OSError):
                os.close(int(name))
    null = os.open(os.devnull, os.O_RDWR)
    for standard in (0, 1, 2):
        os.dup2(null, standard)
    os.close(null)


def main(descriptor: int, idle_seconds: float) -> None:
    """Serve the parent on the socket that it passed down."""
    # Ctrl-C at a terminal is for the parent; this process ends when the parent's socket does.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    sys.setrecursionlimit(_RECURSION_LIMIT)
    child.warm_up()
    # Memory that a fork never has to copy.
    gc.collect()
    gc.freeze()
    with socket.socket(fileno=descriptor) as control:
        Server(control, idle_seconds=idle_seconds).run()
    # Nothing is left to tidy up, and DuckDB's bindings complain when Python takes them down piece by piece.
    os._exit(0)


if __name__ == "__main__":
    main(int(sys.argv[1]), float(sys.argv[2]))
