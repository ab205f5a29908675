"""Source values as JSON text: what a rejected row shows, exact and readable by every JSON parser."""

from collections.abc import Iterable

from datalinx.engine.execute.text import literal
from datalinx.engine.types.casts import kind_of

# Beyond this, JSON's readers lose digits (RFC 8259, section 6).
_EXACT = 2**53
_AS_THEY_ARE = {"text", "boolean", "null"}


def row_json(columns: Iterable[tuple[str, str, str]]) -> str:
    """The JSON object of columns given as (name, expression, DuckDB type), as text."""
    parts = ", ".join(f"{literal(name)}, {_value(expression, kind)}" for name, expression, kind in columns)
    return f"CAST(json_object({parts}) AS VARCHAR)"


def pointer(name: str) -> str:
    """The path to a member of an object (RFC 6901)."""
    return "/" + name.replace("~", "~0").replace("/", "~1")


def _value(expression: str, duckdb_type: str) -> str:
    """The expression in a form that keeps its digits and that JSON has: NaN and its like become text."""
    kind = kind_of(duckdb_type)
    if kind in _AS_THEY_ARE:
        return expression
    text = f"to_json(CAST({expression} AS VARCHAR))"
    if kind == "whole":
        # The widest unsigned type cannot be compared with a negative number.
        is_unsigned = duckdb_type.strip().upper().startswith("U")
        is_exact = f"{expression} BETWEEN {0 if is_unsigned else -_EXACT} AND {_EXACT}"
        return f"CASE WHEN {is_exact} THEN to_json({expression}) ELSE {text} END"
    if kind == "floating":
        return f"CASE WHEN isfinite({expression}) THEN to_json({expression}) ELSE {text} END"
    if kind in {"nested", "json"}:
        # DuckDB writes and accepts NaN inside of JSON, where other readers refuse the whole of it. The word in
        # a text looks the same, and such a value becomes text too.
        has_nan = f"regexp_matches(CAST(to_json({expression}) AS VARCHAR), 'NaN|Infinity')"
        return f"CASE WHEN NOT {has_nan} THEN to_json({expression}) ELSE {text} END"
    return text
