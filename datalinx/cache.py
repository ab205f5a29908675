"""A Django cache in one SQLite file, shared by all processes of a machine, whose counters count right.

Django's own file and database caches read, add and write back, so that two requests can count as one;
`incr` and `add` here are one statement each. Times are Unix seconds.
"""

import os
import pickle
import random
import sqlite3
import threading
import time
from pathlib import Path
from typing import Any

from django.core.cache.backends.base import DEFAULT_TIMEOUT, BaseCache

_SCHEMA = """
CREATE TABLE IF NOT EXISTS entries (key TEXT PRIMARY KEY, value NOT NULL, expires REAL) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS entries_expires ON entries (expires);
"""
_LIVE = "(expires IS NULL OR expires > :now)"
# The share of writes that also take out what has expired.
_SWEEP = 0.01


class SqliteCache(BaseCache):
    """`LOCATION` is the file. Integers are stored as such, everything else pickled, as Django's caches do."""

    def __init__(self, location: str, params: dict[str, Any]) -> None:
        super().__init__(params)
        self._path = Path(location)
        self._local = threading.local()
        self._inherited: list[sqlite3.Connection] = []

    def get(self, key: str, default: Any = None, version: int | None = None) -> Any:
        found = self._one(
            f"SELECT value FROM entries WHERE key = :key AND {_LIVE}",
            key=self._key(key, version),
            now=time.time(),
        )
        return default if found is None else _load(found[0])

    def set(
        self, key: str, value: Any, timeout: float | None = DEFAULT_TIMEOUT, version: int | None = None
    ) -> None:
        self._write(
            "INSERT INTO entries VALUES (:key, :value, :expires) ON CONFLICT (key) "
            "DO UPDATE SET value = excluded.value, expires = excluded.expires",
            key=self._key(key, version),
            value=_dump(value),
            expires=self.get_backend_timeout(timeout),
        )

    def add(
        self, key: str, value: Any, timeout: float | None = DEFAULT_TIMEOUT, version: int | None = None
    ) -> bool:
        """Store a value unless the key has a live one. Return whether it was stored."""
        return self._write(
            "INSERT INTO entries VALUES (:key, :value, :expires) ON CONFLICT (key) "
            "DO UPDATE SET value = excluded.value, expires = excluded.expires WHERE entries.expires <= :now",
            key=self._key(key, version),
            value=_dump(value),
            expires=self.get_backend_timeout(timeout),
            now=time.time(),
        )

    def touch(self, key: str, timeout: float | None = DEFAULT_TIMEOUT, version: int | None = None) -> bool:
        return self._write(
            f"UPDATE entries SET expires = :expires WHERE key = :key AND {_LIVE}",
            key=self._key(key, version),
            expires=self.get_backend_timeout(timeout),
            now=time.time(),
        )

    def delete(self, key: str, version: int | None = None) -> bool:
        return self._write(
            f"DELETE FROM entries WHERE key = :key AND {_LIVE}", key=self._key(key, version), now=time.time()
        )

    def has_key(self, key: str, version: int | None = None) -> bool:
        missing = object()
        return self.get(key, missing, version=version) is not missing

    def incr(self, key: str, delta: int = 1, version: int | None = None) -> int:
        """Add to a stored integer and return the sum. Raises ValueError for a key without one, as Django says."""
        row = self._one(
            f"UPDATE entries SET value = value + :delta WHERE key = :key AND typeof(value) = 'integer' AND {_LIVE} "
            "RETURNING value",
            key=self._key(key, version),
            delta=delta,
            now=time.time(),
        )
        if row is None:
            raise ValueError(f"Key {key!r} holds no integer")
        return int(row[0])

    def clear(self) -> None:
        self._write("DELETE FROM entries")

    def get_backend_timeout(self, timeout: Any = DEFAULT_TIMEOUT) -> float | None:
        """Return the second at which an entry expires, None for never."""
        expires = super().get_backend_timeout(timeout)
        return None if expires is None else float(expires)

    def _key(self, key: str, version: int | None) -> str:
        return self.make_and_validate_key(key, version=version)

    def _one(self, statement: str, **parameters: Any) -> Any:
        # All rows are fetched: a statement that is left open holds its lock.
        rows = self._connection().execute(statement, parameters).fetchall()
        return rows[0] if rows else None

    def _write(self, statement: str, **parameters: Any) -> bool:
        connection = self._connection()
        changed = connection.execute(statement, parameters).rowcount > 0
        if random.random() < _SWEEP:  # noqa: S311  # when to sweep is no secret
            connection.execute("DELETE FROM entries WHERE expires <= ?", (time.time(),))
        return changed

    def _connection(self) -> sqlite3.Connection:
        """Return this thread's connection, opened anew after a fork: SQLite's do not survive one."""
        held: tuple[int, sqlite3.Connection] | None = getattr(self._local, "held", None)
        if held is not None and held[0] == os.getpid():
            return held[1]
        if held is not None:
            # Closing it here could take the parent's locks away, so it is kept for as long as the process lives.
            self._inherited.append(held[1])
        connection = self._open()
        self._local.held = (os.getpid(), connection)
        return connection

    def _open(self) -> sqlite3.Connection:
        self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        connection = sqlite3.connect(self._path, timeout=10, isolation_level=None)
        connection.execute("PRAGMA journal_mode=WAL")
        # A power cut may take the last seconds of a cache.
        connection.execute("PRAGMA synchronous=OFF")
        connection.executescript(_SCHEMA)
        return connection


def _dump(value: Any) -> Any:
    fits = type(value) is int and -(2**63) <= value < 2**63
    return value if fits else pickle.dumps(value, pickle.HIGHEST_PROTOCOL)


def _load(value: Any) -> Any:
    # The file lies in the home, which its owner alone can write; whoever can write there owns the keys as well.
    return value if type(value) is int else pickle.loads(value)  # noqa: S301
