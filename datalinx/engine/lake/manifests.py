"""Manifests: the live files that they list, and snapshots that do not let them pile up."""

from pyiceberg.io import FileIO
from pyiceberg.manifest import DataFile, ManifestFile
from pyiceberg.table import Transaction
from pyiceberg.table.snapshots import Operation, Snapshot, Summary
from pyiceberg.table.update.snapshot import _ManifestMergeManager, _MergeAppendFiles, _OverwriteFiles
from pyiceberg.typedef import EMPTY_DICT

# Iceberg's own defaults: https://iceberg.apache.org/docs/latest/configuration/#table-behavior-properties
_MANIFEST_BYTES = 8 * 1024**2
_MANIFESTS_TO_MERGE = 100


def live_files(snapshot: Snapshot, io: FileIO) -> list[DataFile]:
    """Return the data files of a version."""
    return [
        entry.data_file
        for manifest in snapshot.manifests(io)
        for entry in manifest.fetch_manifest_entry(io, discard_deleted=True)
    ]


class Appending(_MergeAppendFiles):
    """A snapshot that adds files; many small manifests are merged into one."""

    @classmethod
    def begin(cls, transaction: Transaction, properties: dict[str, str]) -> "Appending":
        return cls(Operation.APPEND, transaction, transaction._table.io, snapshot_properties=properties)


class Overwriting(_OverwriteFiles):
    """A snapshot that adds and removes files; manifests without a live file are left behind, small ones merged.

    pyiceberg's own carries every list of removed files along for ever, so that a table that is replaced every
    night would commit slower every night.
    """

    @classmethod
    def begin(cls, transaction: Transaction, properties: dict[str, str]) -> "Overwriting":
        return cls(Operation.OVERWRITE, transaction, transaction._table.io, snapshot_properties=properties)

    def _existing_manifests(self) -> list[ManifestFile]:
        return [
            manifest
            for manifest in super()._existing_manifests()
            if manifest.has_added_files() or manifest.has_existing_files()
        ]

    def _process_manifests(self, manifests: list[ManifestFile]) -> list[ManifestFile]:
        return _ManifestMergeManager(
            target_size_bytes=_MANIFEST_BYTES,
            min_count_to_merge=_MANIFESTS_TO_MERGE,
            merge_enabled=True,
            snapshot_producer=self,
        ).merge_manifests(manifests)


class Replacing(Overwriting):
    """A snapshot of the same rows in other files, which says so: Iceberg's operation `replace`."""

    def _summary(self, snapshot_properties: dict[str, str] = EMPTY_DICT) -> Summary:
        # pyiceberg counts for the operations that it makes itself, and this is none of them.
        counted = super()._summary(snapshot_properties)
        return Summary(operation=Operation.REPLACE, **counted.additional_properties)
