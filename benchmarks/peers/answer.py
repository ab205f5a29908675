"""How a peer is asked and answers: JSON in, its work timed, JSON out. Needs nothing but the standard library."""

import json
import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib.metadata import version
from typing import Any

from benchmarks.processes import processor_seconds

Work = dict[str, Any]


def answer(prepare: Callable[[Work], Callable[[], None]], *libraries: str) -> None:
    """Do the work that standard input describes, once, and print how long it took.

    `prepare` imports what is needed and returns what does the work: only that is timed.
    """
    with _quiet_output() as output:
        do = prepare(json.load(sys.stdin))
        before, started = processor_seconds(os.getpid()), time.perf_counter()
        do()
        seconds = time.perf_counter() - started
        spent = processor_seconds(os.getpid()) - before
        found = {
            "seconds": seconds,
            "processor_seconds": round(spent, 2),
            "versions": {name: version(name) for name in libraries},
        }
        os.write(output, json.dumps(found).encode())


@contextmanager
def _quiet_output() -> Iterator[int]:
    """Send what libraries print to standard error, and give the real standard output."""
    output = os.dup(1)
    os.dup2(2, 1)
    try:
        yield output
    finally:
        sys.stdout.flush()
        os.dup2(output, 1)
        os.close(output)
