"""What a schema of a destination says of its own deliveries: one row for each table, written with the table's rows."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import psycopg
from psycopg import sql

from datalinx.engine.connectors.postgresql.config import RESERVED

NAME = f"{RESERVED}deliveries"
_CREATE = """
CREATE TABLE {} (
    target text PRIMARY KEY,
    relation oid NOT NULL,
    origin text NOT NULL,
    snapshot bigint NOT NULL,
    rows bigint NOT NULL,
    columns jsonb NOT NULL,
    run_id text NOT NULL,
    delivered_at timestamp with time zone NOT NULL DEFAULT now()
)
"""
_WRITE = """
INSERT INTO {} (target, relation, origin, snapshot, rows, columns, run_id) VALUES (%s, %s, %s, %s, %s, %s, %s)
ON CONFLICT (target) DO UPDATE SET relation = excluded.relation, origin = excluded.origin,
    snapshot = excluded.snapshot, rows = excluded.rows, columns = excluded.columns, run_id = excluded.run_id,
    delivered_at = now()
"""


@dataclass(frozen=True)
class Held:
    """What the last delivery to a table left: which table as PostgreSQL counts them, whose version, its columns."""

    relation: int
    origin: str
    snapshot: int
    rows: int
    columns: Mapping[str, str]


def lock_target(session: psycopg.Connection[Any], schema: str, target: str) -> None:
    """Keep other deliveries to this table waiting until this transaction ends."""
    _lock(session, f"datalinx:{schema}.{target}")


def make_control(session: psycopg.Connection[Any], schema: str) -> None:
    """Make the control table if it is missing."""
    if find_relation(session, schema, NAME) is not None:
        return
    # Two that make it at once would meet in the catalog, which knows no IF NOT EXISTS.
    _lock(session, f"datalinx:{schema}")
    if find_relation(session, schema, NAME) is None:
        session.execute(sql.SQL(_CREATE).format(sql.Identifier(schema, NAME)))


def read_held(session: psycopg.Connection[Any], schema: str, target: str) -> Held | None:
    """Return what the table holds, None where nothing was delivered."""
    query = sql.SQL("SELECT relation::bigint, origin, snapshot, rows, columns FROM {} WHERE target = %s")
    row = session.execute(query.format(sql.Identifier(schema, NAME)), [target]).fetchone()
    return Held(*row) if row is not None else None


def write_held(session: psycopg.Connection[Any], schema: str, target: str, held: Held, run_id: str) -> None:
    """Write down what the table holds from now on."""
    columns = json.dumps(dict(held.columns))
    values = [target, held.relation, held.origin, held.snapshot, held.rows, columns, run_id]
    session.execute(sql.SQL(_WRITE).format(sql.Identifier(schema, NAME)), values)


def find_relation(session: psycopg.Connection[Any], schema: str, name: str) -> tuple[int, str] | None:
    """Return a relation's number and kind (`r` a table, `p` a partitioned one, `v` a view), None if there is none."""
    row = session.execute(
        "SELECT c.oid::bigint, c.relkind::text FROM pg_catalog.pg_class c "
        "JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname = %s AND c.relname = %s",
        [schema, name],
    ).fetchone()
    return (int(row[0]), str(row[1])) if row is not None else None


def _lock(session: psycopg.Connection[Any], name: str) -> None:
    session.execute("SELECT pg_catalog.pg_advisory_xact_lock(pg_catalog.hashtextextended(%s, 0))", [name])
