"""From what a document says (a reference, an expression) to a value over the inputs, in steps."""

from collections.abc import Sequence

from sqlglot import exp

from datalinx import errors
from datalinx.engine.compile.context import Context
from datalinx.engine.compile.expressions import Rebuilt, attempt, rebuild_expression
from datalinx.engine.compile.names import Reference, quote
from datalinx.engine.compile.plan import Fault
from datalinx.engine.compile.steps import Value, as_text, is_null


def value_of_reference(context: Context, text: str) -> Value:
    """The value of a column, as it stands in its input; raise `Invalid` for one that is not there."""
    reference = context.scope.find(text)
    check_grouped(context, [reference])
    step = context.steps.add(reference.expression, reference.column.type)
    return Value(step.column, step.type, as_text(step.column, step.type), (reference,), is_column=True)


def value_of_expression(context: Context, text: str, *, aggregates: bool = False) -> Value:
    """The value of a user's expression; where a row makes it raise, the value has a fault instead."""
    rebuilt = rebuild_expression(text, context.scope, aggregates=aggregates)
    check_grouped(context, rebuilt.references)
    faults: list[Fault] = []
    if context.grouped is None:
        tree, kind = rebuilt.tree, context.binder.type_of(rebuilt.tree)
    else:
        tree, kind, faults = _over_groups(context, rebuilt)
    references = tuple(dict.fromkeys((*rebuilt.references, *rebuilt.within)))
    if not rebuilt.is_safe and not isinstance(tree, exp.Column):
        given = _shown(context, rebuilt.references)
        tree, fault = _attempted(context, rebuilt, tree, kind, given)
        faults.append(fault)
    step = context.steps.add(tree, kind)
    given, is_column = as_text(step.column, kind), isinstance(rebuilt.tree, exp.Column)
    return Value(step.column, kind, given, references, tuple(faults), is_column and not rebuilt.aggregates)


def check_grouped(context: Context, references: Sequence[Reference]) -> None:
    """Raise `Invalid` `NOT_GROUPED` for a column that a group has no single value of."""
    if context.grouped is None:
        return
    for reference in references:
        if reference.pair not in context.grouped:
            name = quote(*reference.pair)
            message = f"`{name}` is not in `group_by`: group by it, or put it into an aggregate such as max({name})."
            raise errors.Invalid("NOT_GROUPED", message)


def _over_groups(context: Context, rebuilt: Rebuilt) -> tuple[exp.Expression, str, list[Fault]]:
    """The expression over steps: one for each aggregate and each grouped column."""
    found = {aggregate.column: aggregate for aggregate in rebuilt.aggregates}
    faults = [
        _lost_rows(context, rebuilt, argument)
        for aggregate in rebuilt.aggregates
        for argument in aggregate.attempts
    ]

    def replace(node: exp.Expression) -> exp.Expression:
        if not isinstance(node, exp.Column):
            return node
        tree = found[node].tree if node in found else node
        return context.steps.add(tree, context.binder.type_of(tree)).column

    tree = rebuilt.tree.transform(replace)
    return tree, context.binder.type_of(tree, context.steps.types(tree)), faults


def _lost_rows(context: Context, rebuilt: Rebuilt, argument: exp.Expression) -> Fault:
    """The fault of a group in which a row makes an aggregate's argument raise."""
    failed = is_null(attempt(exp.Anonymous(this="list_value", expressions=[argument.copy()])))
    step = context.steps.add(exp.Anonymous(this="bool_or", expressions=[failed]), "BOOLEAN")
    reason, message = _reason(rebuilt)
    is_true = exp.Is(this=step.column, expression=exp.true())
    return Fault(reason, is_true, exp.cast(exp.null(), "VARCHAR"), f"In a row of the group: {message}")


def _attempted(
    context: Context, rebuilt: Rebuilt, tree: exp.Expression, kind: str, given: exp.Expression
) -> tuple[exp.Expression, Fault]:
    """The expression with its errors caught. The structure around it tells an error from a NULL."""
    packed = exp.Struct(expressions=[exp.PropertyEQ(this=exp.to_identifier("v"), expression=tree)])
    step = context.steps.add(attempt(packed), f"STRUCT(v {kind})")
    value = exp.Anonymous(this="struct_extract", expressions=[step.column, exp.Literal.string("v")])
    reason, message = _reason(rebuilt)
    return value, Fault(reason, is_null(step.column), given, message)


def _reason(rebuilt: Rebuilt) -> tuple[str, str]:
    if rebuilt.has_cast:
        return "cast_failed", "A value does not fit the type that the expression casts it to."
    return "expression_failed", "The expression cannot be computed for this row."


def _shown(context: Context, references: Sequence[Reference]) -> exp.Expression:
    """The values that an expression was given, as one text."""
    steps = [context.steps.add(found.expression, found.column.type) for found in references[:10]]
    texts = [as_text(step.column, step.type) for step in steps]
    if len(texts) == 1:
        return texts[0]
    return exp.Anonymous(this="concat_ws", expressions=[exp.Literal.string(", "), *texts])
