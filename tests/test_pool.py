"""What the parent of a pool sees of its processes: signs, their end, and when one is gone."""

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from types import SimpleNamespace

import pytest

from datalinx import pool


@pytest.fixture(autouse=True)
def at_the_last_place(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Let this process be one of a pool."""
    monkeypatch.setattr(pool, "current_process", lambda: SimpleNamespace(index=255))
    monkeypatch.setattr(pool, "SILENT_SECONDS", 0.1)
    yield
    pool.end()


def test_process__that_gives_signs__is_not_silent() -> None:
    pool.begin("run_1", 3)
    assert list(pool.find_silent()) == []
    time.sleep(0.15)
    pool.give_sign()
    assert list(pool.find_silent()) == []


def test_process__without_a_sign__is_silent_with_its_work_and_how_late_it_is() -> None:
    pool.begin("run_1", 3)
    time.sleep(0.15)
    (silent,) = pool.find_silent()
    assert (silent.process_id, silent.work, silent.fence) == (os.getpid(), "run_1", 3)
    assert silent.late_seconds == float("-inf")
    pool.allow_until(time.monotonic() - 5)
    (silent,) = pool.find_silent()
    assert 5 <= silent.late_seconds < 6
    # The next work begins with no end.
    pool.begin("run_2", 1)
    time.sleep(0.15)
    assert [each.late_seconds for each in pool.find_silent()] == [float("-inf")]


def test_process__at_nothing_or_gone__is_not_silent() -> None:
    pool.begin("run_1", 3)
    time.sleep(0.15)
    pool.end()
    assert list(pool.find_silent()) == []
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    pool.begin("run_1", 3)
    place = pool._places[255]
    place.process_id = gone.pid
    time.sleep(0.15)
    assert list(pool.find_silent()) == []
    assert place.process_id == 0


@pytest.mark.parametrize("index", [None, 256])
def test_process__of_no_pool_or_beyond_the_places__says_nothing(
    monkeypatch: pytest.MonkeyPatch, index: int | None
) -> None:
    monkeypatch.setattr(pool, "current_process", lambda: SimpleNamespace(index=index))
    pool.begin("run_1", 3)
    pool.give_sign()
    pool.allow_until(0.0)
    time.sleep(0.15)
    assert list(pool.find_silent()) == []


def test_process__forgotten__is_not_found_again() -> None:
    pool.begin("run_1", 3)
    time.sleep(0.15)
    pool.forget(os.getpid())
    assert list(pool.find_silent()) == []
