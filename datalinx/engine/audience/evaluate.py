"""Counting an audience, and writing down its members with who entered and who left."""

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import duckdb
from sqlglot import exp

from datalinx.engine.audience.rules import (
    Block,
    CompiledAudience,
    audience_view,
    compile_audience,
    referenced_audiences,
    referenced_tables,
)
from datalinx.engine.query.tables import TableFiles, quote_name, quote_text, table_select
from datalinx.engine.query.timed import limited
from datalinx.engine.query.trusted import open_connection
from datalinx.engine.query.values import shown_expression, shown_values
from datalinx.engine.spec.audience import AudienceDocument


@dataclass(frozen=True)
class Budget:
    """What one evaluation may use: bytes of memory, threads, wall seconds, and a folder of its own to spill to."""

    memory_bytes: int = 1024**3
    threads: int = 2
    seconds: float = 60.0
    spill: Path | None = None


DEFAULT_BUDGET = Budget()


@dataclass(frozen=True)
class AudienceCount:
    """How many people an audience has.

    `blocks` counts, for every node of the rule by its path, those for whom that node alone is true;
    `blocks["rule"]` is `total`. `population` is everybody with a key. `sample` is the first keys in order.
    """

    total: int
    population: int
    blocks: dict[str, int]
    sample: list[Any]
    seconds: float


@dataclass(frozen=True)
class Membership:
    """Members written down: a Parquet file of keys in order, and one of changes since the one before.

    The files' columns are those of `members_table` and `changes_table`.
    """

    members: Path
    changes: Path
    total: int
    entered: int
    left: int
    seconds: float


def members_table(document: AudienceDocument, key_type: str, file: Path | None) -> TableFiles:
    """A members file as a table of one column: the key. Without a file nobody is in it."""
    return TableFiles([(document.key, key_type)], [file] if file else [])


def changes_table(document: AudienceDocument, key_type: str, file: Path) -> TableFiles:
    """A changes file as a table: the key, and `entered` or `left`."""
    return TableFiles([(document.key, key_type), (CHANGE_COLUMN, "VARCHAR")], [file])


# No target column can have this name: identifiers begin with a letter.
CHANGE_COLUMN = "_change"


def count_audience(
    document: AudienceDocument,
    *,
    tables: Mapping[str, TableFiles],
    audiences: Mapping[str, TableFiles],
    now: datetime,
    sample: int = 5,
    unique_key: bool = False,
    budget: Budget = DEFAULT_BUDGET,
) -> AudienceCount:
    """Count the audience and every block of its rule in one pass over the table.

    `unique_key` says that no key stands in two rows, which saves the grouping; without it a person counts
    once, and is in a block when the block is true for any row of theirs. Raise `Invalid` as `compile_audience`
    does, and `QUERY_TIMEOUT` or `QUERY_TOO_LARGE` over the budget.
    """
    started = time.perf_counter()
    compiled = compile_audience(document, tables=tables, audiences=audiences, now=now)
    blocks = list(compiled.root.walk())
    with evaluation(compiled, tables, audiences, budget) as connection:
        keys = shown_expression(connection, '"keys"', f"{compiled.key_type}[]")
        inner = _block_rows(compiled, blocks, unique_key=unique_key)
        counts = ", ".join(f"count(*) FILTER (WHERE b{i}) AS c{i}" for i in range(len(blocks)))
        first = (
            f"min(k, {int(sample)}) FILTER (WHERE b0)" if sample > 0 else f"CAST([] AS {compiled.key_type}[])"
        )
        row = connection.execute(
            f'SELECT population, {keys}, * EXCLUDE (population, "keys") FROM '
            f'(SELECT count(*) AS population, {first} AS "keys", {counts} FROM ({inner}))'
        ).fetchone()
    population, listed, *numbers = row or (0, None, *(0 for _ in blocks))
    [found] = shown_values([f"{compiled.key_type}[]"])([listed])
    return AudienceCount(
        total=numbers[0],
        population=population,
        blocks={block.path: number for block, number in zip(blocks, numbers, strict=True)},
        sample=found or [],
        seconds=round(time.perf_counter() - started, 6),
    )


def _block_rows(compiled: CompiledAudience, blocks: list[Block], *, unique_key: bool) -> str:
    """SQL for one row a person: the key `k`, and in `b<n>` whether block n is true. Each leaf is looked at once."""
    leaves = compiled.root.leaves()
    names = {leaf.path: f"l{i}" for i, leaf in enumerate(leaves)}
    looked = compiled.rows(
        compiled.key.as_("k"), *(leaf.condition.as_(names[leaf.path]) for leaf in leaves)
    ).sql(dialect="duckdb")
    made = [
        block.combine(lambda leaf: exp.column(names[leaf.path])).sql(dialect="duckdb") for block in blocks
    ]
    if unique_key:
        return f"SELECT k, {', '.join(f'{text} AS b{i}' for i, text in enumerate(made))} FROM ({looked})"
    any_row = ", ".join(f"coalesce(bool_or({text}), false) AS b{i}" for i, text in enumerate(made))
    return f"SELECT k, {any_row} FROM ({looked}) GROUP BY k"


def write_members(
    document: AudienceDocument,
    *,
    tables: Mapping[str, TableFiles],
    audiences: Mapping[str, TableFiles],
    now: datetime,
    previous: TableFiles | None,
    folder: Path,
    budget: Budget = DEFAULT_BUDGET,
) -> Membership:
    """Write `members.parquet` and `changes.parquet` into `folder`.

    `previous` are the members before, None for the first time, when everybody has entered. The files are
    whole or not there: each is written under another name first.
    """
    started = time.perf_counter()
    compiled = compile_audience(document, tables=tables, audiences=audiences, now=now)
    key = quote_name(document.key)
    with evaluation(compiled, tables, audiences, budget) as connection:
        members = _write(
            connection, f"SELECT * FROM ({compiled.members().sql(dialect='duckdb')}) ORDER BY {key}",
            folder / "members.parquet",
        )  # fmt: skip
        connection.execute(f'CREATE VIEW "members:now" AS FROM {quote_text(str(members))}')
        before = _previous(previous, document.key, compiled.key_type)
        connection.execute(f'CREATE VIEW "members:before" AS {before}')
        changes = _write(
            connection,
            f'SELECT {key}, \'entered\' AS {CHANGE_COLUMN} FROM "members:now" ANTI JOIN "members:before" USING ({key}) '
            f'UNION ALL SELECT {key}, \'left\' FROM "members:before" ANTI JOIN "members:now" USING ({key}) '
            f"ORDER BY 2, 1",
            folder / "changes.parquet",
        )
        [[total, entered, left]] = connection.execute(
            'SELECT (SELECT count(*) FROM "members:now"), '
            f"count(*) FILTER (WHERE {CHANGE_COLUMN} = 'entered'), count(*) FILTER (WHERE {CHANGE_COLUMN} = 'left') "
            f"FROM {quote_text(str(changes))}"
        ).fetchall()
    return Membership(members, changes, total, entered, left, round(time.perf_counter() - started, 6))


def _previous(previous: TableFiles | None, key: str, kind: str) -> str:
    """The members before, in the key's name and type of today; a key that does not fit it was somebody else."""
    if previous is None:
        return table_select(TableFiles([(key, kind)]))
    old = quote_name(previous.columns[0][0])
    return f"SELECT TRY_CAST({old} AS {kind}) AS {quote_name(key)} FROM ({table_select(previous)})"


def _write(connection: duckdb.DuckDBPyConnection, sql: str, path: Path) -> Path:
    unfinished = path.with_name(f"{path.name}.part")
    connection.execute(f"COPY ({sql}) TO {quote_text(str(unfinished))} (FORMAT parquet, COMPRESSION zstd)")
    return unfinished.replace(path)


@contextmanager
def evaluation(
    compiled: CompiledAudience,
    tables: Mapping[str, TableFiles],
    audiences: Mapping[str, TableFiles],
    budget: Budget,
) -> Iterator[duckdb.DuckDBPyConnection]:
    """A connection with a view for everything that the rule reads, held to the budget."""
    connection = open_connection(memory_bytes=budget.memory_bytes, threads=budget.threads, spill=budget.spill)
    try:
        views = {name: tables[name] for name in referenced_tables(compiled.document)}
        views |= {audience_view(name): audiences[name] for name in referenced_audiences(compiled.document)}
        for name, table in views.items():
            connection.execute(f"CREATE VIEW {quote_name(name)} AS {table_select(table)}")
        with limited(connection, seconds=budget.seconds, memory_bytes=budget.memory_bytes):
            yield connection
    finally:
        connection.close()
