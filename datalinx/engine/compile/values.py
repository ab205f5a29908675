"""From what a document says (a reference, an expression) to a value over the inputs, in steps."""

from collections.abc import Sequence

from sqlglot import exp

from datalinx import errors
from datalinx.engine.compile.context import Context
from datalinx.engine.compile.expressions import Rebuilt, rebuild_expression
from datalinx.engine.compile.names import Reference, quote
from datalinx.engine.compile.plan import Fault
from datalinx.engine.compile.steps import Value, as_text


def value_of_reference(context: Context, text: str) -> Value:
    """The value of a column, as it stands in its input; raise `Invalid` for one that is not there."""
    reference = context.scope.find(text)
    check_grouped(context, [reference])
    step = context.steps.add(reference.expression, reference.column.type)
    return Value(step.column, step.type, as_text(step.column, step.type), (reference,), is_column=True)


def value_of_expression(context: Context, text: str, *, aggregates: bool = False) -> Value:
    """The value of a user's expression; a row that would make it raise has a fault."""
    rebuilt = rebuild_expression(text, context.scope, aggregates=aggregates)
    check_grouped(context, rebuilt.references)
    tree, failure = rebuilt.tree, rebuilt.failure
    lost: list[exp.Expression] = []
    if context.grouped is not None:
        tree, failure, lost = _over_groups(context, rebuilt)
    kind = context.binder.type_of(tree, context.steps.types(tree))
    references = tuple(dict.fromkeys((*rebuilt.references, *rebuilt.within)))
    faults = [_fault(context, rebuilt, condition, exp.cast(exp.null(), "VARCHAR")) for condition in lost]
    if failure is not None:
        faults.append(_fault(context, rebuilt, failure, _shown(context, rebuilt.references)))
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


def _over_groups(
    context: Context, rebuilt: Rebuilt
) -> tuple[exp.Expression, exp.Expression | None, list[exp.Expression]]:
    """The expression and its failure over steps, one for each aggregate and each grouped column.

    Besides them, for each argument of an aggregate that can fail, whether it did in a row of the group.
    """
    found = {aggregate.column: aggregate.tree for aggregate in rebuilt.aggregates}

    def replace(node: exp.Expression) -> exp.Expression:
        if not isinstance(node, exp.Column):
            return node
        tree = found.get(node, node)
        return context.steps.add(tree, context.binder.type_of(tree)).column

    lost: list[exp.Expression] = [
        exp.Is(this=exp.Anonymous(this="bool_or", expressions=[failure]), expression=exp.true())
        for aggregate in rebuilt.aggregates
        for failure in aggregate.failures
    ]
    failure = rebuilt.failure.transform(replace) if rebuilt.failure is not None else None
    return rebuilt.tree.transform(replace), failure, lost


def _fault(context: Context, rebuilt: Rebuilt, condition: exp.Expression, shown: exp.Expression) -> Fault:
    step = context.steps.add(condition, "BOOLEAN")
    reason, message = "expression_failed", "The expression cannot be computed from these values."
    if rebuilt.has_cast:
        reason, message = "cast_failed", "A value does not fit the type that the expression casts it to."
    return Fault(reason, step.column, shown, message)


def _shown(context: Context, references: Sequence[Reference]) -> exp.Expression:
    """The values that an expression was given, as one text."""
    steps = [context.steps.add(found.expression, found.column.type) for found in references[:10]]
    texts = [as_text(step.column, step.type) for step in steps]
    if not texts:
        # An aggregate of a whole group, or a constant: there is no single value to show.
        return exp.cast(exp.null(), "VARCHAR", dialect="duckdb")
    if len(texts) == 1:
        return texts[0]
    return exp.Anonymous(this="concat_ws", expressions=[exp.Literal.string(", "), *texts])
