"""The aggregates, with the types and the order of rows that DuckDB's have."""

from collections.abc import Callable, Sequence

from sqlglot import exp

from datalinx.engine.compile.spark import kinds
from datalinx.engine.compile.spark.casting import as_boolean, cast_to
from datalinx.engine.compile.spark.form import call, form, is_known, typed, when
from datalinx.engine.compile.spark.lowering import REFUSED, Lowered, Lowerer, function, rule
from datalinx.engine.compile.spark.refusal import cannot
from datalinx.engine.types.casts import kind_of

REFUSED["approx_count_distinct"] = "Its estimates differ from engine to engine: use count(DISTINCT …)."


@rule(exp.Filter)
def _filtered(to: Lowerer, node: exp.Filter) -> Lowered:
    """The condition goes into the call, as what is made of the aggregate may stand around it."""
    value = to.lower(node.this)
    condition = to.settled(as_boolean(to, to.lower(node.expression.this)))

    def filtered(tree: exp.Expression) -> exp.Expression:
        if isinstance(tree, exp.Anonymous) and tree.name in _CALLED:
            return exp.Filter(this=tree, expression=exp.Where(this=condition.tree.copy()))
        return tree

    return Lowered(value.tree.transform(filtered), value.type)


# The aggregates of Spark that the rules below call.
_CALLED = {
    *(
        "count",
        "try_sum",
        "sum",
        "avg",
        "min",
        "max",
        "median",
        "percentile",
        "percentile_disc",
        "bool_and",
        "bool_or",
    ),
    *(
        "stddev_samp",
        "stddev_pop",
        "var_samp",
        "var_pop",
        "max_by",
        "min_by",
        "collect_list",
        "collect_set",
        "count_if",
    ),
}


def _given(to: Lowerer, node: exp.Expr) -> tuple[Lowered, bool]:
    """The argument of an aggregate, and whether it is taken once for each value."""
    if isinstance(node, exp.Distinct):
        return to.settled(to.lower(node.expressions[0])), True
    return to.settled(to.lower(node)), False


def _question(name: str, node: exp.Anonymous, value: Lowered) -> str:
    rest = [each.copy() for each in node.expressions[1:]]
    return kinds.type_of(exp.Anonymous(this=name, expressions=[value.operand, *rest]))


def _called(name: str, tree: exp.Expr, *rest: exp.Expr | int, distinct: bool) -> exp.Expr:
    return call(name, exp.Distinct(expressions=[tree]) if distinct else tree, *rest)


@function("count", lazy=True)
def _count(to: Lowerer, node: exp.Anonymous, arguments: Sequence[Lowered]) -> Lowered:
    if not node.expressions or isinstance(node.expressions[0], exp.Star):
        return Lowered(call("count", exp.Star()), "BIGINT")
    value, distinct = _given(to, node.expressions[0])
    return Lowered(_called("count", value.tree, distinct=distinct), "BIGINT")


def _simple(names: Sequence[str], made: Callable[[Lowerer, Lowered, str, bool], exp.Expr]) -> None:
    for name in names:

        @function(name, lazy=True)
        def lower(to: Lowerer, node: exp.Anonymous, arguments: Sequence[Lowered]) -> Lowered:
            value, distinct = _given(to, node.expressions[0])
            kind = _question(node.name, node, value)
            return Lowered(made(to, value, kind, distinct), kind)


def _sum(to: Lowerer, value: Lowered, kind: str, distinct: bool) -> exp.Expr:
    """Whole numbers add up to a HUGEINT, decimals to 38 digits of the same scale."""
    if kind_of(kind) == "floating":
        return _called("sum", cast_to(to, value, kind).tree, distinct=distinct)
    tree = (
        typed(value.tree, kinds.spark_type(kind))
        if kind_of(value.type) != "boolean"
        else cast_to(to, value, "INTEGER").tree
    )
    return typed(_called("try_sum", tree, distinct=distinct), kinds.spark_type(kind))


def _average(to: Lowerer, value: Lowered, kind: str, distinct: bool) -> exp.Expr:
    if kind != "DOUBLE":
        raise cannot(f"avg of {value.type}", "Average numbers.")
    if kind_of(value.type) in {"whole", "decimal", "boolean"}:
        # The exact sum is divided once, as DuckDB does it.
        exact = cast_to(to, value, "INTEGER") if kind_of(value.type) == "boolean" else value
        summed = form("CAST(:s AS DOUBLE)", s=_sum(to, exact, _summed(exact.type), distinct))
        number = form("CAST(nullif(:n, 0) AS DOUBLE)", n=_called("count", exact.tree, distinct=distinct))
        return exp.Div(this=summed, expression=number, typed=True, safe=False)
    return _called("avg", cast_to(to, value, "DOUBLE").tree, distinct=distinct)


def _summed(kind: str) -> str:
    return f"DECIMAL(38,{kind.rstrip(')').rpartition(',')[2]})" if kind_of(kind) == "decimal" else "HUGEINT"


def _edge(name: str) -> Callable[[Lowerer, Lowered, str, bool], exp.Expr]:
    return lambda to, value, kind, distinct: _called(name, value.tree, distinct=False)


def _truth(name: str) -> Callable[[Lowerer, Lowered, str, bool], exp.Expr]:
    return lambda to, value, kind, distinct: _called(name, as_boolean(to, value).tree, distinct=False)


def _spread(name: str) -> Callable[[Lowerer, Lowered, str, bool], exp.Expr]:
    return lambda to, value, kind, distinct: _called(
        name, cast_to(to, value, "DOUBLE").tree, distinct=distinct
    )


_simple(("sum",), _sum)
_simple(("avg", "mean"), _average)
_simple(("min",), _edge("min"))
_simple(("max",), _edge("max"))
_simple(("bool_and",), _truth("bool_and"))
_simple(("bool_or",), _truth("bool_or"))
for _name, _names in {
    "stddev_samp": ("stddev_samp", "stddev"),
    "stddev_pop": ("stddev_pop",),
    "var_samp": ("var_samp", "variance"),
    "var_pop": ("var_pop",),
}.items():
    _simple(_names, _spread(_name))


@function("count_if", lazy=True)
def _count_if(to: Lowerer, node: exp.Anonymous, arguments: Sequence[Lowered]) -> Lowered:
    """Where there is nothing but NULLs, some versions of DuckDB say NULL."""
    value, distinct = _given(to, node.expressions[0])
    kind = _question("count_if", node, value)
    condition = as_boolean(to, value).tree
    tree = typed(_called("count_if", condition, distinct=distinct), kinds.spark_type(kind))
    if kinds.value_of("count_if(NULL::BOOLEAN)") is None:
        known = _called("count", condition, distinct=distinct)
        tree = form("CASE WHEN :known > 0 THEN :tree END", known=known, tree=tree)
    return Lowered(tree, kind)


@function("median", "quantile_cont", lazy=True)
def _quantile_cont(to: Lowerer, node: exp.Anonymous, arguments: Sequence[Lowered]) -> Lowered:
    value, distinct = _given(to, node.expressions[0])
    kind = _question(node.name, node, value)
    if kind_of(value.type) not in {"whole", "decimal", "floating"} or kind_of(kind) not in {
        "floating",
        "decimal",
        "whole",
    }:
        raise cannot(f"{node.name} of {value.type}", "Use quantile_disc, or numbers.")
    share = "0.5" if node.name.lower() == "median" else node.expressions[1].name
    tree = _called(
        "percentile", cast_to(to, value, "DOUBLE").tree, exp.Literal.number(share), distinct=distinct
    )
    return Lowered(cast_to(to, Lowered(tree, "DOUBLE"), kind).tree, kind)


@function("quantile_disc", lazy=True)
def _quantile_disc(to: Lowerer, node: exp.Anonymous, arguments: Sequence[Lowered]) -> Lowered:
    """The value at a place among the sorted ones."""
    value, distinct = _given(to, node.expressions[0])
    values = form(
        "sort_array(:all)",
        all=_called("collect_set" if distinct else "collect_list", value.tree, distinct=False),
    )
    tree = form(
        "get(:all, CAST(greatest(ceil(size(:all) * CAST(:share AS DOUBLE)) - 1, 0) AS INTEGER))",
        all=values,
        share=exp.Literal.number(node.expressions[1].name),
    )
    return Lowered(tree, value.type)


@function("string_agg", "listagg", "group_concat", lazy=True)
def _string_agg(to: Lowerer, node: exp.Anonymous, arguments: Sequence[Lowered]) -> Lowered:
    """The compiler orders by the text itself."""
    value, distinct = _given(to, node.expressions[0])
    value = cast_to(to, value, "VARCHAR")
    separator = node.expressions[1] if len(node.expressions) > 1 else exp.Literal.string(",")
    if not isinstance(separator, exp.Order | exp.Literal):
        raise cannot("string_agg with a computed separator", "Write the separator as a literal.")
    if isinstance(separator, exp.Order):
        separator = separator.this
    values = _called("collect_set" if distinct else "collect_list", value.tree, distinct=False)
    tree = form("nullif(:all, array())", all=values)
    return Lowered(form("array_join(sort_array(:all), :separator)", all=tree, separator=separator), "VARCHAR")


@function("arg_max", "arg_min", "max_by", "min_by", lazy=True)
def _arg_max(to: Lowerer, node: exp.Anonymous, arguments: Sequence[Lowered]) -> Lowered:
    """The compiler compares pairs of key and value, so that of equal keys one value wins."""
    value, _ = _given(to, node.expressions[0])
    largest = node.name.lower() in {"arg_max", "max_by"}
    key = _key(to, node.expressions[1], value)
    pair = call("named_struct", "k", key.tree, "n", is_known(value.tree.copy()), "v", value.tree)
    # Neither engine counts rows without a value.
    both = form(":k IS NOT NULL AND :v IS NOT NULL", k=key.tree, v=value.tree)
    found = call("max" if largest else "min", when(both, pair))
    return Lowered(exp.Dot(this=exp.Paren(this=found), expression=exp.to_identifier("v")), value.type)


def _key(to: Lowerer, node: exp.Expr, value: Lowered) -> Lowered:
    """What is compared; of the compiler's CASE that makes a pair, the first of the pair."""
    if isinstance(node, exp.Case):
        result = node.args["ifs"][0].args["true"]
        if isinstance(result, exp.Anonymous) and result.name.lower() == "row":
            return to.settled(to.lower(result.expressions[0]))
    return to.settled(to.lower(node))
