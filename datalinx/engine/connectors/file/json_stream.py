"""The records of a JSON file, one by one, however they stand in it."""

import os
from collections.abc import Iterator
from typing import IO, Literal

import duckdb

from datalinx.engine.connectors.base import Limits
from datalinx.engine.connectors.file.area import AreaFile
from datalinx.engine.connectors.file.compression import Compression, open_bytes, undamaged
from datalinx.engine.connectors.file.json_survey import parse
from datalinx.engine.connectors.file.problems import unreadable
from datalinx.engine.connectors.file.recognise import Kind
from datalinx.engine.connectors.reading import call, literal, reader
from datalinx.errors import Failed

JsonLayout = Literal["newline_delimited", "array", "unstructured"]

BOM = b"\xef\xbb\xbf"
# JSON records are wider than lines of a table: a record may be this many times longer.
_LONGER = 8
_BATCH = 1_000


def longest_record(limits: Limits) -> int:
    """Return how many bytes one object may have."""
    return limits.record_bytes * _LONGER


def reader_compression(compression: Compression) -> str:
    """Return DuckDB's word for a compression: 1.5 has another one for none in JSON than in CSV."""
    return literal("uncompressed" if compression == "none" else compression)


def layout_of(kind: Kind) -> JsonLayout:
    """Return how the file's objects stand in it: in an array, one a line, or one after another."""
    head = kind.head.removeprefix(BOM).lstrip()
    if kind.format == "jsonl" and not head.startswith(b"[{"):
        return "newline_delimited"
    if head.startswith(b"["):
        return "array"
    first, *more = head.split(b"\n", 1)
    record, fault = parse(first)
    whole = not fault and bool(record) and (not more or more[0].lstrip()[:1] in {b"{", b""})
    return "newline_delimited" if whole else "unstructured"


def read_records(
    file: AreaFile, kind: Kind, layout: JsonLayout, limits: Limits
) -> Iterator[tuple[int, bytes]]:
    """Yield each record's number and text; empty lines are none."""
    if layout == "newline_delimited":
        with undamaged(file.name), open_bytes(file.path, kind.compression) as stream:
            lines = (line for line in _lines(stream, longest_record(limits)) if line.strip())
            yield from enumerate(lines, start=1)
        return
    if layout == "array" and _last_byte(file, kind) != b"]":
        # DuckDB takes an array that breaks off between two objects for a whole one.
        raise Failed("FILE_UNREADABLE", f"{file.name} breaks off: its array is not closed. Upload it again.")
    relation = call(
        "read_json_objects",
        [file.path],
        {
            "format": literal(layout),
            "maximum_object_size": longest_record(limits),
            "compression": reader_compression(kind.compression),
        },
    )
    with reader([file.path], limits) as connection:
        try:
            found = connection.execute(f"SELECT encode(CAST(json AS VARCHAR)) FROM {relation}")
            number = 0
            while batch := found.fetchmany(_BATCH):
                for (raw,) in batch:
                    number += 1
                    yield number, raw
        except duckdb.Error as error:
            raise unreadable(error, file.name) from error


def _last_byte(file: AreaFile, kind: Kind) -> bytes:
    """Return the last byte that is not white space."""
    last = b""
    with undamaged(file.name), open_bytes(file.path, kind.compression) as stream:
        if kind.compression == "none":
            stream.seek(-min(file.path.stat().st_size, 1024), os.SEEK_END)
        while chunk := stream.read(1024 * 1024):
            last = chunk.rstrip()[-1:] or last
    return last


def _lines(stream: IO[bytes], limit: int) -> Iterator[bytes]:
    """Yield the lines; of one that is too long only its beginning, which then is no JSON."""
    is_first = True
    while line := stream.readline(limit):
        yield line.removeprefix(BOM) if is_first else line
        is_first = False
        while len(line) >= limit and not line.endswith(b"\n"):
            line = stream.readline(limit) or b"\n"
