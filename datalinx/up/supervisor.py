"""Keeps programs running: starts them, starts them again, ends them all.

One thread and one loop. It waits for the children's output, for signals and for the next thing that is due;
nothing in it blocks, so that a child that ends is seen at once.
"""

import contextlib
import os
import selectors
import signal
import socket
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import FrameType

from datalinx.up.child import Child, adopted_children, become_subreaper
from datalinx.up.output import Output, show
from datalinx.up.programs import Program
from datalinx.up.refusal import Refusal

# Children that were asked to end have this long before they are killed; with the rest well under ten seconds.
STOP_SECONDS = 7.0
# A program that lived shorter is started again after a pause, still within two seconds of its end.
_SHORT_LIFE_SECONDS = 5
_PAUSE_SECONDS = 0.5
# So many ends with an error, each soon after a start, before the first readiness: starting is given up.
_START_FAILURES = 5
_READY_POLL_SECONDS = 0.2
# Who waits is told so often what for.
_WORD_SECONDS = 15.0
_TICK_SECONDS = 0.5
_ENDING = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)


@dataclass
class Readiness:
    """How to see what is missing until everything is ready (an empty text), and what to do then, once."""

    what_is_missing: Callable[[], str]
    announce: Callable[[], None]
    announced: bool = False


class Supervisor:
    """Runs the programs until a signal ends it."""

    def __init__(
        self, programs: Sequence[Program], logs: Path | None, readiness: Readiness | None = None
    ) -> None:
        self._children = [Child(program, Output(program.name, logs)) for program in programs]
        self._logs = logs
        self._readiness = readiness
        self._selector = selectors.DefaultSelector()
        self._is_stopping = False
        self._is_hurried = False
        self._next_look = 0.0
        self._next_word = time.monotonic() + _WORD_SECONDS

    def run(self, first: Program | None = None, then: Callable[[int], None] = lambda code: None) -> None:
        """Run until SIGTERM, SIGINT or SIGHUP; `first` runs once and ends before the others start.

        `then` gets its exit code, and may refuse. Raises Refusal when a program cannot be brought to start.
        """
        become_subreaper()
        with self._wake_on_signals():
            try:
                if first is not None:
                    self._run_first(Child(first, Output(first.name, self._logs)), then)
                while not self._is_stopping:
                    self._start_due()
                    self._wait(_TICK_SECONDS if self._is_announced else _READY_POLL_SECONDS)
                    self._reap()
                    self._look_for_readiness()
            finally:
                self._stop()

    def _run_first(self, child: Child, then: Callable[[int], None]) -> None:
        child.once = True
        waiting, self._children = self._children, [child]
        self._start_due()
        while child.is_running and not self._is_stopping:
            self._wait(_TICK_SECONDS)
            self._reap()
        if not self._is_stopping:
            self._children = waiting
            then(child.code)

    @property
    def _is_announced(self) -> bool:
        return self._readiness is None or self._readiness.announced

    def _start_due(self) -> None:
        now = time.monotonic()
        for child in self._children:
            if not child.is_running and child.due <= now:
                self._selector.register(child.start(), selectors.EVENT_READ, child.output)

    def _wait(self, seconds: float) -> None:
        for key, _ in self._selector.select(seconds):
            if key.data is None:
                with contextlib.suppress(BlockingIOError):
                    self._wakeup.recv(4096)
            else:
                self._read(key.fd, key.data)

    def _read(self, descriptor: int, output: Output) -> None:
        try:
            data = os.read(descriptor, 1 << 16)
        except BlockingIOError:
            return
        if data:
            output.feed(data)
        else:
            self._selector.unregister(descriptor)

    def _reap(self) -> None:
        """Take up the ends of children, and of the orphans that they left to this process."""
        while (ended := self._peek()) is not None:
            child = next((each for each in self._children if each.pid == ended), None)
            if child is not None:
                # While its leader is not reaped, the group's number cannot become another's.
                child.kill_group()
                self._drain(child)
            _, status = os.waitpid(ended, 0)
            if child is not None:
                self._note_end(child, status)
        self._kill_orphans()

    @staticmethod
    def _peek() -> int | None:
        try:
            found = os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
        except ChildProcessError:
            return None
        return None if found is None else found.si_pid

    def _drain(self, child: Child) -> None:
        for key in list(self._selector.get_map().values()):
            if key.data is child.output:
                self._read(key.fd, child.output)
                with contextlib.suppress(KeyError):
                    self._selector.unregister(key.fd)

    def _note_end(self, child: Child, status: int) -> None:
        code, lived = child.ended(status)
        if self._is_stopping or child.once:
            return
        how = f"was ended by signal {-code}" if code < 0 else f"ended with code {code}"
        show(f"{child.program.name:<15} {how} after {lived} s; it is started again.")
        short = lived < _SHORT_LIFE_SECONDS
        child.due = time.monotonic() + (_PAUSE_SECONDS if short else 0.0)
        # Who kills a process from outside means no fault of the process.
        child.failures = child.failures + 1 if code > 0 else 0
        if child.failures >= _START_FAILURES and not self._is_announced:
            last = child.output.last[-1] if child.output.last else "it said nothing"
            raise Refusal(
                f"The {child.program.name} ended {child.failures} times while starting ({last[:500]}); "
                f"see {child.output.path}."
            )

    def _kill_orphans(self) -> None:
        # Only what has lost its parent becomes a child of this process without having been started by it.
        known = {child.pid for child in self._children}
        for pid in adopted_children():
            if pid not in known:
                with contextlib.suppress(ProcessLookupError, PermissionError):
                    os.kill(pid, signal.SIGKILL)

    def _look_for_readiness(self) -> None:
        now = time.monotonic()
        readiness = self._readiness
        if readiness is None or readiness.announced or now < self._next_look or self._is_stopping:
            return
        self._next_look = now + _READY_POLL_SECONDS
        missing = readiness.what_is_missing()
        if not missing:
            readiness.announced = True
            readiness.announce()
        elif now > self._next_word:
            self._next_word = now + _WORD_SECONDS
            show(f"Not ready yet: {missing}")

    def _stop(self) -> None:
        self._is_stopping = True
        for child in self._children:
            if child.is_running:
                child.signal_leader(signal.SIGTERM)
        deadline = time.monotonic() + STOP_SECONDS
        while self._is_anything_running and time.monotonic() < deadline and not self._is_hurried:
            self._wait(0.1)
            self._reap()
        for child in self._children:
            if child.is_running:
                child.kill_group()
        deadline = time.monotonic() + 1.0
        while (self._is_anything_running or adopted_children()) and time.monotonic() < deadline:
            self._wait(0.05)
            self._reap()
        self._selector.close()

    @property
    def _is_anything_running(self) -> bool:
        return any(child.is_running for child in self._children)

    @contextlib.contextmanager
    def _wake_on_signals(self) -> Iterator[None]:
        self._wakeup, sender = socket.socketpair()
        self._wakeup.setblocking(False)
        sender.setblocking(False)
        self._selector.register(self._wakeup, selectors.EVENT_READ, None)
        before = {number: signal.signal(number, self._note_signal) for number in _ENDING}
        before[signal.SIGCHLD] = signal.signal(signal.SIGCHLD, lambda *_: None)
        former = signal.set_wakeup_fd(sender.fileno(), warn_on_full_buffer=False)
        try:
            yield
        finally:
            signal.set_wakeup_fd(former)
            for number, handler in before.items():
                signal.signal(number, handler)
            self._wakeup.close()
            sender.close()

    def _note_signal(self, number: int, frame: FrameType | None) -> None:
        # A Ctrl-C while it is stopping means: now.
        self._is_hurried = self._is_stopping and number == signal.SIGINT
        self._is_stopping = True
