"""The functions of JSON."""

import re
from collections.abc import Sequence

from sqlglot import exp

from datalinx.engine.compile.spark.casting import as_text, cast_to
from datalinx.engine.compile.spark.figures import floating_as_json
from datalinx.engine.compile.spark.form import bound, call, form, typed
from datalinx.engine.compile.spark.lowering import REFUSED, Lowered, Lowerer, function
from datalinx.engine.compile.spark.refusal import cannot
from datalinx.engine.compile.spark.validity import is_json, without_strings
from datalinx.engine.types.casts import kind_of

REFUSED["json_type"] = "Use json_extract_string and a pattern."
REFUSED["json_extract"] = "Use json_extract_string."

_NULL = r"\A[\x09\x0A\x0D ]*null[\x09\x0A\x0D ]*\z"
_DIGITS_OF_DOUBLE = 15
_SEGMENT = r'\.(\w+)|\."([^"\\\'\[\]]+)"|\[(\d+)\]'


@function("json_valid")
def _json_valid(to: Lowerer, node: exp.Anonymous, arguments: Sequence[Lowered]) -> Lowered:
    value = cast_to(to, arguments[0], "VARCHAR")
    return to.made(bound(value.tree, is_json), "BOOLEAN", value)


def _valid(to: Lowerer, value: Lowered, tree: exp.Expr, kind: str) -> Lowered:
    """What is made of a JSON text; of a text that is none DuckDB raises."""
    if value.type == "JSON":
        return to.made(tree, kind, value)

    def raises() -> exp.Expr:
        return form("(:v IS NOT NULL AND NOT :valid)", v=value.tree, valid=bound(value.tree, is_json))

    guarded = form("CASE WHEN :valid THEN :tree END", valid=bound(value.tree, is_json), tree=tree)
    return to.made(guarded, kind, value, raises=raises)


@function("json_array_length")
def _json_array_length(to: Lowerer, node: exp.Anonymous, arguments: Sequence[Lowered]) -> Lowered:
    """Of what is no list it is 0."""
    value = arguments[0] if arguments[0].type == "JSON" else cast_to(to, arguments[0], "VARCHAR")
    inner = without_strings(value.tree)
    if len(arguments) > 1:
        inner = call("get_json_object", value.tree, spark_path(arguments[1].text))
    tree = form(
        "CASE WHEN :found IS NOT NULL THEN CAST(coalesce(json_array_length(:found), 0) AS DECIMAL(20, 0)) END",
        found=inner,
    )
    return _valid(to, value, tree, "UBIGINT")


@function("json_extract_string")
def _json_extract_string(to: Lowerer, node: exp.Anonymous, arguments: Sequence[Lowered]) -> Lowered:
    value = arguments[0] if arguments[0].type == "JSON" else cast_to(to, arguments[0], "VARCHAR")
    found = call("get_json_object", value.tree, spark_path(arguments[1].text))
    if spark_path(arguments[1].text) == "$":
        if value.type == "JSON":
            # It is known to be JSON, and has a number that Spark's reader does not take, such as NaN.
            found = call("coalesce", found, value.tree)
        # A null that is all there is Spark would write out.
        found = form("CASE WHEN NOT (:v RLIKE :null) THEN :found END", v=value.tree, null=_NULL, found=found)
    return _valid(to, value, found, "VARCHAR")


def spark_path(path: str) -> str:
    """Return a path as Spark writes it."""
    if path.startswith("/"):
        path = "$" + "".join(f'."{part}"' for part in path[1:].split("/"))
    elif not path.startswith("$"):
        path = f'$."{path}"'
    rest, made = path[1:], "$"
    while rest:
        found = re.match(_SEGMENT, rest)
        if found is None:
            raise cannot(f"the JSON path {path[:60]}", "Use names and places, such as $.address.lines[0].")
        name, quoted, place = found.groups()
        made += f"[{place}]" if place is not None else (f".{name}" if name else f"['{quoted}']")
        rest = rest[found.end() :]
    return made


@function("to_json")
def _to_json(to: Lowerer, node: exp.Anonymous, arguments: Sequence[Lowered]) -> Lowered:
    value = arguments[0]
    return to.made(bound(value.tree, lambda tree: json_of(tree, value.type)), "JSON", value)


def json_of(tree: exp.Expr, kind: str) -> exp.Expr:
    """The JSON text of a value."""
    family = kind_of(kind)
    if family in {"boolean", "whole", "json"}:
        return as_text(tree, kind) if family != "json" else tree
    if family == "floating":
        return floating_as_json(typed(tree, "DOUBLE"))
    if family == "decimal":
        return _decimal_json(tree, kind)
    if family in {"text", "uuid", "time", "date", "timestamp", "timestamptz", "binary"}:
        quoted = form("to_json(named_struct('v', :v))", v=as_text(tree, kind))
        return form(
            "CASE WHEN :v IS NOT NULL THEN substring(:q, 6, char_length(:q) - 6) END", v=tree, q=quoted
        )
    raise cannot(f"to_json of {kind}", "Cast the value to text first.")


def _decimal_json(tree: exp.Expr, kind: str) -> exp.Expr:
    """A decimal that a double can hold becomes one in DuckDB; a longer one keeps its zeros."""
    precision = int(kind.partition("(")[2].partition(",")[0])
    if precision <= _DIGITS_OF_DOUBLE:
        return floating_as_json(typed(tree, "DOUBLE"))
    return as_text(tree, kind)


@function("json_object")
def _json_object(to: Lowerer, node: exp.Anonymous, arguments: Sequence[Lowered]) -> Lowered:
    """Keys are literals; NULL is JSON's null."""
    parts: list[exp.Expr | str] = []
    for key, value in zip(arguments[::2], arguments[1::2], strict=True):
        if key.literal is None:
            raise cannot("json_object with a computed key", "Write the keys as literals.")
        name = json_of(key.tree, "VARCHAR")
        parts += [
            "," if parts else "{",
            name,
            ":",
            form("coalesce(:v, 'null')", v=json_of(value.tree, value.type)),
        ]
    return to.made(call("concat", *(parts or ["{"]), "}"), "JSON", *arguments)
