"""The lowering of expressions from DuckDB's dialect to Spark's: one rule for each operator and each function.

A tree is first written as DuckDB's text and read again with every call as a plain name, so that a function has one
form however the tree was made. Then it is lowered from its leaves up: a rule gets its operands in Spark's form, with
the type that each has in DuckDB, and makes an expression that gives the same values and raises for no row.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeVar

from sqlglot import exp

from datalinx import errors
from datalinx.engine.compile.parsing import UserDialect, parse_one
from datalinx.engine.compile.spark import kinds
from datalinx.engine.compile.spark.form import both, either, is_known, is_null
from datalinx.engine.compile.spark.refusal import cannot

Types = Callable[[exp.Column], str]


@dataclass(frozen=True)
class Lowered:
    """An expression of Spark's with the DuckDB type of its value.

    `raises` is the condition, never NULL, under which DuckDB would raise; the value is NULL then. It is known only
    where somebody watches for it, and None where it cannot be. `literal` is the literal that the value is, if any.
    """

    tree: exp.Expr
    type: str
    raises: exp.Expr | None = None
    literal: exp.Expr | None = None

    @property
    def operand(self) -> exp.Expr:
        """What stands for it when DuckDB is asked for a type."""
        return kinds.operand(self.type, self.literal)

    @property
    def text(self) -> str:
        """The literal's text."""
        return str(self.literal.name) if self.literal is not None else ""


Rule = Callable[["Lowerer", Any], Lowered]
FunctionRule = Callable[["Lowerer", exp.Anonymous, Sequence[Lowered]], Lowered]

RULES: dict[type[exp.Expr], Rule] = {}
FUNCTIONS: dict[str, FunctionRule] = {}
REFUSED: dict[str, str] = {}
"""Functions that Spark cannot compute as DuckDB does, with what to use instead."""

N = TypeVar("N", bound=exp.Expr)


class Lowerer:
    """Lowers trees over columns whose types `types` tells. `watches` says whether `raises` is wanted."""

    def __init__(self, types: Types, *, watches: bool = False) -> None:
        self.types = types
        self.watches = watches
        # The patterns that values are known to match here, by the text of the value.
        self.known: dict[str, set[str]] = {}

    def lower(self, node: exp.Expr) -> Lowered:
        """The node in Spark's form; raise `Invalid` `ENGINE_CANNOT` for what Spark cannot do."""
        if isinstance(node, exp.Anonymous):
            return self._call(node)
        rule = RULES.get(type(node))
        if rule is None:
            raise cannot(type(node).__name__, "Write it in another way.")
        return rule(self, node)

    def _call(self, node: exp.Anonymous) -> Lowered:
        name = node.name.lower()
        if name in REFUSED:
            raise cannot(name, REFUSED[name])
        rule = FUNCTIONS.get(name)
        if rule is None:
            raise cannot(name, "There is no form of it for this engine; use another function.")
        if name in LAZY:
            return rule(self, node, ())
        return rule(self, node, [self.lower(argument) for argument in node.expressions])

    def watched(self, node: exp.Expr) -> Lowered:
        """The node with its `raises`."""
        before, self.watches = self.watches, True
        try:
            return self.lower(node)
        finally:
            self.watches = before

    def unwatched(self, node: exp.Expr) -> Lowered:
        """The node without its `raises`, which nobody will ask for."""
        before, self.watches = self.watches, False
        try:
            return self.lower(node)
        finally:
            self.watches = before

    def settled(self, value: Lowered) -> Lowered:
        """The value where nobody beyond will ask whether it raises, as in an aggregate."""
        return without_raises(value)

    def query(self, node: exp.Expr) -> tuple[exp.Expr, list[tuple[str, str]]]:
        """A query within an expression in Spark's form, with the names and types of its columns."""
        raise cannot("a sub-query", "Make a CTE of it and join that.")

    def made(
        self,
        tree: exp.Expr,
        kind: str,
        *arguments: Lowered,
        raises: Callable[[], exp.Expr | None] | None = None,
    ) -> Lowered:
        """An operation on these arguments; `raises` makes the condition of its own raising."""
        if not self.watches:
            return Lowered(tree, kind)
        own = raises() if raises is not None else None
        return Lowered(tree, kind, either(*(argument.raises for argument in arguments), own))

    def strict(self, tree: exp.Expr, kind: str, *arguments: Lowered) -> Lowered:
        """An operation that is NULL for NULL arguments and where it would raise."""

        def raises() -> exp.Expr:
            made = is_null(tree.copy())
            for argument in arguments:
                if argument.literal is None:
                    made = both(is_known(argument.tree.copy()), made)
            return made

        return self.made(tree, kind, *arguments, raises=raises)

    def type_of(self, node: exp.Expr) -> str:
        """DuckDB's name of the type of an operation over operands."""
        return kinds.type_of(node)


def call_type(node: exp.Anonymous, arguments: Sequence[Lowered]) -> str:
    """DuckDB's name of the type of a call with these arguments."""
    return kinds.type_of(exp.Anonymous(this=node.name, expressions=[each.operand for each in arguments]))


# Functions whose rules lower their arguments themselves.
LAZY: set[str] = set()


def rule(
    *nodes: type[exp.Expr],
) -> Callable[[Callable[[Lowerer, N], Lowered]], Callable[[Lowerer, N], Lowered]]:
    """Register the rule for these kinds of node."""

    def register(made: Callable[[Lowerer, N], Lowered]) -> Callable[[Lowerer, N], Lowered]:
        RULES.update(dict.fromkeys(nodes, made))
        return made

    return register


def function(*names: str, lazy: bool = False) -> Callable[[FunctionRule], FunctionRule]:
    """Register the rule for calls of these functions; a lazy one gets no arguments and lowers them itself."""

    def register(made: FunctionRule) -> FunctionRule:
        FUNCTIONS.update(dict.fromkeys(names, made))
        if lazy:
            LAZY.update(names)
        return made

    return register


def normal(tree: exp.Expr) -> exp.Expr:
    """The tree with every call as a plain name."""
    made = UserDialect().parse(tree.sql(dialect="duckdb", comments=False))[0]
    if made is None:
        raise errors.Invalid("EXPRESSION_INVALID", "The expression is empty.")
    return made.transform(_as_call)


def _as_call(node: exp.Expression) -> exp.Expression:
    if isinstance(node, exp.Array):
        return exp.Anonymous(this="list_value", expressions=node.expressions)
    # The arrows, as which calls of these are written.
    if isinstance(node, exp.JSONExtractScalar | exp.JSONExtract):
        name = "json_extract_string" if isinstance(node, exp.JSONExtractScalar) else "json_extract"
        path = node.expression
        if isinstance(path, exp.JSONPath):
            path = parse_one(path.sql(dialect="duckdb"))
        return exp.Anonymous(this=name, expressions=[node.this, path])
    return node


def types_from(types: Types | Mapping[tuple[str, str], str]) -> Types:
    """What tells the type of a column, from a mapping of (alias or "", name) too."""
    if not isinstance(types, Mapping):
        return types
    known = types

    def find(column: exp.Column) -> str:
        return known[(column.table, column.name)]

    return find


def without_raises(value: Lowered) -> Lowered:
    """The value where an error is one no more."""
    return replace(value, raises=None)
