"""Rows that wait in a staging table, put in the place of those of the target, within one transaction.

The target itself stays: it keeps its rights, views and indexes, and whoever reads it sees the old rows until the
commit. TRUNCATE would be faster, but it locks readers out, and to a transaction with an older snapshot the table
would look empty.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import psycopg
from psycopg import sql

from datalinx.engine.connectors.postgresql.types import is_comparable

_COLUMNS = """
SELECT attname::text, pg_catalog.format_type(atttypid, atttypmod) FROM pg_catalog.pg_attribute
WHERE attrelid = %s AND attnum > 0 AND NOT attisdropped ORDER BY attnum
"""
_REFERRED = """
SELECT EXISTS (SELECT FROM pg_catalog.pg_constraint WHERE contype = 'f' AND confrelid = %s AND conrelid <> confrelid)
"""


def make_table(
    session: psycopg.Connection[Any],
    name: sql.Identifier,
    columns: Mapping[str, str],
    *,
    unlogged: bool = False,
) -> None:
    """Make a table of these columns and types."""
    listed = sql.SQL(", ").join(_declared(column, type_) for column, type_ in columns.items())
    kind = sql.SQL("UNLOGGED TABLE" if unlogged else "TABLE")
    session.execute(sql.SQL("CREATE {} {} ({})").format(kind, name, listed))


def add_primary_key(session: psycopg.Connection[Any], name: sql.Identifier, keys: Sequence[str]) -> None:
    """Make sure that the keys tell the rows apart."""
    session.execute(sql.SQL("ALTER TABLE {} ADD PRIMARY KEY ({})").format(name, _names(keys)))


@dataclass(frozen=True)
class Alignment:
    """What a target's columns need: those that go, those that are added, and the types they have then."""

    gone: tuple[str, ...]
    added: tuple[str, ...]
    types: Mapping[str, str]


def plan_columns(
    session: psycopg.Connection[Any],
    relation: int,
    *,
    wanted: Mapping[str, str],
    before: Mapping[str, str],
) -> Alignment:
    """Return what gives the target the wanted columns.

    `before` are those of the last delivery: of them, what is not wanted any more goes and what has another type is made
    anew. Columns that somebody else added or altered stay as they are.
    """
    present = dict(session.execute(_COLUMNS, [relation]).fetchall())
    gone = tuple(name for name, type_ in before.items() if name in present and wanted.get(name) != type_)
    added = tuple(name for name in wanted if name not in present or name in gone)
    types = {name: wanted[name] if name in added else present[name] for name in wanted}
    return Alignment(gone, added, types)


def align_columns(session: psycopg.Connection[Any], target: sql.Identifier, alignment: Alignment) -> None:
    """Let columns go and add columns as planned."""
    acts = [sql.SQL("DROP COLUMN {}").format(sql.Identifier(name)) for name in alignment.gone]
    acts += [
        sql.SQL("ADD COLUMN {}").format(_declared(name, alignment.types[name])) for name in alignment.added
    ]
    if acts:
        session.execute(sql.SQL("ALTER TABLE {} {}").format(target, sql.SQL(", ").join(acts)))


def is_referred_to(session: psycopg.Connection[Any], relation: int) -> bool:
    """Return whether foreign keys of other tables lead to this one."""
    row = session.execute(_REFERRED, [relation]).fetchone()
    return row is not None and bool(row[0])


def replace_rows(
    session: psycopg.Connection[Any],
    target: sql.Identifier,
    staging: sql.Identifier,
    columns: Sequence[str],
) -> None:
    """Put all staged rows in the place of all rows."""
    names = _names(columns)
    session.execute(sql.SQL("DELETE FROM {}").format(target))
    session.execute(sql.SQL("INSERT INTO {} ({}) SELECT {} FROM {}").format(target, names, names, staging))


def merge_rows(
    session: psycopg.Connection[Any],
    target: sql.Identifier,
    staging: sql.Identifier,
    columns: Mapping[str, str],
    keys: Sequence[str],
) -> None:
    """Delete, change and add rows so that the target equals what is staged; rows that are equal stay untouched."""
    same = sql.SQL(" AND ").join(_pair(key, "{0} = {1}") for key in keys)
    parts = {
        "target": target,
        "staging": staging,
        "names": _names(tuple(columns)),
        "same": same,
        "values": sql.SQL(", ").join(sql.Identifier("s", name) for name in columns),
    }
    session.execute(sql.SQL("ANALYZE {staging}").format(**parts))
    missing = "DELETE FROM {target} AS t WHERE NOT EXISTS (SELECT FROM {staging} AS s WHERE {same})"
    session.execute(sql.SQL(missing).format(**parts))
    others = {name: type_ for name, type_ in columns.items() if name not in keys}
    if others:
        parts["set"] = sql.SQL(", ").join(
            sql.SQL("{} = {}").format(sql.Identifier(name), sql.Identifier("s", name)) for name in others
        )
        parts["differs"] = sql.SQL(" OR ").join(_differs(name, type_) for name, type_ in others.items())
        changed = "UPDATE {target} AS t SET {set} FROM {staging} AS s WHERE {same} AND ({differs})"
        session.execute(sql.SQL(changed).format(**parts))
    new = (
        "INSERT INTO {target} ({names}) SELECT {values} FROM {staging} AS s "
        "WHERE NOT EXISTS (SELECT FROM {target} AS t WHERE {same})"
    )
    session.execute(sql.SQL(new).format(**parts))


def count_rows(session: psycopg.Connection[Any], table: sql.Identifier) -> int:
    """Return how many rows a table has."""
    row = session.execute(sql.SQL("SELECT count(*) FROM {}").format(table)).fetchone()
    return int(row[0]) if row is not None else 0


def has_rows(session: psycopg.Connection[Any], table: sql.Identifier) -> bool:
    """Return whether a table has any row."""
    return session.execute(sql.SQL("SELECT FROM {} LIMIT 1").format(table)).fetchone() is not None


def _names(columns: Sequence[str]) -> sql.Composed:
    return sql.SQL(", ").join(map(sql.Identifier, columns))


def _declared(name: str, type_: str) -> sql.Composed:
    # The type is one of ours, or what the server itself calls one of its own.
    return sql.SQL("{} {}").format(sql.Identifier(name), sql.SQL(type_))


def _pair(name: str, pattern: str) -> sql.Composed:
    return sql.SQL(pattern).format(sql.Identifier("t", name), sql.Identifier("s", name))


def _differs(name: str, type_: str) -> sql.Composed:
    cast = "" if is_comparable(type_) else "::text"
    return _pair(name, f"{{0}}{cast} IS DISTINCT FROM {{1}}{cast}")
