"""Trusted reads of a stored table: pages of rows and counts, with bound values and quoted names."""

import difflib
import time
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from typing import Any, Literal

import duckdb

from datalinx.engine.query.tables import QueryResult, TableFiles, quote_name, table_select
from datalinx.engine.query.trusted import shared_cursor
from datalinx.engine.query.values import shown_expression, shown_values
from datalinx.errors import FieldError, Invalid

Operator = Literal["eq", "ne", "lt", "lte", "gt", "gte", "in", "contains", "is_null", "not_null"]

_COMPARISONS = {"eq": "=", "ne": "<>", "lt": "<", "lte": "<=", "gt": ">", "gte": ">="}


@dataclass(frozen=True)
class Where:
    """One condition on a column; all conditions of a read must hold. `value` is text or a JSON scalar."""

    column: str
    operator: Operator
    value: Any = None


def read_rows(
    table: TableFiles,
    *,
    columns: Sequence[str] | None = None,
    where: Sequence[Where] = (),
    order_by: Sequence[str] = (),
    offset: int = 0,
    limit: int = 50,
) -> QueryResult:
    """One page of a table, its values as in `values.py`.

    `order_by` names columns, `-name` for descending, nulls last; without it rows come in the order of the
    files, which is the same for every page of one snapshot. Raise `Invalid` `UNKNOWN_COLUMN` or
    `INVALID_VALUE`.
    """
    started = time.perf_counter()
    kinds = _kinds(table, columns if columns is not None else table.names())
    condition, values = _condition(table, where)
    with closing(shared_cursor()) as cursor:
        shown = ", ".join(shown_expression(cursor, quote_name(name), kind) for name, kind in kinds)
        sql = f"SELECT {shown} FROM ({table_select(table)}) WHERE {condition}"
        if order_by:
            sql += f" ORDER BY {', '.join(_order(table, name) for name in order_by)}"
        rows = _fetch(cursor, f"{sql} LIMIT {int(limit) + 1} OFFSET {int(offset)}", values)
    finish = shown_values([kind for _, kind in kinds])
    return QueryResult(
        columns=[{"name": name, "type": kind} for name, kind in kinds],
        rows=[finish(row) for row in rows[:limit]],
        row_count=min(len(rows), limit),
        truncated=len(rows) > limit,
        seconds=round(time.perf_counter() - started, 6),
    )


def count_rows(table: TableFiles, *, where: Sequence[Where] = ()) -> int:
    """The number of rows for which every condition holds."""
    condition, values = _condition(table, where)
    with closing(shared_cursor()) as cursor:
        rows = _fetch(cursor, f"SELECT count(*) FROM ({table_select(table)}) WHERE {condition}", values)
    return int(rows[0][0])


def digest_rows(table: TableFiles, *, where: Sequence[Where] = ()) -> tuple[int, int]:
    """Two numbers that stand for the rows for which every condition holds, in whatever order they are stored."""
    condition, values = _condition(table, where)
    names = ", ".join(quote_name(name) for name in table.names())
    total = f"coalesce(sum(CAST(hash({names}) AS HUGEINT)), 0)"
    sql = f"SELECT count(*), {total} FROM ({table_select(table)}) WHERE {condition}"
    with closing(shared_cursor()) as cursor:
        found = _fetch(cursor, sql, values)[0]
    return int(found[0]), int(found[1])


def _fetch(cursor: duckdb.DuckDBPyConnection, sql: str, values: Sequence[Any]) -> list[tuple[Any, ...]]:
    try:
        return list(cursor.execute(sql, list(values)).fetchall())
    except (duckdb.ConversionException, duckdb.OutOfRangeException) as error:
        message = "A filter's value does not fit the type of its column."
        raise Invalid(
            "INVALID_VALUE", message, errors=[FieldError("where", "invalid_value", message)]
        ) from error


def _condition(table: TableFiles, where: Sequence[Where]) -> tuple[str, list[Any]]:
    parts, values = ["true"], []
    for item in where:
        name, kind = _kinds(table, [item.column])[0]
        column = quote_name(name)
        if item.operator in {"is_null", "not_null"}:
            parts.append(f"{column} IS {'NOT ' if item.operator == 'not_null' else ''}NULL")
        elif item.operator == "in":
            items = list(item.value)
            parts.append(
                f"{column} IN ({', '.join(f'CAST(? AS {kind})' for _ in items)})" if items else "false"
            )
            values += items
        elif item.operator == "contains":
            parts.append(f"contains(lower(CAST({column} AS VARCHAR)), lower(CAST(? AS VARCHAR)))")
            values.append(str(item.value))
        else:
            parts.append(f"{column} {_COMPARISONS[item.operator]} CAST(? AS {kind})")
            values.append(item.value)
    return " AND ".join(parts), values


def _order(table: TableFiles, name: str) -> str:
    descending = name.startswith("-")
    column, _ = _kinds(table, [name.removeprefix("-")])[0]
    return f"{quote_name(column)} {'DESC' if descending else 'ASC'} NULLS LAST"


def _kinds(table: TableFiles, names: Sequence[str]) -> list[tuple[str, str]]:
    known = dict(table.columns)
    for name in names:
        if name not in known:
            near = difflib.get_close_matches(name, known, n=1)
            message = f"The table has no column `{name}`." + (f" Did you mean `{near[0]}`?" if near else "")
            raise Invalid("UNKNOWN_COLUMN", message, errors=[FieldError(name, "unknown_column", message)])
    return [(name, known[name]) for name in names]
