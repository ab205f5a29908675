"""A Celery worker that does nothing, on the broker that the embedded platform uses: the floor of B6."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from celery import Celery

FOLDER = "BENCH_NO_OP_FOLDER"

app = Celery("no_op", broker="memory://")
app.conf.update(
    broker_transport="datalinx.broker:Transport",
    broker_transport_options={"folder": os.environ.get(FOLDER, "")},
    task_ignore_result=True,
    task_acks_late=True,
    worker_prefetch_multiplier=1,
)


@app.task(name="benchmarks.no_op")
def no_op(mark: str) -> None:
    """Leave a sign that it ran."""
    Path(mark).touch()


@contextmanager
def worker(folder: Path) -> Iterator[None]:
    """Run one worker while the block runs."""
    app.conf.broker_transport_options = {"folder": str(folder)}
    command = (sys.executable, "-m", "celery", "-A", "benchmarks.no_op", "worker", "--concurrency", "1")
    process = subprocess.Popen(
        [*command, "--loglevel", "ERROR", "--without-gossip", "--without-mingle", "--without-heartbeat"],
        env=os.environ | {FOLDER: str(folder)},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        yield
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(timeout=30)


def once(folder: Path) -> float:
    """Send one message and wait until its task ran; return the seconds. Raises TimeoutError after a minute."""
    mark = folder / f"done-{time.time_ns()}"
    started = time.perf_counter()
    no_op.delay(str(mark))
    while not mark.exists():
        if time.perf_counter() - started > 60:
            raise TimeoutError("no worker did nothing within a minute")
        time.sleep(0.005)
    return time.perf_counter() - started
