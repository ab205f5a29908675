"""What a place that holds files can do: the few verbs that a folder and an object store share."""

from collections.abc import Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import BinaryIO, Protocol

from datalinx.errors import NotFound


@dataclass(frozen=True)
class Stored:
    """A stored file: its key, its size in bytes and when it was last written (UTC)."""

    key: str
    size: int
    modified_at: datetime


class Backend(Protocol):
    """A place for files. Keys were checked before they come here; `""` as a prefix means everything."""

    # Where a file is written before it is published, and whether a published file has a path of its own.
    incoming: Path
    has_paths: bool

    def uri(self, key: str) -> str:
        """Return the address of a key, such as `file:///data/a.csv` or `s3://bucket/a.csv`."""
        ...

    def path(self, key: str) -> Path:
        """Return the local path of an existing file; only where `has_paths`."""
        ...

    def folder(self, prefix: str) -> Path:
        """Return the local folder of a prefix, made when it is missing; only where `has_paths`."""
        ...

    def info(self, key: str) -> Stored | None:
        """Return what is known of a file, or None when there is none."""
        ...

    def list(self, prefix: str) -> Iterator[Stored]:
        """Yield the files under a folder, at any depth, in no particular order."""
        ...

    def open_read(self, key: str) -> BinaryIO:
        """Open a file for reading from its start; raise `NotFound` when there is none."""
        ...

    def publish(self, key: str, path: Path) -> None:
        """Make a complete local file appear under the key at once, replacing what was there, and take it away."""
        ...

    def delete(self, key: str) -> None:
        """Delete a file; one that is not there is deleted already."""
        ...

    def delete_prefix(self, prefix: str) -> None:
        """Delete everything under a folder."""
        ...

    def translated(self, key: str) -> AbstractContextManager[None]:
        """Turn the errors of the place into ours while the block runs."""
        ...


def not_found(key: str) -> NotFound:
    """Return the error for a file that is not there."""
    return NotFound("FILE_NOT_FOUND", f"There is no stored file {key!r}.")
