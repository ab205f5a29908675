"""The platform under a drill, embedded or as many processes with servers: one way to start, hurt and ask it."""

import contextlib
import importlib.util
import os
import secrets
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any
from urllib.parse import urlsplit

import psycopg
from cryptography.fernet import Fernet

from datalinx.up import programs
from tests.drilling import patient
from tests.drills.clocks import Clock
from tests.drills.processes import Keeper, leaders, signal_group
from tests.up.conftest import FIRST, ROOT, Platform, free_port, get

VARIANTS = ("embedded", "redis", "rabbitmq")
_LIMITS = "UPDATE accounts_organization SET requests_per_minute = 1000000, burst = 1000000"


class Cluster:
    """A running platform: `url` answers, `root` is the process above all of its own."""

    def __init__(self, variant: str, folder: Path, *, clocks_by: str = "") -> None:
        self.variant, self.folder = variant, folder
        self.url = ""
        self.root = 0
        # The administrator's, and when it was given.
        self.token = ("", 0.0)
        self.addresses: dict[str, str] = {}
        # The clocks of its machines by their names, when they can be moved by this library.
        self.clocks: dict[str, Clock] = {}
        self._clocks_by = clocks_by
        self._rules, self._hits = folder / "failpoints", folder / "hits"
        self.environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith(("DATA", "DJANGO"))},
            **FIRST,
            "DATALINX_FAILPOINTS": f"file:{self._rules}",
            "DATALINX_FAILPOINTS_STATE": str(self._hits),
            # The receiver of the webhooks and nothing else is on this network.
            "DATALINX_OUTBOUND_ALLOW_CIDRS": "127.0.0.1/32",
            "DATALINX_MEMORY_LIMIT": "512MB",
            "DATALINX_THREADS": "1",
        }

    @contextlib.contextmanager
    def running(self) -> Iterator["Cluster"]:
        """Start it, and end it with all of its servers."""
        self.folder.mkdir(parents=True, exist_ok=True)
        with self._embedded() if self.variant == "embedded" else self._clustered():
            self.wait_until_ready()
            self.execute(_LIMITS)
            yield self

    @contextlib.contextmanager
    def _embedded(self) -> Iterator[None]:
        log = (self.folder / "platform.log").open("wb")
        environment = {**self.environment, **self._clock("home")}
        platform = Platform(self.folder / "home", environment=environment, output=log)
        self.url, self.root = platform.url, platform.process.pid
        try:
            yield
        finally:
            platform.process.terminate()
            try:
                platform.process.wait(20)
            except subprocess.TimeoutExpired:
                platform.process.kill()
            log.close()

    @contextlib.contextmanager
    def _clustered(self) -> Iterator[None]:
        servers = _servers()
        with contextlib.ExitStack() as stack:
            where = self.folder / "servers"
            where.mkdir(mode=0o755)
            for parent in (self.folder, *self.folder.parents):
                # Servers run as users of their own, which have to get through to their folders.
                with contextlib.suppress(PermissionError):
                    parent.chmod(parent.stat().st_mode | 0o011)
            for name in ("postgresql", "redis", *(["rabbitmq"] if self.variant == "rabbitmq" else [])):
                server = servers.SERVERS[name]
                binary = servers.find_or_install(server)
                assert binary, f"There is no {name} server on this machine, and none could be had."
                self.addresses[name] = stack.enter_context(server.start(binary, where / name))
            self._complete_environment()
            port = free_port()
            self.url, self.root = f"http://127.0.0.1:{port}", os.getpid()
            command = [sys.executable, "-m", "datalinx.up.prepare"]
            subprocess.run(command, env=self._machine("web"), cwd=ROOT, check=True, timeout=patient(120))
            stack.enter_context(Keeper(self.folder).keep(self._programs(port)))
            yield

    def _complete_environment(self) -> None:
        redis = self.addresses["redis"].rpartition("/")[0]
        self.environment |= {
            "DATABASE_URL": self.addresses["postgresql"],
            "DATALINX_CACHE_URL": f"{redis}/1",
            "DATALINX_BROKER_URL": self.addresses.get("rabbitmq", f"{redis}/0"),
            "DATALINX_STORAGE_URL": str(self.folder / "storage"),
            "DATALINX_SECRET_KEY": secrets.token_urlsafe(64),
            "DATALINX_ENCRYPTION_KEYS": Fernet.generate_key().decode(),
            "DATALINX_CONCURRENCY": "1",
            "DATALINX_WEB_PROCESSES": "1",
        }

    def _machine(self, name: str) -> dict[str, str]:
        home = self.folder / "machines" / name
        (home / "run").mkdir(parents=True, exist_ok=True)
        return {**self.environment, "DATALINX_HOME": str(home), **self._clock(name)}

    def _clock(self, machine: str) -> dict[str, str]:
        """Give a machine a clock that can be moved; return what its processes need for it."""
        if not self._clocks_by:
            return {}
        self.clocks[machine] = Clock(self.folder / f"{machine}.clock", self._clocks_by)
        return self.clocks[machine].environment

    def _programs(self, port: int) -> dict[str, Any]:
        """Return three workers of runs and two of the rest, two schedulers and a web server, each with its home."""
        web = programs.web(bind=f"127.0.0.1:{port}", home=self.folder / "machines" / "web")
        runs, rest = programs.workers()
        found = {"web": web, "runs-1": runs, "runs-2": runs, "runs-3": runs, "default-1": rest}
        found |= {"default-2": rest, "scheduler-1": programs.scheduler(), "scheduler-2": programs.scheduler()}
        return {
            name: (_one_process(each.command), {**self._machine(name), **each.environment})
            for name, each in found.items()
        }

    def wait_until_ready(self, seconds: float = patient(180)) -> None:
        """Wait until the web server says that workers and scheduler are there."""
        deadline = time.monotonic() + seconds
        while (answer := get(f"{self.url}/readyz"))[0] != 200:
            assert time.monotonic() < deadline, f"Not ready: {answer}. Its logs are in {self.folder}."
            time.sleep(0.2)

    def wait_for_web(self, seconds: float = 60) -> None:
        """Wait until the web server can answer, whatever the workers do."""
        deadline = time.monotonic() + seconds
        while get(f"{self.url}/readyz?role=web")[0] != 200:
            assert time.monotonic() < deadline, f"No web server. Its logs are in {self.folder}."
            time.sleep(0.1)

    @property
    def is_ready(self) -> bool:
        """Whether everything that is needed answers now."""
        return get(f"{self.url}/readyz")[0] == 200

    # Fail-points

    def arm(self, rules: str) -> None:
        """Let these fail-points act from now on, their hits counted from zero over all processes."""
        self.disarm()
        for file in self._hits.glob("*"):
            file.unlink()
        # By a rename, so that no process reads half of it.
        whole = self._rules.with_suffix(".new")
        whole.write_text(rules)
        whole.rename(self._rules)

    def disarm(self) -> None:
        """Let no fail-point act any more."""
        self._rules.unlink(missing_ok=True)

    def hits(self, name: str) -> int:
        """Return how often an armed fail-point with a hit number was reached."""
        file = self._hits / name
        return file.stat().st_size if file.exists() else 0

    def wait_for_hit(self, name: str, *, hit: int = 1, seconds: float = patient(60)) -> None:
        """Wait until a fail-point was reached so often."""
        deadline = time.monotonic() + seconds
        while self.hits(name) < hit:
            assert time.monotonic() < deadline, f"{name} was never reached. Logs: {self.folder}"
            time.sleep(0.02)

    # Processes and servers

    def kill(self, role: str) -> None:
        """SIGKILL every process of a role with all that it started."""
        for pid in leaders(self.root, role):
            signal_group(pid, signal.SIGKILL)

    def kill_holder(self, run: str) -> None:
        """SIGKILL the worker that holds a run, with all that it started; all that could when nobody does yet."""
        ((owner,),) = self.execute(f"SELECT lease_owner FROM pipelines_run WHERE id = '{run}'")
        groups = set(leaders(self.root, "runs"))
        with contextlib.suppress(ValueError, ProcessLookupError):
            groups &= {os.getpgid(int(owner.rpartition(":")[2]))}
        for pid in groups:
            signal_group(pid, signal.SIGKILL)

    def kill_all(self) -> None:
        """SIGKILL every process of the platform, as a machine that is gone; what keeps it starts it again."""
        for role in ("scheduler", "default", "runs", "web"):
            self.kill(role)

    def server(self, name: str) -> Any:
        """Return a server of this platform, to be ended and started again."""
        return _servers().STARTED[urlsplit(self.addresses[name]).port]

    def lose_broker(self) -> None:
        """Empty the broker and the cache, and kill and start the broker where it is a server."""
        if self.variant == "embedded":
            for file in (self.folder / "home" / "broker").glob("*"):
                file.unlink(missing_ok=True)
            return
        import redis

        redis.Redis.from_url(self.addresses["redis"]).flushall()
        if self.variant == "rabbitmq":
            self._purge()
        self.server(self.variant).stop(signal.SIGKILL)
        time.sleep(1)
        self.server(self.variant).start()

    def _purge(self) -> None:
        """Empty RabbitMQ's queues, which outlive it."""
        import kombu

        with kombu.Connection(self.addresses["rabbitmq"]) as connection:
            for queue in ("runs", "default"):
                connection.default_channel.queue_purge(queue)

    # The database, read past the API

    def execute(self, sql: str) -> list[Any]:
        """Run a statement on the platform's own database and return its rows, if it has some."""
        if self.variant == "embedded":
            with contextlib.closing(
                sqlite3.connect(self.folder / "home/datalinx.sqlite3", timeout=30)
            ) as lite:
                rows = lite.execute(sql).fetchall()
                lite.commit()
                return rows
        with psycopg.connect(self.addresses["postgresql"]) as connection:
            cursor = connection.execute(sql)
            return cursor.fetchall() if cursor.description else []


def _one_process(command: tuple[str, ...]) -> tuple[str, ...]:
    """Return a worker's command with a name of its own, so that two on this host are two in the log."""
    return tuple(part.replace("@%h", f"-{secrets.token_hex(3)}@%h") for part in command)


def _servers() -> ModuleType:
    """Return `.ci/servers.py`, loaded once, which knows how servers are started."""
    if "ci_servers" not in sys.modules:
        spec = importlib.util.spec_from_file_location("ci_servers", ROOT / ".ci" / "servers.py")
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        sys.modules["ci_servers"] = module
        spec.loader.exec_module(module)
    return sys.modules["ci_servers"]
