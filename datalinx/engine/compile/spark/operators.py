"""The rules for columns, literals and operators."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from sqlglot import exp

from datalinx.engine.compile.spark import kinds
from datalinx.engine.compile.spark.casting import as_boolean, cast_to, same_text
from datalinx.engine.compile.spark.form import both, closed, either
from datalinx.engine.compile.spark.letters import lowered
from datalinx.engine.compile.spark.lowering import Lowered, Lowerer, rule
from datalinx.engine.compile.spark.refusal import cannot
from datalinx.engine.compile.spark.tables import looked_up, table_of
from datalinx.engine.types.casts import kind_of

_TEMPORAL = ("date", "time", "timestamp", "timestamptz")


@rule(exp.Column)
def _column(to: Lowerer, node: exp.Column) -> Lowered:
    return Lowered(node.copy(), to.types(node))


@rule(exp.Literal)
def _literal(to: Lowerer, node: exp.Literal) -> Lowered:
    kind = "VARCHAR" if node.is_string else kinds.type_of(node)
    return Lowered(node.copy(), kind, literal=node.copy())


@rule(exp.Null)
def _null(to: Lowerer, node: exp.Null) -> Lowered:
    return Lowered(exp.null(), kinds.NULL)


@rule(exp.Boolean)
def _boolean(to: Lowerer, node: exp.Boolean) -> Lowered:
    return Lowered(exp.Boolean(this=bool(node.this)), "BOOLEAN")


@rule(exp.Paren)
def _paren(to: Lowerer, node: exp.Paren) -> Lowered:
    inner = to.lower(node.this)
    return replace(inner, tree=closed(inner.tree))


@rule(exp.Not)
def _not(to: Lowerer, node: exp.Not) -> Lowered:
    inner = as_boolean(to, to.lower(node.this))
    return replace(inner, tree=exp.Not(this=closed(inner.tree)), type="BOOLEAN", literal=None)


@rule(exp.And, exp.Or)
def _logic(to: Lowerer, node: exp.Connector) -> Lowered:
    """The right side counts only where the left one does not decide."""
    left, right = (as_boolean(to, to.lower(side)) for side in (node.left, node.right))
    tree = type(node)(this=closed(left.tree), expression=closed(right.tree))
    raises = left.raises
    if right.raises is not None:
        deciding = exp.false() if isinstance(node, exp.And) else exp.true()
        open_ = exp.Not(this=exp.Is(this=closed(left.tree.copy()), expression=deciding))
        raises = either(raises, both(open_, right.raises))
    return Lowered(tree, "BOOLEAN", raises)


@rule(exp.EQ, exp.NEQ, exp.GT, exp.GTE, exp.LT, exp.LTE, exp.NullSafeEQ, exp.NullSafeNEQ)
def _comparison(to: Lowerer, node: exp.Binary) -> Lowered:
    left, right = compared(to, [to.lower(node.left), to.lower(node.right)])
    return to.made(compare(type(node), left.tree, right.tree), "BOOLEAN", left, right)


def compare(kind: type[exp.Expr], left: exp.Expr, right: exp.Expr) -> exp.Expression:
    """The comparison; what counts NULLs as equal is written `<=>` in Spark."""
    sides = {"this": closed(left), "expression": closed(right)}
    if kind is exp.NullSafeEQ:
        return exp.NullSafeEQ(**sides)
    if kind is exp.NullSafeNEQ:
        return exp.Not(this=exp.Paren(this=exp.NullSafeEQ(**sides)))
    return kind(**sides)  # type: ignore[return-value]


def compared(to: Lowerer, values: Sequence[Lowered]) -> list[Lowered]:
    """The values as DuckDB casts them to compare them with one another."""
    wanted = values[0]
    for other in values[1:]:
        wanted = Lowered(exp.null(), _comparison_type(wanted, other))
    if all(kind_of(value.type) in {"whole", "null"} for value in values):
        # Spark compares whole numbers of any widths.
        return list(values)
    if wanted.type == "INTERVAL":
        raise cannot("INTERVAL = INTERVAL", "Compare dates with one another.")
    return [cast_to(to, value, wanted.type) for value in values]


def _comparison_type(left: Lowered, right: Lowered) -> str:
    if right.type in {left.type, kinds.NULL}:
        return left.type
    if left.type == kinds.NULL:
        return right.type
    if kind_of(left.type) == "text":
        return "VARCHAR" if kind_of(right.type) == "text" else right.type
    if kind_of(right.type) == "text":
        return left.type
    if {kind_of(left.type), kind_of(right.type)} == {"decimal"}:
        return kinds.finest(left.type, right.type)
    return kinds.common([left.operand, right.operand])


@rule(exp.Is)
def _is(to: Lowerer, node: exp.Is) -> Lowered:
    if isinstance(node.expression, exp.Null):
        if (failed := _packing_failed(to, node.this)) is not None:
            return failed
        value = to.lower(node.this)
    else:
        value = as_boolean(to, to.lower(node.this))
    return to.made(exp.Is(this=closed(value.tree), expression=node.expression.copy()), "BOOLEAN", value)


def _packing_failed(to: Lowerer, node: exp.Expr) -> Lowered | None:
    """`TRY(list_value(x)) IS NULL`: whether computing x raises."""
    inner = node.this if isinstance(node, exp.Paren) else node
    if not isinstance(inner, exp.Anonymous) or inner.name.lower() != "try":
        return None
    packed = inner.expressions[0]
    if not isinstance(packed, exp.Anonymous) or packed.name.lower() != "list_value":
        return None
    raises = to.watched(packed.expressions[0]).raises
    return Lowered(raises if raises is not None else exp.false(), "BOOLEAN")


@rule(exp.Between)
def _between(to: Lowerer, node: exp.Between) -> Lowered:
    parts = compared(to, [to.lower(node.args[name]) for name in ("this", "low", "high")])
    value, low, high = (closed(part.tree) for part in parts)
    return to.made(exp.Between(this=value, low=low, high=high), "BOOLEAN", *parts)


@rule(exp.In)
def _in(to: Lowerer, node: exp.In) -> Lowered:
    if node.args.get("query") is not None:
        raise cannot("IN (SELECT …)", "Join the query instead.")
    value, *entries = compared(to, [to.lower(each) for each in (node.this, *node.expressions)])
    tree = exp.In(this=closed(value.tree), expressions=[entry.tree for entry in entries])
    return to.made(tree, "BOOLEAN", value, *entries)


@rule(exp.Like, exp.ILike)
def _like(to: Lowerer, node: exp.Binary) -> Lowered:
    value = cast_to(to, to.lower(node.this), "VARCHAR")
    pattern = to.lower(node.expression)
    if pattern.literal is None:
        raise cannot("LIKE with a computed pattern", "Write the pattern as a literal.")
    # DuckDB knows no escape sign where none is given; for Spark it is the backslash.
    tree, text = value.tree, pattern.text.replace("\\", "\\\\")
    if isinstance(node, exp.ILike):
        tree, text = lowered(tree), text.lower() if text.isascii() else text
        if not text.isascii():
            raise cannot("ILIKE with letters beyond ASCII", "Use regexp_matches with the option i.")
    return to.made(exp.Like(this=closed(tree), expression=exp.Literal.string(text)), "BOOLEAN", value)


@rule(exp.Case)
def _case(to: Lowerer, node: exp.Case) -> Lowered:
    if (found := table_of(node)) is not None:
        return in_table(to, *found)
    conditions = [_condition(to, node, branch.this) for branch in node.args["ifs"]]
    results = []
    for branch in node.args["ifs"]:
        with_guard = same_text(to, branch.this)
        results.append(_guarded(to, branch.args["true"], with_guard))
    default = to.lower(node.args["default"]) if node.args.get("default") is not None else None
    return cased(to, conditions, results, default)


def in_table(to: Lowerer, key: exp.Expr, entries: Mapping[str, str]) -> Lowered:
    """The entry of a key in a table that the expression holds."""
    value = cast_to(to, to.lower(key), "VARCHAR")
    return to.made(looked_up(value.tree, entries), "VARCHAR", value)


def cased(
    to: Lowerer, conditions: Sequence[Lowered], results: Sequence[Lowered], default: Lowered | None
) -> Lowered:
    """A CASE; what a branch raises counts where the branch is reached."""
    given = [*results, default or Lowered(exp.null(), kinds.NULL)]
    kind = kinds.common([each.operand for each in given])
    values = [cast_to(to, each, kind) for each in results]
    last = cast_to(to, default, kind) if default is not None else None
    ifs = [
        exp.If(this=condition.tree, true=value.tree)
        for condition, value in zip(conditions, values, strict=True)
    ]
    tree = exp.Case(ifs=ifs, default=last.tree if last is not None else None)
    return Lowered(tree, kind, _case_raises(conditions, values, last))


def _case_raises(
    conditions: Sequence[Lowered], values: Sequence[Lowered], default: Lowered | None
) -> exp.Expr | None:
    raising = [
        each for each in (*conditions, *values, default) if each is not None and each.raises is not None
    ]
    if not raising:
        return None
    ifs = []
    for condition, value in zip(conditions, values, strict=True):
        if condition.raises is not None:
            ifs.append(exp.If(this=condition.raises, true=exp.true()))
        ifs.append(exp.If(this=condition.tree.copy(), true=value.raises or exp.false()))
    last = default.raises if default is not None else None
    return exp.Case(ifs=ifs, default=last or exp.false())


def _condition(to: Lowerer, node: exp.Case, condition: exp.Expr) -> Lowered:
    if node.this is None:
        return as_boolean(to, to.lower(condition))
    left, right = compared(to, [to.lower(node.this), to.lower(condition)])
    return to.made(compare(exp.EQ, left.tree, right.tree), "BOOLEAN", left, right)


def _guarded(to: Lowerer, node: exp.Expr, guard: tuple[str, str] | None) -> Lowered:
    """A result of a CASE, lowered knowing that a value matches a pattern here."""
    if guard is None:
        return to.lower(node)
    value, pattern = guard
    patterns = to.known.setdefault(value, set())
    is_new = pattern not in patterns
    patterns.add(pattern)
    try:
        return to.lower(node)
    finally:
        if is_new:
            patterns.discard(pattern)


@rule(exp.DPipe)
def _concatenation(to: Lowerer, node: exp.DPipe) -> Lowered:
    left, right = to.lower(node.left), to.lower(node.right)
    if "binary" in {kind_of(left.type), kind_of(right.type)} or left.type.endswith("]"):
        raise cannot("||", "Only texts can be joined on this engine.")
    left, right = cast_to(to, left, "VARCHAR"), cast_to(to, right, "VARCHAR")
    tree = exp.DPipe(this=closed(left.tree), expression=closed(right.tree))
    return to.made(tree, "VARCHAR", left, right)


@rule(exp.Cast, exp.TryCast)
def _cast(to: Lowerer, node: exp.Cast) -> Lowered:
    kind = node.to.sql(dialect="duckdb")
    kind = kinds.type_of(exp.cast(exp.null(), node.to)) if kind_of(kind) != "nested" else kind
    if isinstance(node, exp.TryCast):
        # What the value itself raises, TRY_CAST does not catch.
        value = to.lower(node.this)
        return replace(cast_to(to, value, kind), raises=value.raises)
    return cast_to(to, to.lower(node.this), kind)
