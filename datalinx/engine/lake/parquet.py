"""What a Parquet file made by an engine holds, checked against the table's columns before it is committed."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from pyiceberg.io.pyarrow import (
    compute_statistics_plan,
    data_file_statistics_from_parquet_metadata,
    schema_to_pyarrow,
)
from pyiceberg.manifest import DataFile, DataFileContent, FileFormat
from pyiceberg.partitioning import UNPARTITIONED_PARTITION_SPEC as _UNPARTITIONED
from pyiceberg.schema import Schema
from pyiceberg.types import NestedField

from datalinx.errors import Failed, FieldError

_FIELD_ID = b"PARQUET:field_id"


def read_footer(path: Path) -> pq.FileMetaData:
    """Return the metadata of a Parquet file; raise `Failed` `DATA_FILE_UNREADABLE` when it is none."""
    try:
        return pq.read_metadata(path)
    except (pa.ArrowException, OSError) as error:
        raise Failed("DATA_FILE_UNREADABLE", f"The engine's file {path.name} is no Parquet file.") from error


def check_footer(footer: pq.FileMetaData, schema: Schema) -> None:
    """Raise `Failed` `SCHEMA_MISMATCH`, with one error for each column, unless the file holds the columns.

    Each must be there under its id and with its type, no other may be there, and a required one has no nulls.
    """
    found = {_field_id(field): field for field in footer.schema.to_arrow_schema()}
    expected = {_field_id(field): field for field in schema_to_pyarrow(schema)}
    faults = [
        *(
            _column_fault(field, expected[field.field_id], found.get(field.field_id))
            for field in schema.fields
        ),
        *(_stranger_fault(field) for id_, field in found.items() if id_ not in expected),
        *(_null_fault(footer, field) for field in schema.fields if field.required),
    ]
    errors = [fault for fault in faults if fault is not None]
    if errors:
        raise Failed("SCHEMA_MISMATCH", errors[0].message, errors=errors)


def to_data_file(
    footer: pq.FileMetaData, size: int, location: str, schema: Schema, properties: Mapping[str, str]
) -> DataFile:
    """Return the manifest entry of a checked file of `size` bytes at an address, with its statistics."""
    statistics = data_file_statistics_from_parquet_metadata(
        footer,
        stats_columns=compute_statistics_plan(schema, dict(properties)),
        parquet_column_mapping={field.name: _field_id(field) for field in footer.schema.to_arrow_schema()},
    )
    return DataFile.from_args(
        content=DataFileContent.DATA,
        file_path=location,
        file_format=FileFormat.PARQUET,
        partition=statistics.partition(_UNPARTITIONED, schema),
        file_size_in_bytes=size,
        sort_order_id=None,
        spec_id=_UNPARTITIONED.spec_id,
        equality_ids=None,
        key_metadata=None,
        **statistics.to_serialized_dict(),
    )


def _field_id(field: "pa.Field[Any]") -> int:
    return int((field.metadata or {}).get(_FIELD_ID, b"0"))


def _column_fault(
    column: NestedField, expected: "pa.Field[Any]", found: "pa.Field[Any] | None"
) -> FieldError | None:
    if found is None:
        message = f"The engine's file has no column with the id of `{column.name}` ({column.field_id})."
        return FieldError(column.name, "column_missing", message)
    if _plain(found.type) == _plain(expected.type):
        return None
    message = (
        f"The engine's file has `{column.name}` as {found.type} where the table has {column.field_type}."
    )
    return FieldError(column.name, "column_type_differs", message)


def _stranger_fault(found: "pa.Field[Any]") -> FieldError:
    message = f"The engine's file has a column `{found.name}` that the table does not have under its id."
    return FieldError(found.name, "column_unknown", message)


def _null_fault(footer: pq.FileMetaData, column: NestedField) -> FieldError | None:
    positions = [
        position
        for position, field in enumerate(footer.schema.to_arrow_schema())
        if _field_id(field) == column.field_id
    ]
    for position in positions:
        for group in range(footer.num_row_groups):
            # The stubs do not know has_null_count.
            statistics: Any = footer.row_group(group).column(position).statistics
            if statistics is not None and statistics.has_null_count and statistics.null_count:
                message = f"The engine's file has rows without `{column.name}`, which the table requires."
                return FieldError(column.name, "null_not_allowed", message)
    return None


def _plain(type_: Any) -> Any:
    """Return the type as it lies in the file: no extension type over it, no choice of offset sizes."""
    if isinstance(type_, pa.BaseExtensionType):
        return _plain(type_.storage_type)
    if pa.types.is_large_string(type_):
        return pa.string()
    if pa.types.is_large_binary(type_):
        return pa.binary()
    return type_
