"""Look-ups in tables that an expression holds itself.

DuckDB searches small maps under a binary search. Spark searches a map from end to end, so the entries are dealt
out to many small maps by a checksum of the key; the whole is one constant that is read when the query is planned.
"""

import zlib
from collections.abc import Mapping

import orjson
from sqlglot import exp

from datalinx.engine.compile.spark.form import form

_PER_MAP = 4
_MOST_MAPS = 4_096


def table_of(node: exp.Expr) -> tuple[exp.Expr, dict[str, str]] | None:
    """The value that a tree of look-ups searches, with all entries; None for any other tree."""
    if isinstance(node, exp.Paren):
        return table_of(node.this)
    if isinstance(node, exp.Bracket):
        table = node.this.this if isinstance(node.this, exp.Paren) else node.this
        if (
            not isinstance(table, exp.Anonymous)
            or table.name.lower() != "from_json"
            or len(node.expressions) != 1
        ):
            return None
        pairs, kind = table.expressions
        if not isinstance(pairs, exp.Literal) or kind.name != '"MAP(VARCHAR,VARCHAR)"':
            return None
        return node.expressions[0], orjson.loads(pairs.name)
    if not isinstance(node, exp.Case) or node.this is not None or len(node.args["ifs"]) != 1:
        return None
    branch = node.args["ifs"][0]
    if not isinstance(branch.this, exp.LT) or node.args.get("default") is None:
        return None
    below, above = table_of(branch.args["true"]), table_of(node.args["default"])
    if below is None or above is None or not below[0] == above[0] == _bare(branch.this.this, below[0]):
        return None
    return below[0], below[1] | above[1]


def looked_up(value: exp.Expr, entries: Mapping[str, str]) -> exp.Expression:
    """The entry of a key, NULL for what is none."""
    count = 1
    while count * _PER_MAP < len(entries) and count < _MOST_MAPS:
        count *= 2
    maps: list[dict[str, str]] = [{} for _ in range(count)]
    for key, entry in entries.items():
        maps[zlib.crc32(key.encode()) % count][key] = entry
    return form(
        f"try_element_at(get(from_json(:maps, :type), CAST(crc32(CAST(:v AS BLOB)) % {count} AS INTEGER)), :v)",
        maps=orjson.dumps(maps).decode(),
        type="ARRAY<MAP<STRING, STRING>>",
        v=value,
    )


def _bare(node: exp.Expr, like: exp.Expr) -> exp.Expr:
    return node.this if isinstance(node, exp.Paren) and not isinstance(like, exp.Paren) else node
