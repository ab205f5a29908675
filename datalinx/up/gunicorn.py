"""How gunicorn runs the web server. Read by gunicorn itself: `-c python:datalinx.up.gunicorn`."""

import os
import shutil
import socket
from pathlib import Path
from typing import Any

from datalinx import env, logs, machine

_database = env.DATABASE_URL.read()
_embedded = not _database or _database.startswith("sqlite")

worker_class = "gthread"
# SQLite has one writer at a time, and one process keeps its page cache warm.
workers = env.WEB_PROCESSES.read() or (1 if _embedded else machine.processors())
# A watched run keeps a thread for as long as it is watched.
threads = 16
# Seconds without a sign of a worker process before it is replaced; answers themselves may take longer.
timeout = 60
graceful_timeout = 4
keepalive = 15
# Longer ones than any that the platform makes are refused here.
limit_request_line = 8190
limit_request_fields = 100
# The application counts the proxies it trusts by itself, from X-Forwarded-For.
forwarded_allow_ips = "*" if env.TRUSTED_PROXIES.read() else "127.0.0.1,::1"
logconfig_dict = logs.configuration(env.LOG_LEVEL.read())
accesslog = None
# The heartbeat file of a worker process must not wait for a disk.
worker_tmp_dir = "/dev/shm" if Path("/dev/shm").is_dir() else None  # noqa: S108

# Counters of several processes meet in files, which begin empty with each start.
_counters = env.HOME.read() / "run" / f"{socket.gethostname()}.metrics"
shutil.rmtree(_counters, ignore_errors=True)
_counters.mkdir(mode=0o700, parents=True)
os.environ["PROMETHEUS_MULTIPROC_DIR"] = os.fspath(_counters)


def child_exit(server: Any, worker: Any) -> None:
    """Forget the gauges of a process that ended."""
    from prometheus_client import multiprocess

    multiprocess.mark_process_dead(worker.pid)  # type: ignore[no-untyped-call]  # the package has no types
