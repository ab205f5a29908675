"""The plain values that a caller hands to the executor and gets back from it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from datalinx.engine.execute.ledger import Counts

Progress = Callable[[float, Counts], None]
"""Called with the finished share (0 to 1) and the counts that are known so far, in the caller's thread."""


@dataclass(frozen=True)
class Limits:
    """What one table's execution may use. Sizes are bytes.

    `temp_bytes` bounds what is spilled to disk; `file_bytes` is about the size of one stored file.
    """

    memory_bytes: int = 1024**3
    threads: int = 2
    temp_bytes: int = 64 * 1024**3
    file_bytes: int = 128 * 1024**2


@dataclass(frozen=True)
class Guards:
    """What makes a table publish nothing; the defaults are those of a pipeline's document.

    More rejected rows than `max_rejected_rows`, or than `max_rejected_share` of the rows read, or of one first
    reason than `max_rejected_reasons` says; no rows read; a larger share of the stored rows gone than
    `max_deleted_share`. None is no bound.
    """

    max_rejected_rows: int | None = None
    max_rejected_share: float | None = None
    max_rejected_reasons: Mapping[str, int] = field(default_factory=dict)
    empty_source: Literal["fail", "allow"] = "fail"
    max_deleted_share: float | None = 0.3


@dataclass(frozen=True)
class StoredTable:
    """The table as it is stored now: local paths of its Parquet files, in the order of the snapshot.

    `cursor` and `output_hash` are what the last published execution returned.
    """

    files: tuple[Path, ...] = ()
    cursor: str | None = None
    output_hash: str | None = None


@dataclass(frozen=True)
class DataFile:
    """A Parquet file that was written."""

    path: Path
    rows: int


@dataclass(frozen=True)
class InputReport:
    """What an input was when it was read, for the run's manifest."""

    rows: int | None
    fingerprint: str


@dataclass(frozen=True)
class TestResult:
    """How one test of a column went; `rows` are those that fail it, `message` says what is wrong."""

    __test__ = False

    column: str
    test: str
    passed: bool
    rows: int
    message: str = ""


@dataclass(frozen=True)
class TableResult:
    """What one table's execution made; nothing of it is published yet.

    `files` are new, `removed_files` are paths of the base that they replace, all others of the base stay.
    `rejected_path` is a Parquet file of the rejected rows, None when there are none. `values_nulled` counts by
    field. `cursor` is to be kept with the table, for the next execution. `output_hash` does not depend on the
    order of rows and stands for all rows of the table as it will be. `superseded` are the unchanged rows that
    differ from a stored row which is newer, or counts as newer.
    """

    counts: Counts
    rejected_by_reason: Mapping[str, int]
    values_nulled: Mapping[str, int]
    files: tuple[DataFile, ...]
    removed_files: tuple[Path, ...]
    rejected_path: Path | None
    cursor: str | None
    inputs: Mapping[str, InputReport]
    output_hash: str
    engine: str
    superseded: int = 0
    tests: tuple[TestResult, ...] = ()


@dataclass(frozen=True)
class StoredEffect:
    """Rows of the sample beside the stored rows of their `keys`, and values by column that are not the same.

    `columns_added` and `columns_removed` are those that only one of the two has.
    """

    keys: tuple[str, ...]
    new: int
    changed: int
    unchanged: int
    values_changed: dict[str, int]
    columns_added: tuple[str, ...]
    columns_removed: tuple[str, ...]


@dataclass(frozen=True)
class Preview:
    """What a mapping makes of a sample. `columns` are (name, type) in the order of the table.

    `rows` and `rejected` are cut at a bound, `counts` are of the whole sample. `examples` show by column some
    source values as text, by `alias.column`, and the value that was made of them; of groups there are none.
    `stored` is what the rows would do to the table.
    """

    columns: tuple[tuple[str, str], ...]
    rows: tuple[Mapping[str, Any], ...]
    rejected: tuple[Mapping[str, Any], ...]
    counts: Counts
    rejected_by_reason: Mapping[str, int] = field(default_factory=dict)
    values_nulled: Mapping[str, int] = field(default_factory=dict)
    examples: Mapping[str, tuple[Mapping[str, Any], ...]] = field(default_factory=dict)
    stored: StoredEffect | None = None
