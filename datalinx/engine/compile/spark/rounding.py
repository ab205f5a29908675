"""Rounding, with the results that DuckDB has: the argument's type, halves away from zero."""

from collections.abc import Sequence

from sqlglot import exp

from datalinx.engine.compile.spark import kinds
from datalinx.engine.compile.spark.casting import cast_to
from datalinx.engine.compile.spark.figures import rounded
from datalinx.engine.compile.spark.form import bound, call, form, typed
from datalinx.engine.compile.spark.lowering import Lowered, Lowerer, call_type, function
from datalinx.engine.types.casts import kind_of


@function("round")
def _round(to: Lowerer, node: exp.Anonymous, arguments: Sequence[Lowered]) -> Lowered:
    digits = 0
    given = node.expressions[1] if len(node.expressions) > 1 else None
    if given is not None:
        digits = int(float(given.this.name)) * -1 if isinstance(given, exp.Neg) else int(float(given.name))
    kind = _round_type(node, arguments[0], given)
    family = kind_of(kind)
    value = arguments[0]
    if family == "floating":
        value = cast_to(to, value, kind)
        tree = bound(value.tree, lambda tree: _round_floating(tree, digits, kind))
        return to.strict(tree, kind, value)
    if family == "whole":
        value = cast_to(to, value, kind)
        if digits >= 0:
            return value
        value = cast_to(to, value, "HUGEINT")
    tree = typed(call("round", value.tree, exp.Literal.number(digits)), kinds.spark_type(kind))
    return to.strict(tree, kind, value)


def _round_type(node: exp.Anonymous, value: Lowered, given: exp.Expr | None) -> str:
    operands = [value.operand, *([given.copy()] if given is not None else [])]
    return kinds.type_of(exp.Anonymous(this="round", expressions=operands))


def _round_floating(tree: exp.Expr, digits: int, kind: str) -> exp.Expr:
    number = form("CAST(:v AS DOUBLE)", v=tree) if kind == "FLOAT" else tree
    if digits > 0:
        scaled = form(f":v * 1e{digits}", v=number)
        made = form(f"CAST(:r AS DOUBLE) / 1e{digits}", r=rounded(scaled))
    elif digits < 0:
        made = form(f":r * 1e{-digits}", r=rounded(_over(number, -digits)))
    else:
        made = exp.Paren(this=rounded(number))
    largest = "1.7976931348623157e308"
    finite = form(f"CASE WHEN abs(:made) <= {largest} THEN :made ELSE :v END", made=made, v=number)
    if digits > 0:
        finite = _typed_division(finite)
    return typed(finite, "FLOAT") if kind == "FLOAT" else finite


def _over(number: exp.Expr, digits: int) -> exp.Expr:
    return _typed_division(form(f"CAST(:v AS DOUBLE) / 1e{digits}", v=number))


def _typed_division(tree: exp.Expression) -> exp.Expression:
    """Divisions that print as plain ones: both sides are doubles already."""
    for node in tree.find_all(exp.Div):
        node.set("typed", True)
        node.set("safe", False)
    return tree


def _whole_part(name: str) -> None:
    @function(name)
    def lower(to: Lowerer, node: exp.Anonymous, arguments: Sequence[Lowered]) -> Lowered:
        kind = call_type(node, arguments)
        family = kind_of(kind)
        value = arguments[0]
        if family == "whole":
            return cast_to(to, value, kind)
        if family == "decimal":
            tree = _WHOLE_DECIMAL[name]
            if kind_of(value.type) != "decimal":
                return cast_to(to, value, kind)
            return to.made(typed(form(tree, v=value.tree), kinds.spark_type(kind)), kind, value)
        value = cast_to(to, value, kind)
        return to.made(form(_WHOLE_FLOATING[name], v=value.tree), kind, value)


_DOWN = "CASE WHEN rint(:v) > :v THEN rint(:v) - 1 ELSE rint(:v) END"
# What lies between -1 and 0 becomes -0.0, which only rint gives.
_UP = "CASE WHEN rint(:v) < :v THEN CASE WHEN rint(:v) = -1 THEN rint(-0.1e0) ELSE rint(:v) + 1 END ELSE rint(:v) END"
_WHOLE_FLOATING = {
    "floor": _DOWN,
    "ceil": _UP,
    "ceiling": _UP,
    "trunc": f"CASE WHEN :v < 0 THEN {_UP} ELSE {_DOWN} END",
}
_WHOLE_DECIMAL = {
    "floor": "floor(:v)",
    "ceil": "ceil(:v)",
    "ceiling": "ceil(:v)",
    "trunc": "CASE WHEN :v < 0 THEN ceil(:v) ELSE floor(:v) END",
}
for _name in _WHOLE_FLOATING:
    _whole_part(_name)
