"""Work that does not heed: the run ends in time all the same, and its process with all that it started."""

import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from django.db.models.functions import Now

from apps.pipelines.models import Run
from apps.pipelines.services import watchdog as watchdog_module
from apps.pipelines.services.claiming import claim_run
from apps.pipelines.services.lease import LeaseLost, require_held
from apps.pipelines.services.watchdog import RunWatchdog
from datalinx.processes import descendants
from tests.apps.pipelines.ground import start
from tests.journey import lay_out
from tests.resources import assert_success
from tests.world import World

ROOT = Path(__file__).parents[3]

# Part of the worker: the first table that is made hangs as the file `how` says, with a process that it started.
HANG = """
import ctypes, os, socket, subprocess, sys, time
from pathlib import Path
from apps.pipelines.services import engines, oversight, watchdog
from datalinx.engine import identity

OUT = Path(os.environ["TEST_OUT"])
real = engines.run_table
real_resolve = identity.resolve_identity

def run_table(*args, **more):
    hang()
    return real(*args, **more)

def resolve_identity(*args, **more):
    hang()
    return real_resolve(*args, **more)

def hang():
    how = OUT / "how"
    if not how.exists():
        return
    kind = how.read_text()
    how.unlink()
    child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(300)"], start_new_session=True)
    (OUT / "hangs").write_text(f"{os.getpid()} {child.pid}")
    if kind == "alone":
        # As if nobody looked at this process from outside.
        watchdog.SEIZED_SECONDS = 1.0
        # Two beats of its heart, which take up the shorter time.
        time.sleep(7)
        watchdog.pool.end()
        seize()
    if kind == "native":
        ctypes.CDLL(None).sleep(300)
    if kind == "seized":
        seize()
    socket.create_connection(("127.0.0.1", int(kind))).recv(1)

def seize():
    # A signal wakes a sleep: a call that computes does not heed it.
    while True:
        ctypes.PyDLL(None).sleep(300)

engines.run_table = run_table
identity.resolve_identity = resolve_identity
"""

# A second process of the platform, which is asked by lines.
CONTROL = """
import json, sys
import django; django.setup()
from django.core.management import call_command
call_command("migrate", verbosity=0)
from datetime import timedelta
from apps.pipelines.models import Run
from apps.pipelines.services.dispatching import dispatch, reap_lost_runs
from apps.pipelines.services.lease import now_plus
from tests.apps.pipelines.ground import start
from tests.apps.pipelines.test_identity import RULES
from tests.journey import lay_out
from tests.resources import assert_success
from tests.world import make_world
world = make_world()
client = world.ed.client()
pipeline = lay_out(world)

def shown(id):
    run = assert_success(client.get(f"/api/runs/{id}"))
    run["log"] = [line["message"] for line in assert_success(client.get(f"/api/runs/{id}/logs"))]
    return run

print(json.dumps("ready"), flush=True)
for line in sys.stdin:
    verb, *words = json.loads(line)
    if verb == "start":
        body = {"timeout_seconds": words[0]}
        assert_success(client.patch(f"/api/pipelines/{pipeline['id']}", body, format="json"))
        answer = start(world, pipeline)
    if verb == "cancel":
        answer = assert_success(client.post(f"/api/runs/{words[0]}/cancel"))["status"]
    if verb == "resolve":
        client.put("/api/identity", RULES, format="json")
        answer = assert_success(client.post("/api/identity/resolve"), 201)["id"]
    if verb == "stop resolving":
        answer = assert_success(client.post("/api/identity/resolve/cancel"))["status"]
    if verb == "resolution":
        answer = assert_success(client.get("/api/identity/stats"))["resolution"]
    if verb == "reap":
        Run.objects.filter(pk=words[0]).update(lease_expires_at=now_plus(timedelta(seconds=-1)))
        answer = reap_lost_runs()
    if verb == "show":
        answer = shown(words[0])
    print(json.dumps(answer, default=str), flush=True)
"""


class Platform:
    """A worker of runs with one process, and somebody who asks for runs, on one home."""

    def __init__(self, folder: Path, **more: str) -> None:
        self.folder = folder
        (folder / "extra_hang.py").write_text(HANG)
        (folder / "home").mkdir()
        environment = {
            **os.environ,
            "DJANGO_SETTINGS_MODULE": "tests.settings",
            "DATALINX_HOME": str(folder / "home"),
            "TEST_OUT": str(folder),
            "PYTHONPATH": f"{folder}:{ROOT}",
            "REMAP_SIGTERM": "SIGQUIT",
            **more,
        }
        for name in ("DATABASE_URL", "DATALINX_BROKER_URL", "DATALINX_CACHE_URL", "PYTEST_XDIST_WORKER"):
            if name not in more:
                environment.pop(name, None)
        self.control = subprocess.Popen(
            [sys.executable, "-c", CONTROL],
            cwd=ROOT,
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self.control.stdout is not None
        assert json.loads(self.control.stdout.readline()) == "ready"
        command = [sys.executable, "-m", "celery", "-A", "datalinx", "worker", "--queues", "runs"]
        options = ["--concurrency", "1", "--include", "extra_hang", "--without-gossip", "--without-mingle"]
        self.log = (folder / "worker.log").open("w")
        self.worker = subprocess.Popen(
            [*command, *options],
            cwd=ROOT,
            env=environment,
            stdout=self.log,
            stderr=subprocess.STDOUT,
            process_group=0,
        )

    def ask(self, *words: Any) -> Any:
        assert self.control.stdin is not None
        assert self.control.stdout is not None
        self.control.stdin.write(json.dumps(words) + "\n")
        self.control.stdin.flush()
        return json.loads(self.control.stdout.readline())

    def hang(self, how: str, *, timeout: int = 3600) -> tuple[str, list[int]]:
        """Start a run that hangs; return its id, and the ids of its process and of the one that this started."""
        return self.hang_in(how, "start", timeout)

    def hang_in(self, how: str, *words: Any) -> tuple[str, list[int]]:
        """Start what hangs; return as `hang` does."""
        (self.folder / "hangs").unlink(missing_ok=True)
        (self.folder / "how").write_text(how)
        run_id = self.ask(*words)
        self.wait(lambda: (self.folder / "hangs").exists() and (self.folder / "hangs").read_text(), 40)
        return run_id, [int(each) for each in (self.folder / "hangs").read_text().split()]

    def wait(self, found: Callable[[], Any], seconds: float) -> float:
        """Wait until something is so; return how long that took."""
        began = time.monotonic()
        while not found():
            assert self.worker.poll() is None, "The worker ended."
            assert time.monotonic() - began < seconds, "It did not happen in time."
            time.sleep(0.1)
        return time.monotonic() - began

    def ends(self, run_id: str, status: str, seconds: float) -> dict[str, Any]:
        self.wait(lambda: self.ask("show", run_id)["status"] == status, seconds)
        return dict(self.ask("show", run_id))

    def log_text(self) -> str:
        return (self.folder / "worker.log").read_text()[-4000:]

    def wait_gone(self, processes: list[int]) -> None:
        deadline = time.monotonic() + 5
        while any(is_there(each) for each in processes):
            assert time.monotonic() < deadline, "A process of the worker is still there."
            time.sleep(0.1)

    def close(self) -> None:
        for process in (self.control, self.worker):
            process.terminate()
            try:
                process.wait(15)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait(10)
        self.log.close()


def is_there(process_id: int) -> bool:
    try:
        # A process that ended and was not asked after yet is there no more.
        return Path(f"/proc/{process_id}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


@pytest.fixture(scope="module")
def platform(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Platform]:
    made = Platform(tmp_path_factory.mktemp("platform"))
    try:
        yield made
    finally:
        made.close()


def test_cancel__of_work_in_a_native_call__ends_the_run_and_its_process_within_ten_seconds(
    platform: Platform,
) -> None:
    run_id, processes = platform.hang("native")
    began = time.monotonic()
    assert platform.ask("cancel", run_id) == "running"
    shown = platform.ends(run_id, "cancelled", 10)
    assert time.monotonic() - began <= 10
    assert [step["status"] for step in shown["steps"]] == ["cancelled"]
    assert shown["error"] is None
    assert any("its process was ended" in line for line in shown["log"])
    platform.wait(lambda: not any(is_there(each) for each in processes), 5)
    # The worker is the same, and its next process does the next run; the message of the first did no harm.
    next_id = platform.ask("start", 3600)
    assert platform.ends(next_id, "success", 40)["attempt"] == 1
    assert platform.ask("show", run_id)["attempt"] == 1


def test_worker__told_to_end_with_work_in_a_native_call__hands_its_run_over_at_once(tmp_path: Path) -> None:
    own = Platform(tmp_path)
    try:
        run_id, processes = own.hang("native")
        own.worker.terminate()
        own.worker.wait(15)
        shown = own.ask("show", run_id)
        # Not once its lease was over: nobody reaps here.
        assert (shown["status"], shown["attempt"]) == ("queued", 2), own.log_text()
        assert any("handed over" in line for line in shown["log"])
        own.wait_gone(processes[:1])
    finally:
        own.close()


def test_timeout__of_work_that_reads_from_a_silent_source__ends_the_run_and_its_process(
    platform: Platform,
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        run_id, processes = platform.hang(str(server.getsockname()[1]), timeout=2)
        shown = platform.ends(run_id, "failed", 12)
        assert shown["error"]["code"] == "RUN_TIMEOUT"
        assert [step["status"] for step in shown["steps"]] == ["failed"]
        platform.wait(lambda: not any(is_there(each) for each in processes), 5)
    assert platform.ends(platform.ask("start", 3600), "success", 40)["attempt"] == 1


def test_cancel__of_work_that_lets_no_thread_have_its_turn__ends_the_run_and_its_process_within_ten_seconds(
    platform: Platform,
) -> None:
    run_id, processes = platform.hang("seized")
    began = time.monotonic()
    assert platform.ask("cancel", run_id) == "running"
    # Nobody reaps here: the parent of the process ends both.
    shown = platform.ends(run_id, "cancelled", 10)
    assert time.monotonic() - began <= 10
    assert [step["status"] for step in shown["steps"]] == ["cancelled"]
    assert any("no thread of its process" in line for line in shown["log"])
    platform.wait_gone(processes)
    log = (platform.folder / "worker.log").read_text()
    assert "in seize" in log, "The stacks of its threads are in the log."
    assert platform.ends(platform.ask("start", 3600), "success", 40)["attempt"] == 1


def test_timeout__of_work_that_lets_no_thread_have_its_turn__ends_the_run_and_its_process(
    platform: Platform,
) -> None:
    run_id, processes = platform.hang("seized", timeout=2)
    shown = platform.ends(run_id, "failed", 14)
    assert shown["error"] == {"code": "RUN_TIMEOUT", "message": "The run took longer than its 2 seconds."}
    platform.wait_gone(processes)
    assert platform.ends(platform.ask("start", 3600), "success", 40)["attempt"] == 1


@pytest.mark.parametrize("how", ["native", "seized"])
def test_cancel__of_a_resolution_that_hangs__ends_it_and_its_process_within_ten_seconds(
    platform: Platform, how: str
) -> None:
    resolution_id, processes = platform.hang_in(how, "resolve")
    began = time.monotonic()
    assert platform.ask("stop resolving") == "running"
    platform.wait(lambda: platform.ask("resolution")["status"] == "cancelled", 10)
    assert time.monotonic() - began <= 10
    assert platform.ask("resolution")["id"] == resolution_id
    platform.wait_gone(processes)
    # The next one finds who is who.
    platform.ask("resolve")
    platform.wait(lambda: platform.ask("resolution")["status"] == "success", 40)


def test_timeout__of_a_resolution_that_hangs__ends_it_and_its_process(tmp_path: Path) -> None:
    own = Platform(tmp_path, DATALINX_RESOLUTION_SECONDS="2")
    try:
        own.ends(own.ask("start", 3600), "success", 40)
        for how in ("native", "seized"):
            _, processes = own.hang_in(how, "resolve")
            own.wait(lambda: own.ask("resolution")["status"] == "failed", 14)
            assert own.ask("resolution")["error"]["code"] == "RESOLUTION_TIMEOUT"
            own.wait_gone(processes)
    finally:
        own.close()


def test_cancel__seen_by_nobody_outside__ends_with_the_lease(platform: Platform) -> None:
    run_id, processes = platform.hang("alone")
    # As it comes to hang.
    time.sleep(7.5)
    assert platform.ask("cancel", run_id) == "running"
    # No heartbeat is sent any more, and a clock outside Python ends the process.
    platform.wait(lambda: not is_there(processes[0]), 12)
    assert platform.ask("reap", run_id) == 1
    assert platform.ask("show", run_id)["status"] == "cancelled"
    assert platform.ends(platform.ask("start", 3600), "success", 40)["attempt"] == 1
    os.kill(processes[1], 9)


def stuck(
    world: World, monkeypatch: pytest.MonkeyPatch, prepare: Callable[[str, RunWatchdog], None]
) -> tuple[Run, list[str]]:
    """Let a watchdog look at work that goes on and on; return the run and how often the process was ended."""
    monkeypatch.setattr(watchdog_module, "STOP_SECONDS", 0.0)
    monkeypatch.setattr(watchdog_module.faulthandler, "dump_traceback_later", lambda *_, **__: None)
    queued = start(world, lay_out(world))
    run = claim_run(queued)
    assert run is not None
    ended: list[str] = []
    watchdog = RunWatchdog(run, end_process=lambda: ended.append(queued))
    watchdog.allow(3600)
    prepare(queued, watchdog)
    watchdog._beat_once()
    watchdog._watch()
    watchdog._watch()
    return Run.objects.get(pk=queued), ended


def test_watchdog__the_run_is_another_workers_by_now__ends_the_process_and_writes_nothing(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    def prepare(queued: str, _: RunWatchdog) -> None:
        Run.objects.filter(pk=queued).update(fence=7)

    row, ended = stuck(world, monkeypatch, prepare)
    assert (row.status, row.error, ended) == ("running", None, [row.pk])


def test_watchdog__nothing_was_asked__leaves_the_work_alone(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    row, ended = stuck(world, monkeypatch, lambda *_: None)
    assert (row.status, ended) == ("running", [])


def test_watchdog__cancelled_and_late__is_cancelled_once_and_fenced(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    def prepare(queued: str, watchdog: RunWatchdog) -> None:
        Run.objects.filter(pk=queued).update(cancel_requested_at=Now())
        watchdog.ends_at = 0.0

    row, ended = stuck(world, monkeypatch, prepare)
    assert (row.status, row.error, ended) == ("cancelled", None, [row.pk])
    with pytest.raises(LeaseLost):
        require_held(row)
    logs = assert_success(world.vera.client().get(f"/api/runs/{row.pk}/logs"))
    assert sum("its process was ended" in line["message"] for line in logs) == 1


def test_descendants__of_this_process__are_those_it_started_and_theirs() -> None:
    sleep = "import time; time.sleep(30)"
    code = f"import subprocess, sys; subprocess.Popen([sys.executable, '-c', {sleep!r}]); {sleep}"
    child = subprocess.Popen([sys.executable, "-c", code])
    try:
        deadline = time.monotonic() + 10
        while len(descendants(child.pid)) < 1:
            assert time.monotonic() < deadline
            time.sleep(0.05)
        found = descendants(os.getpid())
        (grandchild,) = descendants(child.pid)
        assert {child.pid, grandchild} <= set(found)
        os.kill(grandchild, 9)
    finally:
        child.kill()
        child.wait()
