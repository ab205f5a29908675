"""A Celery worker that does nothing, on the broker that the platform uses, a folder or Redis: the floor of B6."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from celery import Celery

BROKER = "BENCH_NO_OP_BROKER"
_TASK = "benchmarks.no_op"


def make_app(broker: str) -> Celery:
    """Return an application on a broker: its address, or the folder of its messages."""
    app = Celery("no_op", broker=broker if "://" in broker else "memory://", set_as_current=False)
    app.conf.update(
        task_ignore_result=True,
        task_acks_late=True,
        worker_prefetch_multiplier=1,
        # A broker may serve a platform too.
        task_default_queue="benchmark_no_op",
    )
    if "://" not in broker:
        app.conf.update(
            broker_transport="datalinx.broker:Transport", broker_transport_options={"folder": broker}
        )
    return app


# What the worker is started with; here it is only a name.
app = make_app(os.environ.get(BROKER, ""))


@app.task(name=_TASK)
def no_op(mark: str) -> None:
    """Leave a sign that it ran."""
    Path(mark).touch()


class NoOp:
    """A worker on a broker, alive while the block runs. `folder` is where it leaves its signs."""

    def __init__(self, broker: str, folder: Path) -> None:
        self._app = make_app(broker)
        self._broker, self._folder = broker, folder

    @contextmanager
    def running(self) -> Iterator["NoOp"]:
        """Run one worker while the block runs."""
        command = (sys.executable, "-m", "celery", "-A", "benchmarks.no_op", "worker", "--concurrency", "1")
        process = subprocess.Popen(
            [*command, "--loglevel", "ERROR", "--without-gossip", "--without-mingle", "--without-heartbeat"],
            env=os.environ | {BROKER: self._broker},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        try:
            yield self
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(timeout=30)

    def once(self) -> float:
        """Send one message and wait until its task ran; return the seconds. Raises TimeoutError after a minute."""
        mark = self._folder / f"done-{time.time_ns()}"
        started = time.perf_counter()
        self._app.send_task(_TASK, (str(mark),))
        while not mark.exists():
            if time.perf_counter() - started > 60:
                raise TimeoutError("no worker did nothing within a minute")
            time.sleep(0.005)
        return time.perf_counter() - started
