"""A database of a PostgreSQL server that the tests may do with as they like, and a role that may little."""

import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import psycopg
from psycopg import sql

from datalinx.engine.connectors.base import Connection
from tests.servers import server_url

PASSWORD = "Wr1tten-down-n0where"  # of a role that lives as long as one test


@dataclass(frozen=True)
class Warehouse:
    """A database with the schema `mart`: its owner's view, and what a destination needs to know of it."""

    url: str
    database: str
    role: str

    def connection(self, **config: Any) -> Connection:
        """Return the destination; keys of its config may be given."""
        where = urlsplit(self.url)
        values = {
            "host": where.hostname,
            "port": where.port or 5432,
            "database": self.database,
            "schema": "mart",
            **config,
        }
        credentials = {"user": self.role, "password": PASSWORD}
        return Connection(values, credentials, allow=("127.0.0.0/8",))

    def clear(self) -> "Warehouse":
        """Make the schema anew, with nothing in it."""
        self.sql("DROP SCHEMA IF EXISTS mart CASCADE; CREATE SCHEMA mart")
        self.sql(f'GRANT USAGE, CREATE ON SCHEMA mart TO "{self.role}"')
        return self

    def sql(self, text: str, *values: Any) -> list[tuple[Any, ...]]:
        """Run a statement as the owner of the server and return its rows."""
        with psycopg.connect(self.url, dbname=self.database, autocommit=True) as session:
            cursor = session.execute(text.encode(), values or None)
            return cursor.fetchall() if cursor.description else []


@contextmanager
def make_warehouse() -> Iterator[Warehouse]:
    """Give a warehouse of its own while the block runs; `clear` it before each use."""
    name = f"datalinx_{secrets.token_hex(6)}"
    url = server_url("postgresql")
    with psycopg.connect(url, autocommit=True) as session:
        session.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
        session.execute(
            sql.SQL("CREATE ROLE {} LOGIN PASSWORD {}").format(sql.Identifier(name), sql.Literal(PASSWORD))
        )
        try:
            yield Warehouse(url, name, name)
        finally:
            session.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))
            session.execute(sql.SQL("DROP ROLE {}").format(sql.Identifier(name)))
