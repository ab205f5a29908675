"""Random expressions over hostile rows are the same on both engines."""

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from datalinx.engine.compile.expressions import rebuild_expression
from datalinx.errors import Invalid
from tests.engine.compile.kit import scope
from tests.engine.compile.test_properties import flags, numbers, texts
from tests.engine.spark.kit import Case, Engines

COLUMNS = {"t": "VARCHAR", "u": "VARCHAR", "n": "BIGINT", "m": "BIGINT", "b": "BOOLEAN"}
_TEXTS = (
    None,
    "",
    "0",
    "7",
    "-3",
    "12x",
    "x",
    "2024-02-29",
    "true",
    " 5 ",
    "9" * 19,
    "ß",
    "5\n",
    "1e2",
    "1.5",
)
_NUMBERS = (None, 0, 1, -1, 3, 2**62, -(2**63), 2**63 - 1)


@pytest.fixture(scope="module")
def engines(spark: Any, tmp_path_factory: pytest.TempPathFactory) -> Engines:
    rows = [
        (
            _TEXTS[place % len(_TEXTS)],
            _TEXTS[place * 4 % len(_TEXTS)],
            _NUMBERS[place % len(_NUMBERS)],
            _NUMBERS[place * 3 % len(_NUMBERS)],
            (True, None, False)[place % 3],
        )
        for place in range(60)
    ]
    return Engines(spark, tmp_path_factory.mktemp("properties"), COLUMNS, rows)


# Many expressions at once, as it is the queries that cost.
@pytest.mark.spark
@settings(max_examples=4, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True)
@given(st.lists(st.one_of(texts(), numbers(), flags()), min_size=12, max_size=12, unique=True))
def test_expressions__any__are_equal(engines: Engines, expressions: list[str]) -> None:
    cases = []
    for text in expressions:
        try:
            rebuilt = rebuild_expression(text, scope(c=COLUMNS))
            engines.type_of(rebuilt.tree)
        except Invalid:
            continue
        cases.append(Case(text, rebuilt.tree))
        if rebuilt.failure is not None:
            cases.append(Case(f"{text} fails", rebuilt.failure))

    assert engines.differences(cases) == []
