"""The download cache is bounded, shared by processes, and never gives half a file."""

import multiprocessing
import os
import time
from pathlib import Path

import pytest

from datalinx.engine.storage.cache import GRACE_SECONDS, FileCache


def age(path: Path, seconds: float) -> None:
    then = path.stat().st_mtime - seconds
    os.utime(path, (then, then))


def fill(size: int):
    return lambda path: path.write_bytes(b"x" * size)


def test_cache__over_its_bound__drops_the_longest_unused_first(tmp_path):
    cache = FileCache(tmp_path, 250)
    paths = [cache.get(name, fill(100)) for name in ("a", "b")]
    age(paths[0], GRACE_SECONDS + 10)
    age(paths[1], GRACE_SECONDS + 20)
    third = cache.get("c", fill(100))
    assert [path.exists() for path in (*paths, third)] == [True, False, True]


def test_cache__file_used_again__counts_as_new(tmp_path):
    cache = FileCache(tmp_path, 250)
    first, second = (cache.get(name, fill(100)) for name in ("a", "b"))
    for path in (first, second):
        age(path, GRACE_SECONDS + 10)
    assert cache.get("a", fill(100)) == first
    cache.get("c", fill(100))
    assert first.exists()
    assert not second.exists()


def test_cache__files_in_use__stay_even_over_the_bound(tmp_path):
    cache = FileCache(tmp_path, 50)
    paths = [cache.get(name, fill(100)) for name in ("a", "b")]
    assert all(path.exists() for path in paths)


def test_cache__half_download_of_a_dead_process__is_dropped_in_time(tmp_path):
    cache = FileCache(tmp_path, 50)
    kept = cache.get("a", fill(10))
    half = kept.with_name(".half")
    half.write_bytes(b"x" * 100)
    age(half, GRACE_SECONDS + 10)
    cache.shrink()
    assert kept.exists()
    assert not half.exists()


def test_cache__download_fails__leaves_nothing(tmp_path):
    cache = FileCache(tmp_path, 50)

    def fail(path: Path) -> None:
        path.write_bytes(b"half")
        raise ConnectionResetError

    with pytest.raises(ConnectionResetError):
        cache.get("a", fail)
    assert not list(tmp_path.glob("??/*"))
    assert cache.get("a", fill(3)).read_bytes() == b"xxx"


def _get_slowly(folder: Path, log: Path, ready) -> None:
    def download(path: Path) -> None:
        with log.open("a") as lines:
            lines.write("downloaded\n")
        path.write_bytes(b"half")
        time.sleep(0.2)
        path.write_bytes(b"whole")

    ready.wait()
    assert FileCache(folder, 1000).get("a", download).read_bytes() == b"whole"


def test_cache__four_processes_at_once__download_once(tmp_path):
    context = multiprocessing.get_context("fork")
    ready = context.Event()
    log = tmp_path / "log"
    workers = [context.Process(target=_get_slowly, args=(tmp_path / "cache", log, ready)) for _ in range(4)]
    for worker in workers:
        worker.start()
    ready.set()
    for worker in workers:
        worker.join(timeout=30)
    assert [worker.exitcode for worker in workers] == [0] * 4
    assert log.read_text() == "downloaded\n"
