"""Properties of compiled expressions: they mean what DuckDB means, and fail where DuckDB would have."""

from collections.abc import Iterator
from typing import Any

import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from datalinx.engine.compile.binder import Binder
from datalinx.engine.compile.expressions import rebuild_expression
from datalinx.errors import Invalid
from tests.engine.compile.kit import compiled, expression, mapping, results, scope, shape, table

COLUMNS = {"t": "VARCHAR", "u": "VARCHAR", "n": "BIGINT", "m": "BIGINT", "b": "BOOLEAN"}

TEXTS = st.sampled_from(
    [None, "", "0", "7", "-3", "12x", "x", "2024-02-29", "2024-02-30", "true", " 5 ", "9" * 19]
)
NUMBERS = st.sampled_from([None, 0, 1, -1, 3, 2**62, -(2**63), 2**63 - 1])
ROWS = st.tuples(TEXTS, TEXTS, NUMBERS, NUMBERS, st.sampled_from([None, True, False]))

TEXT_LEAVES = st.sampled_from(["c.t", "c.u", "'x'", "''", "null"])
NUMBER_LEAVES = st.sampled_from(["c.n", "c.m", "1", "-1", "0", "length(c.t)"])
FLAG_LEAVES = st.sampled_from(["c.b", "c.t is null", "true", "c.n > c.m"])


@st.composite
def texts(draw: st.DrawFn, depth: int = 3) -> str:
    if depth == 0:
        return draw(TEXT_LEAVES)
    text, number, flag = texts(depth=depth - 1), numbers(depth=depth - 1), flags(depth=depth - 1)
    form = draw(st.integers(0, 7))
    match form:
        case 0:
            return draw(TEXT_LEAVES)
        case 1:
            return f"upper({draw(text)})"
        case 2:
            return f"({draw(text)} || {draw(text)})"
        case 3:
            return f"case when {draw(flag)} then {draw(text)} else {draw(text)} end"
        case 4:
            return f"coalesce({draw(text)}, {draw(text)})"
        case 5:
            return f"cast({draw(number)} as varchar)"
        case 6:
            return f"if({draw(flag)}, {draw(text)}, {draw(text)})"
        case _:
            return f"nullif({draw(text)}, {draw(text)})"


@st.composite
def numbers(draw: st.DrawFn, depth: int = 3) -> str:
    if depth == 0:
        return draw(NUMBER_LEAVES)
    text, number, flag = texts(depth=depth - 1), numbers(depth=depth - 1), flags(depth=depth - 1)
    form = draw(st.integers(0, 8))
    match form:
        case 0:
            return draw(NUMBER_LEAVES)
        case 1:
            return f"cast({draw(text)} as bigint)"
        case 2:
            return f"try_cast({draw(text)} as bigint)"
        case 3:
            return f"({draw(number)} {draw(st.sampled_from(['+', '-', '*', '%', '//']))} {draw(number)})"
        case 4:
            return f"case when {draw(flag)} then {draw(number)} when {draw(flag)} then {draw(number)} end"
        case 5:
            return f"coalesce({draw(number)}, {draw(number)})"
        case 6:
            return f"abs({draw(number)})"
        case 7:
            return f"case {draw(number)} when {draw(number)} then {draw(number)} else {draw(number)} end"
        case _:
            return f"-({draw(number)})"


@st.composite
def flags(draw: st.DrawFn, depth: int = 3) -> str:
    if depth == 0:
        return draw(FLAG_LEAVES)
    text, number, flag = texts(depth=depth - 1), numbers(depth=depth - 1), flags(depth=depth - 1)
    form = draw(st.integers(0, 7))
    match form:
        case 0:
            return draw(FLAG_LEAVES)
        case 1:
            return f"({draw(flag)} and {draw(flag)})"
        case 2:
            return f"({draw(flag)} or {draw(flag)})"
        case 3:
            return f"(not {draw(flag)})"
        case 4:
            return f"({draw(number)} {draw(st.sampled_from(['=', '<>', '<', '>=']))} {draw(number)})"
        case 5:
            return f"({draw(text)} like '%1%')"
        case 6:
            return f"({draw(number)} between {draw(number)} and {draw(number)})"
        case _:
            return f"({draw(number)} in (1, {draw(number)}))"


@pytest.fixture(scope="module")
def optimized() -> duckdb.DuckDBPyConnection:
    return duckdb.connect(config={"threads": 1})


@pytest.fixture(scope="module")
def literal() -> duckdb.DuckDBPyConnection:
    """A DuckDB that computes every part of an expression, also those whose value cannot matter."""
    connection = duckdb.connect(config={"threads": 1})
    connection.execute("PRAGMA disable_optimizer")
    return connection


@pytest.fixture(scope="module")
def binder() -> Iterator[Binder]:
    with Binder() as opened:
        opened.add("c", shape(COLUMNS))
        yield opened


# A row that few expressions fail for. DuckDB skips work over columns of nothing but NULLs, and with two rows in
# a table there are none of these.
PLAIN_ROW = ("7", "8", 1, 2, True)


def _evaluate(connection: duckdb.DuckDBPyConnection, text: str, *rows: tuple[Any, ...]) -> tuple[Any, ...]:
    """What the expressions give for the first row, computed over all of them."""
    columns = ", ".join(f"{name} {kind}" for name, kind in COLUMNS.items())
    connection.execute(f"CREATE OR REPLACE TEMP TABLE c ({columns})")
    connection.executemany(f"INSERT INTO c VALUES ({', '.join('?' for _ in COLUMNS)})", rows)
    return connection.execute(f"SELECT {text} FROM c").fetchall()[0]


def _raises(connection: duckdb.DuckDBPyConnection, text: str, *rows: tuple[Any, ...]) -> bool:
    try:
        _evaluate(connection, text, *rows)
    except duckdb.Error:
        return True
    return False


@settings(max_examples=120, deadline=None)
@given(st.one_of(texts(), numbers(), flags()), ROWS)
def test_expression__any__is_what_duckdb_makes_of_it_or_fails_with_it(
    optimized: duckdb.DuckDBPyConnection,
    literal: duckdb.DuckDBPyConnection,
    binder: Binder,
    text: str,
    row: tuple[Any, ...],
) -> None:
    try:
        rebuilt = rebuild_expression(text, scope(c=COLUMNS))
        binder.type_of(rebuilt.tree)
    except Invalid:
        return
    failure = rebuilt.failure.sql(dialect="duckdb") if rebuilt.failure is not None else "false"

    value, failed = _evaluate(optimized, f"{rebuilt.tree.sql(dialect='duckdb')}, {failure}", row, PLAIN_ROW)

    assert failed in {True, False}
    if _raises(literal, text, PLAIN_ROW, PLAIN_ROW):
        return
    if _raises(literal, text, row, PLAIN_ROW):
        # DuckDB computes both sides of AND and OR here, where ours lets the left one stand guard.
        assert failed or " and " in text or " or " in text
    elif failed:
        # DuckDB skips the other side of an operation when one is NULL in every row; ours does not.
        assert any(word in text for word in ("null", "try_cast", "case", "%", "//"))
    else:
        assert value == _evaluate(literal, text, row, PLAIN_ROW)[0]


@settings(max_examples=25, deadline=None)
@given(st.lists(st.tuples(numbers(depth=2), ROWS), min_size=1, max_size=4))
def test_mapping__of_any_expressions__runs_to_the_end(cases: list[tuple[str, tuple[Any, ...]]]) -> None:
    """Several fields with parts in common, over rows that make them fail: no row stops the others."""
    fields = {f"x{number}": expression(text) for number, (text, _) in enumerate(cases)}
    target = table(*(f"{name} string" for name in fields))
    rows = [row for _, row in cases]
    document = mapping(fields, on_invalid="null")
    try:
        compiled(document, target, {"c": COLUMNS})
    except Invalid:
        return

    assert len(results(document, target, rows, COLUMNS)) == len(rows)
