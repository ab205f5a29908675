"""The rules for columns, literals and operators."""

import re
from dataclasses import replace
from typing import Any

from sqlglot import exp

from datalinx.engine.compile.failures import either, first_of, is_null, where
from datalinx.engine.compile.rebuild import Kind, Node, Rebuilder, rule

MAX_LIST = 1_000
MAX_LIKE_WILDCARDS = 8
MAX_GROWTH = 10_000

_NUMBER = re.compile(r"(\d+(\.\d*)?|\.\d+)([eE][+-]?\d{1,3})?")

# DuckDB's names of the types that a cast may name. DECIMAL takes a precision and a scale besides.
_CAST_TYPES: dict[exp.DType, str] = {
    **dict.fromkeys((exp.DType.TEXT, exp.DType.VARCHAR), "VARCHAR"),
    exp.DType.BOOLEAN: "BOOLEAN",
    exp.DType.TINYINT: "TINYINT",
    exp.DType.SMALLINT: "SMALLINT",
    exp.DType.INT: "INTEGER",
    exp.DType.BIGINT: "BIGINT",
    exp.DType.INT128: "HUGEINT",
    exp.DType.FLOAT: "FLOAT",
    exp.DType.DOUBLE: "DOUBLE",
    exp.DType.DATE: "DATE",
    exp.DType.TIME: "TIME",
    exp.DType.TIMESTAMP: "TIMESTAMP",
    exp.DType.TIMESTAMPNTZ: "TIMESTAMP",
    exp.DType.TIMESTAMPTZ: "TIMESTAMPTZ",
    exp.DType.JSON: "JSON",
    exp.DType.UUID: "UUID",
    exp.DType.VARBINARY: "BLOB",
}
_UNITS = ("microsecond", "millisecond", "second", "minute", "hour", "day", "week", "month", "quarter", "year")


@rule(exp.Column)
def _column(to: Rebuilder, node: exp.Column) -> Node:
    return to.column(node)


@rule(exp.Literal)
def _literal(to: Rebuilder, node: exp.Literal) -> Node:
    if node.is_string:
        return Node(exp.Literal.string(node.name), "any")
    if not _NUMBER.fullmatch(node.name) or len(node.name) > 60:
        raise to.refusal(f"`{node.name[:40]}` is no number.", node)
    return Node(exp.Literal(this=node.name, is_string=False))


@rule(exp.Null)
def _null(to: Rebuilder, node: exp.Null) -> Node:
    return Node(exp.null(), "any")


@rule(exp.Boolean)
def _boolean(to: Rebuilder, node: exp.Boolean) -> Node:
    return Node(exp.Boolean(this=bool(node.this)))


@rule(exp.Paren)
def _paren(to: Rebuilder, node: exp.Paren) -> Node:
    inner = to.rebuild(node.this)
    return Node(exp.Paren(this=inner.tree), inner.kind, inner.failure, inner.growth)


@rule(exp.Neg)
def _negative(to: Rebuilder, node: exp.Neg) -> Node:
    inner = to.rebuild(node.this)
    tree = exp.Neg(this=inner.tree)
    return Node(tree) if isinstance(inner.tree, exp.Literal) else to.strict(tree, inner)


@rule(exp.Not)
def _not(to: Rebuilder, node: exp.Not) -> Node:
    inner = _condition(to, node.this)
    return Node(exp.Not(this=inner.tree), failure=inner.failure)


@rule(exp.And, exp.Or)
def _logic(to: Rebuilder, node: exp.Connector) -> Node:
    """The right side counts only where the left one does not decide, so that it may stand guard."""
    left, right = _condition(to, node.left), _condition(to, node.right)
    tree = type(node)(this=left.tree, expression=right.tree)
    if right.failure is None:
        return Node(tree, failure=left.failure)
    deciding = exp.false() if isinstance(node, exp.And) else exp.true()
    open_ = exp.not_(exp.Is(this=exp.paren(left.tree), expression=deciding))
    return Node(tree, failure=either(left.failure, where(open_, right.failure)))


@rule(exp.EQ, exp.NEQ, exp.GT, exp.GTE, exp.LT, exp.LTE, exp.NullSafeEQ, exp.NullSafeNEQ)
def _comparison(to: Rebuilder, node: exp.Binary) -> Node:
    left, right = to.rebuild(node.left), to.rebuild(node.right)
    tree = type(node)(this=left.tree, expression=right.tree)
    return to.mixed(tree, left, right)


@rule(exp.Add, exp.Sub, exp.Mul)
def _arithmetic(to: Rebuilder, node: exp.Binary) -> Node:
    left, right = to.rebuild(node.left), to.rebuild(node.right)
    return to.strict(type(node)(this=left.tree, expression=right.tree), left, right)


@rule(exp.Div, exp.IntDiv, exp.Mod, exp.Pow)
def _division(to: Rebuilder, node: exp.Binary) -> Node:
    """Dividing by zero gives NULL, which is no failure."""
    left, right = to.rebuild(node.left), to.rebuild(node.right)
    tree = type(node)(this=left.tree, expression=right.tree, **_flags(node))
    return to.packed(tree, left, right)


@rule(exp.DPipe)
def _concatenation(to: Rebuilder, node: exp.DPipe) -> Node:
    left, right = to.rebuild(node.left), to.rebuild(node.right)
    kind: Kind = "other" if "other" in {left.kind, right.kind} else "text"
    tree = exp.DPipe(this=left.tree, expression=right.tree, **_flags(node))
    return Node(tree, kind, either(left.failure, right.failure), left.growth + right.growth)


@rule(exp.Is)
def _is(to: Rebuilder, node: exp.Is) -> Node:
    value, wanted = node.this, node.expression
    if not isinstance(wanted, exp.Null | exp.Boolean):
        raise to.refusal("After IS stands NULL, TRUE or FALSE.", node)
    left = to.rebuild(value) if isinstance(wanted, exp.Null) else _condition(to, value)
    return Node(exp.Is(this=left.tree, expression=to.rebuild(wanted).tree), failure=left.failure)


@rule(exp.Between)
def _between(to: Rebuilder, node: exp.Between) -> Node:
    if node.args.get("symmetric"):
        raise to.refusal("Write BETWEEN without SYMMETRIC.", node)
    value, low, high = (to.rebuild(node.args[name]) for name in ("this", "low", "high"))
    return to.mixed(exp.Between(this=value.tree, low=low.tree, high=high.tree), value, low, high)


@rule(exp.In)
def _in(to: Rebuilder, node: exp.In) -> Node:
    if any(node.args.get(name) for name in ("query", "unnest", "field")) or not node.expressions:
        raise to.refusal("IN takes a list of values in parentheses; make a CTE of a sub-query.", node)
    if len(node.expressions) > MAX_LIST:
        raise to.refusal(f"IN takes at most {MAX_LIST:,} values; use a lookup for more.", node)
    value = to.rebuild(node.this)
    entries = [to.rebuild(entry) for entry in node.expressions]
    tree = exp.In(this=value.tree, expressions=[entry.tree for entry in entries])
    return to.mixed(tree, value, *entries)


@rule(exp.Like, exp.ILike)
def _like(to: Rebuilder, node: exp.Binary) -> Node:
    pattern = node.expression
    if not isinstance(pattern, exp.Literal) or not pattern.is_string:
        raise to.refusal("The pattern of LIKE must be a text in quotes.", node)
    # DuckDB tries every place for every %, so their number is what a pattern costs.
    if pattern.name.count("%") > MAX_LIKE_WILDCARDS or len(pattern.name) > MAX_LIST:
        raise to.refusal(f"A pattern of LIKE has at most {MAX_LIKE_WILDCARDS} signs %.", node)
    value = to.rebuild(node.this)
    tree = type(node)(this=value.tree, expression=exp.Literal.string(pattern.name))
    return Node(tree, failure=value.failure)


@rule(exp.Case)
def _case(to: Rebuilder, node: exp.Case) -> Node:
    branches = [
        (_case_condition(to, node, branch.this), to.rebuild(branch.args["true"]))
        for branch in node.args["ifs"]
    ]
    default = (
        to.rebuild(node.args["default"]) if node.args.get("default") is not None else Node(exp.null(), "any")
    )
    tree = exp.Case(
        ifs=[exp.If(this=condition.tree, true=result.tree) for condition, result in branches],
        default=default.tree if node.args.get("default") is not None else None,
    )
    results = [default, *(result for _, result in branches)]
    failure = first_of(
        [(condition.tree, condition.failure, result.failure) for condition, result in branches],
        default.failure,
    )
    growth = max(result.growth for result in results)
    node_made = to.mixed(tree, *(replace(result, failure=None) for result in results))
    return replace(
        node_made, kind=common_kind(*results), failure=either(failure, node_made.failure), growth=growth
    )


def _case_condition(to: Rebuilder, node: exp.Case, condition: exp.Expr) -> Node:
    """A condition of CASE; what stands behind CASE itself is compared with what stands behind WHEN."""
    if node.this is None:
        return _condition(to, condition)
    left, right = to.rebuild(node.this), to.rebuild(condition)
    return to.mixed(exp.EQ(this=exp.paren(left.tree), expression=exp.paren(right.tree)), left, right)


@rule(exp.Cast, exp.TryCast)
def _cast(to: Rebuilder, node: exp.Cast) -> Node:
    name = _cast_type(to, node)
    value = to.rebuild(node.this)
    to.has_cast = True
    kind: Kind = "text" if name == "VARCHAR" else "other"
    target = exp.DataType.build(name, dialect="duckdb")
    # Everything can be written as text, and a literal is cast once when the document is saved.
    cannot_fail = kind == "text" or isinstance(value.tree, exp.Literal)
    if isinstance(node, exp.TryCast):
        return Node(exp.TryCast(this=value.tree, to=target, safe=True), kind, value.failure, value.growth)
    if cannot_fail or not to.catches_errors:
        return Node(exp.Cast(this=value.tree, to=target), kind, value.failure, value.growth)
    tree = exp.TryCast(this=value.tree, to=target, safe=True)
    lost = where(exp.not_(is_null(value.tree)), is_null(tree))
    return Node(tree, kind, either(value.failure, lost), value.growth)


def _cast_type(to: Rebuilder, node: exp.Cast) -> str:
    """DuckDB's name of the type that a cast names."""
    if node.args.get("format") or node.args.get("default") or node.args.get("action"):
        raise to.refusal("A cast takes a value and a type; use strptime for a format.", node)
    target = node.to
    name = _CAST_TYPES.get(target.this)
    figures = [str(part.name) for part in target.expressions]
    if target.this == exp.DType.DECIMAL:
        # The parser fills in DuckDB's default of (18, 3) where the documents' own is (38, 9).
        figures = ["38", "9"] if figures == ["18", "3"] and not _says_figures(to) else figures
        name = f"DECIMAL({', '.join(figures)})"
    if name is None or target.args.get("nested") or (figures and not all(map(str.isdecimal, figures))):
        raise to.refusal(f"A cast to {target.sql(dialect='duckdb')[:40]} is not possible.", node)
    return name


@rule(exp.Interval)
def _interval(to: Rebuilder, node: exp.Interval) -> Node:
    amount, unit = node.this, node.args.get("unit")
    name = str(unit.name).lower().removesuffix("s") if isinstance(unit, exp.Var) else ""
    if (
        not isinstance(amount, exp.Literal)
        or not re.fullmatch(r"-?\d{1,9}", amount.name)
        or name not in _UNITS
    ):
        raise to.refusal("Write an interval as INTERVAL '2 days'; for a computed one use to_days(…).", node)
    return Node(exp.Interval(this=exp.Literal.string(amount.name), unit=exp.var(name.upper())))


def common_kind(*nodes: Node) -> Kind:
    """The kind that all share, NULLs and literals aside; `other` when they are mixed."""
    kinds = {node.kind for node in nodes} - {"any"}
    if not kinds:
        return "any"
    return kinds.pop() if len(kinds) == 1 else "other"


def _condition(to: Rebuilder, node: exp.Expr) -> Node:
    """A node where a condition must stand."""
    made = to.rebuild(node)
    if made.kind == "text" or (isinstance(made.tree, exp.Literal)):
        raise to.refusal("Here must stand a condition; compare the value with something.", node)
    return made


def _flags(node: exp.Expr) -> dict[str, Any]:
    """The arguments that are plain yes or no: how the dialect's operator behaves."""
    return {name: value for name, value in node.args.items() if isinstance(value, bool)}


def _says_figures(to: Rebuilder) -> bool:
    return re.search(r"(?i)(decimal|numeric)\s*\(\s*18\s*,\s*3\s*\)", to.text) is not None
