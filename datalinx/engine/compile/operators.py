"""The rules for columns, literals and operators."""

import re
from typing import Any

from sqlglot import exp

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
        return Node(exp.Literal.string(node.name), "text", is_safe=True)
    if not _NUMBER.fullmatch(node.name) or len(node.name) > 60:
        raise to.refusal(f"`{node.name[:40]}` is no number.", node)
    return Node(exp.Literal(this=node.name, is_string=False), is_safe=True)


@rule(exp.Null)
def _null(to: Rebuilder, node: exp.Null) -> Node:
    return Node(exp.null(), "any", is_safe=True)


@rule(exp.Boolean)
def _boolean(to: Rebuilder, node: exp.Boolean) -> Node:
    return Node(exp.Boolean(this=bool(node.this)), is_safe=True)


@rule(exp.Paren)
def _paren(to: Rebuilder, node: exp.Paren) -> Node:
    inner = to.rebuild(node.this)
    return Node(exp.Paren(this=inner.tree), inner.kind, inner.is_safe, inner.growth)


@rule(exp.Neg)
def _negative(to: Rebuilder, node: exp.Neg) -> Node:
    inner = to.rebuild(node.this)
    return Node(exp.Neg(this=inner.tree), is_safe=isinstance(inner.tree, exp.Literal))


@rule(exp.Not)
def _not(to: Rebuilder, node: exp.Not) -> Node:
    inner = to.rebuild(node.this)
    return Node(exp.Not(this=inner.tree), is_safe=inner.is_safe and inner.kind != "text")


@rule(exp.And, exp.Or)
def _logic(to: Rebuilder, node: exp.Connector) -> Node:
    left, right = to.rebuild(node.left), to.rebuild(node.right)
    is_safe = all(side.is_safe and side.kind != "text" for side in (left, right))
    return Node(type(node)(this=left.tree, expression=right.tree), is_safe=is_safe)


@rule(exp.EQ, exp.NEQ, exp.GT, exp.GTE, exp.LT, exp.LTE, exp.NullSafeEQ, exp.NullSafeNEQ)
def _comparison(to: Rebuilder, node: exp.Binary) -> Node:
    left, right = to.rebuild(node.left), to.rebuild(node.right)
    return Node(type(node)(this=left.tree, expression=right.tree), is_safe=all_text(left, right))


@rule(exp.Add, exp.Sub, exp.Mul, exp.Div, exp.IntDiv, exp.Mod, exp.Pow)
def _arithmetic(to: Rebuilder, node: exp.Binary) -> Node:
    left, right = to.rebuild(node.left), to.rebuild(node.right)
    return Node(type(node)(this=left.tree, expression=right.tree, **_flags(node)))


@rule(exp.DPipe)
def _concatenation(to: Rebuilder, node: exp.DPipe) -> Node:
    left, right = to.rebuild(node.left), to.rebuild(node.right)
    kind: Kind = "text" if all_text(left, right) else "other"
    tree = exp.DPipe(this=left.tree, expression=right.tree, **_flags(node))
    return Node(tree, kind, left.is_safe and right.is_safe, left.growth + right.growth)


@rule(exp.Is)
def _is(to: Rebuilder, node: exp.Is) -> Node:
    left, right = to.rebuild(node.this), node.expression
    if not isinstance(right, exp.Null | exp.Boolean):
        raise to.refusal("After IS stands NULL, TRUE or FALSE.", node)
    is_safe = left.is_safe and (isinstance(right, exp.Null) or left.kind != "text")
    return Node(exp.Is(this=left.tree, expression=to.rebuild(right).tree), is_safe=is_safe)


@rule(exp.Between)
def _between(to: Rebuilder, node: exp.Between) -> Node:
    if node.args.get("symmetric"):
        raise to.refusal("Write BETWEEN without SYMMETRIC.", node)
    value, low, high = (to.rebuild(node.args[name]) for name in ("this", "low", "high"))
    tree = exp.Between(this=value.tree, low=low.tree, high=high.tree)
    return Node(tree, is_safe=all_text(value, low, high))


@rule(exp.In)
def _in(to: Rebuilder, node: exp.In) -> Node:
    if any(node.args.get(name) for name in ("query", "unnest", "field")) or not node.expressions:
        raise to.refusal("IN takes a list of values in parentheses; make a CTE of a sub-query.", node)
    if len(node.expressions) > MAX_LIST:
        raise to.refusal(f"IN takes at most {MAX_LIST:,} values; use a lookup for more.", node)
    value = to.rebuild(node.this)
    entries = [to.rebuild(entry) for entry in node.expressions]
    tree = exp.In(this=value.tree, expressions=[entry.tree for entry in entries])
    return Node(tree, is_safe=all_text(value, *entries))


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
    return Node(tree, is_safe=value.is_safe)


@rule(exp.Case)
def _case(to: Rebuilder, node: exp.Case) -> Node:
    subject = to.rebuild(node.this) if node.this is not None else None
    conditions = [to.rebuild(branch.this) for branch in node.args["ifs"]]
    results = [to.rebuild(branch.args["true"]) for branch in node.args["ifs"]]
    default = to.rebuild(node.args["default"]) if node.args.get("default") is not None else None
    branches = [
        exp.If(this=condition.tree, true=result.tree)
        for condition, result in zip(conditions, results, strict=True)
    ]
    tree = exp.Case(
        this=subject.tree if subject else None, ifs=branches, default=default.tree if default else None
    )
    results += [default] if default else []
    if subject:
        is_safe = all_text(subject, *conditions)
    else:
        is_safe = all(condition.is_safe and condition.kind != "text" for condition in conditions)
    kind = common_kind(*results)
    is_safe = is_safe and kind is not None and all(result.is_safe for result in results)
    return Node(tree, kind or "other", is_safe, max(result.growth for result in results))


@rule(exp.Cast, exp.TryCast)
def _cast(to: Rebuilder, node: exp.Cast) -> Node:
    if node.args.get("format") or node.args.get("default") or node.args.get("action"):
        raise to.refusal("A cast takes a value and a type; use strptime for a format.", node)
    target = node.to
    name = _CAST_TYPES.get(target.this)
    figures = [str(part.name) for part in target.expressions]
    if target.this == exp.DType.DECIMAL:
        # The parser fills in DuckDB's default of (18, 3) where the documents' own is (38, 9).
        figures = ["38", "9"] if figures == ["18", "3"] and not _says_figures(to, node) else figures
        name = f"DECIMAL({', '.join(figures)})"
    if name is None or target.args.get("nested") or (figures and not all(map(str.isdecimal, figures))):
        raise to.refusal(f"A cast to {target.sql(dialect='duckdb')[:40]} is not possible.", node)
    value = to.rebuild(node.this)
    to.has_cast = True
    kind: Kind = "text" if name == "VARCHAR" else "other"
    is_try = isinstance(node, exp.TryCast)
    tree = (exp.TryCast if is_try else exp.Cast)(
        this=value.tree, to=exp.DataType.build(name, dialect="duckdb")
    )
    # A literal is cast once when the document is saved, so that it cannot fail later.
    cannot_fail = is_try or kind == "text" or isinstance(value.tree, exp.Literal)
    return Node(tree, kind, value.is_safe and cannot_fail, value.growth)


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
    tree = exp.Interval(this=exp.Literal.string(amount.name), unit=exp.var(name.upper()))
    return Node(tree, is_safe=True)


def all_text(*nodes: Node) -> bool:
    """Whether all are text and safe, so that comparing them casts nothing."""
    return all(node.is_safe and node.kind != "other" for node in nodes)


def common_kind(*nodes: Node) -> Kind | None:
    """The kind that all share, NULLs aside; None when a common type would need a cast from text."""
    kinds = {node.kind for node in nodes} - {"any"}
    if len(kinds) > 1:
        return None
    return kinds.pop() if kinds else "any"


def _flags(node: exp.Expr) -> dict[str, Any]:
    """The arguments that are plain yes or no: how the dialect's operator behaves."""
    return {name: value for name, value in node.args.items() if isinstance(value, bool)}


def _says_figures(to: Rebuilder, node: exp.Cast) -> bool:
    return re.search(r"(?i)(decimal|numeric)\s*\(\s*18\s*,\s*3\s*\)", to.text) is not None
