"""What a table is, at any of its versions: its files, its columns, its history."""

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from pyiceberg import manifest as iceberg
from pyiceberg.conversions import from_bytes
from pyiceberg.schema import Schema
from pyiceberg.table import Table
from pyiceberg.table.snapshots import Operation
from pyiceberg.table.snapshots import Snapshot as IcebergSnapshot
from pyiceberg.types import (
    DateType,
    DoubleType,
    FloatType,
    IntegerType,
    LongType,
    PrimitiveType,
    TimestampType,
    TimestamptzType,
    TimeType,
    UUIDType,
)
from pyiceberg.utils.datetime import days_to_date, micros_to_time, micros_to_timestamp, micros_to_timestamptz

from datalinx.engine.lake.manifests import live_files
from datalinx.engine.lake.model import Bounds, DataFile, LakeColumn, Snapshot, Version
from datalinx.engine.lake.schema import lake_columns
from datalinx.engine.lake.table import files_of, open_table
from datalinx.engine.storage import Storage
from datalinx.errors import NotFound

RUN_ID = "datalinx.run-id"
RESTORED_FROM = "datalinx.restored-from"
# What Iceberg itself writes into a snapshot's summary; the rest was given by us.
_COUNTED = ("added-", "deleted-", "removed-", "total-", "changed-", "partition", "operation")

# Iceberg's bounds of these types are numbers and bytes.
_PYTHON_VALUES: tuple[tuple[type[PrimitiveType], Callable[[Any], object]], ...] = (
    (DateType, days_to_date),
    (TimeType, micros_to_time),
    (TimestampType, micros_to_timestamp),
    (TimestamptzType, micros_to_timestamptz),
    (UUIDType, lambda value: UUID(bytes=value)),
)


def snapshots(storage: Storage, location: str) -> list[Snapshot]:
    """Return the versions of a table, newest first."""
    known = open_table(storage, location).metadata.snapshots
    return sorted((to_snapshot(snapshot) for snapshot in known), key=lambda each: each.sequence, reverse=True)


def snapshot(
    storage: Storage,
    location: str,
    *,
    snapshot_id: int | None = None,
    sequence: int | None = None,
    as_of: datetime | None = None,
) -> Snapshot:
    """Return one version of a table: the named one, the last one made at or before `as_of`, else the present one.

    Raise `NotFound` `SNAPSHOT_NOT_FOUND` when there is none, `SNAPSHOT_EXPIRED` when it was let go of.
    """
    return to_snapshot(find_snapshot(open_table(storage, location), snapshot_id, sequence, as_of))


def version(
    storage: Storage,
    location: str,
    *,
    snapshot_id: int | None = None,
    sequence: int | None = None,
    as_of: datetime | None = None,
) -> Version:
    """Return one version of a table, chosen as in `snapshot`, with its columns and files: one look for all."""
    table = open_table(storage, location)
    chosen = find_snapshot(table, snapshot_id, sequence, as_of)
    key = files_of(table).key
    files = tuple(
        DataFile(key(file.file_path), file.record_count, file.file_size_in_bytes)
        for file in live_files(chosen, table.io)
    )
    return Version(to_snapshot(chosen), lake_columns(_schema_of(table, chosen)), files)


def data_files(
    storage: Storage,
    location: str,
    *,
    snapshot_id: int | None = None,
    sequence: int | None = None,
    as_of: datetime | None = None,
    bounds: Sequence[str] = (),
) -> list[DataFile]:
    """Return the Parquet files of one version of a table, chosen as in `snapshot`.

    `bounds` names the columns whose least and greatest values are wanted; a file without statistics for one
    has no entry for it. Nothing but metadata is read.
    """
    table = open_table(storage, location)
    chosen = find_snapshot(table, snapshot_id, sequence, as_of)
    schema = _schema_of(table, chosen)
    wanted = {name: schema.find_field(name).field_id for name in bounds if name in schema.column_names}
    key = files_of(table).key
    return [
        DataFile(
            key(file.file_path), file.record_count, file.file_size_in_bytes, _bounds(file, schema, wanted)
        )
        for file in live_files(chosen, table.io)
    ]


def columns(
    storage: Storage,
    location: str,
    *,
    snapshot_id: int | None = None,
    sequence: int | None = None,
    as_of: datetime | None = None,
) -> tuple[LakeColumn, ...]:
    """Return the columns of one version of a table, chosen as in `snapshot`, with their field ids."""
    table = open_table(storage, location)
    return lake_columns(_schema_of(table, find_snapshot(table, snapshot_id, sequence, as_of)))


def find_run(storage: Storage, location: str | None, run_id: str) -> Snapshot | None:
    """Return the version that a run made, or None; the first thing to ask when a run is taken up again."""
    return find_run_in(open_table(storage, location), run_id) if location else None


def find_run_in(table: Table, run_id: str) -> Snapshot | None:
    """Return the version of an open table that a run made, or None."""
    for known in reversed(table.metadata.snapshots):
        if known.summary is not None and known.summary.additional_properties.get(RUN_ID) == run_id:
            return to_snapshot(known)
    return None


def find_snapshot(
    table: Table, snapshot_id: int | None, sequence: int | None, as_of: datetime | None
) -> IcebergSnapshot:
    """Return one version of an open table as pyiceberg knows it; see `snapshot`."""
    known = every = sorted(table.metadata.snapshots, key=lambda each: each.sequence_number or 0)
    if snapshot_id is not None:
        known = [each for each in known if each.snapshot_id == snapshot_id]
    if sequence is not None:
        known = [each for each in known if each.sequence_number == sequence]
    if as_of is not None:
        known = [each for each in known if _at(each) <= as_of]
    if not known:
        if every and _was_let_go(every[0], sequence, as_of):
            message = (
                f"The table as it was then is kept no longer; its oldest version is {every[0].sequence_number}, "
                f"of {_at(every[0]).isoformat()}."
            )
            raise NotFound("SNAPSHOT_EXPIRED", message)
        when = f" as of {as_of.isoformat()}" if as_of else ""
        when = next((f" {number}" for number in (sequence, snapshot_id) if number is not None), when)
        message = f"The table has no version{when}; list its snapshots to see those that are kept."
        raise NotFound("SNAPSHOT_NOT_FOUND", message)
    return known[-1]


def _was_let_go(oldest: IcebergSnapshot, sequence: int | None, as_of: datetime | None) -> bool:
    """Whether a version that is not there may have been: versions are let go of from the oldest on."""
    first = oldest.sequence_number or 0
    return first > 1 and (as_of is not None or 0 < (sequence or 0) < first)


def to_snapshot(known: IcebergSnapshot) -> Snapshot:
    """Return a version as a plain value."""
    summary = known.summary
    found: Mapping[str, str] = summary.additional_properties if summary else {}
    restored = found.get(RESTORED_FROM)
    # The same rows in other files are no rows that came or went.
    moved = summary is not None and summary.operation is Operation.REPLACE
    return Snapshot(
        snapshot_id=known.snapshot_id,
        sequence=known.sequence_number or 0,
        at=_at(known),
        operation=summary.operation.value if summary else "unknown",
        rows=int(found.get("total-records", 0)),
        added_rows=0 if moved else int(found.get("added-records", 0)),
        removed_rows=0 if moved else int(found.get("deleted-records", 0)),
        run_id=found.get(RUN_ID),
        restored_from=int(restored) if restored else None,
        properties={name: value for name, value in found.items() if not name.startswith(_COUNTED)},
    )


def _at(known: IcebergSnapshot) -> datetime:
    return datetime.fromtimestamp(known.timestamp_ms / 1000, UTC)


def _schema_of(table: Table, chosen: IcebergSnapshot) -> Schema:
    found = table.metadata.schema_by_id(chosen.schema_id) if chosen.schema_id is not None else None
    return found or table.schema()


def _bounds(file: iceberg.DataFile, schema: Schema, wanted: Mapping[str, int]) -> dict[str, Bounds]:
    found = {}
    for name, id_ in wanted.items():
        lower, upper = (file.lower_bounds or {}).get(id_), (file.upper_bounds or {}).get(id_)
        nulls = (file.null_value_counts or {}).get(id_)
        if lower is not None or upper is not None or nulls is not None:
            type_ = schema.find_type(id_)
            found[name] = Bounds(_decoded(type_, lower), _decoded(type_, upper), nulls)
    return found


def _decoded(type_: object, data: bytes | None) -> object:
    """Return a bound's value; a file that is older than the column's widening has the narrower type's bytes."""
    if data is None or not isinstance(type_, PrimitiveType):
        return None
    if len(data) == 4 and isinstance(type_, LongType):
        type_ = IntegerType()
    if len(data) == 4 and isinstance(type_, DoubleType):
        type_ = FloatType()
    value: object = from_bytes(type_, data)
    for kind, convert in _PYTHON_VALUES:
        if isinstance(type_, kind):
            return convert(value)
    return value
