"""How work leaves a request: ids only, to the right queue, with the request's id, and taken up by a real worker."""

import contextlib
import json
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import time_machine
from django.conf import settings
from kombu.exceptions import OperationalError

from datalinx.api.request_id import current_request_id, set_request_id
from datalinx.celery import Scheduler, Task, _Patience, app
from tests.servers import server_url

ROOT = Path(__file__).parents[1]

# An application of its own beside the platform's: the same settings and steps, with tasks for the tests.
TASKS = """
import os, time
from pathlib import Path
from datalinx.celery import app
from datalinx.api.request_id import current_request_id

OUT = Path(os.environ["TEST_OUT"])

@app.task(name="tests.write")
def write(text):
    (OUT / text).write_text(current_request_id())

@app.task(name="tests.hold")
def hold(seconds):
    with (OUT / "hold").open("a") as file:
        file.write(f"{os.getpid()}\\n")
    time.sleep(seconds)
    (OUT / "held").touch()
"""


def test_broker__that_took_no_message__is_left_alone_for_a_while(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[float] = []

    def stands_still(*_: Any, **__: Any) -> Any:
        asked.append(clock[0])
        raise OperationalError("timed out")

    clock = [1000.0]
    monkeypatch.setattr("datalinx.celery.time.monotonic", lambda: clock[0])
    monkeypatch.setattr("celery.app.task.Task.apply_async", stands_still)
    monkeypatch.setattr("datalinx.celery._patience", _Patience())

    @app.task(name="tests.left_alone")
    def left_alone() -> None:
        pass

    for moment in (1000.0, 1001.0, 1004.9, 1005.0, 1006.0):
        clock[0] = moment
        with pytest.raises(OperationalError):
            left_alone.delay()
    app.tasks.unregister(left_alone.name)
    assert asked == [1000.0, 1005.0]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("task_acks_late", True),
        ("task_reject_on_worker_lost", True),
        ("worker_prefetch_multiplier", 1),
        ("task_ignore_result", True),
        ("task_serializer", "json"),
        ("accept_content", ["json"]),
        ("task_create_missing_queues", False),
        ("task_default_queue", "default"),
    ],
)
def test_celery__its_settings__make_a_message_only_a_wake_up(name: str, value: Any) -> None:
    assert app.conf[name] == value


def test_celery__its_queues__are_those_that_readiness_asks_for() -> None:
    assert {queue.name: queue.routing_key for queue in app.conf.task_queues} == {
        name: name for name in settings.QUEUES
    }


def test_celery__every_scheduled_task__exists_and_is_dropped_when_late() -> None:
    app.loader.import_default_modules()
    for name, entry in app.conf.beat_schedule.items():
        assert entry["task"] in app.tasks, f"{name} names a task that does not exist."
        assert entry["options"]["fresh_seconds"] > 0, f"{name} would pile up while no worker is there."


def test_task__started_in_a_request__carries_its_id(monkeypatch: pytest.MonkeyPatch) -> None:
    sent: dict[str, Any] = {}
    monkeypatch.setattr("celery.app.task.Task.apply_async", lambda _self, *_, **options: sent.update(options))
    set_request_id("req_12345678")
    try:
        Task().apply_async(headers={"other": 1})
    finally:
        set_request_id("")
    assert sent["headers"] == {"datalinx_request_id": "req_12345678", "other": 1}
    assert current_request_id() == ""


def _take(task: Task, headers: dict[str, Any]) -> Any:
    """Do a task as a worker does that took it with these headers."""
    task.push_request(headers=headers)
    try:
        return task()
    finally:
        task.pop_request()


def _sent_headers(monkeypatch: pytest.MonkeyPatch, **options: Any) -> dict[str, Any]:
    sent: dict[str, Any] = {}
    monkeypatch.setattr("celery.app.task.Task.apply_async", lambda _self, *_, **given: sent.update(given))
    Task().apply_async(**options)
    assert "fresh_seconds" not in sent
    assert "expires" not in sent
    headers: dict[str, Any] = sent["headers"]
    return headers


def test_tick__that_waited_too_long__is_dropped_by_the_clock_of_the_store(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    done: list[int] = []

    @app.task(name="tests.tick")
    def task() -> None:
        done.append(1)

    _take(task, _sent_headers(monkeypatch, fresh_seconds=60))
    assert len(done) == 1
    stale = _sent_headers(monkeypatch, fresh_seconds=0)
    _take(task, stale)
    assert len(done) == 1
    _take(task, _sent_headers(monkeypatch))
    assert len(done) == 2
    # A store that is away drops nothing, neither where it is sent nor where it is taken.
    monkeypatch.setattr("datalinx.freshness.cache", None)
    _take(task, _sent_headers(monkeypatch, fresh_seconds=60))
    _take(task, stale)
    assert len(done) == 4


@pytest.mark.parametrize("hours", [-1, 1])
def test_scheduler__of_a_machine_whose_clock_jumps__ticks_on(
    hours: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    passed = 1000.0
    monkeypatch.setattr("datalinx.celery.time.monotonic", lambda: passed)
    monkeypatch.setattr("datalinx.celery._beat", lambda *_: None)
    sent: Counter[str] = Counter()
    scheduler = Scheduler(app, lazy=False)
    monkeypatch.setattr(scheduler, "apply_entry", lambda entry, producer: sent.update([entry.name]))
    monkeypatch.setattr(Scheduler, "producer", None)
    begun = datetime.now(UTC)
    for second in range(61):
        jump = timedelta(hours=hours if 15 < second < 45 else 0)
        with time_machine.travel(begun + timedelta(seconds=second) + jump):
            passed = 1000.0 + second
            assert 0 <= scheduler.tick() <= Scheduler.max_interval
    assert (sent["pipelines"], sent["deliveries"], sent["schedules"]) == (20, 12, 0)
    # Standing still for a while is made up by one tick, not by all.
    passed += 1000
    scheduler.tick()
    scheduler.tick()
    assert (sent["pipelines"], sent["schedules"]) == (21, 1)


class Worker:
    """A worker as `datalinx up` starts it; of the embedded broker unless another is named."""

    def __init__(self, folder: Path, queue: str, database: Path, broker_url: str = "") -> None:
        self.folder = folder
        (folder / "home").mkdir(exist_ok=True)
        if not (folder / "home" / database.name).exists():
            shutil.copy(database, folder / "home")
        (folder / "extra_tasks.py").write_text(TASKS)
        self.environment = {
            **os.environ,
            "DJANGO_SETTINGS_MODULE": "datalinx.settings",
            "DATALINX_HOME": str(folder / "home"),
            "TEST_OUT": str(folder),
            "PYTHONPATH": f"{folder}:{ROOT}",
            "REMAP_SIGTERM": "SIGQUIT",
        }
        for name in ("DATABASE_URL", "DATALINX_BROKER_URL", "DATALINX_CACHE_URL"):
            self.environment.pop(name, None)
        if broker_url:
            self.environment["DATALINX_BROKER_URL"] = broker_url
        command = [sys.executable, "-m", "celery", "-A", "datalinx", "worker", "--queues", queue]
        options = ["--concurrency", "1", "--include", "extra_tasks", "--without-gossip", "--without-mingle"]
        self.log = (folder / f"{queue}.log").open("w")
        self.process = subprocess.Popen(
            [*command, *options],
            cwd=ROOT,
            env=self.environment,
            stdout=self.log,
            stderr=subprocess.STDOUT,
            process_group=0,
        )

    def send(self, code: str) -> None:
        code = f"import django; django.setup(); import extra_tasks; {code}"
        subprocess.run([sys.executable, "-c", code], check=True, cwd=ROOT, env=self.environment, timeout=60)


@pytest.fixture(scope="module")
def database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database that is up to date: no worker starts on another."""
    home = tmp_path_factory.mktemp("migrated")
    environment = {**os.environ, "DATALINX_HOME": str(home), "DJANGO_SETTINGS_MODULE": "datalinx.settings"}
    environment.pop("DATABASE_URL", None)
    command = [sys.executable, "manage.py", "migrate", "--verbosity", "0"]
    subprocess.run(command, check=True, cwd=ROOT, env=environment, timeout=300)
    return home / "datalinx.sqlite3"


@pytest.fixture
def worker(tmp_path: Path, database: Path) -> Iterator[Callable[..., Worker]]:
    made: list[Worker] = []

    def start(queue: str, broker_url: str = "", database: Path = database) -> Worker:
        made.append(Worker(tmp_path, queue, database, broker_url))
        return made[-1]

    yield start
    for each in made:
        if each.process.poll() is None:
            each.process.terminate()
            try:
                each.process.wait(15)
            except subprocess.TimeoutExpired:
                each.process.kill()
                each.process.wait(10)
        each.log.close()


def test_worker__a_task_by_the_folder_of_messages__runs_with_its_requests_id(
    worker: Callable[..., Worker], tmp_path: Path
) -> None:
    running = worker("default")
    running.send(
        "from datalinx.api.request_id import set_request_id; set_request_id('req_of_mine'); "
        "extra_tasks.write.delay('one')"
    )
    _wait_for(tmp_path / "one", running)
    assert (tmp_path / "one").read_text() == "req_of_mine"
    log = [
        json.loads(line)
        for line in (tmp_path / "default.log").read_text().splitlines()
        if line.startswith("{")
    ]
    assert any(event["event"].endswith("ready.") for event in log)


def test_worker__on_a_database_of_an_older_version__refuses_to_start_in_one_sentence(
    worker: Callable[..., Worker], tmp_path: Path, database: Path
) -> None:
    older = Path(shutil.copy(database, tmp_path))
    with contextlib.closing(sqlite3.connect(older)) as lite:
        ((name,),) = lite.execute(
            "DELETE FROM django_migrations WHERE id = (SELECT max(id) FROM django_migrations WHERE app = 'pipelines') "
            "RETURNING name"
        )
        lite.commit()
    refused = worker("default", database=older)
    assert refused.process.wait(60) != 0
    said = (tmp_path / "default.log").read_text()
    assert f"The database is older than this version: 1 migration is missing, pipelines.{name}." in said
    assert "[datalinx.E007]" in said
    assert "Traceback" not in said
    assert "ready." not in said


def test_worker__its_child_killed_in_a_task__gives_the_task_to_another(
    worker: Callable[..., Worker], tmp_path: Path
) -> None:
    running = worker("runs")
    running.send("extra_tasks.hold.apply_async([0.5], queue='runs')")
    _wait_for(tmp_path / "hold", running)
    os.kill(int((tmp_path / "hold").read_text()), signal.SIGKILL)
    _wait_for(tmp_path / "held", running)
    assert len((tmp_path / "hold").read_text().splitlines()) == 2


SERVERS = [pytest.param(name, marks=getattr(pytest.mark, name)) for name in ("redis", "rabbitmq")]


@pytest.mark.parametrize("broker", SERVERS)
def test_worker__of_a_broker_that_is_a_server__does_its_tasks_and_takes_up_what_a_killed_child_held(
    worker: Callable[..., Worker], tmp_path: Path, broker: str
) -> None:
    running = worker("runs", server_url(broker))
    running.send("extra_tasks.hold.apply_async([0.5], queue='runs')")
    _wait_for(tmp_path / "hold", running)
    os.kill(int((tmp_path / "hold").read_text()), signal.SIGKILL)
    _wait_for(tmp_path / "held", running)
    assert len((tmp_path / "hold").read_text().splitlines()) == 2


@pytest.mark.rabbitmq
def test_worker__of_rabbitmq__killed_with_all_its_processes__leaves_its_task_to_the_next(
    worker: Callable[..., Worker], tmp_path: Path
) -> None:
    running = worker("runs", server_url("rabbitmq"))
    running.send("extra_tasks.hold.apply_async([0.5], queue='runs')")
    _wait_for(tmp_path / "hold", running)
    os.killpg(running.process.pid, signal.SIGKILL)
    running.process.wait(10)
    _wait_for(tmp_path / "held", worker("runs", server_url("rabbitmq")))


def test_worker__told_to_end_in_a_long_task__ends_soon_and_gives_the_task_back(
    worker: Callable[..., Worker], tmp_path: Path
) -> None:
    running = worker("runs")
    running.send("extra_tasks.hold.apply_async([600], queue='runs')")
    _wait_for(tmp_path / "hold", running)
    asked = time.monotonic()
    running.process.terminate()
    running.process.wait(15)
    assert time.monotonic() - asked < 9
    (message,) = [path for path in (tmp_path / "home" / "broker").iterdir() if path.name.endswith(".runs")]
    assert json.loads(message.read_text())["headers"]["task"] == "tests.hold"


def _wait_for(path: Path, running: Worker, seconds: float = 40) -> None:
    deadline = time.monotonic() + seconds
    while not (path.exists() and (path.name != "hold" or path.read_text())):
        assert running.process.poll() is None, "The worker ended."
        assert time.monotonic() < deadline, "It did not happen in time."
        time.sleep(0.05)
