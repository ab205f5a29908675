"""Short ways to resolve records that a test writes down, and to say who is one person then."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import duckdb

from datalinx.engine.identity import RECORDS, Budget, Found, Moment, People, Resolved, resolve_identity
from datalinx.engine.query.tables import TableFiles
from datalinx.engine.spec import IdentityDocument, parse_document

Row = Mapping[str, Any]
NOW = datetime(2024, 1, 2, tzinfo=UTC)
CUSTOMERS = {"table": "customers", "key": "id", "identifiers": {"email": "email", "phone": "phone"}}
RULES = [{"name": "same e-mail", "match": ["email"]}, {"name": "same phone", "match": ["phone"]}]


def document(**more: Any) -> dict[str, Any]:
    return {"tables": [CUSTOMERS], "rules": RULES, **more}


@dataclass
class Town:
    """Tables of records, resolved again and again; `people` is who is one person now, by canonical id."""

    folder: Path
    rules: dict[str, Any] = field(default_factory=document)
    generation: int = 0
    count: int = 0
    files: Mapping[str, Path] = field(default_factory=dict)
    last: Resolved | None = None

    def resolve(self, **tables: Sequence[Row]) -> dict[str, str]:
        """Resolve these tables' rows; return each record's canonical id, by its key."""
        self.count += 1
        parsed = parse_document(IdentityDocument, self.rules)
        people = [
            People(entry, self.write(entry.table, [entry.key, *entry.identifiers], tables[entry.table]))
            for entry in parsed.tables
        ]
        self.last = resolve_identity(
            parsed,
            people=people,
            previous=self.files.get(RECORDS),
            history=self.files.get("history.parquet"),
            moment=Moment(self.generation + 1, NOW, f"seed {self.count}"),
            folder=self.folder / str(self.count),
            budget=Budget(memory_bytes=256 * 1024**2, threads=1, seconds=60),
        )
        self.files = self.last.files
        self.generation += self.last.changed
        return self.ids()

    def write(self, table: str, columns: Sequence[str], rows: Sequence[Row]) -> TableFiles:
        path = self.folder / f"{table}-{self.count}.parquet"
        with duckdb.connect(config={"threads": 1}) as connection:
            listed = ", ".join(f"{name} VARCHAR" for name in columns)
            connection.execute(f"CREATE TABLE t ({listed})")
            values = [[row.get(name) for name in columns] for row in rows]
            if values:
                connection.executemany(f"INSERT INTO t VALUES ({', '.join('?' for _ in columns)})", values)
            connection.execute(f"COPY t TO '{path}' (FORMAT parquet)")
        return TableFiles([(name, "VARCHAR") for name in columns], [path])

    @property
    def found(self) -> Found:
        return Found(self.files)

    @property
    def stats(self) -> dict[str, Any]:
        assert self.last is not None
        return self.last.stats

    def ids(self, *, present: bool = True) -> dict[str, str]:
        rows = self.found.rows(RECORDS, limit=100_000)
        return {row["key"]: row["canonical_id"] for row in rows if row["present"] == present}

    def history(self) -> list[dict[str, Any]]:
        return self.found.rows("history.parquet")


def groups(ids: Mapping[str, str]) -> set[frozenset[str]]:
    """Who is one person, without the names."""
    found = defaultdict(set)
    for key, canonical_id in ids.items():
        found[canonical_id].add(key)
    return {frozenset(keys) for keys in found.values()}


def row(key: str, email: str | None = None, phone: str | None = None, **more: Any) -> dict[str, Any]:
    return {"id": key, "email": email, "phone": phone, **more}


def plain_union_find(rows: Sequence[Row], matches: Sequence[Sequence[str]], most: int) -> set[frozenset[str]]:
    """Who is one person, told the plain way: every pair of equal values that not too many records share."""
    parent = {each["id"]: each["id"] for each in rows}

    def root(key: str) -> str:
        while parent[key] != key:
            key = parent[key]
        return key

    for match in matches:
        shared = defaultdict(set)
        for each in rows:
            value = tuple(each[name] for name in match)
            if all(value):
                shared[value].add(each["id"])
        for keys in shared.values():
            if len(keys) <= most:
                first, *others = sorted(keys)
                for other in others:
                    parent[root(other)] = root(first)
    return groups({key: root(key) for key in parent})
