"""The rebuilding of a user's tree: a node gets into the new tree only by a rule that makes it anew.

So nothing of the parsed tree survives that nobody thought of: no comment, no hint, no unknown option. The
rules stand in `operators` and `calls`; a kind of node without one is refused.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal, TypeVar, cast

from sqlglot import exp

from datalinx import errors
from datalinx.engine.compile.failures import either, packed_attempt, strict_attempt
from datalinx.engine.compile.functions import REFUSED
from datalinx.engine.compile.names import Reference, Scope
from datalinx.engine.compile.parsing import not_allowed, refused
from datalinx.engine.types.casts import kind_of

MAX_DEPTH = 60

Kind = Literal["text", "other", "any"]
"""What a value is as far as implicit casts go; `any` is NULL, which goes with both."""


@dataclass(frozen=True)
class Node:
    """A rebuilt node: `tree` raises for no row, it is NULL where the user's expression would have raised.

    `failure` is the condition of that, NULL-free, or None where it cannot be. `growth` says how much longer its
    text can be than what it is made of.
    """

    tree: exp.Expr
    kind: Kind = "other"
    failure: exp.Expr | None = None
    growth: float = 1


@dataclass(frozen=True)
class Aggregate:
    """One aggregate of an expression; in the tree stands the column `name` for it.

    `failures` are conditions on the rows of the group under which an argument could not be computed. `tree`
    counts such rows as NULL, which must not stay unsaid.
    """

    name: str
    tree: exp.Expression
    failures: tuple[exp.Expression, ...]

    @property
    def column(self) -> exp.Column:
        """What stands for it."""
        return exp.column(self.name, quoted=True)


class Rebuilder:
    """One pass over one raw tree, and what it finds on the way.

    `rules` are the rules in force. Without `catches_errors` an expression raises as the user wrote it.
    """

    rules: "Mapping[type[exp.Expr], Rule]"
    catches_errors = True

    def __init__(self, text: str, scope: Scope, *, aggregates: bool = False) -> None:
        self.text = text
        self.scope = scope
        self.aggregates_allowed = aggregates
        self.references: list[Reference] = []
        self.within: list[Reference] = []
        self.aggregates: list[Aggregate] = []
        # How the arguments of the aggregate around this place can fail; None outside of aggregates.
        self.failures: list[exp.Expr] | None = None
        self.has_cast = False
        self._depth = 0

    def rebuild(self, node: exp.Expr) -> Node:
        """The node made anew by the rule for its kind, or `Invalid`."""
        rule = self.rules.get(type(node))
        if rule is None:
            raise self.refusal(_why(node), node)
        if self._depth >= MAX_DEPTH:
            raise self.refusal(f"More than {MAX_DEPTH} operations are chained; move a part into a CTE.", node)
        self._depth += 1
        try:
            return rule(self, node)
        finally:
            self._depth -= 1

    def column(self, node: exp.Column) -> Node:
        """Resolve a column reference and note it."""
        parts = [part.name for part in node.parts]
        if isinstance(node.this, exp.Star):
            raise self.refusal(_why(node.this), node)
        if len(parts) == 1 and parts[0].lower() in REFUSED:
            raise self.refusal(f"{REFUSED[parts[0].lower()]} ({parts[0]}).", node)
        if len(parts) != 2:
            raise self.refusal(f"Write a column as `alias.name`; `{node.sql()[:80]}` is not one.", node)
        try:
            found = self.scope.resolve(*parts)
        except errors.Invalid as error:
            raise refused(error.code, error.message, node, self.text) from None
        (self.references if self.failures is None else self.within).append(found)
        kind: Kind = "text" if kind_of(found.column.type) == "text" else "other"
        return Node(found.expression, kind)

    def strict(self, tree: exp.Expr, *arguments: Node) -> Node:
        """An operation on these arguments that a row can make raise, and that is NULL for NULLs alone."""
        inner = either(*(argument.failure for argument in arguments))
        if not self.catches_errors:
            return Node(tree)
        value, failure = strict_attempt(tree, *(argument.tree for argument in arguments))
        return Node(value, failure=either(inner, failure))

    def packed(self, tree: exp.Expr, *arguments: Node) -> Node:
        """An operation on these arguments that a row can make raise, and that may be NULL by itself."""
        inner = either(*(argument.failure for argument in arguments))
        if not self.catches_errors:
            return Node(tree)
        value, failure = packed_attempt(tree)
        return Node(value, failure=either(inner, failure))

    def mixed(self, tree: exp.Expr, *arguments: Node) -> Node:
        """An operation that can only raise by casting: when text stands beside something else."""
        if len({argument.kind for argument in arguments} - {"any"}) > 1:
            return self.packed(tree, *arguments)
        return Node(tree, failure=either(*(argument.failure for argument in arguments)))

    def aggregate(self, tree: exp.Expr, failures: tuple[exp.Expr, ...]) -> Node:
        """Put an aggregate aside; its column stands for it."""
        aggregate = Aggregate(
            f"aggregate {len(self.aggregates)}",
            cast("exp.Expression", tree),
            tuple(cast("exp.Expression", failure) for failure in failures),
        )
        self.aggregates.append(aggregate)
        return Node(aggregate.column)

    def refusal(self, message: str, node: exp.Expr) -> errors.Invalid:
        """`EXPRESSION_NOT_ALLOWED` with the node's place."""
        return not_allowed(message, node, self.text)


Rule = Callable[[Any, Any], Node]
RULES: dict[type[exp.Expr], Rule] = {}
Rebuilder.rules = RULES

N = TypeVar("N", bound=exp.Expr)


def rule(
    *kinds: type[exp.Expr],
) -> Callable[[Callable[[Rebuilder, N], Node]], Callable[[Rebuilder, N], Node]]:
    """Register the function as the rule for these kinds of node."""

    def register(function: Callable[[Rebuilder, N], Node]) -> Callable[[Rebuilder, N], Node]:
        RULES.update(dict.fromkeys(kinds, function))
        return function

    return register


# What people try that has another way; everything else gets the last sentence of `_why`.
_WHY: tuple[tuple[tuple[type[exp.Expr], ...], str], ...] = (
    (
        (exp.Query, exp.Exists, exp.All, exp.Any),
        "A sub-query cannot stand here; make a CTE of it and join that.",
    ),
    ((exp.Window,), "A window function cannot stand here; make a CTE of it and join that."),
    ((exp.Alias, exp.Aliases), "An expression has no name of its own; drop what follows it."),
    ((exp.Lambda,), "Lambdas are not possible."),
    ((exp.Star,), "`*` can only stand in count(*)."),
    ((exp.Placeholder, exp.Parameter, exp.PositionalColumn), "There are no parameters here."),
    (
        (exp.JSONExtract, exp.JSONExtractScalar),
        "Write json_extract_string(value, '$.path') instead of an arrow.",
    ),
    ((exp.RegexpLike, exp.SimilarTo), "Write regexp_matches(value, 'pattern')."),
    ((exp.AtTimeZone,), "Write timezone('Europe/London', value)."),
    ((exp.Bracket, exp.Array, exp.Struct, exp.Tuple), "Lists and structures are not possible here."),
    ((exp.Dot,), "A function or a column of this form is not possible here."),
    ((exp.ByteString, exp.RawString, exp.National), "Write a text in plain single quotes."),
    ((exp.Concat,), "Two texts stand side by side; write || between them."),
)


def _why(node: exp.Expr) -> str:
    for kinds, sentence in _WHY:
        if isinstance(node, kinds):
            return sentence
    if isinstance(node, exp.Command | exp.DDL | exp.DML | exp.Describe):
        return "A statement cannot stand here, only an expression."
    return f"This is not among what expressions may hold ({type(node).__name__})."
