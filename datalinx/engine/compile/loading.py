"""What decides on rows after they are made: which duplicate stays, and how rows come into the stored table."""

import re
from dataclasses import replace

from sqlglot import exp

from datalinx import errors
from datalinx.engine.compile.context import Context
from datalinx.engine.compile.faults import Faults
from datalinx.engine.compile.parsing import did_you_mean
from datalinx.engine.compile.plan import (
    CompiledDeduplicate,
    CompiledField,
    CompiledLoad,
    CompiledMapping,
    OrderTerm,
    inline,
)
from datalinx.engine.compile.steps import Value
from datalinx.engine.compile.values import value_of_expression, value_of_reference
from datalinx.engine.spec.mapping import Deduplicate, Load
from datalinx.engine.spec.schema import TargetTable
from datalinx.engine.types.base import BASE_TYPES, ResolvedType
from datalinx.engine.types.casts import cast_from, kind_of
from datalinx.errors import FieldError

_DIRECTION = re.compile(r"(?is)(?P<value>.*?)(?:\s+(?P<direction>asc|desc))?(?:\s+nulls\s+last)?\s*")
_SECONDS = {"second": 1, "minute": 60, "hour": 3_600, "day": 86_400, "week": 7 * 86_400}
_MONTHS = {"month": 1, "year": 12}
_TIMES = frozenset({"date", "timestamp", "timestamptz"})


def compile_deduplicate(
    context: Context,
    entry: Deduplicate,
    table: TargetTable,
    *,
    fields: tuple[CompiledField, ...],
    faults: Faults,
) -> CompiledDeduplicate:
    """Compile the choice among rows of equal keys."""
    keys = column_names(entry.keys, table, "deduplicate.keys", faults)
    order = []
    for position, text in enumerate(entry.order_by):
        with faults.at(f"deduplicate.order_by[{position}]"):
            order.append(_order_term(context, text, fields))
    return CompiledDeduplicate(keys, tuple(order))


def compile_load(
    context: Context,
    load: Load,
    table: TargetTable,
    *,
    fields: tuple[CompiledField, ...],
    first: str,
    faults: Faults,
) -> CompiledLoad:
    """Compile how rows come in; the keys are the primary key unless they are given."""
    keys = column_names(load.keys or table.primary_key, table, "load.keys", faults)
    if load.mode in {"merge", "history"} and not (load.keys or keys):
        message = f"A load by {load.mode} needs `keys`, or a primary key of the table."
        faults.add("load.keys", "required", message)
    seconds, months = _lookback(load.lookback)
    compiled = CompiledLoad(load.mode, keys, None, None, None, seconds, months, load.delete_missing)
    if load.cursor is not None:
        with faults.at("load.cursor"):
            return _with_cursor(context, compiled, load.cursor, fields, first)
    return compiled


def key_warnings(compiled: CompiledMapping) -> list[FieldError]:
    """What a load may do to the primary key of the stored table: it is checked within a load, not across loads."""
    key, load = compiled.primary_key, compiled.load
    if not key:
        return []
    names = ", ".join(f"`{name}`" for name in key)
    if load.mode == "append":
        message = (
            f"An append adds every row, so that a primary key ({names}) that is stored already is there twice. Use the "
            "mode merge to let the newer row take its place, or a test `unique` to be told."
        )
        return [FieldError("load.mode", "key_may_repeat", message)]
    if load.mode == "merge" and not set(load.keys) <= set(key):
        message = (
            f"Rows meet the stored ones by `load.keys` and not by the primary key ({names}), so that it may be stored "
            "twice. Leave `keys` out to merge by the primary key, or give a test `unique` to be told."
        )
        return [FieldError("load.keys", "key_may_repeat", message)]
    return []


def column_names(names: tuple[str, ...], table: TargetTable, path: str, faults: Faults) -> tuple[str, ...]:
    """Plain names of target columns as the table writes them."""
    found = []
    for position, name in enumerate(names):
        column = table.column(name)
        if column is None:
            hint = did_you_mean(name, [other.name for other in table.columns])
            message = f"The table `{table.name}` has no column `{name}`.{hint}"
            faults.add(f"{path}[{position}]", "UNKNOWN_COLUMN", message)
        else:
            found.append(column.name)
    return tuple(found)


def _order_term(context: Context, text: str, fields: tuple[CompiledField, ...]) -> OrderTerm:
    found = _DIRECTION.fullmatch(text)
    written, direction = (found["value"], found["direction"] or "") if found else (text, "")
    value = value_of_expression(context, written)
    step = context.steps.add(*_comparable(value, fields))
    return OrderTerm(step.name, direction.lower() == "desc")


def _comparable(
    value: Value, fields: tuple[CompiledField, ...], fallback: ResolvedType | None = None
) -> tuple[exp.Expression, str]:
    """The value and its type, in a form in which larger means later.

    As text 9 comes after 10. So a column of text that a target column is directly made of is read as that
    column's type; any other text is read as `fallback`, or stays text.
    """
    if kind_of(value.type) != "text":
        return value.expression, value.type
    to = fallback
    for field in fields:
        if _holds(field, value) and kind_of(field.type.duckdb) != "text":
            to = field.type
            break
    if to is None:
        return value.expression, value.type
    return cast_from(value.expression, value.type, to), to.duckdb


def _holds(field: CompiledField, value: Value) -> bool:
    """Whether a target column is directly made of the column that the value is."""
    return field.kind in {"direct", "wildcard"} and field.references == _plain(value)


def _plain(value: Value) -> tuple[tuple[str, str], ...]:
    """The column that the value is; nothing that a field is made of when it is none."""
    return tuple(reference.pair for reference in value.references) if value.is_column else (("", ""),)


def _with_cursor(
    context: Context, load: CompiledLoad, text: str, fields: tuple[CompiledField, ...], first: str
) -> CompiledLoad:
    value = value_of_reference(context, text)
    reference = value.references[0]
    if reference.alias != first:
        message = f"The cursor must be a column of the first input `{first}`, whose rows are read after it."
        raise errors.Invalid("INVALID_CURSOR", message)
    has_lookback = bool(load.lookback_seconds or load.lookback_months)
    is_told = any(_holds(field, value) for field in fields)
    # Text whose order nobody tells: as text 10 comes before 9, and rows that are new would not be read.
    fallback = None if is_told and not has_lookback else BASE_TYPES["timestamp"].resolve()
    expression, kind = _comparable(value, fields, fallback)
    if load.mode == "append" and not is_told and kind_of(value.type) == "text":
        message = (
            f"The cursor `{text}` is text, and nothing says how to order it. Map it directly to a column that is "
            "a number, a date or a time, or make such a column of it in a CTE."
        )
        raise errors.Invalid("INVALID_CURSOR", message)
    if has_lookback and kind_of(kind) not in _TIMES:
        message = f"A lookback goes back in time, and the cursor is of type {kind}."
        raise errors.Invalid("INVALID_CURSOR", message)
    if kind_of(value.type) == "floating":
        # NaN and infinity are later than all numbers, and nothing would be read after them.
        expression = cast_from(
            expression, kind, BASE_TYPES["double" if kind == "DOUBLE" else "float"].resolve()
        )
    step = context.steps.add(expression, kind)
    over_input = inline(step.column, context.steps.all())
    return replace(load, cursor=step.name, cursor_input=over_input, cursor_type=kind)


def _lookback(text: str | None) -> tuple[int, int]:
    """Seconds and months of a span such as `2 days`."""
    if text is None:
        return 0, 0
    amount, unit = text.split()
    unit = unit.removesuffix("s")
    return int(amount) * _SECONDS.get(unit, 0), int(amount) * _MONTHS.get(unit, 0)
