"""Where the platform's files are: the storage that the settings name, and folders for work in progress."""

import fcntl
import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path

from django.conf import settings

from datalinx.engine.storage import Storage


@cache
def storage() -> Storage:
    """Return the storage, opened once in each process."""
    return Storage.open(settings.STORAGE_URL, Path(settings.HOME) / "cache")


def workspace_storage(organization_id: str, workspace_id: str) -> Storage:
    """Return a workspace's corner of the storage: it can name nothing of another's."""
    return storage().within(f"{organization_id}/{workspace_id}")


# A folder younger than this may be about to be claimed by who made it.
_UNCLAIMED_SECONDS = 60.0


@contextmanager
def scratch(name: str) -> Iterator[Path]:
    """Give a private folder for work in progress, and take it away with all that is in it.

    A process that was killed leaves its folder behind; the next that asks for one takes it away.
    """
    root = Path(settings.HOME) / "work"
    root.mkdir(parents=True, exist_ok=True)
    _sweep(root)
    made = tempfile.TemporaryDirectory(prefix=f"{name}-", dir=root, ignore_cleanup_errors=True)
    with made as folder, _claim(Path(folder)):
        yield Path(folder)


@contextmanager
def _claim(folder: Path) -> Iterator[bool]:
    """Hold a folder, if nobody else does; the kernel lets go of it when the process ends, however it ends."""
    held = os.open(folder, os.O_RDONLY)
    try:
        try:
            fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            yield False
        else:
            yield True
    finally:
        os.close(held)


def _sweep(root: Path) -> None:
    """Remove the folders of processes that are no more."""
    for folder in root.iterdir():
        try:
            if time.time() - folder.stat().st_mtime < _UNCLAIMED_SECONDS:
                continue
            with _claim(folder) as is_left:
                if is_left:
                    shutil.rmtree(folder, ignore_errors=True)
        except OSError:
            # Somebody else removes it, or it is none of ours.
            continue
