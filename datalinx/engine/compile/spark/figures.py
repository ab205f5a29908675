"""Casts from numbers and booleans, and the text of numbers as DuckDB writes it."""

from collections.abc import Callable

from sqlglot import exp

from datalinx.engine.compile.spark import kinds
from datalinx.engine.compile.spark.form import call, form, typed

Cast = Callable[[exp.Expr, str, str], exp.Expr]

_BOUNDS = {
    "UTINYINT": (0, 2**8 - 1),
    "USMALLINT": (0, 2**16 - 1),
    "UINTEGER": (0, 2**32 - 1),
    "UBIGINT": (0, 2**64 - 1),
    "UHUGEINT": (0, 10**38 - 1),
}


def in_bounds(tree: exp.Expr, kind: str) -> exp.Expr:
    """The whole number where it lies within the bounds of an unsigned type, for which Spark has a wider one."""
    bounds = _BOUNDS.get(kind)
    if bounds is None:
        return tree
    low, high = (exp.Literal.number(bound) for bound in bounds)
    return form("CASE WHEN :v BETWEEN :low AND :high THEN :v END", v=tree, low=low, high=high)


def rounded(tree: exp.Expr) -> exp.Expr:
    """A double rounded to a whole one, halves away from zero."""
    return form(
        "CASE WHEN abs(:v - rint(:v)) = 5e-1 THEN :v + signum(:v) * 5e-1 ELSE rint(:v) END",
        v=tree,
    )


def _to_type(tree: exp.Expr, source: str, kind: str) -> exp.Expr:
    return typed(tree, kinds.spark_type(kind))


def _whole_to_whole(tree: exp.Expr, source: str, kind: str) -> exp.Expr:
    return in_bounds(typed(tree, kinds.spark_type(kind)), kind)


def _floating_to_floating(tree: exp.Expr, source: str, kind: str) -> exp.Expr:
    """What is too large for a FLOAT does not become infinite."""
    number = typed(tree, kinds.spark_type(kind))
    if kinds.spark_type(kind) == "DOUBLE":
        return number
    infinite = typed(exp.Literal.string("Infinity"), "DOUBLE")
    return form(
        "CASE WHEN abs(:v) = :infinite OR abs(:number) <> :infinite OR isnan(:v) THEN :number END",
        v=tree,
        number=number,
        infinite=infinite,
    )


def _to_boolean(tree: exp.Expr, source: str, kind: str) -> exp.Expr:
    return form(":v <> 0", v=tree)


def _floating_to_whole(tree: exp.Expr, source: str, kind: str) -> exp.Expr:
    """Halves go to the even neighbour. Spark would take 2 ** 63 for the largest BIGINT."""
    number = typed(call("rint", tree), kinds.spark_type(kind))
    if kind == "BIGINT":
        number = form("CASE WHEN :v < 9223372036854775807e0 THEN :number END", v=tree, number=number)
    return in_bounds(number, kind)


def _floating_to_decimal(tree: exp.Expr, source: str, kind: str) -> exp.Expr:
    """DuckDB scales the double and rounds it to a whole number; by way of a BIGINT Spark keeps its exact digits."""
    scale = int(kind.rstrip(")").rpartition(",")[2])
    number = form("CAST(:v AS DOUBLE)", v=tree)
    whole = rounded(form(f":v * 1e{scale}", v=number) if scale else number)
    exact = form(
        "CASE WHEN abs(:w) < 9e18 THEN CAST(TRY_CAST(:w AS BIGINT) AS DECIMAL(38, 0)) "
        "ELSE TRY_CAST(:w AS DECIMAL(38, 0)) END",
        w=whole,
    )
    if scale:
        step = typed(exp.Literal.string(f"1e-{scale}"), f"DECIMAL({scale}, {scale})")
        exact = call("try_multiply", exact, step)
    return typed(exact, kinds.spark_type(kind))


def _decimal_to_whole(tree: exp.Expr, source: str, kind: str) -> exp.Expr:
    return in_bounds(typed(call("round", tree, 0), kinds.spark_type(kind)), kind)


def _to_text(tree: exp.Expr, source: str, kind: str) -> exp.Expr:
    return form("CAST(:v AS VARCHAR)", v=tree)


def _floating_to_text(tree: exp.Expr, source: str, kind: str) -> exp.Expr:
    """The shortest digits that mean this number, with an exponent below 1e-4 and from 1e16 on."""
    text = form("CAST(:v AS VARCHAR)", v=tree)
    plain = form(
        r"regexp_replace(CAST(TRY_CAST(:t AS DECIMAL(38, 20)) AS VARCHAR), '(\.[0-9]+?)0+$', '$1')", t=text
    )
    tiny = form(
        r"regexp_replace(CAST(TRY_CAST(:t AS DECIMAL(38, 30)) AS VARCHAR), '(\.[0-9]+?)0+$', '$1')", t=text
    )
    with_exponent = form(
        r"regexp_replace(regexp_replace(regexp_replace(:t, '(?:\.0)?E', 'e'), 'e([0-9])', 'e+$1'), "
        r"'e([+-])([0-9])$', 'e$10$2')",
        t=text,
    )
    return form(
        "CASE WHEN isnan(:v) THEN 'nan' WHEN abs(:v) = :infinite THEN CASE WHEN :v > 0 THEN 'inf' ELSE '-inf' END "
        "WHEN NOT contains(:t, 'E') THEN :t WHEN abs(:v) >= 1e16 OR abs(:v) < 1e-4 THEN :exponent "
        "WHEN abs(:v) >= 1 THEN :plain ELSE :tiny END",
        v=tree,
        t=text,
        infinite=typed(exp.Literal.string("Infinity"), "DOUBLE"),
        exponent=with_exponent,
        plain=plain,
        tiny=tiny,
    )


def floating_as_json(tree: exp.Expr) -> exp.Expr:
    """A double as DuckDB writes it in JSON: with an exponent below 1e-6 and from 1e21 on."""
    text = form("CAST(:v AS VARCHAR)", v=tree)

    def plain(kind: str) -> exp.Expr:
        return form(
            r"regexp_replace(CAST(:d AS VARCHAR), '(\.[0-9]+?)0+$', '$1')", d=typed(text.copy(), kind)
        )

    return form(
        "CASE WHEN isnan(:v) THEN 'NaN' WHEN NOT contains(:t, 'E') THEN :t "
        "WHEN abs(:v) >= 1e21 OR abs(:v) < 1e-6 THEN regexp_replace(:t, '(?:[.]0)?E', 'e') "
        "WHEN abs(:v) >= 1 THEN :large ELSE :small END",
        v=tree,
        t=text,
        large=plain("DECIMAL(38, 16)"),
        small=plain("DECIMAL(38, 30)"),
    )


CASTS_FROM_NUMBERS: dict[tuple[str, str], Cast] = {
    ("boolean", "text"): _to_text,
    ("whole", "text"): _to_text,
    ("decimal", "text"): _to_text,
    ("floating", "text"): _floating_to_text,
    **{("boolean", target): _to_type for target in ("whole", "floating", "decimal")},
    **{(source, "boolean"): _to_boolean for source in ("whole", "floating", "decimal")},
    ("whole", "whole"): _whole_to_whole,
    ("whole", "floating"): _to_type,
    ("whole", "decimal"): _to_type,
    ("floating", "whole"): _floating_to_whole,
    ("floating", "floating"): _floating_to_floating,
    ("floating", "decimal"): _floating_to_decimal,
    ("decimal", "whole"): _decimal_to_whole,
    ("decimal", "floating"): _to_type,
    ("decimal", "decimal"): _to_type,
}
