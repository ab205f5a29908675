"""Private folders for work in progress: removed at the end, and by others when their process was killed."""

import errno
import os
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from datalinx import files
from datalinx.errors import Unavailable


@pytest.fixture
def work(tmp_path: Path, settings: object) -> Path:
    settings.HOME = tmp_path  # type: ignore[attr-defined]  # pytest-django's fixture
    return tmp_path / "work"


def make_old(folder: Path) -> None:
    before = time.time() - 30 * 86_400
    os.utime(folder, (before, before))


def test_scratch__its_end__removes_it_with_what_is_in_it(work: Path) -> None:
    with files.scratch("run") as folder:
        (folder / "spill").mkdir()
        (folder / "spill" / "block").write_bytes(b"x")
        assert folder.parent == work
    assert list(work.iterdir()) == []


def test_scratch__on_a_full_disk__says_so(work: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(Unavailable) as within, files.scratch("run"):
        raise OSError(errno.ENOSPC, "No space left on device")
    assert within.value.code == "DISK_FULL"
    with pytest.raises(FileNotFoundError), files.scratch("run"):
        raise FileNotFoundError(errno.ENOENT, "No such file")

    def refused(*args: object, **kwargs: object) -> None:
        raise OSError(errno.EDQUOT, "Disk quota exceeded")

    monkeypatch.setattr(tempfile, "mkdtemp", refused)
    with pytest.raises(Unavailable) as at_first, files.scratch("run"):
        pytest.fail("There is no folder to work in.")
    assert at_first.value.code == "DISK_FULL"


def test_scratch__a_folder_that_a_killed_process_left__is_removed_by_the_next(work: Path) -> None:
    child = os.fork()
    if child == 0:
        with files.scratch("run"):
            os._exit(0)
    os.waitpid(child, 0)
    (left,) = work.iterdir()
    with files.scratch("run"):
        assert not left.exists()


def test_scratch__a_folder_in_use__is_left_alone_however_old(work: Path) -> None:
    with files.scratch("run") as folder:
        make_old(folder)
        with files.scratch("run"):
            assert folder.exists()


def test_scratch__that_is_made_while_others_sweep__is_not_swept(work: Path) -> None:
    def make(_: int) -> bool:
        with files.scratch("run") as folder:
            (folder / "spill").write_bytes(b"x")
            files.sweep_scratch()
            return folder.exists()

    with ThreadPoolExecutor(8) as pool:
        assert all(pool.map(make, range(400)))
    assert files.sweep_scratch() == 0


def test_scratch__of_a_machine_whose_clock_jumps__is_not_swept(
    work: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = files.tempfile.TemporaryDirectory

    def make_and_jump(*arguments: Any, **options: Any) -> Any:
        folder = made(*arguments, **options)
        make_old(Path(folder.name))
        assert files.sweep_scratch() == 0
        return folder

    monkeypatch.setattr(files.tempfile, "TemporaryDirectory", make_and_jump)
    with files.scratch("run") as folder:
        assert folder.exists()
