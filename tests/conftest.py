"""What all tests share."""

import os
from collections.abc import Iterator

import pytest

from tests.world import World, make_world

# They start programs and wait for them: begun last, they would be what everybody else waits for.
_FIRST = ("tests/up/", "tests/e2e/", "tests/benchmarks/", "tests/test_celery.py")


def pytest_xdist_auto_num_workers() -> int:
    """One more than there are processors: some always wait for a program that they started."""
    return (os.cpu_count() or 1) + 1


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Let the tests that wait begin, those of one file together as before."""
    items.sort(key=lambda item: not item.nodeid.startswith(_FIRST))


@pytest.fixture(scope="session", autouse=True)
def _no_waiting_for_disks() -> Iterator[None]:
    """What tests write need not outlive the machine."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "fsync", lambda _: None)
        yield


@pytest.fixture
def world(db: None) -> World:
    """The small world of two organizations."""
    return make_world()
