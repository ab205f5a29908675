"""The records of a delimited text file, one by one, so that a broken one costs itself and not its neighbours."""

import csv
from collections import deque
from collections.abc import Iterator
from typing import IO

from datalinx.engine.connectors.base import Limits
from datalinx.engine.connectors.file.area import AreaFile
from datalinx.engine.connectors.file.cleaning import SHOWN_TEXT, copying
from datalinx.engine.connectors.file.encoding import open_text, to_utf8
from datalinx.engine.connectors.file.facts import Cache, FileFacts

CLEAN = ".clean.csv"

# Room for the number that is written before a record.
_NUMBER_BYTES = 32


class Lines:
    """The lines of a text, which can be given back: the raw text of the record that is being read.

    csv.reader asks for one line more as long as a quote is open. When it is never closed, all lines but the
    first are given back, so that a stray quote does not swallow the rest of the file.
    """

    def __init__(self, stream: IO[str], limit: int) -> None:
        self._stream = stream
        self._limit = limit
        self._back: deque[str] = deque()
        self.taken: list[str] = []
        self._size = 0
        # Why the record cannot be read on, if so.
        self.fault = ""

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        line = self._back.popleft() if self._back else self._stream.readline(self._limit)
        if not line:
            raise StopIteration
        self.taken.append(line)
        self._size += len(line)
        if self._size >= self._limit:
            self.fault = f"it is longer than {self._limit:,} characters, or a quote in it is never closed"
            # A record that ends here: csv.reader says that it is not complete.
            raise StopIteration
        return line

    def start(self) -> None:
        """Begin a record."""
        self.taken, self._size, self.fault = [], 0, ""

    def give_back(self) -> str:
        """Give back all lines of the record but its first, which is returned."""
        first = self.taken[0]
        self._back.extendleft(reversed(self.taken[1:]))
        if len(first) >= self._limit:
            self._drain()
        return first

    def _drain(self) -> None:
        """Read on to the end of a line that is too long to be kept."""
        while (more := self._stream.readline(self._limit)) and not more.endswith(("\n", "\r")):
            pass


def copy_records(
    file: AreaFile, facts: FileFacts, encoding: str, cache: Cache, limits: Limits
) -> tuple[int, int, str]:
    """Copy what parses into the cache; return how many records parse, how many do not, and the first of these.

    A record parses when it has the file's fields, its quotes are closed and its bytes are characters. It is
    written as it stands, its number and a delimiter before it, and a line feed after it.
    """
    csv.field_size_limit(max(csv.field_size_limit(), limits.record_bytes))
    with (
        open_text(file.path, file.name, facts.compression, encoding) as stream,
        copying(cache, file.name, CLEAN) as copy,
    ):
        for _ in range(facts.skip):
            stream.readline()
        for number, raw, fault in _records(Lines(stream, limits.record_bytes), facts):
            line = to_utf8(raw.rstrip("\r\n"), encoding)
            why = fault or _bytes_fault(line, limits)
            if why or line is None:
                copy.rejects.add(number, shown(raw), why)
            else:
                copy.keep(f"{number}{facts.delimiter}".encode() + line + b"\n")
    return copy.rows, copy.malformed, copy.rejects.first


def _bytes_fault(line: bytes | None, limits: Limits) -> str:
    if line is None:
        return "it holds bytes that are not UTF-8"
    if len(line) > limits.record_bytes - _NUMBER_BYTES:
        return f"it is longer than {limits.record_bytes:,} bytes"
    return ""


def shown(raw: str) -> str:
    """Return the beginning of a record as text that can be stored and shown."""
    return raw[:SHOWN_TEXT].rstrip("\r\n").replace("\x00", "\ufffd").encode("utf-8", "replace").decode()


def _records(lines: Lines, facts: FileFacts) -> Iterator[tuple[int, str, str]]:
    """Yield each record after the header: its number, its raw text, and why it is no row ("" when it is one)."""
    reader = csv.reader(
        lines,
        delimiter=facts.delimiter,
        quotechar=facts.quote or None,
        quoting=csv.QUOTE_MINIMAL if facts.quote else csv.QUOTE_NONE,
        strict=True,
    )
    width = len(facts.columns)
    # The header is record 0, and no record of the data.
    number = -1 if facts.header else 0
    while True:
        lines.start()
        fault = ""
        try:
            fields = next(reader)
        except StopIteration:
            if not lines.taken:
                return
            fields, fault = [], lines.fault
        except csv.Error:
            fields, fault = [], lines.fault or "a quote in it is not closed or stands in the wrong place"
        if fault:
            raw = lines.give_back()
        elif not fields and width > 1:
            # A line without a character between records is no record.
            continue
        else:
            raw = "".join(lines.taken)
            fault = _count_fault(fields, width)
        number += 1
        if number > 0:
            yield number, raw, fault


def _count_fault(fields: list[str], width: int) -> str:
    if len(fields) == width or (len(fields) == width + 1 and not fields[-1]) or (not fields and width == 1):
        return ""
    has = "1 field" if len(fields) == 1 else f"{len(fields)} fields"
    return f"it has {has} instead of {width}"
