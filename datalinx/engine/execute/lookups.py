"""Small lookups without a join: found in place by a hash of the key, so that rows keep the order they are read in.

DuckDB keeps no order behind a join, and where the order is lost the whole input has to be kept aside first to
know each row's place. A table of codes needs none of that: its keys become an enumeration, whose codes DuckDB finds
by a hash, and its values a list that is constant in the statement.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from sqlglot import exp

from datalinx.engine.compile.plan import CompiledJoin, CompiledMapping
from datalinx.engine.connectors.base import Scan
from datalinx.engine.execute.relations import input_entries
from datalinx.engine.execute.session import Session
from datalinx.engine.execute.text import duckdb_sql, literal

MAX_ENTRIES = 10_000
"""Up to so many entries are found in place; a join finds more of them faster."""


@dataclass(frozen=True)
class Lookups:
    """A plan whose lookups are read. `found` is the value of those that need no join, by the join's alias."""

    compiled: CompiledMapping
    found: Mapping[str, str]


def read_lookups(session: Session, compiled: CompiledMapping, scans: Mapping[str, Scan]) -> Lookups:
    """Read what the lookups look in, once, and return the plan with those joins that are still needed."""
    entries = input_entries(compiled, scans) if any(join.query for join in compiled.joins) else []
    joins: list[CompiledJoin] = []
    found: dict[str, str] = {}
    for number, join in enumerate(compiled.joins):
        if join.query is None or not isinstance(join.on, exp.EQ):
            joins.append(join)
            continue
        table = f"lookup{number}"
        beginning = f"WITH {', '.join(entries)} " if entries else ""
        session.run(f"CREATE TEMP TABLE {table} AS {beginning}{duckdb_sql(join.query)}")
        if 0 < session.number(f"SELECT count(*) FROM {table}") <= MAX_ENTRIES:
            found[join.alias] = _in_place(session, table, join.on)
        else:
            query = exp.select(*(exp.column(name, quoted=True) for name in ("key", "value"))).from_(table)
            joins.append(replace(join, query=query))
    return Lookups(replace(compiled, joins=tuple(joins)), found)


def _in_place(session: Session, table: str, on: exp.EQ) -> str:
    """The value that a row's key finds in a table of keys and values, as an expression."""
    keys, values = f"{table}_key", f"{table}_values"
    session.run(f"CREATE TYPE {keys} AS ENUM (SELECT key FROM {table})")
    session.run(f"SET VARIABLE {values} = (SELECT list(value ORDER BY CAST(key AS {keys})) FROM {table})")
    code = f"CAST(enum_code(TRY_CAST({duckdb_sql(on.this)} AS {keys})) AS INTEGER)"
    return f"getvariable({literal(values)})[{code} + 1]"
