"""In which encoding a text file is written: by its BOM, by what its bytes can be, or by what its owner says."""

import io
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from datalinx.engine.connectors.file.compression import Compression, open_bytes, undamaged
from datalinx.engine.connectors.file.recognise import looks_like_utf16
from datalinx.errors import Failed

UTF_8 = "utf-8"
WINDOWS_1252 = "cp1252"

_BOMS = (
    (b"\xef\xbb\xbf", "utf-8-sig"),
    (b"\xff\xfe\x00\x00", "utf-32"),
    (b"\x00\x00\xfe\xff", "utf-32"),
    (b"\xff\xfe", "utf-16"),
    (b"\xfe\xff", "utf-16"),
)

# Five bytes that Windows-1252 leaves open; as on the web (WHATWG, Encoding Standard) they are control characters.
_OPEN_BYTES = {0xDC00 + byte: byte for byte in (0x81, 0x8D, 0x8F, 0x90, 0x9D)}


def encoding_of_head(head: bytes, said: str | None) -> str:
    """Return the encoding that the first bytes show or `said` names; UTF-8 when they show none."""
    shown = next((encoding for bom, encoding in _BOMS if head.startswith(bom)), None) or looks_like_utf16(
        head
    )
    if said is None:
        return shown or UTF_8
    # `utf-8` of a file with a BOM means the one without it in the first name.
    return shown if shown is not None and shown.startswith(said) else said


def is_utf8(encoding: str) -> bool:
    """Whether DuckDB reads the encoding as it stands."""
    return encoding in {UTF_8, "utf-8-sig", "ascii"}


def tell_utf8_from_windows(path: Path, name: str, compression: Compression) -> str:
    """Return UTF-8, or Windows-1252 when more of the file's lines are broken UTF-8 than are whole beyond ASCII.

    Text of another encoding is almost never valid UTF-8 by chance, so even a few valid lines mean UTF-8 with
    damaged records, and none means Windows-1252, of which Latin-1 text is a part.
    """
    whole = broken = 0
    with undamaged(name), open_bytes(path, compression) as stream:
        while lines := stream.readlines(1024 * 1024):
            for line in lines:
                if line.isascii():
                    continue
                try:
                    line.decode(UTF_8)
                    whole += 1
                except UnicodeDecodeError:
                    broken += 1
    return WINDOWS_1252 if broken > whole else UTF_8


@contextmanager
def open_text(path: Path, name: str, compression: Compression, encoding: str) -> Iterator[IO[str]]:
    """Open the file as text, its line ends kept; `Failed` `FILE_ENCODING_MISMATCH` where the bytes are not such.

    In UTF-8 and Windows-1252 a byte that is none becomes a lone surrogate instead, for the reader to find.
    """
    errors = "surrogateescape" if is_utf8(encoding) or encoding == WINDOWS_1252 else "strict"
    with undamaged(name), open_bytes(path, compression) as stream:
        # A BOM is no part of the text, whether or not the file has one.
        codec = "utf-8-sig" if encoding == UTF_8 else encoding
        text = io.TextIOWrapper(stream, encoding=codec, errors=errors, newline="")
        try:
            yield text
        except UnicodeError as error:
            raise Failed(
                "FILE_ENCODING_MISMATCH",
                f"{name} is not written in {encoding}; say its `encoding`, or save it as UTF-8.",
            ) from error


def to_utf8(text: str, encoding: str) -> bytes | None:
    """Return the text in UTF-8, or None when it holds a byte that is no character of `encoding`."""
    try:
        return text.encode(UTF_8)
    except UnicodeEncodeError:
        return text.translate(_OPEN_BYTES).encode(UTF_8) if encoding == WINDOWS_1252 else None
