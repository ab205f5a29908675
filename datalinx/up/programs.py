"""The processes that make up the platform, as command lines. Containers and `datalinx up` start the same ones."""

import os
import socket
import sys
import sysconfig
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from datalinx import env


@dataclass(frozen=True)
class Program:
    """One process to be kept running. `name` heads its log lines and names its log file."""

    name: str
    command: tuple[str, ...]
    environment: Mapping[str, str] = field(default_factory=dict)
    descriptors: tuple[int, ...] = ()


# A run may take a day; what else there is takes minutes.
_RUN_SECONDS = 24 * 3600
_TASK_SECONDS = 600
# No banner: what Celery has to say comes as log lines.
_QUIET = {"CELERY_QUIET": "1"}


def web(*, bind: str, home: Path, descriptors: tuple[int, ...] = ()) -> Program:
    """Return the web server. `bind` is `host:port` or `fd://7` for a socket that it inherits."""
    command = (sys.executable, "-m", "gunicorn", "-c", "python:datalinx.up.gunicorn", "--bind", bind)
    application = ("datalinx.wsgi:application",)
    # Two instances of one user would share the default place of this socket.
    control = ("--control-socket", os.fspath(home / "run" / f"{socket.gethostname()}.gunicorn.ctl"))
    return Program("web", (*command, *control, *application), descriptors=descriptors)


def workers() -> tuple[Program, ...]:
    """Return the worker of the runs, and the one of everything that must not wait behind them."""
    return (
        _worker("runs", concurrency=env.CONCURRENCY.read(), seconds=_RUN_SECONDS),
        _worker("default", concurrency=2, seconds=_TASK_SECONDS),
    )


def _worker(queue: str, *, concurrency: int, seconds: int) -> Program:
    command = (
        *_celery(),
        "worker",
        "--queues",
        queue,
        "--hostname",
        f"{queue}@%h",
        "--pool",
        "prefork",
        "--concurrency",
        str(concurrency),
        "--soft-time-limit",
        str(seconds),
        "--time-limit",
        str(seconds + 60),
        "--without-gossip",
        "--without-mingle",
        "--without-heartbeat",
    )
    # SIGTERM then means: give the tasks a few seconds, then hand them back. By itself it waits for their end.
    return Program(f"worker-{queue}", command, {"REMAP_SIGTERM": "SIGQUIT", **_QUIET})


def scheduler() -> Program:
    """Return the process that sends the ticks."""
    # Celery's own checks load every view and look at no answer. To a worker that is a warm start of what it forks.
    return Program("scheduler", (*_celery(), "beat", "--pidfile", ""), {"CELERY_SKIP_CHECKS": "1", **_QUIET})


def _celery() -> tuple[str, ...]:
    script = Path(sysconfig.get_path("scripts")) / "celery"
    # `celery -A datalinx …` in the list of processes, whichever way it is started.
    start = (sys.executable, os.fspath(script)) if script.exists() else (sys.executable, "-m", "celery")
    return (*start, "-A", "datalinx")
