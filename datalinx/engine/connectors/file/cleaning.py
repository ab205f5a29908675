"""Rewriting what DuckDB should not read as it stands: the records that parse, numbered, in UTF-8, and the others.

Only files that need it come here: not UTF-8, or with a record that is no row. The copy holds one record a line,
its number first, so that reading it is parallel and the number costs nothing.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from datalinx.engine.connectors.base import FILE_COLUMN, RECORD_COLUMN
from datalinx.engine.connectors.file.facts import Cache, partial_of

if TYPE_CHECKING:
    import pyarrow.parquet as pq

# What is kept of a record that does not parse, in characters.
SHOWN_TEXT = 2_000
REJECTS = ".rejects.parquet"
_BATCH = 10_000


@dataclass
class Copy:
    """A copy under way: how many records parsed, how many did not, and the first that did not."""

    stream: BinaryIO
    rejects: "Rejects"
    rows: int = 0

    def keep(self, line: bytes) -> None:
        """Write a record that parses; it carries its number already."""
        self.stream.write(line)
        self.rows += 1

    @property
    def malformed(self) -> int:
        """How many records did not parse."""
        return self.rejects.count


@dataclass
class Rejects:
    """The records that are no rows, written to a Parquet file in batches."""

    path: Path
    label: str
    count: int = 0
    first: str = ""
    _pending: list[tuple[int, str, str]] = field(default_factory=list)
    _writer: "pq.ParquetWriter | None" = None

    def add(self, record: int, text: str, message: str) -> None:
        """Keep one record that is no row: its number, its text (cut) and why."""
        self.count += 1
        self.first = self.first or f"record {record}: {message}"
        self._pending.append((record, text[:SHOWN_TEXT], message))
        if len(self._pending) >= _BATCH:
            self.flush()

    def flush(self) -> None:
        """Write what is pending."""
        import pyarrow as pa
        import pyarrow.parquet as pq

        if not self._pending:
            return
        numbers, texts, messages = (list(column) for column in zip(*self._pending, strict=True))
        table = pa.table(
            {
                FILE_COLUMN: [self.label] * len(numbers),
                RECORD_COLUMN: numbers,
                "text": texts,
                "message": messages,
            }
        )
        if self._writer is None:
            self._writer = pq.ParquetWriter(self.path, table.schema)
        self._writer.write_table(table)
        self._pending.clear()

    def close(self) -> None:
        """Write the rest and end the file."""
        self.flush()
        if self._writer is not None:
            self._writer.close()
            self._writer = None


@contextmanager
def copying(cache: Cache, label: str, ending: str) -> Iterator[Copy]:
    """Open a copy `<stem><ending>` in the cache, and `<stem>.rejects.parquet` beside it if it is needed."""
    path, refused = cache.path(ending), cache.path(REJECTS)
    # Several may look at a file at the same time; each writes its own and the last one stays.
    partial, partly_refused = partial_of(path), partial_of(refused)
    rejects = Rejects(partly_refused, label)
    try:
        with partial.open("wb") as stream:
            yield Copy(stream, rejects)
        rejects.close()
        if rejects.count:
            partly_refused.replace(refused)
        partial.replace(path)
    finally:
        rejects.close()
        partial.unlink(missing_ok=True)
        partly_refused.unlink(missing_ok=True)
