"""A value going through a chain of decorators and casts, collecting steps and faults."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from sqlglot import exp

from datalinx import errors
from datalinx.engine.compile.binder import Binder
from datalinx.engine.compile.context import Context
from datalinx.engine.compile.plan import Fault, Step
from datalinx.engine.compile.steps import Steps, as_text, is_null, lost
from datalinx.engine.types.base import ResolvedType
from datalinx.engine.types.casts import can_cross, cast_from
from datalinx.engine.types.registry import TypeRegistry
from datalinx.engine.types.semantic import SemanticType
from datalinx.engine.types.shortcuts import Stage, cast_stages
from datalinx.engine.types.sql import sql


@dataclass
class Chain:
    """The value so far. Decorators and casts move it on with the methods below.

    `target` is the type of the column that the chain ends in, `name` that column's; `references` are the columns
    that steps of the chain read besides the field's own.
    """

    value: exp.Expression
    type: str
    given: exp.Expression
    target: ResolvedType
    steps: Steps
    binder: Binder
    types: TypeRegistry
    context: Context
    name: str
    semantic: str | None = None
    # The type that the value is known to fit, because a guard made it.
    fits: str | None = None
    # The text whose ends were trimmed to get the value, and nothing else was done to it.
    untrimmed: exp.Column | None = None
    faults: list[Fault] = field(default_factory=list)
    growth: float = 1.0
    references: list[tuple[str, str]] = field(default_factory=list)

    def text(self) -> exp.Expression:
        """The value as text."""
        return as_text(self.value, self.type)

    def to(self, expression: exp.Expression, kind: str = "VARCHAR") -> None:
        """Go on with this expression, which fails for no value."""
        self.value, self.type, self.semantic, self.fits, self.untrimmed = expression, kind, None, None, None

    def to_inferred(self, expression: exp.Expression) -> None:
        """Go on with an expression over bound values whose type DuckDB tells; raise `Invalid` if it has none."""
        self.to(expression, self.binder.type_of(expression, self.steps.types(expression)))

    def bind(self) -> exp.Column:
        """The value as a step, to be named more than once."""
        step = self.steps.add(self.value, self.type)
        self.value = step.column
        return step.column

    def bind_text(self) -> exp.Column:
        """The value as text, as a step."""
        self.value, self.type = self.text(), "VARCHAR"
        return self.bind()

    def attempt(
        self,
        before: exp.Column,
        expression: exp.Expression,
        kind: str,
        fault: tuple[str, str],
        *,
        shortcut: Sequence[Stage] = (),
        through: Sequence[Step] = (),
    ) -> None:
        """Go on with an expression that gives NULL for what does not fit; `fault` is the reason and its sentence.

        `before` is the bound value that went in; `shortcut` and `through` are as `Steps.shorten` has them.
        """
        self.to(expression, kind)
        self.steps.shorten(self.steps.add(expression, kind), before, shortcut, through)
        self.fault(lost(before, self.bind()), *fault)
        self.fits = kind

    def attempt_directly(
        self,
        before: exp.Column,
        direct: exp.Expression,
        other: tuple[exp.Expression, str],
        fault: tuple[str, str],
    ) -> None:
        """Go on with a value that is the target's type already; where it is NULL `other` is computed, and cast.

        `other` is an expression and its type; it gives NULL for what does not fit, as in `attempt`.
        """
        directly = self.steps.add(direct, self.target.duckdb)
        self.steps.shorten(directly, before, cast_stages(self.target))
        read = directly.column
        expression, kind = other
        rest = self.steps.add(
            sql("CASE WHEN :read IS NULL THEN :other END", read=read, other=expression), kind
        ).column
        unread = exp.And(this=is_null(read), expression=lost(before, rest))
        self.fault(unread, *fault)
        cast = cast_from(rest, kind, self.target)
        if cast != rest:
            rest_cast = self.steps.add(cast, self.target.duckdb).column
            self.fault(lost(rest, rest_cast), *_cast_failed(self.target))
            rest = rest_cast
        self.to(exp.Anonymous(this="coalesce", expressions=[read, rest]), self.target.duckdb)
        self.bind()
        self.fits = self.target.duckdb

    def fault(self, when: exp.Expression, reason: str, message: str) -> None:
        """Note a way to be invalid."""
        self.faults.append(Fault(reason, when, self.given, message))

    def cast(self, to: ResolvedType) -> None:
        """Cast to a base type; raise `Invalid` `TYPE_CLASH` for a pair that no value can cross."""
        if not can_cross(self.type, to):
            message = f"A value of type {self.type} can never be a {to.name} ({to.duckdb})."
            raise errors.Invalid("TYPE_CLASH", message)
        if self.fits == to.duckdb:
            return
        semantic = self.semantic
        before = self.bind()
        cast = cast_from(before, self.type, to)
        if cast == before:
            self.type = to.duckdb
            return
        shortcut = cast_stages(to) if self.type == "VARCHAR" else ()
        self.attempt(before, cast, to.duckdb, _cast_failed(to), shortcut=shortcut)
        self.semantic = semantic

    def check(self, semantic: SemanticType) -> None:
        """Note the fault of a value that is not of the semantic type, unless it is known to be."""
        if self.semantic == semantic.name:
            return
        invalid = exp.Is(this=exp.paren(semantic.check(self.bind())), expression=exp.false())
        self.fault(invalid, semantic.reason, f"The value is not a valid {semantic.name}.")
        self.semantic = semantic.name

    def finish(self) -> tuple[exp.Column, tuple[Fault, ...]]:
        """Cast to the column's type, check its semantic type; the value and all that can be wrong with it."""
        semantic = self.types.semantic(self.target.name)
        self.cast(self.target)
        if semantic is not None:
            self.check(semantic)
        return self.bind(), tuple(self.faults)


def _cast_failed(to: ResolvedType) -> tuple[str, str]:
    return "cast_failed", f"The value does not fit the type {described(to)}."


def described(kind: ResolvedType) -> str:
    """The type as the sentences of faults name it."""
    return f"decimal({kind.precision}, {kind.scale})" if kind.precision is not None else kind.base
