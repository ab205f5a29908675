"""The steps of a plan, each computed once however often it is asked for."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from sqlglot import exp

from datalinx.engine.compile.names import Reference
from datalinx.engine.compile.plan import Fault, Shortcut, Step
from datalinx.engine.types.shortcuts import Stage


@dataclass
class Steps:
    """Collects steps. The same expression asked for twice is one step."""

    _by_text: dict[str, Step] = field(default_factory=dict)
    _by_name: dict[str, Step] = field(default_factory=dict)

    def add(self, expression: exp.Expression, kind: str) -> Step:
        """The step that computes `expression`, of the DuckDB type `kind`; an expression that is one stays it."""
        if isinstance(expression, exp.Column) and not expression.table and expression.name in self._by_name:
            return self._by_name[expression.name]
        text = expression.sql(dialect="duckdb")
        if text not in self._by_text:
            levels = [
                self._by_name[column.name].level + 1
                for column in expression.find_all(exp.Column)
                if not column.table
            ]
            step = Step(f"__s{len(self._by_text)}", expression, max(levels, default=0), kind)
            self._by_text[text] = self._by_name[step.name] = step
        return self._by_text[text]

    def shorten(
        self, step: Step, value: exp.Column, stages: Sequence[Stage], through: Sequence[Step] = ()
    ) -> None:
        """Give a step a shortcut from the bound value that it is made of; see `Shortcut`."""
        if not stages or step.shortcut is not None:
            return
        made: list[Step] = []
        for stage in stages:
            reached = made[-1].column if made else value
            name = f"{step.name}q{len(made)}"
            made.append(Step(name, stage.lower(reached, value), step.level, stage.type))
        self._replace(step, Shortcut(value, tuple(made), tuple(each.name for each in through)))

    def _replace(self, step: Step, shortcut: Shortcut) -> None:
        (text,) = (text for text, known in self._by_text.items() if known.name == step.name)
        self._by_text[text] = self._by_name[step.name] = replace(step, shortcut=shortcut)

    def all(self) -> tuple[Step, ...]:
        """All steps, lower levels first."""
        return tuple(sorted(self._by_text.values(), key=lambda step: step.level))

    def types(self, expression: exp.Expression) -> dict[str, str]:
        """The types of the steps that an expression refers to."""
        names = {column.name for column in expression.find_all(exp.Column) if not column.table}
        return {name: self._by_name[name].type for name in sorted(names)}


@dataclass(frozen=True)
class Value:
    """A value on its way into a column: how to compute it and its DuckDB type.

    `given` is what it was made of, for showing when it does not fit; `references` are the columns it came from.
    """

    expression: exp.Expression
    type: str
    given: exp.Expression
    references: tuple[Reference, ...] = ()
    faults: tuple[Fault, ...] = ()
    # Whether it is a column of an input as it stands there.
    is_column: bool = False


def as_text(expression: exp.Expression, kind: str) -> exp.Expression:
    """The value as text, as DuckDB writes it."""
    return expression if kind == "VARCHAR" else exp.cast(expression, "VARCHAR", dialect="duckdb")


def is_null(expression: exp.Expression) -> exp.Expression:
    """Whether the value is missing."""
    return exp.Is(this=expression.copy(), expression=exp.null())


def lost(before: exp.Expression, after: exp.Expression) -> exp.Expression:
    """Whether a value that was there became NULL on the way."""
    return exp.And(this=exp.not_(is_null(before)), expression=is_null(after))
