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

    `tree` raises for no row; `failure` is the condition, over the same columns, under which what the user wrote
    would have, None when it cannot. `references` are the columns outside of aggregates, `within` those inside.
    """

    tree: exp.Expression
    failure: exp.Expression | None
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
        cast("exp.Expression | None", node.failure),
        rebuilder.has_cast,
        tuple(dict.fromkeys(rebuilder.references)),
        tuple(dict.fromkeys(rebuilder.within)),
        tuple(rebuilder.aggregates),
    )
