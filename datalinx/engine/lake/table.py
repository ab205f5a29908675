"""A table opened at one location, and the writing of its next metadata file without making it the present one."""

import re
import uuid
from datetime import datetime

from pyiceberg.catalog.noop import NoopCatalog
from pyiceberg.exceptions import ValidationError
from pyiceberg.partitioning import UNPARTITIONED_PARTITION_SPEC
from pyiceberg.schema import Schema
from pyiceberg.serializers import FromInputFile, ToOutputFile
from pyiceberg.table import CommitTableResponse, Table, TableProperties, Transaction
from pyiceberg.table.metadata import TableMetadata, new_table_metadata
from pyiceberg.table.sorting import UNSORTED_SORT_ORDER
from pyiceberg.table.update import (
    AddSnapshotUpdate,
    TableRequirement,
    TableUpdate,
    update_table_metadata,
)

from datalinx.engine.lake.fileio import TableFiles
from datalinx.engine.storage import Storage
from datalinx.errors import Failed

_VERSION = re.compile(r"^metadata/(\d+)-[0-9a-f-]+\.metadata\.json$")
_IDENTIFIER = ("lake", "table")


class StagingTransaction(Transaction):
    """A transaction that makes its metadata once for each change.

    pyiceberg's own makes and copies all of it, every snapshot, each time that somebody looks: some twenty times
    in a commit, most of the time of one on a table with a long history.
    """

    _made: tuple[tuple[TableUpdate, ...], TableMetadata] | None = None

    @property
    def table_metadata(self) -> TableMetadata:
        if self._made is None or self._made[0] is not self._updates:
            self._made = (self._updates, super().table_metadata)
        return self._made[1]


class StagingCatalog(NoopCatalog):
    """The catalog that pyiceberg commits to: it writes the metadata file and moves no pointer.

    It stamps snapshots with the caller's `now`, never earlier than the version before, so that reading as of a
    time finds one answer.
    """

    def __init__(self, now: datetime) -> None:
        super().__init__("staging")
        self.now_ms = int(now.timestamp() * 1000)

    def commit_table(
        self, table: Table, requirements: tuple[TableRequirement, ...], updates: tuple[TableUpdate, ...]
    ) -> CommitTableResponse:
        for requirement in requirements:
            requirement.validate(table.metadata)
        at = max(self.now_ms, table.metadata.last_updated_ms + 1)
        base = table.metadata_location or None
        stamped = tuple(_stamped(update, at) for update in updates)
        metadata = update_table_metadata(table.metadata, stamped, metadata_location=base)
        metadata = metadata.model_copy(update={"last_updated_ms": at})
        location = f"{table.location()}/metadata/{_version(table) + 1:05d}-{uuid.uuid4()}.metadata.json"
        ToOutputFile.table_metadata(metadata, table.io.new_output(location))
        return CommitTableResponse.model_construct(metadata=metadata, metadata_location=location)


def open_table(storage: Storage, location: str, *, now: datetime | None = None) -> Table:
    """Return the table at a location. `now` is needed by those who commit."""
    # The table's own address stands in the metadata, and reading the metadata needs none.
    files = TableFiles(storage, storage.uri())
    try:
        metadata = FromInputFile.table_metadata(files.new_input(files.uri(location)))
    except (ValidationError, ValueError, KeyError) as error:
        message = "The table's metadata cannot be read; restore an older version of the table."
        raise Failed("LAKE_METADATA_UNREADABLE", message) from error
    files = TableFiles(storage, metadata.location)
    return _table(metadata, files.uri(location), files, now)


def new_table(storage: Storage, schema: Schema, *, now: datetime) -> Table:
    """Return a table that has columns and no version yet; nothing is written."""
    properties = {
        # For readers that look for columns by name in files; ours tell them by id.
        TableProperties.DEFAULT_NAME_MAPPING: schema.name_mapping.model_dump_json(),
        TableProperties.MANIFEST_MERGE_ENABLED: "true",
        # No commit is ever tried again with other contents than it was staged with.
        TableProperties.COMMIT_NUM_RETRIES: "0",
        # Each metadata file lists every version; the older ones serve nobody, and a sweep takes what is not named.
        TableProperties.METADATA_PREVIOUS_VERSIONS_MAX: "20",
    }
    metadata = new_table_metadata(
        schema, UNPARTITIONED_PARTITION_SPEC, UNSORTED_SORT_ORDER, storage.uri(), properties
    )
    metadata = metadata.model_copy(update={"last_updated_ms": 0})
    return _table(metadata, "", TableFiles(storage, storage.uri()), now)


def files_of(table: Table) -> TableFiles:
    """Return the files of a table that was opened here."""
    if not isinstance(table.io, TableFiles):
        raise TypeError("the table was not opened by open_table")
    return table.io


def location_of(table: Table) -> str:
    """Return the key of the table's metadata file."""
    return files_of(table).key(table.metadata_location)


def _table(metadata: TableMetadata, uri: str, files: TableFiles, now: datetime | None) -> Table:
    catalog = StagingCatalog(now) if now else NoopCatalog("reading")
    return Table(_IDENTIFIER, metadata, uri, files, catalog)


def _version(table: Table) -> int:
    """Return the number of the table's metadata file, -1 before the first."""
    if not table.metadata_location:
        return -1
    match = _VERSION.match(location_of(table))
    return int(match[1]) if match else 0


def _stamped(update: TableUpdate, at: int) -> TableUpdate:
    if not isinstance(update, AddSnapshotUpdate):
        return update
    snapshot = update.snapshot.model_copy(update={"timestamp_ms": at})
    return update.model_copy(update={"snapshot": snapshot})
