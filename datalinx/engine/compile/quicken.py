"""A plan with its shortcuts taken: the same values in less time, for an engine that computes a rest row by row."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace

from sqlglot import exp

from datalinx.engine.compile.plan import CompiledMapping, Shortcut, Step
from datalinx.engine.compile.steps import is_null


def quickened(compiled: CompiledMapping) -> CompiledMapping:
    """Return the plan with every shortcut taken, and without the steps that nothing needs then."""
    plan = {step.name: step for step in compiled.steps}
    known: dict[str, Step] = {}
    for step in compiled.steps:
        made = [step] if step.shortcut is None else _shortened(step, step.shortcut, plan)
        known.update((each.name, each) for each in made)
    kept: dict[str, Step] = {}
    for name in _wanted(compiled):
        _keep(name, known, kept)
    return replace(compiled, steps=tuple(sorted(kept.values(), key=lambda step: step.level)))


def _shortened(step: Step, shortcut: Shortcut, plan: Mapping[str, Step]) -> list[Step]:
    """The steps of the shortcut, those of the long way for the values that it did not find, and the step itself.

    The step is no `coalesce`: of that DuckDB computes for every row what its second value asks for more than once.
    """
    found = shortcut.steps[-1].column
    long_way: list[Step] = []
    names: dict[str, str] = {}
    if shortcut.through:
        # Most functions pass over a NULL in no time, and a CASE of many branches costs more than that.
        left = exp.Case().when(is_null(found), shortcut.value.copy())
        kind = plan[shortcut.value.name].type
        long_way.append(Step(f"{step.name}r", left, step.level, kind))
        names[shortcut.value.name] = long_way[0].name
    for name in shortcut.through:
        # A copy, as another step may go the same way for other values.
        made = replace(
            plan[name], name=f"{step.name}r{len(names)}", expression=_renamed(plan[name].expression, names)
        )
        long_way.append(made)
        names[name] = made.name
    rest = _renamed(step.expression, names)
    is_left = exp.And(this=is_null(found), expression=exp.not_(is_null(shortcut.value)))
    expression = exp.Case().when(is_left, rest).else_(found.copy())
    return [*shortcut.steps, *long_way, replace(step, expression=expression, shortcut=None)]


def _renamed(tree: exp.Expression, names: Mapping[str, str]) -> exp.Expression:
    def rename(node: exp.Expression) -> exp.Expression:
        if isinstance(node, exp.Column) and not node.table and node.name in names:
            return exp.column(names[node.name], quoted=True)
        return node

    return tree.transform(rename)


def _keep(name: str, known: dict[str, Step], kept: dict[str, Step]) -> int:
    """Keep a step and all that it is made of; return its level, one above the highest of those."""
    if name not in kept:
        below = [_keep(part, known, kept) for part in _names([known[name].expression])]
        level = max(below) + 1 if below else known[name].level
        kept[name] = replace(known[name], level=level)
    return kept[name].level


def _wanted(compiled: CompiledMapping) -> Iterator[str]:
    """The steps that fields, faults, order and cursor name."""
    for field in compiled.fields:
        yield from _names([field.value])
        for fault in field.faults:
            yield from _names([fault.when, fault.shown])
    if compiled.deduplicate is not None:
        yield from (term.step for term in compiled.deduplicate.order)
    if compiled.load.cursor is not None:
        yield compiled.load.cursor


def _names(trees: Iterable[exp.Expression]) -> Iterator[str]:
    for tree in trees:
        yield from (column.name for column in tree.find_all(exp.Column) if not column.table)
