"""What a target schema says about types, checked against the types that there are."""

from datalinx.engine.compile.faults import Faults
from datalinx.engine.spec.schema import TargetSchema, TargetTable
from datalinx.engine.types.base import PII_CLASSES
from datalinx.engine.types.registry import TypeRegistry
from datalinx.errors import FieldError


def check_schema(schema: TargetSchema, *, types: TypeRegistry) -> list[FieldError]:
    """The faults that the shape of the document alone does not show: unknown types, impossible figures."""
    faults = Faults()
    for position, table in enumerate(schema.tables):
        for fault in check_table(table, types=types):
            faults.add(f"tables[{position}].{fault.field}", fault.code, fault.message)
    return faults.found


def check_table(table: TargetTable, *, types: TypeRegistry) -> list[FieldError]:
    """The same for one table; paths begin at the table."""
    faults = Faults()
    for position, column in enumerate(table.columns):
        path = f"columns[{position}]"
        with faults.at(f"{path}.type"):
            types.resolve(column.type, precision=column.precision, scale=column.scale)
        if column.pii is not None and column.pii not in PII_CLASSES:
            message = f"`{column.pii}` is no class of personal data; those are {', '.join(PII_CLASSES)}."
            faults.add(f"{path}.pii", "unknown_pii_class", message)
    return faults.found
