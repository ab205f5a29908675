"""The storage as everything else sees it: files by key, in a folder or an object store."""

import errno
import os
import shutil
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import BinaryIO

from datalinx.engine.storage.backend import Backend, Stored
from datalinx.engine.storage.cache import FileCache
from datalinx.engine.storage.folder import FolderBackend
from datalinx.engine.storage.keys import check_key, join_key
from datalinx.engine.storage.objects import ObjectBackend
from datalinx.errors import Invalid, TooLarge

DEFAULT_CACHE_BYTES = 16 * 1024**3
_CHUNK_BYTES = 1024**2


class Writer:
    """A file being written. It counts, and refuses the first byte over its limit with `FILE_TOO_LARGE`."""

    def __init__(self, stream: BinaryIO, backend: Backend, key: str, max_bytes: int | None) -> None:
        self._stream = stream
        self._backend = backend
        self._key = key
        self._max_bytes = max_bytes
        self.size = 0

    def write(self, data: bytes) -> int:
        self.size += len(data)
        if self._max_bytes is not None and self.size > self._max_bytes:
            name = self._key.rpartition("/")[2]
            raise TooLarge(
                "FILE_TOO_LARGE", f"{name!r} is larger than the limit of {self._max_bytes:,} bytes."
            )
        with self._backend.translated(self._key):
            return self._stream.write(data)


@dataclass(frozen=True)
class Storage:
    """Files by key. `prefix` is the corner of the storage that this value can name; nothing outside it.

    Every key is checked (`INVALID_KEY`); a missing file raises `NotFound` `FILE_NOT_FOUND`, a place that does
    not answer `Unavailable`. Files appear whole or not at all, and other processes see them at once.
    """

    backend: Backend
    cache: FileCache
    prefix: str = ""

    @classmethod
    def open(cls, url: str, cache_dir: Path, *, cache_bytes: int = DEFAULT_CACHE_BYTES) -> "Storage":
        """Return the storage at a folder, a `file://` address (not percent-encoded) or `s3://bucket/prefix`.

        `cache_dir` keeps what is downloaded, at most about `cache_bytes`; a folder needs no downloads.
        """
        scheme, separator, rest = url.partition("://")
        bucket, _, prefix = rest.strip("/").partition("/")
        backend: Backend
        if scheme == "s3" and bucket:
            backend = ObjectBackend(bucket, check_key(prefix) if prefix else "", cache_dir / "incoming")
        elif scheme == "file" and rest.startswith("/"):
            backend = FolderBackend(Path(rest))
        elif url and not separator:
            backend = FolderBackend(Path(url))
        else:
            raise Invalid(
                "STORAGE_URL_INVALID", f"{url!r} is no storage; give a folder or s3://bucket/prefix."
            )
        return cls(backend, FileCache(cache_dir / "files", cache_bytes))

    def within(self, prefix: str) -> "Storage":
        """Return the corner of this storage under a folder; it can name nothing outside of it."""
        return Storage(self.backend, self.cache, self._key(prefix))

    def uri(self, key: str = "") -> str:
        """Return the address of a key, or of this corner itself, without percent-encoding."""
        return self.backend.uri(self._key(key) if key else self.prefix)

    def info(self, key: str) -> Stored | None:
        """Return size and time of a file, or None when there is none."""
        found = self.backend.info(self._key(key))
        return self._outward(found) if found else None

    def list(self, prefix: str = "") -> Iterator[Stored]:
        """Yield the files under a folder, at any depth, in no particular order."""
        for found in self.backend.list(self._key(prefix) if prefix else self.prefix):
            yield self._outward(found)

    @contextmanager
    def open_write(self, key: str, *, max_bytes: int | None = None) -> Iterator[Writer]:
        """Write a file in pieces; it appears under its key, at once, when the block ends without an error."""
        full = self._key(key)
        with self.backend.translated(key):
            self.backend.incoming.mkdir(parents=True, exist_ok=True)
            partial = self.backend.incoming / uuid.uuid4().hex
            stream = partial.open("xb")
        try:
            with stream:
                yield Writer(stream, self.backend, key, max_bytes)
                with self.backend.translated(key):
                    stream.flush()
            with self.backend.translated(key):
                self.backend.publish(full, partial)
        finally:
            partial.unlink(missing_ok=True)

    def put_bytes(self, key: str, data: bytes) -> None:
        """Store a small file."""
        with self.open_write(key) as writer:
            writer.write(data)

    def put_file(self, key: str, path: Path, *, move: bool = False, max_bytes: int | None = None) -> None:
        """Store a local file; with `move` it is taken away, by a rename where the storage is on its disk."""
        if path.is_symlink() or not path.is_file():
            raise Invalid("NOT_A_FILE", f"{path.name!r} is not a plain file and cannot be stored.")
        if move and (max_bytes is None or path.stat().st_size <= max_bytes):
            with self.backend.translated(key):
                self.backend.publish(self._key(key), path)
            return
        with path.open("rb") as source, self.open_write(key, max_bytes=max_bytes) as writer:
            while chunk := source.read(_CHUNK_BYTES):
                writer.write(chunk)

    @contextmanager
    def open_read(self, key: str) -> Iterator[BinaryIO]:
        """Open a file for reading from its start. A read that breaks off half-way raises `OSError`."""
        with self.backend.translated(key):
            stream = self.backend.open_read(self._key(key))
        with stream:
            yield stream

    def read_bytes(self, key: str, *, max_bytes: int) -> bytes:
        """Return a small file whole; raise `TooLarge` when it is larger than that."""
        with self.backend.translated(key), self.open_read(key) as stream:
            data = stream.read(max_bytes + 1)
        if len(data) > max_bytes:
            raise TooLarge("FILE_TOO_LARGE", f"The stored file {key!r} is larger than {max_bytes:,} bytes.")
        return data

    def local(self, key: str, *, hold_in: Path | None = None) -> Path:
        """Return a local path of a file that never changes, downloading it once for all processes.

        The cache keeps it for some minutes at least. Whoever needs it longer names a folder of their own in
        `hold_in`: the file is linked into it and stays until that folder is deleted.
        """
        full = self._key(key)
        if self.backend.has_paths:
            return self.backend.path(full)
        return self._held(self._download(full, self.backend.uri(full)), hold_in)

    def local_folder(self, prefix: str, *, hold_in: Path) -> Path:
        """Return a local folder with the files under a folder as they are now, for those who look by name.

        In an object store they are downloaded, each once, and linked into `hold_in`, an empty folder of the
        caller's own.
        """
        if self.backend.has_paths:
            return self.backend.folder(self._key(prefix))
        for found in self.list(prefix):
            version = f"{self.uri(found.key)}?{found.size}-{found.modified_at.isoformat()}"
            path = self._download(self._key(found.key), version)
            target = hold_in / found.key.removeprefix(prefix + "/")
            target.parent.mkdir(parents=True, exist_ok=True)
            target.unlink(missing_ok=True)
            _link(path, target)
        hold_in.mkdir(parents=True, exist_ok=True)
        return hold_in

    def delete(self, key: str) -> None:
        """Delete a file; one that is not there is deleted already."""
        with self.backend.translated(key):
            self.backend.delete(self._key(key))

    def delete_prefix(self, prefix: str) -> None:
        """Delete everything under a folder."""
        with self.backend.translated(prefix):
            self.backend.delete_prefix(self._key(prefix))

    def discard_abandoned(self, *, before: datetime) -> int:
        """Delete what was being written when its process died, if last touched before then; return how many."""
        count = 0
        for path in self.backend.incoming.glob("*"):
            if datetime.fromtimestamp(path.lstat().st_mtime, UTC) >= before:
                continue
            if path.is_dir():
                shutil.rmtree(path)
            else:
                path.unlink(missing_ok=True)
            count += 1
        return count

    def _key(self, key: str) -> str:
        return join_key(self.prefix, check_key(key))

    def _outward(self, found: Stored) -> Stored:
        key = found.key.removeprefix(self.prefix + "/") if self.prefix else found.key
        return Stored(key, found.size, found.modified_at)

    def _download(self, full: str, name: str) -> Path:
        def download(path: Path) -> None:
            with (
                self.backend.translated(full),
                self.backend.open_read(full) as source,
                path.open("xb") as target,
            ):
                shutil.copyfileobj(source, target, _CHUNK_BYTES)

        return self.cache.get(name, download, suffix=Path(full).suffix)

    def _held(self, path: Path, folder: Path | None) -> Path:
        if folder is None:
            return path
        folder.mkdir(parents=True, exist_ok=True)
        held = folder / path.name
        if not held.exists():
            _link(path, held)
        return held


def _link(path: Path, target: Path) -> None:
    """Give a file a second name; where that cannot be (another disk), copy it."""
    try:
        os.link(path, target)
    except OSError as error:
        if error.errno not in {errno.EXDEV, errno.EPERM, errno.EMLINK}:
            raise
        shutil.copyfile(path, target)
