"""The rules for function calls: names, numbers of arguments, literals, aggregates."""

from collections.abc import Sequence
from dataclasses import replace

from sqlglot import exp

from datalinx.engine.compile.failures import either, first_of, is_null, where
from datalinx.engine.compile.functions import FUNCTIONS, MAX_LENGTH, PARTS, REFUSED, TAKES_TEXT, Function
from datalinx.engine.compile.operators import MAX_GROWTH, common_kind
from datalinx.engine.compile.parsing import did_you_mean, refused
from datalinx.engine.compile.rebuild import Kind, Node, Rebuilder, rule


@rule(exp.Anonymous)
def _call(to: Rebuilder, node: exp.Anonymous) -> Node:
    function = _find(to, node)
    _check_count(to, node, function)
    literals = _check_literals(to, node, function)
    if function.aggregate:
        return _aggregate(to, node, function, condition=None)
    arguments = [to.rebuild(argument) for argument in node.expressions]
    made = _made(to, function, arguments)
    kind: Kind = "text" if function.result == "text" else "other"
    if function.result == "same":
        kind = common_kind(*(arguments[1:] if function.name == "if" else arguments))
    return replace(made, kind=kind, growth=_growth(to, node, function, arguments, literals))


def _made(to: Rebuilder, function: Function, arguments: list[Node]) -> Node:
    trees = [argument.tree for argument in arguments]
    tree = exp.Anonymous(this=function.duckdb_name, expressions=trees)
    if function.attempt and to.catches_errors:
        tree = exp.Anonymous(this=function.attempt, expressions=trees)
        lost = where(exp.not_(is_null(trees[0])), is_null(tree))
        return Node(tree, failure=either(*(argument.failure for argument in arguments), lost))
    if function.name in {"coalesce", "ifnull", "if"}:
        values = arguments[1:] if function.name == "if" else arguments
        made = to.mixed(tree, *(replace(value, failure=None) for value in values))
        return replace(made, failure=either(_lazy_failure(function, arguments), made.failure))
    if function.result == "same":
        return to.mixed(tree, *arguments)
    if function.raises == "strict" and not (function.by_size and _are_small(trees[1:])):
        return to.strict(tree, *arguments)
    # Where a function takes something else than text, a text is cast on the way, and that may raise.
    casts_text = function.result != "text" and function.name not in TAKES_TEXT
    if function.raises == "any" or (casts_text and any(argument.kind == "text" for argument in arguments)):
        return to.packed(tree, *arguments)
    return Node(tree, failure=either(*(argument.failure for argument in arguments)))


def _are_small(sizes: Sequence[exp.Expr]) -> bool:
    """Whether all of them are literals of a size that every text could have."""
    values = [_literal_value(size) for size in sizes]
    return all(isinstance(value, float) and abs(value) < MAX_LENGTH for value in values)


def _lazy_failure(function: Function, arguments: list[Node]) -> exp.Expr | None:
    """The failure of a function that computes an argument only where those before it leave it open."""
    if function.name == "if":
        condition, yes, no = arguments
        return first_of([(condition.tree, condition.failure, yes.failure)], no.failure)
    failure = arguments[-1].failure
    for argument in arguments[-2::-1]:
        failure = either(argument.failure, where(is_null(argument.tree), failure))
    return failure


@rule(exp.Extract)
def _extract(to: Rebuilder, node: exp.Extract) -> Node:
    part = str(node.this.name).lower()
    if part not in PARTS:
        raise to.refusal(f"`{part[:40]}` is no part of a date; choose one of {', '.join(PARTS)}.", node)
    value = to.rebuild(node.expression)
    tree = exp.Anonymous(this="date_part", expressions=[exp.Literal.string(part), value.tree])
    return to.packed(tree, value) if value.kind == "text" else Node(tree, failure=value.failure)


@rule(exp.Filter)
def _filtered(to: Rebuilder, node: exp.Filter) -> Node:
    call, condition = node.this, node.expression
    if not isinstance(call, exp.Anonymous) or not isinstance(condition, exp.Where):
        raise to.refusal("FILTER (WHERE …) stands after an aggregate.", node)
    function = _find(to, call)
    _check_count(to, call, function)
    _check_literals(to, call, function)
    if not function.aggregate:
        raise to.refusal(f"`{function.name}` is no aggregate, so it takes no FILTER.", node)
    return _aggregate(to, call, function, condition=condition.this)


def _find(to: Rebuilder, node: exp.Anonymous) -> Function:
    # A quoted name may be written with look-alikes or in any case; ASCII alone is compared.
    name = node.name.lower() if node.name.isascii() else node.name
    if name in FUNCTIONS:
        return FUNCTIONS[name]
    if name in REFUSED:
        raise to.refusal(f"{REFUSED[name]} ({name}).", node)
    message = f"There is no function `{node.name[:60]}` here.{did_you_mean(node.name[:60], list(FUNCTIONS))}"
    raise refused("UNKNOWN_FUNCTION", message, node, to.text)


def _check_count(to: Rebuilder, node: exp.Anonymous, function: Function) -> None:
    count, least, most = len(node.expressions), function.minimum, function.maximum
    if count < least or (most is not None and count > most):
        expected = f"{least}" if least == most else f"{least} to {most}"
        raise to.refusal(f"`{function.name}` takes {expected} arguments, not {count}.", node)


def _check_literals(to: Rebuilder, node: exp.Anonymous, function: Function) -> list[str | float | None]:
    """The arguments that are literals, after the checks of those that must be."""
    found = [_literal_value(argument) for argument in node.expressions]
    for position, check in function.literals.items():
        if position >= len(found):
            continue
        value = found[position]
        if value is None:
            message = f"Argument {position + 1} of `{function.name}` must be a literal, not a computed value."
            raise to.refusal(message, node)
        if fault := check(value):
            raise to.refusal(f"`{function.name}`, argument {position + 1}: {fault}", node)
    return found


def _literal_value(node: exp.Expr) -> str | float | None:
    sign = -1.0 if isinstance(node, exp.Neg) else 1.0
    literal = node.this if isinstance(node, exp.Neg) else node
    if not isinstance(literal, exp.Literal):
        return None
    if literal.is_string:
        return str(literal.name) if literal is node else None
    try:
        return sign * float(literal.name)
    except ValueError:
        return None


def _growth(
    to: Rebuilder,
    node: exp.Anonymous,
    function: Function,
    arguments: list[Node],
    literals: list[str | float | None],
) -> float:
    """How much longer the result can be; refuse what would fill the memory from a short value."""
    if function.name.startswith("concat"):
        growth = sum(argument.growth for argument in arguments)
    else:
        growth = max((argument.growth for argument in arguments), default=1.0)
    if function.growth is not None:
        growth *= function.growth(literals)
    if growth > MAX_GROWTH:
        message = (
            f"The text could become {growth:,.0f} times as long; at most {MAX_GROWTH:,} times is possible."
        )
        raise to.refusal(message, node)
    return growth


def _aggregate(to: Rebuilder, node: exp.Anonymous, function: Function, condition: exp.Expr | None) -> Node:
    if not to.aggregates_allowed:
        raise to.refusal(
            f"The aggregate `{function.name}` can only stand in a field of type aggregate.", node
        )
    if to.failures is not None:
        raise to.refusal("An aggregate cannot stand inside another.", node)
    to.failures = []
    try:
        call = _aggregate_call(to, node, function)
        tree: exp.Expr = call
        if condition is not None:
            tree = exp.Filter(this=call, expression=exp.Where(this=_argument(to, condition)))
        failures = tuple(to.failures)
    finally:
        to.failures = None
    return to.aggregate(tree, failures)


def _aggregate_call(to: Rebuilder, node: exp.Anonymous, function: Function) -> exp.Anonymous:
    arguments = list(node.expressions)
    name = function.duckdb_name
    if name == "count" and (not arguments or isinstance(arguments[0], exp.Star)):
        return exp.Anonymous(this="count", expressions=[exp.Star()])
    distinct = arguments and isinstance(arguments[0], exp.Distinct)
    if distinct:
        inner = arguments[0]
        if len(inner.expressions) != 1 or inner.args.get("on"):
            raise to.refusal("DISTINCT takes one expression here.", node)
        arguments[0] = inner.expressions[0]
    built = [_argument(to, argument) for argument in arguments]
    first = exp.Distinct(expressions=[built[0]]) if distinct else built[0]
    if name == "string_agg":
        # Rows come in any order; sorting by the text itself makes the result one and the same.
        order = exp.Order(this=built[1], expressions=[exp.Ordered(this=built[0].copy())])
        return exp.Anonymous(this=name, expressions=[first, order])
    if name in {"arg_max", "arg_min"}:
        # Of equal keys the one with the larger (smaller) value counts, so that repeats agree.
        pair = exp.Anonymous(this="row", expressions=[built[1], built[0].copy()])
        known = exp.Is(this=built[1].copy(), expression=exp.null())
        return exp.Anonymous(this=name, expressions=[first, exp.Case().when(exp.not_(known), pair)])
    return exp.Anonymous(this=name, expressions=[first, *built[1:]])


def _argument(to: Rebuilder, node: exp.Expr) -> exp.Expr:
    """An argument of an aggregate; how it can fail is noted."""
    built = to.rebuild(node)
    if built.failure is not None and to.failures is not None:
        to.failures.append(built.failure)
    return built.tree
