"""Servers that some benchmarks are also measured with, where the environment names them."""

from collections.abc import Iterator
from contextlib import contextmanager
from uuid import uuid4

# Where a database for the time of a benchmark may be made: `postgresql://user@host/postgres`.
POSTGRESQL = "BENCH_POSTGRESQL_URL"
# A database of Redis or Valkey that nobody else uses: `redis://host:6379/13`.
REDIS = "BENCH_REDIS_URL"


@contextmanager
def database(server: str) -> Iterator[str]:
    """Make a database and give its address; drop it when the block ends."""
    import psycopg

    name = f"datalinx_bench_{uuid4().hex[:12]}"
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(f'CREATE DATABASE "{name}"')
    try:
        yield f"{server.rpartition('/')[0]}/{name}"
    finally:
        with psycopg.connect(server, autocommit=True) as connection:
            connection.execute(f'DROP DATABASE "{name}" WITH (FORCE)')
