"""Lookups: a value found by its key in a table of values or in another input, by a join that keeps every row."""

from decimal import Decimal

from sqlglot import exp

from datalinx import errors
from datalinx.engine.compile.context import Context
from datalinx.engine.compile.names import Reference, match
from datalinx.engine.compile.parsing import did_you_mean
from datalinx.engine.compile.plan import CompiledJoin
from datalinx.engine.compile.steps import Value, as_text
from datalinx.engine.compile.values import value_of_reference
from datalinx.engine.spec.base import Scalar
from datalinx.engine.spec.mapping import LookupField


def value_of_lookup(context: Context, name: str, field: LookupField) -> Value:
    """The value that the field's source finds, or its default; both sides of the key are compared as text."""
    source = value_of_reference(context, field.source)
    found: tuple[Reference, ...] = ()
    if field.values is not None:
        query, kind = _value_table(field.values), "VARCHAR"
    else:
        query, kind, found = _input_table(context, field)
    alias = f"lookup:{name}"
    reference = source.references[0]
    key = exp.column("key", table=alias, quoted=True)
    on = exp.EQ(this=as_text(reference.expression, reference.column.type), expression=key)
    context.lookups.append(CompiledJoin(alias, "left", on, query))
    column: exp.Expression = exp.column("value", table=alias, quoted=True)
    if context.grouped is not None:
        # The key is grouped, so that every row of the group found the same.
        column = exp.Anonymous(this="min", expressions=[column])
    step = context.steps.add(column, kind)
    value: exp.Expression = step.column
    if field.default is not None:
        value = exp.Anonymous(this="coalesce", expressions=[value, _default(field.default, kind)])
    return Value(value, kind, source.given, source.references + found)


def scalar(value: Scalar) -> exp.Expression:
    """A JSON value as text: numbers in full, without an exponent; NULL for null."""
    if value is None:
        return exp.cast(exp.null(), "VARCHAR", dialect="duckdb")
    if isinstance(value, bool):
        return exp.Literal.string("true" if value else "false")
    if isinstance(value, float):
        return exp.Literal.string(format(Decimal(repr(value)), "f"))
    return exp.Literal.string(str(value))


def _default(value: Scalar, kind: str) -> exp.Expression:
    if kind == "VARCHAR":
        return scalar(value)
    return exp.TryCast(this=scalar(value), to=exp.DataType.build(kind, dialect="duckdb", udt=True), safe=True)


def _value_table(values: dict[str, Scalar]) -> exp.Query:
    rows = [exp.Tuple(expressions=[exp.Literal.string(key), scalar(value)]) for key, value in values.items()]
    columns = [exp.to_identifier(name, quoted=True) for name in ("key", "value")]
    table = exp.Values(
        expressions=rows,
        alias=exp.TableAlias(this=exp.to_identifier("entries", quoted=True), columns=columns),
    )
    return exp.select(*(exp.column(name, quoted=True) for name in ("key", "value"))).from_(table)


def _input_table(context: Context, field: LookupField) -> tuple[exp.Query, str, tuple[Reference, ...]]:
    alias = match(field.input or "", context.inputs.inputs)
    if alias is None:
        hint = did_you_mean(field.input or "", list(context.inputs.inputs))
        raise errors.Invalid("UNKNOWN_INPUT", f"There is no input `{field.input}`.{hint}")
    key = Reference(alias, context.inputs.column(alias, field.key or ""))
    value = Reference(alias, context.inputs.column(alias, field.value or ""))
    key_text = as_text(key.expression, key.column.type)
    smallest = exp.Anonymous(this="min", expressions=[value.expression])
    query = (
        exp.select(exp.alias_(key_text, "key", quoted=True), exp.alias_(smallest, "value", quoted=True))
        .from_(exp.table_(alias, quoted=True))
        .where(exp.not_(exp.Is(this=key.expression, expression=exp.null())))
        .group_by(key_text.copy())
    )
    return query, value.column.type, (key, value)
