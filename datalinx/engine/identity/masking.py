"""What may be shown of an identifier: all of it, or what the class of its personal data leaves."""

from sqlglot import exp

from datalinx.engine.spec.schema import TargetColumn
from datalinx.engine.types.registry import TypeRegistry
from datalinx.engine.types.semantic import hidden


def shown_sql(column: TargetColumn, types: TypeRegistry) -> str:
    """The SQL of what may be shown of a stored value: masked as its type does, unless it is no personal data.

    The class that a column says it has goes before that of its type.
    """
    value = exp.column(column.name, quoted=True)
    semantic = types.semantic(column.type)
    kind = column.pii or (semantic.pii if semantic is not None else "none")
    if kind == "none":
        return value.sql(dialect="duckdb")
    return (semantic.mask(value) if semantic is not None else hidden(value)).sql(
        dialect="duckdb", comments=False
    )
