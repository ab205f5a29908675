"""The warm server: shared by threads, never by forks, gone with its parent, started again when it is gone."""

import contextlib
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from datalinx.engine.query.client import QueryServer
from datalinx.engine.query.run import run_query
from datalinx.engine.query.tables import TableFiles
from datalinx.errors import Invalid, Unavailable

ROOT = Path(__file__).parents[3]
LIMITS = {"limit": 10, "seconds": 5.0, "memory_bytes": 128 * 1024**2}
ENDLESS = "SELECT levenshtein(repeat('ab', 100000), repeat('ba', 100000))"


@pytest.fixture
def own_server() -> Iterator[QueryServer]:
    server = QueryServer()
    yield server
    server.close()


def number(server: QueryServer, value: int) -> int:
    return int(run_query("SELECT $n", tables={}, parameters={"n": value}, server=server, **LIMITS).rows[0][0])


def is_alive(pid: int) -> bool:
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, 0)
        return (
            Path(f"/proc/{pid}").exists() is False
            or "Z" not in Path(f"/proc/{pid}/stat").read_text().split()[2]
        )
    return False


def wait_until(condition: Callable[[], bool], seconds: float = 5.0) -> bool:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if condition():
            return True
        time.sleep(0.02)
    return False


def children_of(pid: int) -> list[int]:
    if sys.platform != "linux":
        listed = subprocess.run(
            ["ps", "-o", "pid=", "--ppid", str(pid)], capture_output=True, text=True, check=False
        )
        return [int(word) for word in listed.stdout.split()]
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            if stat.read_text().rpartition(")")[2].split()[1] == str(pid):
                found.append(int(stat.parent.name))
    return found


def test_server__not_asked__not_started() -> None:
    assert QueryServer().pid is None


def test_server__second_query__same_server(own_server: QueryServer) -> None:
    number(own_server, 1)
    first = own_server.pid
    number(own_server, 2)
    assert first is not None
    assert own_server.pid == first


def test_server__many_threads_at_once__each_gets_its_own_answer(own_server: QueryServer) -> None:
    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(lambda value: number(own_server, value), range(24))) == list(range(24))


def test_server__slow_query__does_not_hold_up_others(own_server: QueryServer) -> None:
    def slow() -> None:
        with pytest.raises(Invalid, match="did not end"):
            run_query(ENDLESS, tables={}, server=own_server, **{**LIMITS, "seconds": 2.0})

    thread = threading.Thread(target=slow)
    thread.start()
    time.sleep(0.2)
    started = time.monotonic()
    number(own_server, 7)
    assert time.monotonic() - started < 1.5
    thread.join()


def test_server__killed__next_query_starts_another(own_server: QueryServer) -> None:
    number(own_server, 1)
    assert own_server.pid
    os.kill(own_server.pid, signal.SIGKILL)
    assert wait_until(lambda: own_server.pid is None)

    assert number(own_server, 2) == 2


def test_server__killed_during_a_query__says_ask_again_at_once(own_server: QueryServer) -> None:
    number(own_server, 1)
    pid = own_server.pid
    assert pid
    threading.Timer(0.3, os.kill, (pid, signal.SIGKILL)).start()

    started = time.monotonic()
    with pytest.raises(Unavailable) as caught:
        run_query(ENDLESS, tables={}, server=own_server, **LIMITS)

    assert caught.value.transient
    assert time.monotonic() - started < 3


def test_server__idle__ends_by_itself_and_starts_again() -> None:
    server = QueryServer(idle_seconds=0.3)
    assert number(server, 1) == 1
    assert wait_until(lambda: server.pid is None)
    assert number(server, 2) == 2
    server.close()


def test_server__closed__leaves_no_process(own_server: QueryServer) -> None:
    number(own_server, 1)
    pid = own_server.pid
    assert pid
    own_server.close()
    assert not is_alive(pid)


def test_server__query_timed_out__its_process_is_dead(own_server: QueryServer) -> None:
    number(own_server, 1)
    assert own_server.pid
    with pytest.raises(Invalid):
        run_query(ENDLESS, tables={}, server=own_server, **{**LIMITS, "seconds": 0.5})
    # Only the one that stands ready for the next query is left.
    assert wait_until(lambda: len(children_of(own_server.pid or 0)) == 1)


def test_server__parent_killed__server_and_its_query_die() -> None:
    """The parent is killed with SIGKILL in the middle of a query that would run for a minute."""
    program = (
        f"import sys, threading, time; sys.path.insert(0, {str(ROOT)!r}); "
        "from datalinx.engine.query.run import run_query, default_server; "
        f"threading.Thread(target=lambda: run_query({ENDLESS!r}, tables={{}}, limit=1, seconds=60, "
        "memory_bytes=128*1024**2), daemon=True).start()\n"
        "while not default_server().pid: time.sleep(0.1)\n"
        "print(default_server().pid, flush=True); time.sleep(60)"
    )
    queries: list[int] = []
    with subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout
        server = int(parent.stdout.readline())
        started = wait_until(lambda: bool(queries.extend(children_of(server)) or queries))
        parent.kill()
    assert started
    assert wait_until(lambda: not any(is_alive(pid) for pid in [server, *queries]))


def test_server__parent_forked__the_child_starts_its_own(own_server: QueryServer) -> None:
    """As in a Celery pool: the parent has a server, the forked child must not speak on its socket."""
    number(own_server, 1)
    parents = own_server.pid
    read, write = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            outcome = f"{number(own_server, 3)} {own_server.pid != parents}"
            own_server.close()
        except BaseException as error:
            outcome = repr(error)
        os.write(write, outcome.encode())
        os._exit(0)
    os.close(write)
    os.waitpid(child, 0)
    assert os.read(read, 1000).decode() == "3 True"
    os.close(read)
    assert own_server.pid == parents
    assert number(own_server, 4) == 4


def test_server__lost_lock_at_the_fork__the_child_has_a_new_one(own_server: QueryServer) -> None:
    """A fork while another thread holds the lock leaves it held for ever in the child, if it is not replaced."""
    number(own_server, 1)
    with own_server._lock:
        child = os.fork()
        if child == 0:
            os._exit(0 if own_server._lock.acquire(timeout=1) else 1)
    _, status = os.waitpid(child, 0)
    assert status == 0


def test_server__environment_of_the_parent__not_seen(
    tables: dict[str, TableFiles], own_server: QueryServer
) -> None:
    os.environ["DATALINX_CANARY"] = "secret"
    try:
        run_query("SELECT count(*) FROM orders", tables=tables, server=own_server, **LIMITS)
        assert own_server.pid
        if sys.platform == "linux":
            assert b"secret" not in Path(f"/proc/{own_server.pid}/environ").read_bytes()
            assert Path(f"/proc/{own_server.pid}/cwd").readlink() == Path("/")
    finally:
        del os.environ["DATALINX_CANARY"]


def test_server__large_answer__whole(own_server: QueryServer) -> None:
    result = run_query(
        "SELECT repeat('x', 1000) FROM range(20000)", tables={}, server=own_server,
        **{**LIMITS, "limit": 20_000},
    )  # fmt: skip
    assert result.row_count == 20_000
    assert {len(row[0]) for row in result.rows} == {1000}
