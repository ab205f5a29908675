"""Profiling a table: a look at its first rows for what the texts are, then two passes over all of them."""

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import duckdb

from datalinx.engine.compile.plan import SourceColumn
from datalinx.engine.connectors.base import Limits, Scan
from datalinx.engine.connectors.detect import detect_type
from datalinx.engine.connectors.file.problems import unreadable
from datalinx.engine.connectors.reading import identifier, reader
from datalinx.engine.profile.dates import DateFormats, detect_dates
from datalinx.engine.profile.measures import (
    Measured,
    as_float,
    first_pass,
    histogram,
    second_pass,
    shown,
    top_values,
)
from datalinx.engine.profile.model import ColumnProfile, SemanticGuess, TableProfile
from datalinx.engine.types.registry import Detection, TypeRegistry

# Below this many rows everything is counted exactly.
EXACT_ROWS = 100_000
# How many of the first rows, and how many distinct values of a column, are looked at for what they mean.
SAMPLE_ROWS = 2_000
SAMPLE_VALUES = 500
# Columns that are measured together: wider tables take more passes instead of more memory. The most frequent
# values alone take several megabytes a column and thread.
TOGETHER = 16
# A semantic type is named as the column's only when nearly all of its values fit, and when that tells something:
# every whole number could be an amount.
SURE_SHARE = 0.9
SURE_SCORE = 0.7

Aggregates = Callable[[int, Measured], list[str]]


def profile_scan(
    scan: Scan, *, types: TypeRegistry | None = None, limits: Limits | None = None
) -> TableProfile:
    """Return the profile of a source's table. Raises `Failed` when its files cannot be read any more."""
    return profile_relation(
        scan.sql,
        columns=scan.columns,
        files=scan.files,
        label=scan.label,
        rows=scan.rows,
        types=types,
        limits=limits,
    )


def profile_relation(
    sql: str,
    *,
    columns: Sequence[SourceColumn],
    files: Sequence[Path],
    label: str = "the table",
    rows: int | None = None,
    types: TypeRegistry | None = None,
    limits: Limits | None = None,
) -> TableProfile:
    """Return the profile of what a SELECT over `files` gives; the SELECT may read these files and nothing else.

    `rows` spares the counting where they are known. The table is read twice, and twice again for every 16 columns more.
    """
    try:
        with reader(files, limits or Limits()) as connection:
            return _profile(connection, sql, columns, types or TypeRegistry(), rows)
    except duckdb.Error as error:
        raise unreadable(error, label) from error


def _profile(
    connection: duckdb.DuckDBPyConnection,
    sql: str,
    columns: Sequence[SourceColumn],
    types: TypeRegistry,
    rows: int | None,
) -> TableProfile:
    sample = _sample(connection, sql, columns)
    measured = [
        Measured(column.name, column.type, detect_type(texts) if column.type == "VARCHAR" else None)
        for column, texts in zip(columns, sample, strict=True)
    ]
    if rows is None:
        counted = connection.execute(f"SELECT count(*) FROM ({sql}) AS source").fetchone()
        rows = int(counted[0]) if counted else 0
    is_exact = rows <= EXACT_ROWS
    first = list(_pass(connection, sql, measured, lambda _, column: first_pass(column, exact=is_exact)))
    tops = [[value for value in found[-1] or [] if value is not None] for found in first]
    bounds = [_line(column, found) for column, found in zip(measured, first, strict=True)]
    second = list(
        _pass(connection, sql, measured, lambda at, column: second_pass(column, *bounds[at], tops[at]))
    )
    detected = types.detect_columns(
        [(column.name, _distinct(texts)) for column, texts in zip(measured, sample, strict=True)]
    )
    profiles = (
        _column(
            column,
            rows,
            first[at],
            second[at],
            is_exact=is_exact,
            guesses=_guesses(detected[at]),
            # Other texts either are read without a format, or are no text at all.
            dates=detect_dates(_distinct(sample[at]))
            if column.detected in {"VARCHAR", "BIGINT"}
            else DateFormats(),
        )
        for at, column in enumerate(measured)
    )
    return TableProfile(rows, min(rows, SAMPLE_ROWS), tuple(profiles))


def _distinct(texts: Sequence[str]) -> list[str]:
    return list(dict.fromkeys(texts))[:SAMPLE_VALUES]


def _sample(
    connection: duckdb.DuckDBPyConnection, sql: str, columns: Sequence[SourceColumn]
) -> list[list[str]]:
    """Return the texts of the first rows, column by column, without NULLs and empty texts."""
    found: list[list[str]] = []
    for group in _grouped(list(columns)):
        texts = ", ".join(Measured(column.name, column.type, None).text for column in group)
        rows = connection.execute(f"SELECT {texts} FROM ({sql}) AS source LIMIT {SAMPLE_ROWS}").fetchall()
        found += [[row[at] for row in rows if row[at]] for at in range(len(group))]
    return found


def _pass(
    connection: duckdb.DuckDBPyConnection, sql: str, columns: Sequence[Measured], aggregates: Aggregates
) -> Iterator[tuple[Any, ...]]:
    """Yield the aggregates of each column; `aggregates` gives as many for each."""
    place = 0
    for group in _grouped(list(columns)):
        asked = [aggregates(place + at, column) for at, column in enumerate(group)]
        names = ", ".join(identifier(column.name) for column in group)
        flat = ", ".join(expression for each in asked for expression in each)
        # The count makes one row of it, whatever is asked for.
        found = connection.execute(f"SELECT {flat}, count(*) FROM (SELECT {names} FROM ({sql}) AS source)")
        row = found.fetchone() or ()
        width = len(asked[0])
        for at in range(len(group)):
            yield row[at * width : (at + 1) * width]
        place += len(group)


def _grouped(columns: list[Any]) -> Iterator[list[Any]]:
    for start in range(0, len(columns), TOGETHER):
        yield columns[start : start + TOGETHER]


def _line(column: Measured, found: tuple[Any, ...]) -> tuple[float | None, float | None]:
    return (None, None) if column.kind == "other" else (as_float(found[3]), as_float(found[4]))


def _guesses(detections: Sequence[Detection]) -> tuple[SemanticGuess, ...]:
    return tuple(SemanticGuess(each.name, each.share, each.score) for each in detections[:3])


def _sure(guesses: Sequence[SemanticGuess]) -> str | None:
    sure = (each.name for each in guesses[:1] if each.share >= SURE_SHARE and each.score >= SURE_SCORE)
    return next(sure, None)


def _column(
    column: Measured,
    rows: int,
    first: tuple[Any, ...],
    second: tuple[Any, ...],
    *,
    is_exact: bool,
    guesses: tuple[SemanticGuess, ...],
    dates: DateFormats,
) -> ColumnProfile:
    values, empty, distinct, low, high, mean, shortest, longest, average, _ = first
    return ColumnProfile(
        name=column.name,
        type=column.type,
        detected_type=column.detected,
        nulls=rows - int(values),
        empty=int(empty),
        # An estimate may be larger than what it estimates.
        distinct=min(int(distinct), int(values)),
        distinct_is_exact=is_exact,
        min=shown(column, low),
        max=shown(column, high),
        mean=as_float(mean),
        min_length=shortest,
        max_length=longest,
        mean_length=as_float(average),
        top_values=top_values(second[0] or {}),
        histogram=histogram(column, *_line(column, first), second[1] or {}),
        semantic_type=_sure(guesses),
        semantic_types=guesses,
        date_formats=dates.formats,
        ambiguous_dates=dates.ambiguous,
    )
