"""Files on their way out: opened anew for each attempt and read in pieces, never held whole in memory."""

import io
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

Progress = Callable[[int], None]
File = str | Path | tuple[str, bytes] | tuple[str, IO[bytes]]


@dataclass(frozen=True)
class Part:
    """One file of an upload: the name that the server sees, and where its bytes come from."""

    name: str
    source: Path | IO[bytes]
    on_read: Progress | None = None

    @contextmanager
    def open(self) -> Iterator[IO[bytes]]:
        """Give the file, at its beginning. One that the caller opened stays open."""
        if isinstance(self.source, Path):
            with _Watched(self.source, self.on_read) as opened:
                yield opened
        else:
            self.source.seek(0)
            yield self.source


@dataclass(frozen=True)
class Upload:
    """The files and the form fields of one multipart request."""

    parts: Sequence[Part]
    fields: Mapping[str, str] = field(default_factory=dict)


class _Watched(io.FileIO):
    """A file that tells how many bytes of it were read."""

    def __init__(self, path: Path, on_read: Progress | None) -> None:
        super().__init__(path, "rb")
        self._on_read = on_read

    def read(self, size: int | None = -1, /) -> bytes:
        data = super().read(-1 if size is None else size) or b""
        if self._on_read is not None and data:
            self._on_read(len(data))
        return data


def part_of(file: File, on_read: Progress | None = None) -> Part:
    """Return the part for a path, or for a name with bytes or with a binary file that can be read again.

    `on_read` is called with the number of bytes each time some of a path were read. Raises ValueError for a
    stream that cannot go back to its beginning, and FileNotFoundError for a path where there is no file.
    """
    if isinstance(file, str | Path):
        path = Path(file)
        if not path.is_file():
            raise FileNotFoundError(f"There is no file {path}.")
        return Part(path.name, path, on_read)
    name, content = file
    if isinstance(content, bytes):
        return Part(name, io.BytesIO(content))
    if not content.seekable():
        raise ValueError(
            f"{name}: this stream cannot be read again if the connection breaks; save it as a file."
        )
    return Part(name, content)
