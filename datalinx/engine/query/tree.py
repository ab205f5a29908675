"""The first look at a user's SQL: one SELECT over known tables, read from sqlglot's syntax tree.

`duckdb_tree.py` is the second look, at DuckDB's own tree. Two parsers have to agree that a statement is
harmless before it runs, and this one gives the errors their place and the nearest right name.
"""

import difflib
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import NoReturn

import sqlglot
from sqlglot import TokenType, exp
from sqlglot.errors import SqlglotError

from datalinx.engine.query.functions import TABLE_FUNCTIONS
from datalinx.errors import FieldError, Invalid

MAX_SQL_LENGTH = 100_000
MAX_SERIES_ROWS = 10_000_000

_ROOTS = (exp.Select, exp.SetOperation, exp.Subquery)
# Statements that can hide inside a SELECT (in a CTE, in parentheses), and clauses that write or lock.
_REFUSED = (
    exp.DDL, exp.DML, exp.Command, exp.Copy, exp.Attach, exp.Detach, exp.Set, exp.Pragma, exp.Use,
    exp.Drop, exp.Alter, exp.Describe, exp.Summarize, exp.Show, exp.Install, exp.Into, exp.Lock,
    exp.Transaction, exp.Commit, exp.Rollback, exp.Analyze, exp.Kill, exp.Merge,
)  # fmt: skip
_QUERIES = (exp.Select, exp.SetOperation, exp.Subquery, exp.Values)


@dataclass(frozen=True)
class CheckedQuery:
    """What the tree says about a query that passed: its tables, as they are named, and its parameters."""

    tables: frozenset[str]
    parameters: frozenset[str]


def check_tree(sql: str, tables: Collection[str]) -> CheckedQuery:
    """Return what a query reads, or raise `Invalid`: `SQL_NOT_ALLOWED`, `UNKNOWN_TABLE`.

    `sql` is known to parse in DuckDB; what only DuckDB understands is refused.
    """
    root = _parse(sql)
    for node in root.walk():
        if isinstance(node, _REFUSED) and not isinstance(node, _QUERIES):
            _refuse(f"A query only reads: {_statement_name(node)} is not allowed.", sql, node)
        if isinstance(node, exp.CTE) and not isinstance(node.this, _QUERIES):
            _refuse(f"The WITH block `{node.alias}` must be a SELECT.", sql, node)
    known = {name.lower(): name for name in tables}
    blocks = {cte.alias.lower() for cte in root.find_all(exp.CTE)}
    read = set()
    for table in root.find_all(exp.Table):
        if isinstance(table.this, exp.Identifier):
            if (name := _check_name(table, sql, known, blocks)) is not None:
                read.add(name)
        else:
            _check_table_function(table.this, sql)
    return CheckedQuery(frozenset(read), frozenset(_parameters(root, sql)))


def without_semicolon(sql: str) -> str:
    """The text up to the semicolon that ends its one statement, so that it fits into parentheses."""
    try:
        tokens = sqlglot.tokenize(sql, dialect="duckdb")
    except SqlglotError:
        return sql
    while tokens and tokens[-1].token_type == TokenType.SEMICOLON:
        sql = sql[: tokens.pop().start]
    return sql


def _parse(sql: str) -> exp.Expr:
    try:
        statements = [
            statement for statement in sqlglot.parse(sql, dialect="duckdb") if statement is not None
        ]
    except (SqlglotError, RecursionError) as error:
        raise Invalid(
            "SQL_NOT_ALLOWED",
            "This form of SQL is not among those that a query may use, or it is nested too deeply. "
            "Write it as a plain SELECT.",
        ) from error
    if len(statements) != 1:
        raise Invalid("SQL_NOT_ALLOWED", "A query is exactly one SELECT statement.")
    root = statements[0]
    if not isinstance(root, _ROOTS):
        _refuse(f"A query is one SELECT; {_statement_name(root)} is not allowed.", sql, root)
    return root


def _check_name(table: exp.Table, sql: str, known: dict[str, str], blocks: Collection[str]) -> str | None:
    """Return the workspace's name of a table, or None for a block of the query's own WITH."""
    name = table.name
    if table.args.get("db") or table.args.get("catalog"):
        _refuse(f"Name the table alone: `{name}`, without a schema before it.", sql, table)
    if name.lower() in known:
        return known[name.lower()]
    if name.lower() in blocks:
        return None
    # DuckDB reads such a name as a file or an address; no table of a workspace is named so.
    if any(sign in name for sign in "/\\.:*"):
        _refuse(
            f"`{name}` would be a file or an address; a query reads the workspace's tables alone.", sql, table
        )
    near = difflib.get_close_matches(name.lower(), known, n=1)
    hint = f" Did you mean `{known[near[0]]}`?" if near else _list_of(known.values())
    place = position_of(sql, _offset(table))
    message = f"There is no table `{name}`{_at(place)}.{hint}"
    error = FieldError("sql", "unknown_table", message)
    raise Invalid("UNKNOWN_TABLE", message, details={"table": name, **place}, errors=[error])


def _list_of(names: Collection[str]) -> str:
    if not names:
        return " The workspace has no tables yet."
    shown = ", ".join(f"`{name}`" for name in sorted(names)[:10])
    return f" The tables are {shown}{' and more' if len(names) > 10 else ''}."


def _check_table_function(function: exp.Expr, sql: str) -> None:
    name = function.name if isinstance(function, exp.Anonymous) else function.sql_name()  # type: ignore[attr-defined]  # every exp.Func has it
    if isinstance(function, exp.Unnest | exp.Explode):
        return
    if not isinstance(function, exp.GenerateSeries):
        allowed = ", ".join(sorted(TABLE_FUNCTIONS))
        _refuse(f"`{name.lower()}` cannot stand in FROM; only {allowed} can.", sql, function)
    bounds = [bound for bound in function.args.values() if isinstance(bound, exp.Expr)]
    if not all(_is_literal(bound) for bound in bounds):
        _refuse("The bounds of range and generate_series in FROM must be literals.", sql, function)
    if _series_rows(bounds) > MAX_SERIES_ROWS:
        _refuse(f"A series in FROM has at most {MAX_SERIES_ROWS:,} rows.", sql, function)


def _is_literal(bound: exp.Expr) -> bool:
    if isinstance(bound, exp.Neg | exp.Cast | exp.Paren | exp.Interval):
        return all(
            _is_literal(part)
            for part in bound.iter_expressions()
            if not isinstance(part, exp.DataType | exp.Var)
        )
    return isinstance(bound, exp.Literal | exp.Boolean | exp.Null | exp.Var)


def _series_rows(bounds: list[exp.Expr]) -> int:
    """The rows of a series of whole numbers; 0 where the bounds are dates, whose range is small by nature."""
    try:
        numbers = [int(bound.sql()) for bound in bounds]
    except ValueError:
        return 0
    start, stop, step = (0, numbers[0], 1) if len(numbers) == 1 else (*numbers, 1)[:3]
    return abs(stop - start) // max(abs(step), 1)


def _parameters(root: exp.Expr, sql: str) -> Iterator[str]:
    for node in root.find_all(exp.Placeholder, exp.Parameter):
        if not node.name or node.name == "?":
            _refuse("Parameters have names: write $name and give `parameters.name`.", sql, node)
        yield node.name


def _statement_name(node: exp.Expr) -> str:
    return str(node.this).upper() if isinstance(node, exp.Command) else node.key.upper()


def _offset(node: exp.Expr) -> int | None:
    """Where a node begins in the text, in characters, as far as the tokenizer wrote it down."""
    for part in node.walk():
        if (start := part.meta.get("start")) is not None:
            return int(start)
    return None


def position_of(sql: str, offset: int | None) -> dict[str, int]:
    """`{"line", "column"}` of a character in the text, both from 1; empty when the place is not known."""
    if offset is None or not 0 <= offset <= len(sql):
        return {}
    before = sql[:offset]
    return {"line": before.count("\n") + 1, "column": offset - before.rfind("\n")}


def _at(place: dict[str, int]) -> str:
    return f" (line {place['line']}, column {place['column']})" if place else ""


def _refuse(message: str, sql: str, node: exp.Expr) -> NoReturn:
    place = position_of(sql, _offset(node))
    error = FieldError("sql", "not_allowed", message.rstrip(".") + _at(place) + ".")
    raise Invalid("SQL_NOT_ALLOWED", error.message, details=place, errors=[error])
