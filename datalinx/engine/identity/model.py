"""What resolving identity takes and gives."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from datalinx.engine.query.tables import TableFiles
from datalinx.engine.spec.identity import IdentityTable

Progress = Callable[[float, str], None]
"""Hears the share that is done and, in a word or two, what is being done."""

# The files of one resolution, and their columns.
RECORDS, CLUSTERS, LINKS, HISTORY = "records.parquet", "clusters.parquet", "links.parquet", "history.parquet"
COLUMNS: Mapping[str, tuple[tuple[str, str], ...]] = {
    # Every record that ever was there: its person, since which generation, and since which that person has the id.
    RECORDS: (
        ("table", "VARCHAR"),
        ("key", "VARCHAR"),
        ("canonical_id", "VARCHAR"),
        ("since", "INTEGER"),
        ("born", "INTEGER"),
        ("present", "BOOLEAN"),
    ),
    CLUSTERS: (
        ("canonical_id", "VARCHAR"),
        ("records", "BIGINT"),
        ("identifiers", "BIGINT"),
        ("born", "INTEGER"),
        ("limited", "BOOLEAN"),
    ),
    # Which value links which records, by which rule; `value` is as it may be shown.
    LINKS: (
        ("canonical_id", "VARCHAR"),
        ("rule", "VARCHAR"),
        ("node", "VARCHAR"),
        ("value", "VARCHAR"),
        ("table", "VARCHAR"),
        ("key", "VARCHAR"),
    ),
    # Records that went from the id `from_id` to `into_id`; `merged`: nobody has the first any more.
    HISTORY: (
        ("generation", "INTEGER"),
        ("at", "TIMESTAMP WITH TIME ZONE"),
        ("kind", "VARCHAR"),
        ("from_id", "VARCHAR"),
        ("into_id", "VARCHAR"),
        ("records", "BIGINT"),
        ("rules", "VARCHAR[]"),
    ),
}


@dataclass(frozen=True)
class People:
    """A stored table with people in it. `shown` is, by column, the SQL of what may be shown of an identifier."""

    entry: IdentityTable
    files: TableFiles
    shown: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Moment:
    """What makes a resolution this one: its number if it changes anything, its time, and a text that no other has.

    New ids are made of the text, so that a resolution that is begun again makes the same ones.
    """

    generation: int
    at: datetime
    seed: str


@dataclass(frozen=True)
class Budget:
    """What one resolution may use: bytes of memory, threads, wall seconds."""

    memory_bytes: int = 1024**3
    threads: int = 2
    seconds: float = 3600.0


@dataclass(frozen=True)
class Resolved:
    """What a resolution made: its files by name, whether any record's id changed, and its statistics."""

    files: Mapping[str, Path]
    changed: bool
    stats: dict[str, Any]


def file_table(name: str, path: Path | None) -> TableFiles:
    """One of the files as a table; empty where there is none."""
    return TableFiles(COLUMNS[name], [path] if path else [])
