"""Files in an object store that speaks S3: written to local disk first, sent when complete."""

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, BinaryIO

from datalinx.engine.storage.backend import Stored, not_found
from datalinx.engine.storage.keys import is_hidden
from datalinx.errors import Unavailable

# pyarrow completes an upload when its stream is closed for any reason, an error included. Sending only files
# that are complete on local disk is what keeps a broken upload from being published.
_CHUNK_BYTES = 8 * 1024**2


class ObjectBackend:
    """A bucket, or a prefix in one. Endpoint, keys and region come from the standard AWS variables."""

    has_paths = False

    def __init__(self, bucket: str, prefix: str, incoming: Path) -> None:
        self.base = f"{bucket}/{prefix}" if prefix else bucket
        self.incoming = incoming
        self._process = 0
        self._filesystem: Any = None
        self._lock = threading.Lock()

    def uri(self, key: str) -> str:
        return f"s3://{self._name(key)}"

    def path(self, key: str) -> Path:
        raise TypeError("an object has no path; Storage.local downloads it")

    def folder(self, prefix: str) -> Path:
        raise TypeError("an object store has no folders; Storage.local_folder downloads one")

    def info(self, key: str) -> Stored | None:
        from pyarrow import fs

        with self.translated(key):
            found = self.filesystem.get_file_info(self._name(key))
        return _stored(key, found) if found.type == fs.FileType.File else None

    def list(self, prefix: str) -> Iterator[Stored]:
        from pyarrow import fs

        selector = fs.FileSelector(self._name(prefix), allow_not_found=True, recursive=True)
        with self.translated(prefix):
            found = self.filesystem.get_file_info(selector)
        for info in found:
            key = info.path.removeprefix(self.base + "/")
            if info.type == fs.FileType.File and not is_hidden(key):
                yield _stored(key, info)

    def open_read(self, key: str) -> BinaryIO:
        try:
            stream: BinaryIO = self.filesystem.open_input_file(self._name(key))
        except FileNotFoundError:
            raise not_found(key) from None
        return stream

    def publish(self, key: str, path: Path) -> None:
        with path.open("rb") as source, self.filesystem.open_output_stream(self._name(key)) as target:
            while chunk := source.read(_CHUNK_BYTES):
                target.write(chunk)
        path.unlink()

    def delete(self, key: str) -> None:
        with self.translated(key):
            try:
                self.filesystem.delete_file(self._name(key))
            except FileNotFoundError:
                return

    def delete_prefix(self, prefix: str) -> None:
        with self.translated(prefix):
            self.filesystem.delete_dir_contents(self._name(prefix), missing_dir_ok=True)

    @contextmanager
    def translated(self, key: str) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            message = f"The object store cannot be used for {key!r}; check its address, bucket and keys."
            raise Unavailable("STORAGE_UNAVAILABLE", message) from error

    @property
    def filesystem(self) -> Any:
        """The file system of this process: its client does not survive a fork."""
        with self._lock:
            if self._process != os.getpid():
                self._filesystem, self._process = _open_filesystem(), os.getpid()
            return self._filesystem

    def _name(self, key: str) -> str:
        return f"{self.base}/{key}" if key else self.base


def _open_filesystem() -> Any:
    from pyarrow import fs

    endpoint = os.environ.get("AWS_ENDPOINT_URL_S3") or os.environ.get("AWS_ENDPOINT_URL")
    return fs.S3FileSystem(
        endpoint_override=endpoint or None,
        connect_timeout=5,
        request_timeout=60,
        retry_strategy=fs.AwsStandardS3RetryStrategy(max_attempts=3),
    )


def _stored(key: str, info: Any) -> Stored:
    return Stored(key, info.size, info.mtime or datetime.fromtimestamp(0, UTC))
