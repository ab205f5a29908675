"""The second look at a user's SQL: DuckDB's own statement type and syntax tree, held to allow-lists.

What DuckDB will run is what DuckDB parsed, so this look has the last word: node kinds, relations, table
functions and every function's name. `WITH x AS (DELETE …) SELECT` has the statement type SELECT; its tree
says otherwise.
"""

import difflib
import json
import re
from collections.abc import Collection, Iterator
from typing import Any

import duckdb

from datalinx.engine.query.functions import ALLOWED, TABLE_FUNCTIONS
from datalinx.errors import FieldError, Invalid

# The kinds of node that carry no expression class: query nodes, relations, modifiers, facts about types.
_KINDS = frozenset(
    {
        *("SELECT_NODE", "SET_OPERATION_NODE", "RECURSIVE_CTE_NODE", "CTE_NODE"),
        *(
            "BASE_TABLE",
            "SUBQUERY",
            "JOIN",
            "TABLE_FUNCTION",
            "EXPRESSION_LIST",
            "EMPTY",
            "EMPTY_FROM",
            "PIVOT",
        ),
        *("ORDER_MODIFIER", "LIMIT_MODIFIER", "LIMIT_PERCENT_MODIFIER", "DISTINCT_MODIFIER"),
        *("ORDER_DEFAULT", "ASCENDING", "DESCENDING"),
    }
)
_DETAILS = re.compile(r"^(ORDER_[A-Z_]+|[A-Z_]+_TYPE_INFO|ASC|DESC|NULLS_[A-Z]+)$")
_OPERATOR = re.compile(r"^[^A-Za-z0-9_]+$")


def check_statement(connection: duckdb.DuckDBPyConnection, sql: str) -> str:
    """Return the text of the one SELECT in `sql`, or raise `Invalid` `SQL_NOT_ALLOWED`.

    DuckDB's own parse error goes through as it is; the caller turns it into `SQL_INVALID`.
    """
    statements = connection.extract_statements(sql)
    if len(statements) != 1:
        raise Invalid("SQL_NOT_ALLOWED", "A query is exactly one SELECT statement.")
    kind = statements[0].type
    if kind != duckdb.StatementType.SELECT:
        name = str(kind).rpartition(".")[2].replace("_", " ")
        hint = " Write a PIVOT as sum(…) FILTER (WHERE …)." if kind == duckdb.StatementType.MULTI else ""
        raise Invalid("SQL_NOT_ALLOWED", f"A query is one SELECT; a {name} statement is not allowed.{hint}")
    return str(statements[0].query)


def check_duckdb_tree(connection: duckdb.DuckDBPyConnection, sql: str, tables: Collection[str]) -> None:
    """Raise `Invalid` `SQL_NOT_ALLOWED` unless every node of DuckDB's tree of `sql` is on the lists."""
    row = connection.execute("SELECT json_serialize_sql($sql)", {"sql": sql}).fetchone()
    tree = json.loads(row[0]) if row else {"error": True}
    if tree.get("error"):
        raise Invalid("SQL_NOT_ALLOWED", "Only SELECT statements are allowed in a query.")
    names = {name.lower() for name in tables}
    names |= {key.lower() for key in _blocks(tree)}
    for node in _nodes(tree["statements"]):
        if "class" in node:
            _check_expression(node)
        else:
            _check_node(node, names)


def _nodes(value: Any) -> Iterator[dict[str, Any]]:
    """Every object of the tree that has a type, in no particular order; no recursion, so no depth limit."""
    stack = [value]
    while stack:
        part = stack.pop()
        if isinstance(part, dict):
            if isinstance(part.get("type"), str):
                yield part
            stack.extend(part.values())
        elif isinstance(part, list):
            stack.extend(part)


def _blocks(value: Any) -> Iterator[str]:
    stack = [value]
    while stack:
        part = stack.pop()
        if isinstance(part, dict):
            entries = part.get("cte_map", {}).get("map", []) if isinstance(part.get("cte_map"), dict) else []
            yield from (str(entry["key"]) for entry in entries)
            if isinstance(part.get("cte_name"), str):
                yield part["cte_name"]
            stack.extend(part.values())
        elif isinstance(part, list):
            stack.extend(part)


def _check_node(node: dict[str, Any], names: Collection[str]) -> None:
    kind = node["type"]
    if kind not in _KINDS and not _DETAILS.match(kind):
        raise _refusal(f"A query only reads tables: {kind.replace('_', ' ')} is not allowed.")
    if kind == "BASE_TABLE":
        qualified = node.get("schema_name") or node.get("catalog_name") or node.get("at_clause")
        if qualified or str(node.get("table_name")).lower() not in names:
            raise _refusal(f"`{node.get('table_name')}` is not a table of this workspace.")
    if kind == "TABLE_FUNCTION":
        function = node.get("function") or {}
        if str(function.get("function_name", "")).lower() not in TABLE_FUNCTIONS:
            raise _refusal(f"`{function.get('function_name')}` cannot stand in FROM.")


def _check_expression(node: dict[str, Any]) -> None:
    name = node.get("function_name")
    if not isinstance(name, str) or _OPERATOR.match(name) or name.lower() in ALLOWED:
        return
    near = difflib.get_close_matches(name.lower(), ALLOWED, n=1)
    hint = f" Did you mean `{near[0]}`?" if near else ""
    raise _refusal(f"The function `{name}` is not one that a query may call.{hint}")


def _refusal(message: str) -> Invalid:
    return Invalid("SQL_NOT_ALLOWED", message, errors=[FieldError("sql", "not_allowed", message)])
