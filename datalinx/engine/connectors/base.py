"""The seam to the outside: what every connector offers, and the plain values that cross it."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar, Literal, Protocol, runtime_checkable

from pydantic import BaseModel

from datalinx.engine.compile.plan import SourceColumn
from datalinx.engine.query.tables import TableFiles
from datalinx.errors import FieldError

# The names of the columns that a scan adds to the source's own. A source column of such a name is renamed.
RECORD_COLUMN = "__record"
FILE_COLUMN = "__file"

StepName = Literal["network", "authentication", "access", "tables"]
Mode = Literal["all", "selected", "pattern"]
Locator = Literal["record", "row", "key"]
DeliveryMode = Literal["replace", "merge"]


@dataclass(frozen=True)
class Limits:
    """How much a connector may use for one call: bytes of memory, threads, and the size of what it reads."""

    memory_bytes: int = 512 * 1024**2
    threads: int = 2
    # The most bytes that one compressed file may hold when it is decompressed.
    decompressed_bytes: int = 16 * 1024**3
    files: int = 10_000
    columns: int = 4_096
    # The longest record of a delimited file, in bytes; an object of JSON may be eight times as long.
    record_bytes: int = 2_000_000
    # How much of a file is looked at to tell how it is written.
    sample_bytes: int = 1024**2


@dataclass(frozen=True)
class Connection:
    """One source or destination as a connector sees it. `allow` are networks beside the public ones."""

    config: Mapping[str, Any]
    credentials: Mapping[str, Any] = field(default_factory=dict, repr=False)
    allow: tuple[str, ...] = ()


@dataclass(frozen=True)
class SourceContext(Connection):
    """One source as a connector sees it. `area` is the local folder that holds its uploads, if it has one.

    `cache` is a folder for what can be made again at any time, such as the facts of a file that was read
    once; without it the connector keeps them in a hidden folder of the area.
    """

    area: Path | None = None
    cache: Path | None = None
    limits: Limits = field(default_factory=Limits)


@dataclass(frozen=True)
class TestStep:
    """One step of a connection test and how it ended, in a sentence."""

    # Keeps pytest from collecting the class for its name.
    __test__: ClassVar[bool] = False

    name: StepName
    passed: bool
    message: str


@dataclass(frozen=True)
class DiscoveredColumn:
    """A column as the engine reads it (`type`), and what its values look like (`detected_type`).

    Both are DuckDB types. The second is advice: the columns of CSV and TSV files are text to the engine.
    """

    name: str
    type: str
    nullable: bool = True
    detected_type: str | None = None


@dataclass(frozen=True)
class Problem:
    """Why a table cannot be read: a stable code and a sentence that names the file and the way out."""

    code: str
    message: str


@dataclass(frozen=True)
class DiscoveredTable:
    """A table of a source. `rows` is exact, or None where counting would mean reading it all.

    `malformed` counts the records that cannot be read as rows; each reaches a run's ledger as rejected.
    `fingerprint` changes when the data has changed. `notices` are sentences for the person who looks.
    A table with a `problem` cannot be read and has no columns; the other tables of its source can.
    """

    name: str
    columns: tuple[DiscoveredColumn, ...] = ()
    rows: int | None = None
    malformed: int = 0
    files: tuple[str, ...] = ()
    fingerprint: str = ""
    notices: tuple[str, ...] = ()
    problem: Problem | None = None


@dataclass(frozen=True)
class Part:
    """One file of a scan, in reading order: the name that locators show, and its rows (without malformed)."""

    label: str
    path: Path
    rows: int


@dataclass(frozen=True)
class Malformed:
    """The records of a scan that are no rows: `count` of them, and a SELECT that shows them.

    The SELECT gives `__file` (VARCHAR), `__record` (BIGINT), `text` (VARCHAR, the record as it stands, cut to
    a bounded length) and `message` (VARCHAR). They count as read and as rejected, reason `malformed_record`.
    """

    count: int
    sql: str


@dataclass(frozen=True)
class Scan:
    """How DuckDB reads one table of a source.

    `sql` is a SELECT of the table's `columns`, in order; DuckDB reads it in parallel. `numbered_sql` adds
    `__file` (VARCHAR) and `__record` (BIGINT): the file's name and the row's number in it, where `locator` is
    `record` (1 = first after the header) or `row` (1 = first row of a Parquet file); a row's locator is
    `<__file>:<__record>`. Both give the same rows in the same order (while `preserve_insertion_order` is on),
    so the n-th row of one is the n-th of the other. `numbering` is `free` when the number costs nothing and is
    the row's place in its file; it is `serial` when the rows have to pass one thread to be counted, and when
    malformed records stand between them, so that numbers run ahead of places. `files` are all that the SELECTs
    open.
    """

    sql: str
    columns: tuple[SourceColumn, ...]
    numbered_sql: str = ""
    numbering: Literal["free", "serial"] = "serial"
    files: tuple[Path, ...] = ()
    parts: tuple[Part, ...] = ()
    locator: Locator = "record"
    label: str = ""
    rows: int | None = None
    fingerprint: str = ""
    malformed: Malformed | None = None


@dataclass(frozen=True)
class Sample:
    """The first rows of a table, of values that JSON can carry, in the order of `columns`."""

    columns: tuple[DiscoveredColumn, ...]
    rows: tuple[tuple[Any, ...], ...]
    truncated: bool


@dataclass(frozen=True)
class Consignment:
    """One version of a stored table on its way to a destination.

    `origin` is the stored table's id and `snapshot` the version's number: what a destination holds is told by both.
    `json` names the columns whose text is JSON. `keys` are the columns that a merge tells rows by.
    """

    table: TableFiles
    origin: str
    snapshot: int
    target: str
    mode: DeliveryMode
    schema: str | None = None
    keys: tuple[str, ...] = ()
    json: frozenset[str] = frozenset()
    run_id: str = ""


@dataclass(frozen=True)
class Delivered:
    """How a delivery ended well.

    `delivered`: the rows were brought. `unchanged`: this very version was there. `superseded`: a newer one was, and
    stays. `snapshot` is the version that the destination holds now, `rows` are its rows.
    """

    outcome: Literal["delivered", "unchanged", "superseded"]
    snapshot: int
    rows: int


class Connector(Protocol):
    """A kind of source, of destination, or of both: its documents. What it can do is told by `Reader` and `Writer`."""

    name: ClassVar[str]
    title: ClassVar[str]
    description: ClassVar[str]
    config_model: ClassVar[type[BaseModel]]
    credentials_model: ClassVar[type[BaseModel]]
    # Whether it is for sources, and whether it is for destinations.
    reads: ClassVar[bool]
    writes: ClassVar[bool]
    # Whether files can be uploaded into a source of this kind.
    uploads: ClassVar[bool]
    # The keys of the config that say where the credentials are sent, and how safely.
    addressed_by: ClassVar[frozenset[str]]


@runtime_checkable
class Reader(Connector, Protocol):
    """A kind of source: the four things that the platform asks of it.

    A wrong document raises `Invalid`, a table that is not there `NotFound`, data that cannot be read
    `Failed`, an outside that does not answer `Unavailable`. `test` raises nothing of these: it reports.
    """

    def test(self, context: SourceContext) -> list[TestStep]:
        """Try the source step by step, in the order of `StepName`, up to the first that does not pass."""
        ...

    def discover(
        self,
        context: SourceContext,
        *,
        mode: Mode = "all",
        tables: tuple[str, ...] = (),
        pattern: str = "",
    ) -> list[DiscoveredTable]:
        """Return the tables, by name: all, the selected `tables`, or those that match the glob `pattern`."""
        ...

    def scan(self, context: SourceContext, table: str) -> Scan:
        """Return how DuckDB reads the table."""
        ...

    def preview(self, context: SourceContext, table: str, *, limit: int = 50) -> Sample:
        """Return the first `limit` rows."""
        ...


@runtime_checkable
class Writer(Connector, Protocol):
    """A kind of destination: the things that the platform asks of it. Errors are those of a reader."""

    def check(self, connection: Connection) -> None:
        """Refuse, without a network, an address that may never be reached: `Invalid` `ADDRESS_NOT_ALLOWED`."""
        ...

    def check_target(self, *, schema: str | None, target: str) -> Iterator[FieldError]:
        """Yield what is wrong with the names of a schema and a table, at `schema` and `as`."""
        ...

    def test(self, context: Connection) -> list[TestStep]:
        """Try the destination step by step, in the order of `StepName`, up to the first that does not pass."""
        ...

    def deliver(
        self,
        connection: Connection,
        consignment: Consignment,
        *,
        limits: Limits,
        spill: Path,
        should_stop: Callable[[], bool],
    ) -> Delivered:
        """Make a table of the destination equal to the consignment: all of it or nothing, and never back in time.

        `spill` is a folder of its own. Raise `Cancelled` `RUN_CANCELLED` when `should_stop` says so.
        """
        ...
