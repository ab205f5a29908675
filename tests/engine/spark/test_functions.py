"""Every function and operator gives on Spark what it gives in DuckDB, for hostile values too, or is refused."""

from typing import Any

import pytest
from sqlglot import exp

from datalinx.engine.compile.expressions import Rebuilt, rebuild_expression
from datalinx.engine.compile.functions import FUNCTIONS
from datalinx.engine.compile.spark import lower
from datalinx.engine.compile.spark.lowering import REFUSED
from datalinx.errors import Invalid
from tests.engine.compile.kit import scope
from tests.engine.spark.cases import AGGREGATES, CALLS, COLUMNS, INEXACT, OPERATORS, rows
from tests.engine.spark.kit import Case, Engines

SPARK_ONLY_REFUSES = sorted(name for name in FUNCTIONS if FUNCTIONS[name].duckdb_name in REFUSED)


@pytest.fixture(scope="module")
def engines(spark: Any, tmp_path_factory: pytest.TempPathFactory) -> Engines:
    return Engines(spark, tmp_path_factory.mktemp("functions"), COLUMNS, rows())


def _rebuilt(text: str, *, aggregates: bool = False) -> Rebuilt:
    return rebuild_expression(text, scope(c=COLUMNS), aggregates=aggregates)


def _cases(text: str, *, exact: bool) -> list[Case]:
    """The expression, and the condition under which it cannot be computed."""
    rebuilt = _rebuilt(text)
    found = [Case(text, rebuilt.tree, exact)]
    if rebuilt.failure is not None:
        found.append(Case(f"{text} fails", rebuilt.failure))
    return found


def test_functions__every_entry__has_a_case_or_is_refused() -> None:
    assert set(CALLS) | set(AGGREGATES) | set(SPARK_ONLY_REFUSES) == set(FUNCTIONS)
    assert not (set(CALLS) | set(AGGREGATES)) & set(SPARK_ONLY_REFUSES)


@pytest.mark.parametrize("name", SPARK_ONLY_REFUSES)
def test_function__that_spark_computes_otherwise__is_refused_with_what_to_use(name: str) -> None:
    tree = exp.Anonymous(
        this=FUNCTIONS[name].duckdb_name, expressions=[exp.column("t", table="c", quoted=True)]
    )

    with pytest.raises(Invalid) as caught:
        lower(tree, types=lambda column: COLUMNS[column.name])

    assert caught.value.code == "ENGINE_CANNOT"
    assert caught.value.details["function"] == FUNCTIONS[name].duckdb_name


@pytest.mark.spark
def test_functions__over_hostile_rows__are_equal(engines: Engines) -> None:
    cases = [
        case
        for name, texts in CALLS.items()
        for text in texts
        for case in _cases(text, exact=name not in INEXACT)
    ]

    assert engines.differences(cases) == []


@pytest.mark.spark
@pytest.mark.parametrize(
    ("zone", "day"),
    [
        ("Europe/Berlin", "2024, 10, 27"),
        ("Europe/Berlin", "2024, 3, 31"),
        ("America/New_York", "1987, 10, 25"),
        ("Australia/Lord_Howe", "2024, 4, 7"),
        ("UTC", "2024, 10, 27"),
    ],
)
def test_timezone__where_an_hour_comes_twice_or_never__is_equal(
    engines: Engines, zone: str, day: str
) -> None:
    texts = [f"timezone('{zone}', make_timestamp({day}, c.i % 5, {minute}, 0))" for minute in (15, 45)]
    cases = [case for text in texts for case in _cases(text, exact=True)]

    assert engines.differences(cases) == []


@pytest.mark.spark
def test_operators__over_hostile_rows__are_equal(engines: Engines) -> None:
    cases = [case for text in OPERATORS for case in _cases(text, exact="**" not in text and "^" not in text)]

    assert engines.differences(cases) == []


@pytest.mark.spark
def test_aggregates__over_groups__are_equal(engines: Engines) -> None:
    cases = [
        Case(text, _rebuilt(text, aggregates=True).aggregates[0].tree, name not in INEXACT)
        for name, texts in AGGREGATES.items()
        for text in texts
    ]

    assert engines.differences(cases, grouped=True) == []


def test_refusals__are_of_functions_that_there_are() -> None:
    known = {function.duckdb_name for function in FUNCTIONS.values()}

    assert set(REFUSED) <= known
