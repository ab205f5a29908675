"""Letting go of old versions, and of files that no version names."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from pyiceberg.table import Table
from pyiceberg.table.update import RemoveSnapshotsUpdate

from datalinx.engine.lake.manifests import live_files
from datalinx.engine.lake.model import Staged
from datalinx.engine.lake.staging import staged
from datalinx.engine.lake.table import StagingTransaction, files_of, open_table
from datalinx.engine.storage import Storage, Stored


@dataclass(frozen=True)
class Sweep:
    """What a sweep deleted: files and bytes."""

    files: int
    size: int


def expire(storage: Storage, base: str, *, before: datetime, keep: int = 1, now: datetime) -> Staged | None:
    """Stage a table that forgets its versions made before then, but keeps the newest `keep`; None if it has none.

    No file is deleted: `sweep` does that, and it should run before the next `expire` rather than right after
    this one, so that whoever reads a forgotten version can end.
    """
    table = open_table(storage, base, now=now)
    newest_first = sorted(table.metadata.snapshots, key=lambda each: each.sequence_number or 0, reverse=True)
    cut = before.timestamp() * 1000
    forgotten = [each.snapshot_id for each in newest_first[max(keep, 1) :] if each.timestamp_ms < cut]
    if not forgotten:
        return None
    transaction = StagingTransaction(table)
    transaction._stage((RemoveSnapshotsUpdate(snapshot_ids=forgotten),))
    transaction.commit_transaction()
    return staged(table, base)


def orphans(storage: Storage, location: str | None, *, before: datetime) -> Iterator[Stored]:
    """Yield the table's files last written before then that the metadata at the present location does not name.

    Killed and refused stagings leave them. `before` must lie further back than the longest run or query.
    """
    # Listed before the metadata is read: what is named later was also written later.
    found = [file for file in storage.list() if file.modified_at < before]
    named = _named(open_table(storage, location)) if location else set()
    yield from (file for file in found if file.key not in named and file.key != location)


def sweep(storage: Storage, location: str | None, *, before: datetime) -> Sweep:
    """Delete the orphans; see there."""
    count = size = 0
    for file in orphans(storage, location, before=before):
        storage.delete(file.key)
        count, size = count + 1, size + file.size
    return Sweep(count, size)


def _named(table: Table) -> set[str]:
    """Return the keys of all files that the table's metadata names: of every version, and older metadata."""
    key = files_of(table).key
    named = {key(entry.metadata_file) for entry in table.metadata.metadata_log}
    for snapshot in table.metadata.snapshots:
        named.add(key(snapshot.manifest_list))
        named.update(key(manifest.manifest_path) for manifest in snapshot.manifests(table.io))
        named.update(key(file.file_path) for file in live_files(snapshot, table.io))
    return named
