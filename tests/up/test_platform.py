"""`datalinx up` as a whole: first start, what runs, what happens when something is killed."""

import os
import signal
import sqlite3
import stat
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.up.conftest import FIRST, Platform, free_port, get

pytestmark = [
    pytest.mark.skipif(not Path("/proc/self").exists(), reason="reads the list of processes from /proc")
]


def test_up__first_start__is_ready_within_thirty_seconds_and_says_so_once(platform: Platform) -> None:
    assert platform.lines == [f"Datalinx is ready at {platform.url}"]  # type: ignore[attr-defined]
    assert platform.ready_after < 30  # type: ignore[attr-defined]


def test_up__when_ready__answers_without_login(platform: Platform) -> None:
    status, answer = get(platform.url + "/readyz")
    assert (status, answer["status"]) == (200, "ready")
    assert set(answer["checks"].values()) == {"ok"}
    assert get(platform.url + "/healthz") == (200, {"status": "ok"})


def test_up__its_home__is_closed_to_others(platform: Platform) -> None:
    assert _mode(platform.home) == 0o700
    files = [path for path in platform.home.rglob("*") if path.is_file()]
    assert {platform.home / "secrets" / name for name in ("secret_key", "encryption_keys")} <= set(files)
    assert {path.name: oct(_mode(path)) for path in files if _mode(path) & 0o077} == {}


def test_up__first_start__makes_the_organization_and_nothing_else(platform: Platform) -> None:
    with sqlite3.connect(f"file:{platform.home}/datalinx.sqlite3?mode=ro", uri=True) as database:
        tables = {row[0] for row in database.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
        counts = {name: database.execute(f'SELECT count(*) FROM "{name}"').fetchone()[0] for name in tables}
        emails = [row[0] for row in database.execute("SELECT email FROM accounts_user")]
    assert emails == [FIRST["DATALINX_ADMIN_EMAIL"]]
    assert counts["accounts_organization"] == 1
    assert counts["workspaces_workspace"] == 0


def test_up__its_database__is_in_wal_mode(platform: Platform) -> None:
    with sqlite3.connect(platform.home / "datalinx.sqlite3") as database:
        assert database.execute("PRAGMA journal_mode").fetchone() == ("wal",)


def test_up__its_workers__are_descendants_with_celerys_command_line(platform: Platform) -> None:
    lines = list(platform.workers().values())
    assert any("--queues runs" in line for line in lines)
    assert any("--queues default" in line for line in lines)


def test_up__every_worker_killed__is_there_again_within_two_seconds_every_time(platform: Platform) -> None:
    for _ in range(3):
        before = platform.workers()
        for pid in before:
            _kill(pid)
        killed = time.monotonic()
        _wait_until(lambda old=before: _leads_two_queues(platform, old), seconds=2)  # type: ignore[misc]
        assert time.monotonic() - killed < 2
    _wait_until(lambda: get(platform.url + "/readyz")[0] == 200, seconds=30)


def test_up__the_web_server_killed__keeps_its_callers_waiting_and_answers(platform: Platform) -> None:
    from tests.up.conftest import descendants

    masters = [pid for pid, line in descendants(platform.process.pid).items() if "gunicorn" in line]
    for pid in masters:
        _kill(pid)
    # The listening socket is the supervisor's: nobody is refused in between.
    assert get(platform.url + "/healthz")[0] == 200


def test_up__no_living_worker__is_not_ready(platform: Platform) -> None:
    # Stopped, not killed: a killed one is back before anybody looks.
    stopped = [pid for pid, line in platform.workers().items() if "--queues runs" in line]
    for pid in stopped:
        os.kill(pid, signal.SIGSTOP)
    try:
        # The workers that were killed before may still be on their way.
        missing = "No living worker takes from runs."
        _wait_until(lambda: get(platform.url + "/readyz")[1]["checks"]["worker"] == missing, seconds=40)
        assert get(platform.url + "/readyz")[0] == 503
        assert get(platform.url + "/readyz")[1]["status"] == "not_ready"
        assert get(platform.url + "/readyz?role=web")[0] == 200
    finally:
        for pid in stopped:
            os.kill(pid, signal.SIGCONT)
    _wait_until(lambda: get(platform.url + "/readyz")[0] == 200, seconds=20)


def test_up__a_home_in_use__refuses_the_second(platform: Platform, start: Callable[..., Platform]) -> None:
    said = start(platform.home).refusal()
    assert said.count("\n") == 1
    assert f"{platform.home} is in use by another `datalinx up`" in said
    assert platform.url in said


def test_up__a_taken_port__refuses_in_one_sentence(
    platform: Platform, start: Callable[..., Platform]
) -> None:
    said = start(port=platform.port).refusal()
    assert said == (
        f"datalinx: Port {platform.port} on 127.0.0.1 is taken by another program; choose another with --port.\n"
    )


def test_up__told_to_end_and_started_again__is_gone_within_ten_seconds_and_keeps_its_keys_and_its_data(
    start: Callable[..., Platform], tmp_path: Path
) -> None:
    from tests.up.conftest import descendants

    home = tmp_path / "home"
    home.mkdir(mode=0o755)
    (home / "of-somebody-else.txt").write_text("kept")
    port = free_port()
    keys = []
    for environment, number in ((FIRST, signal.SIGTERM), ({}, signal.SIGINT)):
        platform = start(home, port, **environment)
        assert platform.wait_until_ready() == [f"Datalinx is ready at {platform.url}"]
        keys.append([(home / "secrets" / name).read_text() for name in ("secret_key", "encryption_keys")])
        below = descendants(platform.process.pid)
        code, seconds = platform.end(number)
        assert (code, seconds < 10) == (0, True)
        assert not [line for pid, line in below.items() if Path(f"/proc/{pid}").exists()]
        assert get(platform.url + "/healthz")[0] == 0
    assert keys[0] == keys[1]
    assert (home / "of-somebody-else.txt").read_text() == "kept"
    (home / "secrets" / "encryption_keys").unlink()
    said = start(home, port).refusal()
    assert said.count("\n") == 1
    assert "encryption_keys is missing" in said
    assert "DATALINX_ENCRYPTION_KEYS" in said


def test_up__without_an_administrator__prints_a_link_that_works_once(start: Callable[..., Platform]) -> None:
    # A refusal leaves nothing behind that would keep it from starting in the same home.
    said = start(**FIRST | {"DATALINX_ADMIN_PASSWORD": "short"}).refusal()
    assert "DATALINX_ADMIN_PASSWORD cannot be used" in said
    assert "12 characters" in said
    platform = start()
    link_line, ready_line = platform.wait_until_ready()
    assert ready_line == f"Datalinx is ready at {platform.url}"
    link = link_line.rpartition(" ")[2]
    assert link.startswith(f"{platform.url}/setup/")
    assert get(link)[0] == 200
    assert get(f"{platform.url}/setup/{'x' * 43}")[0] == 404
    token = link.rpartition("/")[2]
    for path in platform.home.rglob("*"):
        if path.is_file():
            assert token.encode() not in path.read_bytes(), path


@pytest.mark.parametrize(
    ("environment", "words"),
    [
        ({"DATALINX_ENCRYPTION_KEYS": "abc"}, ["DATALINX_ENCRYPTION_KEYS", "Fernet"]),
        ({"DATALINX_THREADS": "many"}, ["DATALINX_THREADS", "'many'"]),
        ({"DATALINX_ENV": "production"}, ["DATALINX_PUBLIC_URL", "datalinx.E003"]),
        ({**FIRST, "DATALINX_ADMIN_PASSWORD": ""}, ["DATALINX_ADMIN_PASSWORD is missing"]),
        ({**FIRST, "DATALINX_ADMIN_EMAIL": "nobody"}, ["DATALINX_ADMIN_EMAIL cannot be used"]),
        ({"DATABASE_URL": "postgresql://x:canary@127.0.0.1:9/none"}, ["The database cannot be used"]),
        ({"DATALINX_CACHE_URL": "redis://:canary@127.0.0.1:9/0"}, ["cache", "does not answer"]),
    ],
    ids=lambda value: "-".join(value) if isinstance(value, dict) else "",
)
def test_up__with_a_variable_that_cannot_be_used__refuses_in_one_sentence(
    start: Callable[..., Platform], environment: dict[str, str], words: list[str]
) -> None:
    said = start(**environment).refusal()
    (sentence,) = [line for line in said.splitlines() if line.startswith("datalinx: ")]
    assert all(word in sentence for word in words), sentence
    assert "canary" not in said


def test_up__a_home_that_cannot_be_written__refuses_in_one_sentence(
    start: Callable[..., Platform], tmp_path: Path
) -> None:
    (tmp_path / "file").touch()
    said = start(tmp_path / "file" / "home").refusal()
    assert said.count("\n") == 1
    assert "cannot be written to" in said
    assert "--home" in said


def _leads_two_queues(platform: Platform, before: dict[int, str]) -> bool:
    lines = [line for pid, line in platform.workers().items() if pid not in before]
    return all(any(f"--queues {queue}" in line for line in lines) for queue in ("runs", "default"))


def _kill(pid: int) -> None:
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        return


def _mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def _wait_until(condition: Callable[[], bool], *, seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "It did not happen in time."
        time.sleep(0.02)
