"""What a file is: its format and compression, told by its name and, above all, by its first bytes."""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, cast

from datalinx.engine.connectors.file.compression import Compression, read_head, undamaged
from datalinx.engine.connectors.file.config import FormatName
from datalinx.errors import Failed

_FORMATS: dict[str, FormatName] = {
    ".csv": "csv",
    ".tsv": "tsv",
    ".tab": "tsv",
    ".json": "json",
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".parquet": "parquet",
    ".parq": "parquet",
    ".pq": "parquet",
}
_COMPRESSIONS: dict[str, Compression] = {".gz": "gzip", ".gzip": "gzip", ".zst": "zstd", ".zstd": "zstd"}
_MAGIC: tuple[tuple[bytes, Compression], ...] = ((b"\x1f\x8b", "gzip"), (b"\x28\xb5\x2f\xfd", "zstd"))

# First bytes of what people upload by mistake, and what to do instead.
_FOREIGN: tuple[tuple[bytes, str], ...] = (
    (b"PK\x03\x04", "a zip archive or an Excel workbook; save it as CSV, or compress with gzip or zstd"),
    (b"\xd0\xcf\x11\xe0", "an old Office document; save it as CSV"),
    (b"\x89PNG", "an image"),
    (b"\xff\xd8\xff", "an image"),
    (b"GIF8", "an image"),
    (b"BZh", "compressed with bzip2; use gzip or zstd"),
    (b"\xfd7zXZ", "compressed with xz; use gzip or zstd"),
    (b"7z\xbc\xaf", "a 7-Zip archive; use gzip or zstd"),
    (b"SQLite format 3", "an SQLite database; export its tables"),
    (b"\x7fELF", "a program"),
    (b"Obj\x01", "an Avro file; save it as Parquet"),
)
# Names of what cannot be read here: a text that is named so is not what its owner thinks it is.
_FOREIGN_ENDINGS = (
    *(".zip", ".7z", ".rar", ".tar", ".tgz", ".bz2", ".xz", ".lz4", ".snappy"),
    *(".xlsx", ".xlsm", ".xlsb", ".xls", ".ods", ".doc", ".docx", ".pdf"),
    *(".avro", ".orc", ".feather", ".arrow", ".db", ".sqlite", ".sqlite3", ".duckdb", ".mdb"),
    *(".png", ".jpg", ".jpeg", ".gif", ".exe", ".dll", ".so"),
)
_MARKUP = re.compile(rb"\s*<(?:!doctype|html|\?xml|head|body)", re.IGNORECASE)

HEAD_BYTES = 64 * 1024


@dataclass(frozen=True)
class Kind:
    """A file's format, how it is compressed, and its first bytes, decompressed."""

    format: FormatName
    compression: Compression
    head: bytes


def stem_of(name: str) -> str:
    """Return the name of the table that a file makes: its own, without folders and known endings."""
    base = name.rsplit("/", 1)[-1]
    for endings in (_COMPRESSIONS, _FORMATS, {".txt": ""}):
        for ending in endings:
            if base.lower().endswith(ending) and len(base) > len(ending):
                base = base[: -len(ending)]
                break
    return base


def recognise(path: Path, name: str, wanted: FormatName | None) -> Kind:
    """Return what the file is, or raise `Failed` when that is not what its name or `wanted` says.

    Codes: `FILE_EMPTY`, `FILE_FORMAT_MISMATCH`, `FILE_FORMAT_UNKNOWN`, `FILE_UNREADABLE`.
    """
    compression = _compression_of(path, name)
    head = read_head(path, name, compression, HEAD_BYTES)
    if not head.removeprefix(b"\xef\xbb\xbf").strip(b"\x00 \t\r\n"):
        raise Failed("FILE_EMPTY", f"{name} is empty. Upload it again with its data.")
    claimed = wanted or _claimed_format(name)
    ending = next((each for each in _FOREIGN_ENDINGS if name.lower().endswith(each)), None)
    told = _told_format(head, name)
    if told == "parquet" and compression != "none":
        raise Failed(
            "FILE_FORMAT_MISMATCH", f"{name} is Parquet inside {compression}; upload the Parquet itself."
        )
    if claimed is None and ending is not None:
        message = (
            f"{name} is named as {ending[1:]}, but its content is {_LOOKS[told]}. Rename it, or say `format`."
        )
        raise Failed("FILE_FORMAT_MISMATCH", message)
    return Kind(_agreed(claimed, told, head, name), compression, head)


def _compression_of(path: Path, name: str) -> Compression:
    with undamaged(name), path.open("rb") as stream:
        first = stream.read(4)
    if not first:
        raise Failed("FILE_EMPTY", f"{name} is empty. Upload it again with its data.")
    told = next((compression for magic, compression in _MAGIC if first.startswith(magic)), "none")
    claimed = next((value for ending, value in _COMPRESSIONS.items() if name.lower().endswith(ending)), None)
    if claimed is not None and claimed != told:
        is_what = "not compressed" if told == "none" else f"compressed with {told}"
        raise Failed("FILE_FORMAT_MISMATCH", f"{name} is named as {claimed}, but it is {is_what}. Rename it.")
    return cast(Compression, told)


def _claimed_format(name: str) -> FormatName | None:
    lowered = name.lower()
    for ending in _COMPRESSIONS:
        lowered = lowered.removesuffix(ending)
    return next((value for ending, value in _FORMATS.items() if lowered.endswith(ending)), None)


def _told_format(head: bytes, name: str) -> Literal["parquet", "json", "text"]:
    if head.startswith(b"PAR1"):
        return "parquet"
    if _is_binary(head):
        foreign = (what for magic, what in _FOREIGN if head.startswith(magic))
        what = next(foreign, "no text and of no format that can be read here")
        raise Failed("FILE_FORMAT_UNKNOWN", f"{name} is {what}.")
    if head.startswith(b"%PDF-"):
        raise Failed("FILE_FORMAT_UNKNOWN", f"{name} is a PDF document; export its tables as CSV.")
    if _MARKUP.match(head):
        raise Failed("FILE_FORMAT_UNKNOWN", f"{name} is a web page or XML; download the data itself.")
    return "json" if _looks_like_json(head) else "text"


def _is_binary(head: bytes) -> bool:
    if head.startswith((b"\xff\xfe", b"\xfe\xff")) or looks_like_utf16(head) is not None:
        return False
    control = len(head.translate(None, _PRINTABLE))
    # A few may stand in any text; a program or an image is full of them.
    return control > len(head) // 100 + 4


# Text, with the separators that data exports are known to use (U+0001, U+0002, U+001C to U+001F, escape).
_PRINTABLE = bytes([9, 10, 11, 12, 13, 27, 28, 29, 30, 31, *range(32, 127), *range(128, 256), 1, 2])


def looks_like_utf16(head: bytes) -> Literal["utf-16-le", "utf-16-be"] | None:
    """Return the byte order of UTF-16 text without a BOM: most of its other bytes are zero."""
    sample = head[: len(head) // 2 * 2][:4096]
    even, odd = sample[::2], sample[1::2]
    if len(even) < 2:
        return None
    if odd.count(0) > len(odd) * 0.7 and even.count(0) < len(even) * 0.05:
        return "utf-16-le"
    if even.count(0) > len(even) * 0.7 and odd.count(0) < len(odd) * 0.05:
        return "utf-16-be"
    return None


def _looks_like_json(head: bytes) -> bool:
    """Whether the text begins as JSON objects do: `{"` or `[{`, which no CSV header does."""
    text = head.removeprefix(b"\xef\xbb\xbf").replace(b"\x00", b"").removeprefix(b"\xff\xfe")
    start = b"".join(text.removeprefix(b"\xfe\xff")[:1000].split())
    return start.startswith((b'{"', b"{}", b"[{", b"[]"))


_DEFAULTS: dict[str, FormatName] = {"parquet": "parquet", "json": "json", "text": "csv"}
_LOOKS = {"parquet": "Parquet", "json": "JSON", "text": "plain text"}
_FAMILIES = {"csv": "text", "tsv": "text", "json": "json", "jsonl": "json", "parquet": "parquet"}


def _agreed(claimed: FormatName | None, told: str, head: bytes, name: str) -> FormatName:
    if claimed is None:
        return _DEFAULTS[told]
    # What begins with a bracket may be JSON that is wrong further on; the reader of JSON says where.
    may_be_json = head.removeprefix(b"\xef\xbb\xbf").lstrip()[:1] in {b"[", b"{", b'"'}
    if _FAMILIES[claimed] == told or (_FAMILIES[claimed] == "json" and told == "text" and may_be_json):
        return claimed
    raise Failed(
        "FILE_FORMAT_MISMATCH",
        f"{name} is said to be {claimed}, but its content is {_LOOKS[told]}. Rename it, or say `format`.",
    )
