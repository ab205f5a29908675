"""Letting go of old versions, and of files that no version names."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from pyiceberg.manifest import ManifestEntry, ManifestFile
from pyiceberg.table import Table
from pyiceberg.table.snapshots import Snapshot
from pyiceberg.table.update import RemoveSnapshotsUpdate

from datalinx.engine.lake.model import Staged
from datalinx.engine.lake.staging import staged
from datalinx.engine.lake.table import StagingTransaction, files_of, open_table
from datalinx.engine.storage import Storage, Stored


@dataclass(frozen=True)
class Sweep:
    """What a sweep deleted: files and bytes."""

    files: int
    size: int


def expire(
    storage: Storage, base: str, *, before: datetime, keep: int = 1, most: int | None = None, now: datetime
) -> Staged | None:
    """Stage a table that forgets its versions made before then, but keeps the newest `keep`; None if it has none.

    However young they are, no more than `most` are kept. Forgotten are always the oldest: history has no holes.

    No file is deleted: `sweep` does that, and it should run before the next `expire` rather than right after
    this one, so that whoever reads a forgotten version can end.
    """
    table = open_table(storage, base, now=now)
    forgotten = [each.snapshot_id for each in _old(table, before=before, keep=keep, most=most)]
    if not forgotten:
        return None
    transaction = StagingTransaction(table)
    transaction._stage((RemoveSnapshotsUpdate(snapshot_ids=forgotten),))
    transaction.commit_transaction()
    return staged(table, base)


def old_versions(
    storage: Storage, location: str, *, before: datetime, keep: int = 1, most: int | None = None
) -> list[int]:
    """Return the numbers of the versions that `expire` would forget, newest first."""
    found = _old(open_table(storage, location), before=before, keep=keep, most=most)
    return [each.sequence_number or 0 for each in found]


def _old(table: Table, *, before: datetime, keep: int, most: int | None) -> list[Snapshot]:
    newest_first = sorted(table.metadata.snapshots, key=lambda each: each.sequence_number or 0, reverse=True)
    cut = before.timestamp() * 1000
    return [
        each
        for place, each in enumerate(newest_first)
        if place >= max(keep, 1) and (each.timestamp_ms < cut or (most is not None and place >= most))
    ]


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
    # Versions share most of their manifests: each is read once, not once for each version.
    manifests: dict[str, ManifestFile] = {}
    for snapshot in table.metadata.snapshots:
        named.add(key(snapshot.manifest_list))
        manifests |= {manifest.manifest_path: manifest for manifest in snapshot.manifests(table.io)}
    for path, manifest in manifests.items():
        named.add(key(path))
        named.update(key(entry.data_file.file_path) for entry in _entries(manifest, table))
    return named


def _entries(manifest: ManifestFile, table: Table) -> list[ManifestEntry]:
    return manifest.fetch_manifest_entry(table.io, discard_deleted=True)
