"""Casts: from any DuckDB type to any other, NULL where DuckDB raises. No leniency of Spark's decides.

A text is cast by Spark only where it has a shape that Spark reads as DuckDB does; what DuckDB takes besides (an
exponent in a whole number, an underscore between digits, a slash in a date) is brought into such a shape first.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass, replace

from sqlglot import exp

from datalinx.engine.compile.spark import kinds
from datalinx.engine.compile.spark.figures import CASTS_FROM_NUMBERS, in_bounds
from datalinx.engine.compile.spark.form import bound, call, form, typed
from datalinx.engine.compile.spark.lowering import Lowered, Lowerer
from datalinx.engine.compile.spark.moments import CASTS_FROM_MOMENTS, moment_of_text
from datalinx.engine.compile.spark.refusal import cannot
from datalinx.engine.compile.spark.validity import is_json
from datalinx.engine.types.casts import kind_of

W = r"[\x09-\x0D ]*"
_DIGITS = "[0-9]+(?:_[0-9]+)*"
_NUMBER = rf"[+-]?(?:{_DIGITS}(?:\.(?:{_DIGITS})?)?|\.{_DIGITS})(?:[eE][+-]?[0-9]+)?"
_NUMBER_ALONE = rf"\A{W}{_NUMBER}{W}\z"
_NOT_FINITE = rf"\A{W}[+-]?(?:[nN][aA][nN]|[iI][nN][fF](?:[iI][nN][iI][tT][yY])?){W}\z"
# Spark skips controls around a number, and reads digits of every script as decimals.
_NO_SIGNS = r"[^\x09-\x0D -~]"
# What patterns of dates and of times of day have in them.
_ISO_PARTS = re.compile(r"-\[0-9\]\{2\}-\[0-9\]\{2\}|:\[0-5\]\[0-9\]")
# What a pattern of plain numbers is written with.
_PLAIN = frozenset("0123456789+-.eE[](){}?:,*| ")

Cast = Callable[[exp.Expr, str, str], exp.Expr]


def as_boolean(to: Lowerer, value: Lowered) -> Lowered:
    """The value as a condition."""
    return cast_to(to, value, "BOOLEAN")


def cast_to(to: Lowerer, value: Lowered, kind: str) -> Lowered:
    """DuckDB's cast to a type; raise `Invalid` `ENGINE_CANNOT` for a pair that Spark has no equal for."""
    if value.type == kind or (value.type == kinds.NULL and kind == kinds.NULL):
        return value
    if value.type == kinds.NULL:
        return Lowered(typed(exp.null(), kinds.spark_type(kind)), kind)
    source, target = kind_of(value.type), kind_of(kind)
    if source == "text" and target == "text":
        return replace(value, type=kind)
    known = _Known(is_plain=_is_plain(to, value.tree), is_iso=_is_iso(to, value.tree))
    tree = bound(value.tree, lambda tree: _cast(replace(value, tree=tree), kind, source, target, known))
    if _cannot_fail(source, target):
        return to.made(tree, kind, value)
    return to.strict(tree, kind, value)


def _cannot_fail(source: str, target: str) -> bool:
    return target == "text" or (source, target) in {("boolean", "whole"), ("whole", "floating")}


@dataclass(frozen=True)
class _Known:
    """What is known of a text before it is bound to a name, under which nothing is known any more."""

    is_plain: bool
    is_iso: bool


def _cast(value: Lowered, kind: str, source: str, target: str, known: _Known) -> exp.Expr:
    if target == "text":
        return as_text(value.tree, value.type)
    if source in {"text", "json"}:
        return _from_text(value, kind, target, known)
    found = CASTS_FROM_NUMBERS.get((source, target)) or CASTS_FROM_MOMENTS.get((source, target))
    if found is None:
        raise cannot(f"CAST({value.type} AS {kind})", "Cast to another type.")
    return found(value.tree, value.type, kind)


def as_text(tree: exp.Expr, kind: str) -> exp.Expr:
    """The value as DuckDB writes it."""
    source = kind_of(kind)
    if source in {"text", "json", "uuid", "time"}:
        return tree
    found = CASTS_FROM_NUMBERS.get((source, "text")) or CASTS_FROM_MOMENTS.get((source, "text"))
    if found is None:
        raise cannot(f"CAST({kind} AS VARCHAR)", "Values of this type cannot be written as text here.")
    return found(tree, kind, "VARCHAR")


def _from_text(value: Lowered, kind: str, target: str, known: _Known) -> exp.Expr:
    tree = value.tree
    match target:
        case "whole":
            return _whole(tree, kind, is_plain=known.is_plain)
        case "floating" | "decimal":
            return _fraction(
                tree, kinds.spark_type(kind), is_plain=known.is_plain, infinite=target == "floating"
            )
        case "boolean":
            return form(
                "CASE WHEN lower(:v) IN ('true', 't', 'yes', 'y', '1') THEN TRUE "
                "WHEN lower(:v) IN ('false', 'f', 'no', 'n', '0') THEN FALSE END",
                v=tree,
            )
        case "date" | "timestamp" | "timestamptz" | "time":
            return moment_of_text(tree, target, is_iso=known.is_iso)
        case "uuid":
            return _uuid(tree)
        case "json":
            return form("CASE WHEN :valid THEN :v END", valid=is_json(tree), v=tree)
    raise cannot(f"CAST(VARCHAR AS {kind})", "Cast to another type.")


def _is_plain(to: Lowerer, tree: exp.Expr) -> bool:
    """Whether the text is known to match a pattern of plain numbers here."""
    patterns = to.known.get(tree.sql(dialect="spark"), set())
    return any(_PLAIN.issuperset(_without_escapes(pattern)) for pattern in patterns)


def _is_iso(to: Lowerer, tree: exp.Expr) -> bool:
    """Whether the text, blanks at its ends apart, is known to match a pattern of ISO 8601 here."""
    parts = [tree]
    while parts:
        part = parts.pop()
        if any(_ISO_PARTS.search(pattern) for pattern in to.known.get(part.sql(dialect="spark"), ())):
            return True
        if isinstance(part, exp.DPipe | exp.Paren):
            parts += [each for each in part.iter_expressions() if not isinstance(each, exp.Literal)][:1]
        elif isinstance(part, exp.Anonymous) and part.name in {"btrim", "trim", "substring"}:
            parts.append(part.expressions[0])
    return False


def _without_escapes(pattern: str) -> str:
    for escape in (r"\t", r"\r", r"\n", r"\."):
        pattern = pattern.replace(escape, "")
    return pattern


def _whole(tree: exp.Expr, kind: str, *, is_plain: bool) -> exp.Expr:
    """Digits are cast as they stand; all else that is a number goes through a decimal, which rounds as DuckDB does."""
    name = kinds.spark_type(kind)
    direct: exp.Expr = typed(tree.copy(), name)
    if not is_plain:
        direct = form(
            "CASE WHEN NOT (:v RLIKE :none) THEN :direct END", v=tree, none=_NO_SIGNS, direct=direct
        )
    # What lies behind the eighteenth decimal would round the rest up.
    number = form(
        r"regexp_replace(regexp_replace(:v, '[_\x09-\x0D ]', ''), '(\.[0-9]{18})[0-9]+\z', '$1')", v=tree
    )
    rounded = typed(call("round", typed(number, "DECIMAL(38, 18)")), name)
    by_base = form(
        r"CASE WHEN :v RLIKE :hexadecimal THEN conv(substring(trim(:v), 3), 16, 10) "
        r"WHEN :v RLIKE :binary THEN conv(substring(trim(:v), 3), 2, 10) END",
        v=tree,
        hexadecimal=rf"\A{W}0[xX][0-9a-fA-F]{{1,16}}{W}\z",
        binary=rf"\A{W}0[bB][01]{{1,64}}{W}\z",
    )
    other = exp.Case(
        ifs=[exp.If(this=form("(:v RLIKE :number)", v=tree, number=_NUMBER_ALONE), true=rounded)],
        default=None if is_plain else typed(by_base, name),
    )
    return in_bounds(call("coalesce", direct, other), kind)


def _fraction(tree: exp.Expr, name: str, *, is_plain: bool, infinite: bool) -> exp.Expr:
    direct = typed(tree.copy(), name)
    if is_plain:
        return direct
    clean = typed(form(r"regexp_replace(:v, '[_\x09-\x0D ]', '')", v=tree), name)
    test = form("(:v RLIKE :number)", v=tree, number=_NUMBER_ALONE)
    if infinite:
        test = form("(:v RLIKE :number OR :v RLIKE :named)", v=tree, number=_NUMBER_ALONE, named=_NOT_FINITE)
    return form("CASE WHEN :test THEN :clean END", test=test, clean=clean)


def _uuid(tree: exp.Expr) -> exp.Expr:
    """Hyphens may be left out or stand between any bytes, braces may stand around; the canonical form comes out."""
    return form(
        "CASE WHEN :v RLIKE :canonical THEN lower(:v) "
        "WHEN :v RLIKE :other THEN regexp_replace(lower(regexp_replace(:v, '[^0-9a-fA-F]', '')), :parts, :joined) END",
        v=tree,
        canonical=r"\A[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}\z",
        other=r"\A(?:[0-9a-fA-F]{2}-?){15}[0-9a-fA-F]{2}\z|\A\{(?:[0-9a-fA-F]{2}-?){15}[0-9a-fA-F]{2}\}\z",
        parts="^(.{8})(.{4})(.{4})(.{4})(.{12})$",
        joined="$1-$2-$3-$4-$5",
    )


def same_text(to: Lowerer, condition: exp.Expr) -> tuple[str, str] | None:
    """The value and the pattern of a condition that is a match of a whole text, or begins with one."""
    while isinstance(condition, exp.Paren | exp.And):
        condition = condition.this
    if not isinstance(condition, exp.Anonymous) or condition.name.lower() != "regexp_full_match":
        return None
    value, pattern, *options = condition.expressions
    if options or not isinstance(pattern, exp.Literal):
        return None
    return to.unwatched(value).tree.sql(dialect="spark"), pattern.name
