"""A wall limit on the platform's own SQL: DuckDB is interrupted between two vectors of work."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

import duckdb

from datalinx.engine.query.failure import timed_out, too_large

_AGAIN_SECONDS = 0.02


@contextmanager
def limited(connection: duckdb.DuckDBPyConnection, *, seconds: float, memory_bytes: int) -> Iterator[None]:
    """Run a block's SQL within `seconds`; raise `Invalid` `QUERY_TIMEOUT` or `QUERY_TOO_LARGE` where it does not fit.

    The connection's own memory limit holds; `memory_bytes` is for the sentence.
    """
    done = threading.Event()
    watch = threading.Thread(target=_interrupt, args=(connection, done, seconds), daemon=True)
    watch.start()
    try:
        yield
    except duckdb.InterruptException as error:
        raise timed_out(seconds) from error
    except duckdb.OutOfMemoryException as error:
        raise too_large(memory_bytes) from error
    finally:
        done.set()
        watch.join()


def _interrupt(connection: duckdb.DuckDBPyConnection, done: threading.Event, seconds: float) -> None:
    if done.wait(seconds):
        return
    # An interrupt that falls between two statements is forgotten, so it is said until it is heard.
    while not done.wait(_AGAIN_SECONDS):
        connection.interrupt()
