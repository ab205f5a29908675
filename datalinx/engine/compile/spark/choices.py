"""The functions that choose among values, hold errors, and make and take apart lists and JSON objects."""

from collections.abc import Sequence

from sqlglot import exp

from datalinx.engine.compile.spark import kinds
from datalinx.engine.compile.spark.casting import as_boolean, cast_to
from datalinx.engine.compile.spark.form import both, call, closed, either, is_null, when
from datalinx.engine.compile.spark.lowering import (
    Lowered,
    Lowerer,
    call_type,
    function,
    rule,
    without_raises,
)
from datalinx.engine.compile.spark.operators import cased, compare, compared, in_table
from datalinx.engine.compile.spark.refusal import cannot
from datalinx.engine.compile.spark.tables import table_of


@function("try", lazy=True)
def _try(to: Lowerer, node: exp.Anonymous, arguments: Sequence[Lowered]) -> Lowered:
    """NULL in place of an error, which is what every lowered expression gives by itself."""
    inner = node.expressions[0]
    if (
        isinstance(inner, exp.Anonymous)
        and inner.name.lower() == "list_value"
        and len(inner.expressions) == 1
    ):
        item = to.watched(inner.expressions[0])
        packed: exp.Expr = call("array", item.tree)
        if item.raises is not None:
            packed = when(exp.Not(this=closed(item.raises)), packed)
        return Lowered(packed, f"{item.type}[]")
    return without_raises(to.unwatched(inner))


@function("list_value")
def _list_value(to: Lowerer, node: exp.Anonymous, arguments: Sequence[Lowered]) -> Lowered:
    kind = call_type(node, arguments)
    values = [cast_to(to, value, kinds.element_type(kind)) for value in arguments]
    return to.made(call("array", *(value.tree for value in values)), kind, *values)


@function("list_extract", "array_extract", lazy=True)
def _list_extract(to: Lowerer, node: exp.Anonymous, arguments: Sequence[Lowered]) -> Lowered:
    """The element at a place; of a list that was packed around one value that value itself."""
    packed, place = node.expressions
    if (value := _packed_value(packed)) is not None:
        return without_raises(to.unwatched(value))
    lowered = to.lower(packed)
    if not lowered.type.endswith("]") or not isinstance(place, exp.Literal):
        raise cannot("list_extract", "Only a list with a place written as a number can be taken apart.")
    return to.made(call("get", lowered.tree, int(place.name) - 1), kinds.element_type(lowered.type), lowered)


def _packed_value(node: exp.Expr) -> exp.Expr | None:
    if not isinstance(node, exp.Anonymous) or node.name.lower() != "try":
        return None
    inner = node.expressions[0]
    if (
        isinstance(inner, exp.Anonymous)
        and inner.name.lower() == "list_value"
        and len(inner.expressions) == 1
    ):
        found: exp.Expr = inner.expressions[0]
        return found
    return None


@function("coalesce", "ifnull")
def _coalesce(to: Lowerer, node: exp.Anonymous, arguments: Sequence[Lowered]) -> Lowered:
    """What an argument raises counts where those before it are NULL."""
    kind = kinds.common([each.operand for each in arguments])
    values = [cast_to(to, value, kind) for value in arguments]
    raises = values[-1].raises
    for value in values[-2::-1]:
        later = both(is_null(value.tree.copy()), raises) if raises is not None else None
        raises = either(value.raises, later)
    return Lowered(call("coalesce", *(value.tree for value in values)), kind, raises)


@function("if")
def _if(to: Lowerer, node: exp.Anonymous, arguments: Sequence[Lowered]) -> Lowered:
    condition, yes, no = arguments
    return cased(to, [as_boolean(to, condition)], [yes], no)


@function("nullif")
def _nullif(to: Lowerer, node: exp.Anonymous, arguments: Sequence[Lowered]) -> Lowered:
    left, right = compared(to, arguments)
    kind = call_type(node, arguments)
    value = cast_to(to, arguments[0], kind)
    equal = compare(exp.EQ, left.tree, right.tree)
    tree = exp.Case(ifs=[exp.If(this=equal, true=exp.null())], default=value.tree)
    return to.made(tree, kind, left, right, value)


def _extreme(name: str) -> None:
    @function(name)
    def lower(to: Lowerer, node: exp.Anonymous, arguments: Sequence[Lowered]) -> Lowered:
        """NULLs are passed over, by both engines."""
        kind = call_type(node, arguments)
        values = [cast_to(to, value, kind) for value in arguments]
        if len(values) == 1:
            return values[0]
        return to.made(call(name, *(value.tree for value in values)), kind, *values)


_extreme("greatest")
_extreme("least")


@rule(exp.Bracket)
def _bracket(to: Lowerer, node: exp.Bracket) -> Lowered:
    found = table_of(node)
    if found is None:
        raise cannot("[…]", "Lists and structures cannot be taken apart here.")
    return in_table(to, *found)


@function("string_split", "str_split", "split")
def _split(to: Lowerer, node: exp.Anonymous, arguments: Sequence[Lowered]) -> Lowered:
    value, separator = (cast_to(to, each, "VARCHAR") for each in arguments)
    if separator.literal is None or not separator.text:
        raise cannot("string_split", "Write the separator as a literal that is not empty.")
    pattern = "".join(rf"\x{{{ord(letter):X}}}" for letter in separator.text)
    return to.made(call("split", value.tree, pattern, exp.Literal.number(-1)), "VARCHAR[]", value)


@function("list_transform", "array_transform", lazy=True)
def _transform(to: Lowerer, node: exp.Anonymous, arguments: Sequence[Lowered]) -> Lowered:
    items, step = to.lower(node.expressions[0]), node.expressions[1]
    if not isinstance(step, exp.Lambda) or len(step.expressions) != 1:
        raise cannot("list_transform", "Give it a function of one value.")
    name, outer = step.expressions[0].name, to.types

    def types(column: exp.Column) -> str:
        return kinds.element_type(items.type) if column.name == name and not column.table else outer(column)

    to.types = types
    try:
        body = to.unwatched(_columns(step.this, name))
    finally:
        to.types = outer
    made = exp.Lambda(this=body.tree, expressions=[exp.to_identifier(name, quoted=True)])
    return to.made(call("transform", items.tree, made), f"{body.type}[]", items)


def _columns(body: exp.Expr, name: str) -> exp.Expr:
    """The body of a lambda with its parameter as a column."""

    def replaced(node: exp.Expression) -> exp.Expression:
        is_bare = isinstance(node, exp.Identifier) and not isinstance(node.parent, exp.Column)
        return exp.column(name, quoted=True) if is_bare and node.name == name else node

    return body.copy().transform(replaced)


@function("array_to_string", "list_aggregate")
def _joined(to: Lowerer, node: exp.Anonymous, arguments: Sequence[Lowered]) -> Lowered:
    items, separator = arguments
    if not items.type.endswith("]") or node.name.lower() != "array_to_string":
        raise cannot(node.name, "Use array_to_string.")
    return to.made(call("array_join", items.tree, separator.tree), "VARCHAR", items, separator)


@function("pi")
def _pi(to: Lowerer, node: exp.Anonymous, arguments: Sequence[Lowered]) -> Lowered:
    return Lowered(call("pi"), "DOUBLE")


@function("error")
def _error(to: Lowerer, node: exp.Anonymous, arguments: Sequence[Lowered]) -> Lowered:
    """What a query says on purpose."""
    return to.made(call("raise_error", arguments[0].tree), kinds.NULL, *arguments)
