"""Private folders for work in progress: removed at the end, and by others when their process was killed."""

import os
import time
from pathlib import Path

import pytest

from datalinx import files


@pytest.fixture
def work(tmp_path: Path, settings: object) -> Path:
    settings.HOME = tmp_path  # type: ignore[attr-defined]  # pytest-django's fixture
    return tmp_path / "work"


def make_old(folder: Path) -> None:
    before = time.time() - 2 * files._UNCLAIMED_SECONDS
    os.utime(folder, (before, before))


def test_scratch__its_end__removes_it_with_what_is_in_it(work: Path) -> None:
    with files.scratch("run") as folder:
        (folder / "spill").mkdir()
        (folder / "spill" / "block").write_bytes(b"x")
        assert folder.parent == work
    assert list(work.iterdir()) == []


def test_scratch__a_folder_that_a_killed_process_left__is_removed_by_the_next(work: Path) -> None:
    child = os.fork()
    if child == 0:
        with files.scratch("run"):
            os._exit(0)
    os.waitpid(child, 0)
    (left,) = work.iterdir()
    with files.scratch("run"):
        # It may have been made just now, by somebody who is about to claim it.
        assert left.exists()
    make_old(left)
    with files.scratch("run"):
        assert not left.exists()


def test_scratch__a_folder_in_use__is_left_alone_however_old(work: Path) -> None:
    with files.scratch("run") as folder:
        make_old(folder)
        with files.scratch("run"):
            assert folder.exists()
