"""Where the platform's files are: the storage that the settings name, and folders for work in progress."""

import errno
import fcntl
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from functools import cache
from pathlib import Path

from django.conf import settings

from datalinx.engine.execute.session import DISK_FULL
from datalinx.engine.storage import Storage
from datalinx.errors import Unavailable


@cache
def storage() -> Storage:
    """Return the storage, opened once in each process."""
    return Storage.open(settings.STORAGE_URL, Path(settings.HOME) / "cache")


def workspace_storage(organization_id: str, workspace_id: str) -> Storage:
    """Return a workspace's corner of the storage: it can name nothing of another's."""
    return storage().within(f"{organization_id}/{workspace_id}")


@contextmanager
def scratch(name: str) -> Iterator[Path]:
    """Give a private folder for work in progress, and take it away with all that is in it.

    A process that was killed leaves its folder behind; the next that asks for one takes it away. Raise `Unavailable`
    `DISK_FULL` where the disk has no space for it or for what is written meanwhile.
    """
    with ExitStack() as claim:
        claim.enter_context(_full_disk_told())
        sweep_scratch()
        root = _scratch_root()
        # Nobody sweeps between the making of the folder and its claim.
        with _lock(root, fcntl.LOCK_SH):
            made = tempfile.TemporaryDirectory(prefix=f"{name}-", dir=root, ignore_cleanup_errors=True)
            claim.enter_context(_lock(Path(made.name), fcntl.LOCK_EX | fcntl.LOCK_NB))
        with made as folder:
            yield Path(folder)


@contextmanager
def _full_disk_told() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        if error.errno not in {errno.ENOSPC, errno.EDQUOT}:
            raise
        raise Unavailable("DISK_FULL", DISK_FULL) from error


def sweep_scratch() -> int:
    """Remove the folders of processes on this machine that are no more; return how many.

    Whose folder it is the kernel knows, however old it looks: clocks do not come into it.
    """
    count, root = 0, _scratch_root()
    with _lock(root, fcntl.LOCK_EX | fcntl.LOCK_NB) as is_mine:
        # Else somebody makes one now, or sweeps already.
        for folder in root.iterdir() if is_mine else ():
            # Somebody else removes it, or it is none of ours.
            with suppress(OSError), _lock(folder, fcntl.LOCK_EX | fcntl.LOCK_NB) as is_left:
                if is_left:
                    shutil.rmtree(folder, ignore_errors=True)
                    count += 1
    return count


def _scratch_root() -> Path:
    root = Path(settings.HOME) / "work"
    root.mkdir(parents=True, exist_ok=True)
    return root


@contextmanager
def _lock(folder: Path, how: int) -> Iterator[bool]:
    """Lock a folder, if nobody else holds it; the kernel lets go of it when the process ends, however it ends."""
    held = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        try:
            fcntl.flock(held, how)
        except OSError:
            yield False
        else:
            yield True
    finally:
        os.close(held)
