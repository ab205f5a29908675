"""The plain values that the lake takes and gives."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime


@dataclass(frozen=True)
class LakeColumn:
    """A column of a stored table. `type` is Iceberg's text for it, such as `decimal(18, 2)`.

    `field_id` names the column in the files whatever it is called; 0 while it has none yet.
    """

    name: str
    type: str
    required: bool = False
    description: str = ""
    field_id: int = 0


@dataclass(frozen=True)
class Staged:
    """A version of a table that is written and not yet the present one.

    `metadata_location` takes the place of `base_location` if that is still the table's location. `sequence`
    numbers the versions of the table from 1. `rows` is what the table holds then.
    """

    metadata_location: str
    snapshot_id: int
    sequence: int
    base_location: str | None
    rows: int
    added_rows: int = 0
    removed_rows: int = 0


@dataclass(frozen=True)
class Snapshot:
    """A version of a table: what it holds and what brought it about.

    `operation` is Iceberg's: append, overwrite, delete, or replace (the same rows in other files). `run_id` is
    the run that made it, `restored_from` the sequence of the version that it brought back. `properties` are all
    that were given at its staging.
    """

    snapshot_id: int
    sequence: int
    at: datetime
    operation: str
    rows: int
    added_rows: int
    removed_rows: int
    run_id: str | None = None
    restored_from: int | None = None
    properties: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Version:
    """One version of a table with all that a reader needs: what it is, its columns, its files."""

    snapshot: Snapshot
    columns: "tuple[LakeColumn, ...]"
    files: "tuple[DataFile, ...]"


@dataclass(frozen=True)
class Bounds:
    """No value of the column in the file is under `lower` or over `upper`; None where that is not known.

    For long texts these are bounds and not values that occur. `nulls` counts the missing values.
    """

    lower: object
    upper: object
    nulls: int | None


@dataclass(frozen=True)
class DataFile:
    """A Parquet file of a version of a table: its key, rows, bytes, and bounds of the columns asked for."""

    key: str
    rows: int
    size: int
    bounds: Mapping[str, Bounds] = field(default_factory=dict)
