"""A bounded folder of downloaded files that several processes share: the longest unused goes first."""

import fcntl
import hashlib
import os
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

# A file that was asked for within this time stays even when the folder is over its bound: whoever got its
# path may be about to open it.
GRACE_SECONDS = 900
# Room that is made at once, so that not every download has to look through the folder for the next victim.
_KEPT_SHARE = 0.9


@dataclass(frozen=True)
class _Kept:
    path: Path
    size: int
    used_at: float


class FileCache:
    """Downloads kept by name. `max_bytes` bounds the folder except for files used within `GRACE_SECONDS`."""

    def __init__(self, folder: Path, max_bytes: int) -> None:
        self.folder = folder
        self.max_bytes = max_bytes

    def get(self, name: str, download: Callable[[Path], None], *, suffix: str = "") -> Path:
        """Return the file of that name, calling `download` with a path to fill if no process has it yet.

        A name must always mean the same bytes. The path ends with `suffix`, for readers that look at it.
        """
        digest = hashlib.sha256(name.encode()).hexdigest()
        path = self.folder / digest[:2] / f"{digest}{suffix}"
        if _touch(path):
            return path
        with self._locked(digest[:2]):
            if _touch(path):
                return path
            path.parent.mkdir(parents=True, exist_ok=True)
            partial = path.with_name(f".{uuid.uuid4().hex}")
            try:
                download(partial)
                partial.replace(path)
            finally:
                partial.unlink(missing_ok=True)
        self.shrink()
        return path

    def shrink(self) -> None:
        """Delete the longest unused files until the folder is within its bound."""
        with self._locked("shrink"):
            files = sorted(self._files(), key=lambda file: file.used_at)
            total = sum(file.size for file in files)
            if total <= self.max_bytes:
                return
            recent = self._now() - GRACE_SECONDS
            for file in files:
                if total <= self.max_bytes * _KEPT_SHARE or file.used_at > recent:
                    return
                file.path.unlink(missing_ok=True)
                total -= file.size

    def _files(self) -> Iterator["_Kept"]:
        """Yield what lies in the folder, downloads that a killed process left half-way included."""
        for path in self.folder.glob("[0-9a-f][0-9a-f]/*"):
            try:
                status = path.stat()
            except FileNotFoundError:
                continue
            yield _Kept(path, status.st_size, status.st_mtime)

    def _now(self) -> float:
        """The time by the clock that also stamps the files, which may be a file server's."""
        clock = self.folder / ".clock"
        clock.touch()
        return clock.stat().st_mtime

    @contextmanager
    def _locked(self, name: str) -> Iterator[None]:
        """Let one process (and one thread) at a time do the work of that name."""
        locks = self.folder / ".locks"
        locks.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(locks / name, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            yield
        finally:
            os.close(descriptor)


def _touch(path: Path) -> bool:
    """Mark a file as used now; return whether it is there."""
    try:
        os.utime(path)
    except FileNotFoundError:
        return False
    return True
