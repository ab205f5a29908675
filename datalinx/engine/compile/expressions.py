"""Users' expressions, made safe: parsed, rebuilt from the allow-list, resolved against the inputs."""

from dataclasses import dataclass
from typing import cast

from sqlglot import exp

# The rules register themselves.
from datalinx.engine.compile import calls, operators  # noqa: F401
from datalinx.engine.compile.names import Reference, Scope
from datalinx.engine.compile.parsing import not_allowed, parse_one
from datalinx.engine.compile.rebuild import Aggregate, Rebuilder


@dataclass(frozen=True)
class Rebuilt:
    """An expression that may run.

    `references` are the columns outside of aggregates, `within` those inside. Unless `is_safe` a row may make
    it raise; see `attempt`.
    """

    tree: exp.Expression
    is_safe: bool
    has_cast: bool
    references: tuple[Reference, ...]
    within: tuple[Reference, ...]
    aggregates: tuple[Aggregate, ...]


def rebuild_expression(text: str, scope: Scope, *, aggregates: bool = False) -> Rebuilt:
    """Parse and rebuild one expression over the inputs of `scope`; aggregates only where they are asked for.

    Raise `Invalid` with `EXPRESSION_INVALID` (no SQL), `EXPRESSION_NOT_ALLOWED`, `UNKNOWN_FUNCTION`,
    `UNKNOWN_INPUT`, `UNKNOWN_COLUMN` or `AMBIGUOUS_COLUMN`; details hold line and column where they are known.
    """
    rebuilder = Rebuilder(text, scope, aggregates=aggregates)
    try:
        node = rebuilder.rebuild(parse_one(text))
    except RecursionError:
        raise not_allowed("The expression is nested too deeply; move a part of it into a CTE.") from None
    return Rebuilt(
        # Every kind of node that there are objects of is an Expression; sqlglot's signatures say less.
        cast("exp.Expression", node.tree),
        node.is_safe,
        rebuilder.has_cast,
        tuple(dict.fromkeys(rebuilder.references)),
        tuple(dict.fromkeys(rebuilder.within)),
        tuple(rebuilder.aggregates),
    )


def attempt(tree: exp.Expression) -> exp.Expression:
    """The expression with NULL in place of an error."""
    return exp.Anonymous(this="TRY", expressions=[tree])
