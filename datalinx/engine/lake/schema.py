"""How a table's columns change: which keep their id, which get a new one, and what stored rows forbid."""

from collections.abc import Sequence

from pyiceberg.schema import Schema
from pyiceberg.table.metadata import TableMetadata
from pyiceberg.types import DecimalType, IcebergType, NestedField

from datalinx.engine.lake.model import LakeColumn
from datalinx.errors import FieldError, Invalid


def plan_schema(metadata: TableMetadata | None, columns: Sequence[LakeColumn], *, keeps_rows: bool) -> Schema:
    """Return the schema of the next version: the given columns, with ids.

    A column is the same one when its name (case does not count) stays and its type stays or widens: int to
    long, float to double, a decimal to more digits at its scale. When `keeps_rows`, stored rows live on in the
    next version: then no other change of type is possible, and a column cannot become required.
    Raise `Invalid` with `COLUMN_CHANGE_NEEDS_FULL_LOAD` and one error for each column that cannot change.
    """
    present = {field.name.lower(): field for field in metadata.schema().fields} if metadata else {}
    next_id = metadata.last_column_id + 1 if metadata else 1
    fields: list[NestedField] = []
    faults: list[FieldError] = []
    for column in columns:
        field = _field(column)
        old = present.get(column.name.lower())
        if old is not None and _widens(old.field_type, field.field_type):
            required = column.required and (old.required or not keeps_rows)
            fields.append(_with(field, old.field_id, required))
            continue
        if old is not None and keeps_rows:
            faults.append(_fault(column, old))
        fields.append(_with(field, next_id, column.required and not keeps_rows))
        next_id += 1
    if faults:
        raise Invalid("COLUMN_CHANGE_NEEDS_FULL_LOAD", faults[0].message, errors=faults)
    return Schema(*fields, schema_id=_schema_id(metadata, fields))


def lake_columns(schema: Schema) -> tuple[LakeColumn, ...]:
    """Return the columns of a schema."""
    return tuple(
        LakeColumn(field.name, str(field.field_type), field.required, field.doc or "", field.field_id)
        for field in schema.fields
    )


def _field(column: LakeColumn) -> NestedField:
    return NestedField(0, column.name, column.type, column.required, column.description or None)


def _with(field: NestedField, field_id: int, required: bool) -> NestedField:
    return NestedField(field_id, field.name, field.field_type, required, field.doc)


def _widens(old: IcebergType, new: IcebergType) -> bool:
    # Iceberg's table of promotions. pyiceberg's `promote` lets a decimal change its scale.
    if isinstance(old, DecimalType) and isinstance(new, DecimalType):
        return old.scale == new.scale and old.precision <= new.precision
    return old == new or (str(old), str(new)) in {("int", "long"), ("float", "double")}


def _fault(column: LakeColumn, old: NestedField) -> FieldError:
    message = (
        f"The column `{column.name}` changes from {old.field_type} to {column.type}, and stored rows cannot "
        "change with it; run it once with `full_refresh`, or give the column another name."
    )
    return FieldError(column.name, "column_change_needs_full_load", message)


def _schema_id(metadata: TableMetadata | None, fields: Sequence[NestedField]) -> int:
    """Return the id of an equal schema that the table has had, else the next free one."""
    if metadata is None:
        return 0
    for schema in metadata.schemas:
        if list(schema.fields) == list(fields):
            return schema.schema_id
    return max(schema.schema_id for schema in metadata.schemas) + 1
