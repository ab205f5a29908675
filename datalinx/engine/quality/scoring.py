"""Scoring one stored table: one pass over its rows, one look-up for each relationship."""

import time
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from statistics import fmean

import duckdb
from sqlglot import exp

from datalinx.engine.quality.dimensions import LastRun, Tally, counted, relevance, timeliness, validity
from datalinx.engine.quality.measures import Measure, column_measures
from datalinx.engine.quality.model import (
    DEFAULT_THRESHOLDS,
    DIMENSIONS,
    ColumnScore,
    Dimension,
    Grade,
    Score,
    TableScore,
    grade_of,
    share,
)
from datalinx.engine.query.tables import TableFiles, quote_name, table_select
from datalinx.engine.query.timed import limited
from datalinx.engine.query.trusted import open_connection
from datalinx.engine.spec.schema import RelationshipTest, TargetTable
from datalinx.engine.types import library
from datalinx.engine.types.casts import kind_of
from datalinx.engine.types.registry import TypeRegistry


@dataclass(frozen=True)
class QualityOptions:
    """What counts and what is allowed. `dimensions` None means all; `used_columns` None means not known."""

    dimensions: Sequence[Dimension] | None = None
    timestamp_column: str | None = None
    fresh_within_hours: float | None = None
    used_columns: Collection[str] | None = None
    last_run: LastRun | None = None
    thresholds: Sequence[tuple[float, Grade]] = DEFAULT_THRESHOLDS


DEFAULT_OPTIONS = QualityOptions()


@dataclass(frozen=True)
class Reference:
    """Columns whose values must stand in columns of another table."""

    columns: tuple[str, ...]
    table: str
    others: tuple[str, ...]


def score_table(
    table: TargetTable,
    files: TableFiles,
    *,
    related: Mapping[str, TableFiles],
    types: TypeRegistry,
    now: datetime,
    options: QualityOptions = DEFAULT_OPTIONS,
    memory_bytes: int = 1024**3,
    threads: int = 2,
    seconds: float = 300.0,
    spill: Path | None = None,
) -> TableScore:
    """Score a table in the eight dimensions that `dimensions.py` defines.

    `files` is what is stored of it; a column of the schema that is not stored is empty. `related` are the
    stored tables that its relationships may refer to, itself included if it does. Raise `Invalid`
    `QUERY_TIMEOUT` or `QUERY_TOO_LARGE` when the table does not fit into the budget.
    """
    started = time.perf_counter()
    connection = open_connection(memory_bytes=memory_bytes, threads=threads, spill=spill)
    library.register(connection)
    try:
        connection.execute(f'CREATE VIEW "scored" AS {table_select(files)}')
        with limited(connection, seconds=seconds, memory_bytes=memory_bytes):
            rows, tallies, newest = _count(connection, _Plan(table, dict(files.columns), types, now, options))
            tallies += _check_references(connection, table, files, related)
    finally:
        connection.close()
    names = [column.name for column in table.columns]
    scores = {name: counted(name, tallies) for name in DIMENSIONS if name not in {"timeliness", "relevance"}}
    scores["validity"] = validity(tallies, options.last_run)
    scores["timeliness"] = timeliness(newest, options.fresh_within_hours, now, options.timestamp_column)
    scores["relevance"] = relevance(names, options.used_columns)
    wanted = [name for name in DIMENSIONS if options.dimensions is None or name in options.dimensions]
    graded = {
        name: replace(scores[name], grade=grade_of(scores[name].score, options.thresholds)) for name in wanted
    }
    score = _mean([found.score for found in graded.values()]) if rows else None
    return TableScore(
        table=table.name,
        rows=rows,
        score=score,
        grade=grade_of(score, options.thresholds),
        dimensions={name: found if rows else _unmeasured(found) for name, found in graded.items()},
        columns=[
            _column_score(column.name, column.type, tallies, wanted, options) for column in table.columns
        ],
        seconds=round(time.perf_counter() - started, 6),
    )


def _unmeasured(score: Score) -> Score:
    return replace(score, score=None, grade=None, note="The table has no rows.")


def _mean(scores: Sequence[float | None]) -> float | None:
    known = [score for score in scores if score is not None]
    return round(fmean(known), 2) if known else None


def _column_score(
    name: str, kind: str, tallies: Sequence[Tally], wanted: Sequence[Dimension], options: QualityOptions
) -> ColumnScore:
    scores: dict[str, float | None] = {}
    for dimension in wanted:
        mine = [tally for tally in tallies if (tally.dimension, tally.column) == (dimension, name)]
        if dimension not in {"timeliness", "relevance"}:
            scores[dimension] = share(sum(one.passed for one in mine), sum(one.checked for one in mine))
    score = _mean(list(scores.values()))
    return ColumnScore(name, kind, score, grade_of(score, options.thresholds), scores)


@dataclass(frozen=True)
class _Plan:
    """What one pass counts: the table's columns, those that are stored with their types, and the options."""

    table: TargetTable
    stored: Mapping[str, str]
    types: TypeRegistry
    now: datetime
    options: QualityOptions


def _count(connection: duckdb.DuckDBPyConnection, plan: _Plan) -> tuple[int, list[Tally], datetime | None]:
    """One pass: the number of rows, what each column gave, and the newest moment up to now."""
    table, stored = plan.table, plan.stored
    measures = [
        measure
        for column in table.columns
        if column.name in stored
        for measure in column_measures(column, stored[column.name], plan.types, plan.now)
    ]
    key = [name for name in table.primary_key if name in stored]
    parts: list[exp.Expr] = [exp.func("count", exp.Star())]
    parts += [part for measure in measures for part in (measure.passed, measure.checked)]
    parts += _key_measure(key if len(key) == len(table.primary_key) else [])
    parts.append(_newest(plan.options.timestamp_column, stored, plan.now))
    query = exp.select(*(part.as_(f"m{i}") for i, part in enumerate(parts))).from_("scored")
    row = connection.execute(query.sql(dialect="duckdb")).fetchone() or ()
    rows, *numbers, distinct, keyed, newest = row
    tallies = _tallies(measures, numbers)
    tallies += [
        Tally("completeness", column.name, 0, rows) for column in table.columns if column.name not in stored
    ]
    tallies += [Tally("uniqueness", name, distinct, keyed) for name in key[:1] if len(key) == 1]
    tallies += [Tally("uniqueness", None, distinct, keyed) for _ in key[:1] if len(key) > 1]
    return rows, tallies, None if newest is None else datetime.fromtimestamp(newest / 1e6, UTC)


def _tallies(measures: Sequence[Measure], numbers: Sequence[int]) -> list[Tally]:
    pairs = zip(numbers[::2], numbers[1::2], strict=True)
    return [
        Tally(measure.dimension, measure.column, passed, checked)
        for measure, (passed, checked) in zip(measures, pairs, strict=True)
    ]


def _key_measure(key: Sequence[str]) -> list[exp.Expr]:
    """Distinct whole keys, and rows with a whole key; zeros where there is no key to count."""
    if not key:
        return [exp.Literal.number(0), exp.Literal.number(0)]
    columns = [exp.column(name, quoted=True) for name in key]
    whole = exp.and_(*(exp.not_(exp.Is(this=column.copy(), expression=exp.null())) for column in columns))
    value = columns[0] if len(columns) == 1 else exp.Tuple(expressions=columns)
    where = exp.Where(this=whole)
    distinct = exp.Count(this=exp.Distinct(expressions=[value]))
    return [
        exp.Filter(this=distinct, expression=where),
        exp.Filter(this=exp.func("count", exp.Star()), expression=where.copy()),
    ]


def _newest(column: str | None, stored: Mapping[str, str], now: datetime) -> exp.Expr:
    """The newest moment that is not after `now`, in microseconds since 1970; NULL when there is none."""
    if column is None or kind_of(stored.get(column, "")) not in {"date", "timestamp", "timestamptz"}:
        return exp.null()
    moment = exp.cast(exp.column(column, quoted=True), "TIMESTAMPTZ", dialect="duckdb")
    limit = exp.cast(exp.Literal.string(now.isoformat()), "TIMESTAMPTZ", dialect="duckdb")
    past = exp.LTE(this=moment.copy(), expression=limit)
    newest = exp.Filter(this=exp.func("max", moment), expression=exp.Where(this=past))
    return exp.func("epoch_us", newest)


def _check_references(
    connection: duckdb.DuckDBPyConnection,
    table: TargetTable,
    files: TableFiles,
    related: Mapping[str, TableFiles],
) -> list[Tally]:
    """For each reference, the rows that have one and those of them that find their row."""
    tallies = []
    for number, reference in enumerate(_references(table)):
        other = related.get(reference.table)
        known = other is not None and set(reference.others) <= set(other.names())
        if other is None or not known or not set(reference.columns) <= set(files.names()):
            continue
        view = f"related{number}"
        connection.execute(f"CREATE VIEW {view} AS {table_select(other)}")
        given = " AND ".join(f"{quote_name(name)} IS NOT NULL" for name in reference.columns)
        pairs = zip(reference.columns, reference.others, strict=True)
        # Compared as text where the types differ: a reference is broken by its value, not by its type.
        same = " AND ".join(
            f"CAST(s.{quote_name(mine)} AS VARCHAR) = CAST(r.{quote_name(theirs)} AS VARCHAR)"
            if dict(files.columns)[mine] != dict(other.columns)[theirs]
            else f"s.{quote_name(mine)} = r.{quote_name(theirs)}"
            for mine, theirs in pairs
        )
        row = connection.execute(
            f'SELECT (SELECT count(*) FROM "scored" AS s SEMI JOIN {view} AS r ON {same}), '
            f'(SELECT count(*) FROM "scored" WHERE {given})'
        ).fetchone()
        passed, checked = row or (0, 0)
        column = reference.columns[0] if len(reference.columns) == 1 else None
        tallies.append(Tally("integrity", column, passed, checked))
    return tallies


def _references(table: TargetTable) -> list[Reference]:
    """The relationships of a table, and the `relationship` tests of its columns that say something else."""
    found = [
        Reference(one.columns, one.references.table, one.references.columns)
        for one in table.relationships
        if len(one.columns) == len(one.references.columns)
        # The other side of a one-to-many refers to this table, not this one to it.
        and one.cardinality in {"many_to_one", "one_to_one"}
    ]
    for column in table.columns:
        for test in column.tests:
            if isinstance(test, RelationshipTest):
                reference = Reference((column.name,), test.table, (test.column,))
                if reference not in found:
                    found.append(reference)
    return found
