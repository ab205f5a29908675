"""The functions of patterns."""

from collections.abc import Sequence

from sqlglot import exp

from datalinx.engine.compile.spark.casting import cast_to
from datalinx.engine.compile.spark.form import call, closed, form
from datalinx.engine.compile.spark.lowering import Lowered, Lowerer, function
from datalinx.engine.compile.spark.patterns import Pattern, replacement, translated
from datalinx.engine.compile.spark.refusal import cannot


def _pattern(arguments: Sequence[Lowered], options: int) -> tuple[Pattern, str]:
    """The second argument in Java's syntax, and the options, which stand at the place `options`."""
    pattern = arguments[1].literal
    if pattern is None:
        raise cannot("a computed pattern", "Write the pattern as a literal.")
    given = arguments[options].text if len(arguments) > options else ""
    return translated(pattern.name, given), given


@function("regexp_matches")
def _matches(to: Lowerer, node: exp.Anonymous, arguments: Sequence[Lowered]) -> Lowered:
    value = cast_to(to, arguments[0], "VARCHAR")
    pattern, _ = _pattern(arguments, 2)
    tree = exp.RegexpLike(this=closed(value.tree), expression=exp.Literal.string(pattern.java))
    return to.made(tree, "BOOLEAN", value)


@function("regexp_full_match")
def _full_match(to: Lowerer, node: exp.Anonymous, arguments: Sequence[Lowered]) -> Lowered:
    value = cast_to(to, arguments[0], "VARCHAR")
    pattern, _ = _pattern(arguments, 2)
    tree = exp.RegexpLike(this=closed(value.tree), expression=exp.Literal.string(pattern.full))
    return to.made(tree, "BOOLEAN", value)


@function("regexp_extract")
def _extract(to: Lowerer, node: exp.Anonymous, arguments: Sequence[Lowered]) -> Lowered:
    value = cast_to(to, arguments[0], "VARCHAR")
    pattern, _ = _pattern(arguments, 3)
    group = int(arguments[2].text) if len(arguments) > 2 else 0
    if group > pattern.groups:
        raise cannot(
            "regexp_extract", f"The pattern has {pattern.groups} groups, and group {group} is asked for."
        )
    return to.made(call("regexp_extract", value.tree, pattern.java, group), "VARCHAR", value)


@function("regexp_extract_all")
def _extract_all(to: Lowerer, node: exp.Anonymous, arguments: Sequence[Lowered]) -> Lowered:
    value = cast_to(to, arguments[0], "VARCHAR")
    pattern, _ = _pattern(arguments, 3)
    group = int(arguments[2].text) if len(arguments) > 2 else 0
    if pattern.nullable:
        raise cannot(
            "regexp_extract_all", "The pattern may match nothing at all; make it match one letter at least."
        )
    return to.made(call("regexp_extract_all", value.tree, pattern.java, group), "VARCHAR[]", value)


@function("regexp_replace")
def _replace(to: Lowerer, node: exp.Anonymous, arguments: Sequence[Lowered]) -> Lowered:
    """Spark replaces all; for the first alone what stands before it is matched too and put back."""
    value, new = cast_to(to, arguments[0], "VARCHAR"), arguments[2]
    pattern, options = _pattern(arguments, 3)
    if new.literal is None:
        return _by_computed(to, value, pattern, cast_to(to, new, "VARCHAR"), first="g" not in options)
    if "g" in options or pattern.starts:
        if pattern.nullable and "g" in options and not pattern.starts:
            raise cannot(
                "regexp_replace", "The pattern may match nothing at all; make it match one letter at least."
            )
        tree = call("regexp_replace", value.tree, pattern.java, replacement(new.text))
    else:
        tree = call("regexp_replace", value.tree, _first(pattern), "$1" + replacement(new.text, shift=1))
    return to.made(tree, "VARCHAR", value, new)


def _first(pattern: Pattern) -> str:
    """The pattern with all that stands before its first match."""
    return rf"\A([\x{{0}}-\x{{10FFFF}}]*?)(?:{pattern.java})"


def _by_computed(to: Lowerer, value: Lowered, pattern: Pattern, new: Lowered, *, first: bool) -> Lowered:
    """A replacement that the types compute; it is plain text and names no groups."""
    plain = form("replace(:new, :dollar, :escaped)", new=new.tree, dollar="$", escaped="\\$")
    if first and not pattern.starts:
        tree = call("regexp_replace", value.tree, _first(pattern), form("concat('$1', :new)", new=plain))
    else:
        tree = call("regexp_replace", value.tree, pattern.java, plain)
    return to.made(tree, "VARCHAR", value, new)
