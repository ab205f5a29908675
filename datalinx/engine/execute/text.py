"""Names and values as parts of SQL texts. Nothing of a user's comes into a statement but through here."""

from collections.abc import Iterable
from pathlib import Path

from sqlglot import exp


def quoted(name: str) -> str:
    """The identifier that means exactly this name."""
    return '"' + name.replace('"', '""') + '"'


def free_name(name: str, taken: Iterable[str]) -> str:
    """A name that is none of those taken, which DuckDB compares without regard to case."""
    used = {each.casefold() for each in taken}
    while name.casefold() in used:
        name += "="
    return name


def literal(value: str | int | Path | None) -> str:
    """The literal that means exactly this text, number or path."""
    if value is None:
        return "NULL"
    if isinstance(value, int):
        return str(value)
    return "'" + str(value).replace("'", "''") + "'"


def listed(values: Iterable[str | int | Path]) -> str:
    """A list literal."""
    return "[" + ", ".join(literal(value) for value in values) + "]"


def duckdb_sql(tree: exp.Expr) -> str:
    """The text of a syntax tree."""
    return tree.sql(dialect="duckdb", comments=False)


def any_of(conditions: Iterable[str]) -> str:
    """The disjunction; FALSE of none."""
    return " OR ".join(conditions) or "FALSE"
