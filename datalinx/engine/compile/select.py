"""The plan as one SELECT: valid rows, without the ledger and the quarantine. What people read, and what dbt runs.

The executor makes a plan of its own from the same steps; both give the same rows.
"""

from collections.abc import Callable, Sequence
from functools import reduce

from sqlglot import exp

from datalinx.engine.compile.failures import closed
from datalinx.engine.compile.plan import CompiledField, CompiledMapping, Read
from datalinx.engine.compile.steps import is_null

INVALID = "__invalid"

Stored = Callable[[Read], exp.Expression]
"""What stands in FROM for a stored relation."""


def select_of(compiled: CompiledMapping, *, stored: Stored) -> exp.Select:
    """The SELECT that gives the plan's valid rows, one layer for each level of steps."""
    select = exp.Select()
    for relation in compiled.inputs:
        if relation.query is not None:
            select = select.with_(_name(relation.alias), as_=relation.query.copy())
        elif relation.read is not None:
            query = exp.select(exp.Star()).from_(stored(relation.read))
            select = select.with_(_name(relation.alias), as_=query)
    below = None
    for number, steps in enumerate(compiled.levels()):
        layer = _over_inputs(compiled) if below is None else exp.select(exp.Star()).from_(_table(below))
        for step in steps:
            layer = layer.select(exp.alias_(step.expression.copy(), step.name, quoted=True))
        below = f"step {number + 1}"
        select = select.with_(_name(below), as_=layer)
    select = select.with_(_name("made"), as_=_made(compiled).from_(_table(below or "made")))
    return _kept(compiled, select)


def _over_inputs(compiled: CompiledMapping) -> exp.Select:
    """FROM, joins, filter and groups, with nothing selected yet."""
    select = exp.Select().from_(_table(compiled.first))
    for join in compiled.joins:
        source = (
            join.query.copy().subquery(_name(join.alias)) if join.query is not None else _table(join.alias)
        )
        side, kind = ("", join.type) if join.type in {"inner", "cross"} else (join.type, "")
        condition = join.on.copy() if join.on is not None else None
        made = exp.Join(this=source, side=side.upper() or None, kind=kind.upper() or None, on=condition)
        select.append("joins", made)
    if compiled.filter is not None:
        select = select.where(compiled.filter.copy())
    if compiled.group_by:
        select = select.group_by(*(column.copy() for column in compiled.group_by))
    return select


def _made(compiled: CompiledMapping) -> exp.Select:
    """The columns of the target, what the order needs, and whether the row is invalid."""
    values = [exp.alias_(_value(field), field.name, quoted=True) for field in compiled.fields]
    order = compiled.deduplicate.order if compiled.deduplicate else ()
    steps = [exp.column(name, quoted=True) for name in dict.fromkeys(term.step for term in order)]
    fields = compiled.fields
    invalid = _any([test for field in fields if field.on_invalid != "fail" for test in _tests(field)])
    fatal = [test for field in fields if field.on_invalid == "fail" for test in _tests(field)]
    if fatal:
        message = exp.Literal.string(
            f"A row of {compiled.table} is invalid, and nothing of it may be published."
        )
        stop = exp.Anonymous(this="error", expressions=[message])
        invalid = exp.Case().when(_any(fatal), stop).else_(invalid)
    return exp.select(*values, *steps, exp.alias_(invalid, INVALID, quoted=True))


def _any(tests: Sequence[exp.Expression]) -> exp.Expression:
    return reduce(lambda left, right: exp.Or(this=left, expression=right), tests) if tests else exp.false()


def _value(field: CompiledField) -> exp.Expression:
    if field.on_invalid != "null" or not field.faults:
        return field.value.copy()
    faulty = _any([closed(fault.when.copy()) for fault in field.faults])
    return exp.Case().when(exp.not_(faulty), field.value.copy())


def _tests(field: CompiledField) -> list[exp.Expression]:
    """What makes the row invalid because of this field."""
    tests: list[exp.Expression] = (
        [] if field.on_invalid == "null" else [closed(fault.when.copy()) for fault in field.faults]
    )
    if not field.nullable:
        tests.append(is_null(_value(field)))
    return tests


def _kept(compiled: CompiledMapping, select: exp.Select) -> exp.Select:
    """The valid rows; of duplicates the chosen one, or none where nobody said which."""
    names = [field.name for field in compiled.fields]
    select = select.select(*(exp.column(name, quoted=True) for name in names)).from_(_table("made"))
    select = select.where(exp.not_(exp.column(INVALID, quoted=True)))
    if compiled.deduplicate is not None:
        order = [
            exp.Ordered(this=exp.column(term.step, quoted=True), desc=term.descending, nulls_first=False)
            for term in compiled.deduplicate.order
        ]
        # Ties are broken by the values themselves, so that the order is total.
        order += [exp.Ordered(this=exp.column(name, quoted=True), nulls_first=False) for name in names]
        return select.qualify(_one(_window("row_number", compiled.deduplicate.keys, order)))
    if compiled.primary_key and set(compiled.primary_key) <= set(names):
        return select.qualify(_one(_window("count", compiled.primary_key, [])))
    return select


def _window(function: str, keys: Sequence[str], order: Sequence[exp.Expression]) -> exp.Expression:
    arguments = [exp.Star()] if function == "count" else []
    return exp.Window(
        this=exp.Anonymous(this=function, expressions=arguments),
        partition_by=[exp.column(key, quoted=True) for key in keys],
        order=exp.Order(expressions=list(order)) if order else None,
        over="OVER",
    )


def _one(counted: exp.Expression) -> exp.Expression:
    return exp.EQ(this=counted, expression=exp.Literal.number(1))


def _table(name: str) -> exp.Table:
    return exp.table_(name, quoted=True)


def _name(name: str) -> exp.Identifier:
    return exp.to_identifier(name, quoted=True)
