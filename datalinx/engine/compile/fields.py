"""From one field of a mapping to its compiled form: a value, and the ways in which it can be wrong."""

from datalinx import errors
from datalinx.engine.compile.chain import Chain
from datalinx.engine.compile.context import Context
from datalinx.engine.compile.decorators import decorate
from datalinx.engine.compile.faults import Faults
from datalinx.engine.compile.lookups import scalar, value_of_lookup
from datalinx.engine.compile.plan import CompiledField, FieldKind, OnInvalid, inline
from datalinx.engine.compile.steps import Value, is_null
from datalinx.engine.compile.values import value_of_expression, value_of_reference
from datalinx.engine.spec.mapping import (
    AggregateField,
    ConstantField,
    DecoratedField,
    DirectField,
    ExpressionField,
    LookupField,
    MappingField,
)
from datalinx.engine.spec.schema import TargetColumn


def compile_field(
    context: Context,
    field: MappingField,
    *,
    column: TargetColumn,
    nullable: bool,
    on_invalid: OnInvalid,
    kind: FieldKind | None = None,
) -> CompiledField:
    """Compile one field for its target column; raise `Invalid` with paths that begin at the field.

    `kind` is set for what a wildcard maps; `on_invalid` is the mapping's, which the field's own overrides.
    """
    target = context.types.resolve(column.type, precision=column.precision, scale=column.scale)
    value = _value(context, column.name, field)
    chain = Chain(
        value.expression,
        value.type,
        value.given,
        target,
        context.steps,
        context.binder,
        context.types,
        context,
        column.name,
        faults=list(value.faults),
    )
    if isinstance(field, DecoratedField):
        _decorate(chain, field)
    result, faults = chain.finish()
    compiled = CompiledField(
        name=column.name,
        kind=kind or field.type,
        type=target,
        nullable=nullable,
        value=result,
        faults=faults,
        on_invalid=field.on_invalid or on_invalid,
        references=(*(reference.pair for reference in value.references), *chain.references),
    )
    if isinstance(field, ConstantField):
        _check_constant(context, field, compiled)
    return compiled


def _value(context: Context, name: str, field: MappingField) -> Value:
    match field:
        case DirectField() | DecoratedField():
            return value_of_reference(context, field.source)
        case ExpressionField():
            return value_of_expression(context, field.expression)
        case AggregateField():
            return value_of_expression(context, field.expression, aggregates=True)
        case LookupField():
            return value_of_lookup(context, name, field)
        case ConstantField():
            text = scalar(field.value)
            return Value(text, "VARCHAR", text)


def _decorate(chain: Chain, field: DecoratedField) -> None:
    faults = Faults()
    for position, entry in enumerate(field.decorators):
        with faults.at(f"decorators[{position}]"):
            decorate(chain, entry, is_last=position == len(field.decorators) - 1)
    if faults.found:
        raise errors.Invalid("VALIDATION_ERROR", faults.found[0].message, errors=faults.found)


def _check_constant(context: Context, field: ConstantField, compiled: CompiledField) -> None:
    """A constant is known now, so that what is wrong with it is too."""
    tests = [is_null(compiled.value), *(fault.when for fault in compiled.faults)]
    steps = context.steps.all()
    missing, *wrong = context.binder.evaluate(inline(test, steps) for test in tests)
    for fault, is_wrong in zip(compiled.faults, wrong, strict=True):
        if is_wrong:
            message = f"{fault.message} The constant is `{str(field.value)[:80]}`."
            raise errors.Invalid("INVALID_CONSTANT", message)
    if missing and not compiled.nullable:
        message = "The column may not be empty, so the constant cannot be null."
        raise errors.Invalid("INVALID_CONSTANT", message)
