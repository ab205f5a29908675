"""B9: events to a receiver on loopback, on SQLite and on PostgreSQL, over a bare loop of signed POSTs."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

from benchmarks import servers, sizes
from benchmarks.delivering import DATABASE
from benchmarks.home import Home
from benchmarks.measure import Comparison, Once, OutputDiffers, Reach, Taken, interleave, median, over
from benchmarks.receiver import Receiver

EVENTS, ROUNDS = 10_000, 3
SQLITE, POSTGRESQL, BARE = "Datalinx, SQLite", "Datalinx, PostgreSQL", "bare loop of signed POSTs"
# The rate is to be 0.7 of the bare loop's, at least.
_AT_MOST = 1 / 0.7
# What the limit costs with our own way of sending: the rest of ours is claims and the ledger.
CLIENT = "the loop with our client"


def compare(home: Home) -> Comparison:
    """Measure B9: sender and receiver in processes of their own."""
    events = sizes.rows(EVENTS, "BENCH_EVENTS")
    server = os.environ.get(servers.POSTGRESQL, "")
    with ExitStack() as stack:
        receiver = stack.enter_context(Receiver())
        embedded = stack.enter_context(_sender(events, receiver))
        contenders = {SQLITE: embedded("datalinx"), BARE: embedded("bare"), CLIENT: embedded("client")}
        if server:
            database = stack.enter_context(servers.database(server))
            contenders[POSTGRESQL] = stack.enter_context(_sender(events, receiver, database))("datalinx")

        def check(name: str) -> None:
            if receiver.count() != (events, events):
                raise OutputDiffers(f"{name} did not send {events} events once each")

        taken = interleave(contenders, rounds=sizes.rounds(ROUNDS), check=check)
    return Comparison(
        id="B9",
        title=f"{events:,} events to a receiver on loopback, four at once",
        taken=taken,
        limit=BARE,
        reaches=[
            Reach(f"{name} over the bare loop", over(taken, name, BARE), _AT_MOST)
            for name in (SQLITE, POSTGRESQL)
            if name in taken
        ],
        absent={} if server else {POSTGRESQL: f"not run: {servers.POSTGRESQL} names no server"},
        notes={"events a second": {name: round(events / median(taken[name])) for name in taken}},
    )


class _Sender:
    """A process that sends when it is told to."""

    def __init__(self, process: "subprocess.Popen[str]") -> None:
        self._process = process

    def __call__(self, who: str) -> Once:
        def once() -> Taken:
            seconds, processor_seconds = map(float, self.ask(who).split())
            return Taken(seconds, processor_seconds)

        return once

    def ask(self, text: str = "") -> str:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        if text:
            self._process.stdin.write(f"{text}\n")
        said = self._process.stdout.readline().strip()
        if not said:
            raise RuntimeError(f"the sender ended with {self._process.wait()}")
        return said


@contextmanager
def _sender(events: int, receiver: Receiver, database: str = "") -> Iterator[_Sender]:
    command = (
        sys.executable,
        "-m",
        "benchmarks.delivering",
        str(events),
        f"http://127.0.0.1:{receiver.port}/hook",
    )
    process = subprocess.Popen(
        command,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        bufsize=1,
        env=os.environ | {DATABASE: database},
    )
    sender = _Sender(process)
    try:
        sender.ask()
        yield sender
    finally:
        # It ends, and cleans up behind itself, when there is nothing more to read.
        process.communicate(timeout=60)
