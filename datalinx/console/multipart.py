"""Files on their way from a form of the console into the API: a multipart body that is made while it is read."""

import io
import secrets
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, BinaryIO, cast

from django.core.files.uploadedfile import UploadedFile

from datalinx.console.api import Body

CHUNK = 64 * 1024


class _Pieces(io.RawIOBase):
    """A stream over pieces that are made one after the other, so that no file is ever whole in memory."""

    def __init__(self, pieces: Iterator[bytes]) -> None:
        self._pieces = pieces
        self._rest = b""

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1) -> bytes:
        while size < 0 or len(self._rest) < size:
            piece = next(self._pieces, None)
            if piece is None:
                break
            self._rest += piece
        taken = self._rest if size < 0 else self._rest[:size]
        self._rest = self._rest[len(taken) :]
        return taken


def multipart(fields: Mapping[str, str], files: Sequence["UploadedFile[Any]"]) -> Body:
    """Return a body with these fields, and the files as `file` (RFC 7578)."""
    boundary = f"datalinx-{secrets.token_hex(16)}"
    heads = [_part(boundary, name) + value.encode() + b"\r\n" for name, value in fields.items() if value]
    opened = [(_part(boundary, "file", file.name or "file"), file) for file in files]
    end = f"--{boundary}--\r\n".encode()

    def pieces() -> Iterator[bytes]:
        yield from heads
        for head, file in opened:
            yield head
            yield from file.chunks(CHUNK)
            yield b"\r\n"
        yield end

    length = sum(map(len, heads)) + sum(len(head) + (file.size or 0) + 2 for head, file in opened) + len(end)
    stream = cast("BinaryIO", _Pieces(pieces()))
    return Body(stream, f"multipart/form-data; boundary={boundary}", length)


def _part(boundary: str, name: str, filename: str = "") -> bytes:
    head = f'--{boundary}\r\nContent-Disposition: form-data; name="{name}"'
    if filename:
        # Browsers escape these three in the same way (the HTML standard on multipart/form-data).
        safe = filename.replace('"', "%22").replace("\r", "%0D").replace("\n", "%0A")
        head += f'; filename="{safe}"\r\nContent-Type: application/octet-stream'
    return f"{head}\r\n\r\n".encode()
