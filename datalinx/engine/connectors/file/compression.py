"""Compressed files: opened, read to their end within a limit, and what is wrong with them said."""

import gzip
import io
import zlib
from pathlib import Path
from typing import IO, Any, Literal, cast

from datalinx.engine.connectors.base import Limits
from datalinx.errors import Failed

Compression = Literal["none", "gzip", "zstd"]


def open_bytes(path: Path, compression: Compression) -> IO[bytes]:
    """Open the file for reading its decompressed bytes."""
    if compression == "gzip":
        return cast("IO[bytes]", gzip.open(path, "rb"))
    if compression == "zstd":
        return io.BufferedReader(_ZstdFile(path), buffer_size=256 * 1024)
    return path.open("rb")


class _ZstdFile(io.RawIOBase):
    """Arrow's decompression of zstd as a file of Python's own."""

    def __init__(self, path: Path) -> None:
        import pyarrow as pa

        super().__init__()
        self._stream = pa.CompressedInputStream(pa.OSFile(str(path), "rb"), "zstd")

    def readable(self) -> bool:
        """It is open for reading."""
        return True

    def readinto(self, buffer: Any) -> int:
        """Fill the buffer and return how many bytes it got, 0 at the end."""
        data = self._stream.read(len(buffer))
        buffer[: len(data)] = data
        return len(data)

    def close(self) -> None:
        """Close the file under it."""
        if not self.closed:
            self._stream.close()
        super().close()


def read_head(path: Path, name: str, compression: Compression, size: int) -> bytes:
    """Return the first `size` decompressed bytes, or raise `Failed` `FILE_UNREADABLE`."""
    with undamaged(name), open_bytes(path, compression) as stream:
        return stream.read(size)


def ends_with_a_line_of(path: Path, name: str, compression: Compression, most: int) -> bool:
    """Tell whether the last line has at most so many bytes; only a compressed file has to be read through for it."""
    tail = b""
    with undamaged(name), open_bytes(path, compression) as stream:
        if compression == "none":
            stream.seek(max(0, path.stat().st_size - most - 2))
        while chunk := stream.read(1024 * 1024):
            tail = (tail + chunk)[-most - 2 :]
    return len(tail) <= most or b"\n" in tail[:-2] or b"\r" in tail[:-2]


def check_compressed(path: Path, name: str, compression: Compression, limits: Limits) -> None:
    """Decompress the file once, keeping nothing: it is whole, and it does not grow beyond the limit.

    A short program can blow up to any size; the limit is on what comes out, so it is counted there.
    """
    total = 0
    with undamaged(name), open_bytes(path, compression) as stream:
        while chunk := stream.read(1024 * 1024):
            total += len(chunk)
            if total > limits.decompressed_bytes:
                raise Failed(
                    "FILE_TOO_LARGE",
                    f"{name} holds more than {limits.decompressed_bytes:,} bytes when decompressed. Split it.",
                )


class undamaged:  # noqa: N801, a context manager that reads as a word in a `with`.
    """While it is open, what is wrong with compressed bytes becomes `Failed` `FILE_UNREADABLE`."""

    def __init__(self, name: str) -> None:
        self._name = name

    def __enter__(self) -> None:
        """Nothing to prepare."""

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if isinstance(error, (OSError, EOFError, zlib.error)):
            why = "its compressed data is damaged or ends early"
            if isinstance(error, (PermissionError, FileNotFoundError)):
                why = "it cannot be opened"
            raise Failed(
                "FILE_UNREADABLE", f"{self._name} cannot be read: {why}. Upload it again."
            ) from error
