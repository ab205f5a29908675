"""Files in a local folder: written aside, made durable, then renamed into place."""

import errno
import os
import shutil
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import BinaryIO

from datalinx.engine.storage.backend import Stored, not_found
from datalinx.engine.storage.keys import is_hidden
from datalinx.errors import Invalid, Unavailable

INCOMING = ".incoming"


class FolderBackend:
    """A folder of the local file system. No symbolic link inside it is ever followed."""

    has_paths = True

    def __init__(self, root: Path) -> None:
        root.mkdir(parents=True, exist_ok=True)
        self.root = root.resolve()
        self.incoming = self.root / INCOMING

    def uri(self, key: str) -> str:
        # Not percent-encoded: Iceberg's readers take the text after the scheme for the path as it is.
        return f"file://{self.root / key if key else self.root}"

    def path(self, key: str) -> Path:
        path = self._place(key)
        if not path.is_file():
            raise not_found(key)
        return path

    def folder(self, prefix: str) -> Path:
        folder = self._place(prefix)
        with self.translated(prefix):
            folder.mkdir(parents=True, exist_ok=True)
        return folder

    def info(self, key: str) -> Stored | None:
        path = self._place(key)
        try:
            status = path.stat(follow_symlinks=False)
        except (FileNotFoundError, NotADirectoryError):
            return None
        return _stored(key, status) if path.is_file() else None

    def list(self, prefix: str) -> Iterator[Stored]:
        place = self._place(prefix) if prefix else self.root
        for folder, names, files in os.walk(place):
            names[:] = [name for name in names if not name.startswith(".")]
            for name in files:
                path = Path(folder, name)
                key = path.relative_to(self.root).as_posix()
                if is_hidden(key) or path.is_symlink():
                    continue
                try:
                    yield _stored(key, path.stat())
                except FileNotFoundError:
                    continue

    def open_read(self, key: str) -> BinaryIO:
        try:
            descriptor = os.open(self._place(key), os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
        except (FileNotFoundError, NotADirectoryError):
            raise not_found(key) from None
        return os.fdopen(descriptor, "rb")

    def publish(self, key: str, path: Path) -> None:
        target = self._place(key)
        _make_durable(path)
        made = _make_folders(target.parent)
        try:
            path.replace(target)
        except OSError as error:
            if error.errno != errno.EXDEV:
                raise
            # The file lies on another device: bring it beside its place first, so that the rename is one step.
            self.incoming.mkdir(exist_ok=True)
            beside = self.incoming / uuid.uuid4().hex
            shutil.copyfile(path, beside)
            _make_durable(beside)
            beside.replace(target)
            path.unlink()
        for folder in {target.parent, *made}:
            _make_durable(folder)

    def delete(self, key: str) -> None:
        self._place(key).unlink(missing_ok=True)

    def delete_prefix(self, prefix: str) -> None:
        # Renamed first, so that readers see all of the folder or nothing of it.
        self.incoming.mkdir(exist_ok=True)
        aside = self.incoming / uuid.uuid4().hex
        try:
            self._place(prefix).rename(aside)
        except FileNotFoundError:
            return
        shutil.rmtree(aside)

    @contextmanager
    def translated(self, key: str) -> Iterator[None]:
        try:
            yield
        except (IsADirectoryError, NotADirectoryError, FileExistsError) as error:
            raise Invalid(
                "INVALID_KEY", f"{key!r} is a folder here and a file there; choose another name."
            ) from error
        except OSError as error:
            full = error.errno in {errno.ENOSPC, errno.EDQUOT}
            code = "STORAGE_FULL" if full else "STORAGE_UNAVAILABLE"
            why = "its disk is full" if full else (error.strerror or "it does not answer")
            raise Unavailable(code, f"The storage cannot be used for {key!r}: {why}.") from error

    def _place(self, key: str) -> Path:
        path = self.root / key
        if path.resolve() != path:
            raise Invalid("INVALID_KEY", f"The name {key[:100]!r} leads out of its place through a link.")
        return path


def _stored(key: str, status: os.stat_result) -> Stored:
    return Stored(key, status.st_size, datetime.fromtimestamp(status.st_mtime, UTC))


def _make_folders(folder: Path) -> list[Path]:
    """Make a folder and return those that now hold a new entry and must be made durable too."""
    missing = [part for part in (folder, *folder.parents) if not part.exists()]
    folder.mkdir(parents=True, exist_ok=True)
    return [part.parent for part in missing]


def _make_durable(path: Path) -> None:
    """Wait until the file or the folder is on disk."""
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
