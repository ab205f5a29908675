"""The embedded cache: Django's promises, and counters that stay right among processes and threads."""

import multiprocessing
import os
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
import time_machine
from django.conf import settings
from django_ratelimit.checks import check_caches

from datalinx.cache import SqliteCache


@pytest.fixture
def cache(tmp_path: Path) -> SqliteCache:
    return SqliteCache(str(tmp_path / "cache.sqlite3"), {})


@pytest.fixture
def clock() -> Iterator[Any]:
    with time_machine.travel(1_700_000_000, tick=False) as traveller:
        yield traveller


@pytest.mark.parametrize("value", [0, -5, 2**63 - 1, 2**63, True, None, "text", b"\0", 1.5, {"a": [1, (2,)]}])
def test_cache__a_value__comes_back_as_it_was(cache: SqliteCache, value: Any) -> None:
    cache.set("key", value)
    found = cache.get("key", "missing")
    assert found == value
    assert type(found) is type(value)


def test_cache__a_key_that_is_not_there__gives_the_default(cache: SqliteCache) -> None:
    assert cache.get("nothing", 7) == 7
    assert "nothing" not in cache
    assert not cache.delete("nothing")
    assert not cache.touch("nothing")


def test_cache__a_value_past_its_time__is_gone(cache: SqliteCache, clock: Any) -> None:
    cache.set("key", 1, timeout=10)
    clock.shift(9.9)
    assert cache.get("key") == 1
    clock.shift(0.2)
    assert cache.get("key") is None
    assert not cache.touch("key", 10)
    with pytest.raises(ValueError, match="key"):
        cache.incr("key")


def test_cache__a_value_without_an_end__stays(cache: SqliteCache, clock: Any) -> None:
    cache.set("key", 1, timeout=None)
    clock.shift(10**9)
    assert cache.get("key") == 1


def test_cache__touch__moves_the_end(cache: SqliteCache, clock: Any) -> None:
    cache.set("key", 1, timeout=10)
    assert cache.touch("key", 100)
    clock.shift(50)
    assert cache.get("key") == 1


def test_cache__add__stores_only_once_until_it_is_past(cache: SqliteCache, clock: Any) -> None:
    assert cache.add("key", 1, timeout=10)
    assert not cache.add("key", 2, timeout=10)
    assert cache.get("key") == 1
    clock.shift(11)
    assert cache.add("key", 3, timeout=10)
    assert cache.get("key") == 3


def test_cache__incr__keeps_the_end_of_the_counter(cache: SqliteCache, clock: Any) -> None:
    cache.add("key", 1, timeout=10)
    assert cache.incr("key") == 2
    assert cache.decr("key", 5) == -3
    clock.shift(11)
    assert cache.get("key") is None


def test_cache__incr_of_what_is_no_integer__is_refused(cache: SqliteCache) -> None:
    cache.set("key", "text")
    with pytest.raises(ValueError, match="key"):
        cache.incr("key")


def test_cache__clear_and_many__work_on_all(cache: SqliteCache) -> None:
    cache.set_many({"a": 1, "b": 2})
    assert cache.get_many(["a", "b", "c"]) == {"a": 1, "b": 2}
    cache.clear()
    assert cache.get_many(["a", "b"]) == {}


def test_cache__versions_and_prefixes__do_not_meet(tmp_path: Path) -> None:
    one = SqliteCache(str(tmp_path / "cache.sqlite3"), {"KEY_PREFIX": "one"})
    two = SqliteCache(str(tmp_path / "cache.sqlite3"), {"KEY_PREFIX": "two"})
    one.set("key", 1)
    one.set("key", 2, version=2)
    assert (one.get("key"), one.get("key", version=2), two.get("key")) == (1, 2, None)


def test_cache__sixteen_threads_counting__lose_nothing(cache: SqliteCache) -> None:
    cache.set("count", 0)
    start = threading.Barrier(16)

    def count(_: int) -> None:
        start.wait()
        for _ in range(50):
            cache.incr("count")

    with ThreadPoolExecutor(16) as pool:
        list(pool.map(count, range(16)))
    assert cache.get("count") == 800


def test_cache__processes_after_a_fork__count_together(cache: SqliteCache) -> None:
    cache.set("count", 0)
    context = multiprocessing.get_context("fork")
    children = [context.Process(target=_count, args=(cache,)) for _ in range(4)]
    for child in children:
        child.start()
    for child in children:
        child.join(30)
    assert [child.exitcode for child in children] == [0] * 4
    assert cache.incr("count") == 401


def test_cache__many_adding_the_same_key__only_one_wins(cache: SqliteCache) -> None:
    start = threading.Barrier(8)

    def add(number: int) -> bool:
        start.wait()
        return cache.add("key", number)

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(add, range(8))) == 1


def test_cache__its_file__is_closed_to_others(tmp_path: Path) -> None:
    before = os.umask(0o077)
    try:
        SqliteCache(str(tmp_path / "new" / "cache.sqlite3"), {}).set("key", 1)
    finally:
        os.umask(before)
    assert (tmp_path / "new").stat().st_mode & 0o777 == 0o700
    assert (tmp_path / "new" / "cache.sqlite3").stat().st_mode & 0o777 == 0o600


def test_cache__of_the_settings__has_no_error_from_django_ratelimit() -> None:
    found = [each for each in check_caches(None) if not each.is_silenced()]
    assert settings.CACHES["default"]["BACKEND"] == "datalinx.cache.SqliteCache" or settings.CACHE_URL
    assert found == []


def _count(cache: SqliteCache) -> None:
    for _ in range(100):
        cache.incr("count")
