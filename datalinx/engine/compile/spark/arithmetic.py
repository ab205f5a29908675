"""Arithmetic and the functions of numbers."""

from collections.abc import Callable, Sequence

from sqlglot import exp

from datalinx.engine.compile.spark import kinds
from datalinx.engine.compile.spark.casting import cast_to
from datalinx.engine.compile.spark.figures import in_bounds
from datalinx.engine.compile.spark.form import both, call, closed, form, is_known, is_null, typed
from datalinx.engine.compile.spark.lowering import Lowered, Lowerer, call_type, function, rule
from datalinx.engine.compile.spark.moved import moved
from datalinx.engine.compile.spark.refusal import cannot
from datalinx.engine.types.casts import kind_of

_TRIES = {exp.Add: "try_add", exp.Sub: "try_subtract", exp.Mul: "try_multiply"}
_NAN = typed(exp.Literal.string("NaN"), "DOUBLE")
_INFINITE = typed(exp.Literal.string("Infinity"), "DOUBLE")


def operation_type(node: exp.Binary, left: Lowered, right: Lowered) -> str:
    """DuckDB's name of the type of an operation."""
    flags = {name: value for name, value in node.args.items() if isinstance(value, bool)}
    sides = [exp.Paren(this=side.operand) for side in (left, right)]
    return kinds.type_of(type(node)(this=sides[0], expression=sides[1], **flags))


@rule(exp.Add, exp.Sub, exp.Mul)
def _arithmetic(to: Lowerer, node: exp.Binary) -> Lowered:
    left, right = to.lower(node.left), to.lower(node.right)
    kind = operation_type(node, left, right)
    family = kind_of(kind)
    if (
        kind_of(left.type) in _TEMPORAL
        or kind_of(right.type) in _TEMPORAL
        or "INTERVAL" in {left.type, right.type}
    ):
        return moved(to, node, left, right, kind)
    if family == "floating":
        left, right = cast_to(to, left, kind), cast_to(to, right, kind)
        return to.made(type(node)(this=closed(left.tree), expression=closed(right.tree)), kind, left, right)
    if family == "decimal" and isinstance(node, exp.Mul):
        sides = [_as_decimal(to, side) for side in (left, right)]
    elif family in {"decimal", "whole"}:
        sides = [cast_to(to, side, kind) for side in (left, right)]
    else:
        raise cannot(f"{left.type} {node.key} {right.type}", "Cast both sides to numbers.")
    tree: exp.Expr = call(_TRIES[type(node)], *(side.tree for side in sides))
    tree = typed(tree, kinds.spark_type(kind)) if family == "decimal" or kind in _WIDER else tree
    return to.strict(in_bounds(tree, kind), kind, *sides)


_TEMPORAL = {"date", "time", "timestamp", "timestamptz"}
_WIDER = {"UTINYINT", "USMALLINT", "UINTEGER", "UBIGINT", "HUGEINT", "UHUGEINT"}


def _as_decimal(to: Lowerer, value: Lowered) -> Lowered:
    if kind_of(value.type) == "decimal":
        return value
    digits = {"TINYINT": 3, "UTINYINT": 3, "SMALLINT": 5, "USMALLINT": 5, "INTEGER": 10, "UINTEGER": 10}
    return cast_to(to, value, f"DECIMAL({digits.get(value.type, 19 if value.type == 'BIGINT' else 38)},0)")


@rule(exp.Div, exp.IntDiv, exp.Mod, exp.Pow)
def _division(to: Lowerer, node: exp.Binary) -> Lowered:
    left, right = to.lower(node.left), to.lower(node.right)
    kind = operation_type(node, left, right)
    if isinstance(node, exp.Pow):
        return _power(to, left, right)
    return divided(to, node, left, right, kind)


def divided(to: Lowerer, node: exp.Binary, left: Lowered, right: Lowered, kind: str) -> Lowered:
    """A quotient or what is left of one. By zero, versions of DuckDB differ, so the one at hand is asked."""
    family = kind_of(kind)
    left, right = cast_to(to, left, kind), cast_to(to, right, kind)
    sides = {"a": left.tree, "b": right.tree}
    if family == "floating":
        name = kinds.spark_type(kind)
        if isinstance(node, exp.Mod):
            tree = form("CASE WHEN :b = 0 THEN :none ELSE :a % :b END", none=_at_zero("1e0 % 0e0"), **sides)
        else:
            by_zero = form(
                "CASE WHEN :b = 0 AND CAST(:b AS VARCHAR) LIKE '-%' THEN - :i ELSE :i END",
                i=_INFINITE,
                b=right.tree,
            )
            zero: exp.Expr = form(":a * :i", a=left.tree, i=by_zero)
            sign = "//" if isinstance(node, exp.IntDiv) else "/"
            if kinds.value_of(f"1e0 {sign} 0e0") is None:
                zero = exp.null()
            quotient = exp.Div(this=closed(left.tree), expression=closed(right.tree), typed=True, safe=False)
            tree = form(
                "CASE WHEN :b = 0 THEN :zero ELSE :quotient END", zero=zero, quotient=quotient, b=right.tree
            )
        return to.made(
            form("CAST(:t AS DOUBLE)", t=tree) if name == "DOUBLE" else typed(tree, name),
            kind,
            left,
            right,
            raises=lambda: _by_zero(node, left, right),
        )
    if family not in {"whole", "decimal"}:
        raise cannot(f"{left.type} {node.key} {right.type}", "Cast both sides to numbers.")
    if isinstance(node, exp.Mod):
        tree = call("try_mod", left.tree, right.tree)
    elif kinds.spark_type(kind).startswith("DECIMAL"):
        tree = form(
            "CASE WHEN :b <> 0 AND abs(:a) < 9e18 AND abs(:b) < 9e18 THEN CAST(:a AS BIGINT) // CAST(:b AS BIGINT) END",
            **sides,
        )
    else:
        tree = form(
            "CASE WHEN :b <> 0 AND NOT (:b = -1 AND :a = :least) THEN :a // :b END",
            least=_least(kind),
            **sides,
        )
    if isinstance(node, exp.Mod) and family == "whole":
        tree = form(
            "CASE WHEN NOT (:b = -1 AND :a = :least) THEN :m END", m=tree, least=_least(kind), **sides
        )
    tree = typed(tree, kinds.spark_type(kind))

    def raises() -> exp.Expr:
        failed = both(both(is_known(left.tree), is_known(right.tree)), is_null(tree.copy()))
        if kinds.raises("5 % 0"):
            return failed
        return both(failed, form(":b <> 0", b=right.tree))

    return to.made(tree, kind, left, right, raises=raises)


def _by_zero(node: exp.Binary, left: Lowered, right: Lowered) -> exp.Expr | None:
    """Where dividing doubles raises: where it is by zero, if DuckDB raises for that."""
    sign = {exp.IntDiv: "//", exp.Mod: "%"}.get(type(node), "/")
    if not kinds.raises(f"1e0 {sign} 0e0"):
        return None
    return form("(:a IS NOT NULL AND :b IS NOT NULL AND :b = 0)", a=left.tree, b=right.tree)


def _at_zero(question: str) -> exp.Expr:
    return exp.null() if kinds.value_of(question) is None else _NAN.copy()


def _least(kind: str) -> exp.Expr:
    bits = {"TINYINT": 8, "SMALLINT": 16, "INTEGER": 32}.get(kind, 64)
    return typed(exp.Literal.string(str(-(2 ** (bits - 1)))), "DECIMAL(20, 0)")


@function("mod")
def _mod(to: Lowerer, node: exp.Anonymous, arguments: Sequence[Lowered]) -> Lowered:
    left, right = arguments
    return divided(to, exp.Mod(), left, right, call_type(node, arguments))


@rule(exp.Neg)
def _negative(to: Lowerer, node: exp.Neg) -> Lowered:
    value = to.lower(node.this)
    if value.literal is not None:
        return Lowered(exp.Neg(this=value.tree), kinds.type_of(exp.Neg(this=value.literal)), literal=None)
    kind = kinds.type_of(exp.Neg(this=exp.Paren(this=value.operand)))
    value = cast_to(to, value, kind)
    if kind_of(kind) in {"floating", "decimal"}:
        return to.made(exp.Neg(this=closed(value.tree)), kind, value)
    if kind_of(kind) != "whole":
        raise cannot(f"- {value.type}", "Only numbers have a sign.")
    zero = typed(exp.Literal.number(0), kinds.spark_type(kind))
    return to.strict(in_bounds(call("try_subtract", zero, value.tree), kind), kind, value)


Number = Callable[[exp.Expr], exp.Expr]


def _double(name: str, spark: str, domain: str | None = None, outside: str = "") -> None:
    """A function of a double. Outside of its domain DuckDB says NaN, or raises for what `outside` asks."""

    @function(name)
    def lower(to: Lowerer, node: exp.Anonymous, arguments: Sequence[Lowered]) -> Lowered:
        value = cast_to(to, arguments[0], "DOUBLE")
        tree: exp.Expr = form(spark, v=value.tree)
        if domain is not None and kinds.raises(outside):
            inside = form(domain, v=value.tree)
            tree = form(
                "CASE WHEN isnan(:v) THEN :v WHEN :inside THEN :t END", v=value.tree, inside=inside, t=tree
            )
        return to.strict(tree, "DOUBLE", value)


def _logarithm(name: str, spark: str) -> None:
    """Of zero and of what lies below, versions of DuckDB say infinity and NaN, or raise."""

    @function(name)
    def lower(to: Lowerer, node: exp.Anonymous, arguments: Sequence[Lowered]) -> Lowered:
        value = cast_to(to, arguments[0], "DOUBLE")
        raising = kinds.raises("ln(0e0)")
        below = exp.null() if raising else _NAN.copy()
        zero = exp.null() if raising else exp.Neg(this=_INFINITE.copy())
        tree = form(
            "CASE WHEN :v > 0 THEN :t WHEN :v = 0 THEN :zero WHEN :v < 0 THEN :below END",
            v=value.tree,
            t=form(spark, v=value.tree),
            zero=zero,
            below=below,
        )
        return to.strict(tree, "DOUBLE", value)


for _name, _spark in (
    ("exp", "exp(:v)"),
    ("cbrt", "cbrt(:v)"),
    ("atan", "atan(:v)"),
    ("radians", "radians(:v)"),
    ("degrees", "degrees(:v)"),
):
    _double(_name, _spark)
for _name in ("sin", "cos", "tan"):
    _double(_name, f"{_name}(:v)", "abs(:v) <= 1.7976931348623157e308", f"{_name}('inf'::DOUBLE)")
for _name in ("asin", "acos"):
    _double(_name, f"{_name}(:v)", ":v BETWEEN -1 AND 1", f"{_name}(2e0)")
for _name, _spark in (("ln", "ln(:v)"), ("log2", "log2(:v)"), ("log10", "log10(:v)")):
    _logarithm(_name, _spark)


@function("sqrt")
def _sqrt(to: Lowerer, node: exp.Anonymous, arguments: Sequence[Lowered]) -> Lowered:
    value = cast_to(to, arguments[0], "DOUBLE")
    below = exp.null() if kinds.raises("sqrt(-1e0)") else _NAN.copy()
    tree = form("CASE WHEN :v < 0 THEN :below ELSE sqrt(:v) END", v=value.tree, below=below)
    return to.strict(tree, "DOUBLE", value)


@function("log")
def _log(to: Lowerer, node: exp.Anonymous, arguments: Sequence[Lowered]) -> Lowered:
    """To base 10 or, with two arguments, the base first."""
    from datalinx.engine.compile.spark.lowering import FUNCTIONS

    if len(arguments) == 1:
        return FUNCTIONS["log10"](to, node, arguments)
    base, value = (FUNCTIONS["log10"](to, node, [each]) for each in arguments)
    return divided(to, exp.Div(), value, base, "DOUBLE")


@function("power", "pow")
def _pow(to: Lowerer, node: exp.Anonymous, arguments: Sequence[Lowered]) -> Lowered:
    return _power(to, *arguments)


def _power(to: Lowerer, left: Lowered, right: Lowered) -> Lowered:
    left, right = cast_to(to, left, "DOUBLE"), cast_to(to, right, "DOUBLE")
    # To C, 1 to any power and anything to the power 0 is 1; to Java not where NaN or infinity take part.
    tree = form(
        "CASE WHEN :a = 1 AND :b IS NOT NULL THEN 1e0 WHEN :a = -1 AND abs(:b) = :i THEN 1e0 ELSE power(:a, :b) END",
        a=left.tree,
        b=right.tree,
        i=_INFINITE,
    )
    return to.made(tree, "DOUBLE", left, right)


@function("atan2")
def _atan2(to: Lowerer, node: exp.Anonymous, arguments: Sequence[Lowered]) -> Lowered:
    left, right = (cast_to(to, each, "DOUBLE") for each in arguments)
    return to.made(call("atan2", left.tree, right.tree), "DOUBLE", left, right)


@function("abs")
def _abs(to: Lowerer, node: exp.Anonymous, arguments: Sequence[Lowered]) -> Lowered:
    kind = call_type(node, arguments)
    value = cast_to(to, arguments[0], kind)
    if kind_of(kind) != "whole" or kind in _WIDER:
        return to.made(call("abs", value.tree), kind, value)
    zero = typed(exp.Literal.number(0), kinds.spark_type(kind))
    tree = form("CASE WHEN :v < 0 THEN try_subtract(:zero, :v) ELSE :v END", v=value.tree, zero=zero)
    return to.strict(tree, kind, value)


@function("sign")
def _sign(to: Lowerer, node: exp.Anonymous, arguments: Sequence[Lowered]) -> Lowered:
    kind = call_type(node, arguments)
    tree = form(
        "CASE WHEN :v > 0 AND NOT isnan(CAST(:v AS DOUBLE)) THEN 1 WHEN :v < 0 THEN -1 WHEN :v IS NOT NULL THEN 0 END",
        v=arguments[0].tree,
    )
    return to.made(typed(tree, kinds.spark_type(kind)), kind, *arguments)


@function("isnan")
def _isnan(to: Lowerer, node: exp.Anonymous, arguments: Sequence[Lowered]) -> Lowered:
    return _tested(to, arguments[0], "isnan(:v)", "FALSE")


@function("isfinite")
def _isfinite(to: Lowerer, node: exp.Anonymous, arguments: Sequence[Lowered]) -> Lowered:
    return _tested(to, arguments[0], "abs(:v) <= 1.7976931348623157e308", "TRUE")


def _tested(to: Lowerer, value: Lowered, floating: str, other: str) -> Lowered:
    """A test of a double; of a date it is `other`, as there are no endless ones here. Spark's isnan has no NULL."""
    if kind_of(value.type) in {"date", "timestamp", "timestamptz"}:
        return to.made(form(f"CASE WHEN :v IS NOT NULL THEN {other} END", v=value.tree), "BOOLEAN", value)
    value = cast_to(to, value, value.type if kind_of(value.type) == "floating" else "DOUBLE")
    return to.made(form(f"CASE WHEN :v IS NOT NULL THEN {floating} END", v=value.tree), "BOOLEAN", value)
