"""The names that DuckDB gives to columns of a query that have none."""

from collections.abc import Iterable, Mapping

from sqlglot import exp

from datalinx import errors
from datalinx.engine.compile.binder import Binder
from datalinx.engine.compile.plan import InputShape, SourceColumn


def output_names(
    select: exp.Select, relations: Mapping[str, Mapping[str, str]], definitions: Iterable[exp.CTE]
) -> list[str] | None:
    """Return the names of a SELECT's columns; None where it cannot stand alone."""
    query = select.copy()
    if (known := [entry.copy() for entry in definitions]) and query.args.get("with_") is None:
        query.set("with_", exp.With(expressions=known))
    with Binder() as binder:
        for name, columns in relations.items():
            binder.add(name, InputShape(tuple(SourceColumn(*column) for column in columns.items())))
        try:
            return [column.name for column in binder.columns_of(query)]
        except errors.Invalid:
            return None
