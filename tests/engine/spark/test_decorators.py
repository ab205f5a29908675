"""Every decorator gives on Spark what it gives in DuckDB, values and faults alike."""

from typing import Any

import pytest

from datalinx.engine.compile.decorator_kinds import DECORATORS
from tests.engine.compile.chains import CHAINS, WITHOUT_CASE
from tests.engine.compile.kit import compiled, decorated, mapping, table
from tests.engine.spark.cases import COLUMNS, rows
from tests.engine.spark.kit import Case, Engines


def test_decorators__every_one__has_a_case() -> None:
    assert set(CHAINS) | WITHOUT_CASE == set(DECORATORS)


@pytest.mark.spark
def test_decorators__over_hostile_rows__are_equal(
    spark: Any, tmp_path_factory: pytest.TempPathFactory
) -> None:
    engines = Engines(spark, tmp_path_factory.mktemp("decorators"), COLUMNS, rows())
    cases = []
    for name, chains in CHAINS.items():
        for number, (source, kind, chain) in enumerate(chains):
            document = mapping({"x": decorated(f"c.{source}", *chain)})
            plan = compiled(document, table(f"x {kind}"), {"c": COLUMNS})
            (field,) = plan.fields
            cases.append(Case(f"{name} {number}", plan.inline(field.value), exact=name != "round"))
            cases += [
                Case(f"{name} {number} {fault.reason}", plan.inline(fault.when)) for fault in field.faults
            ]

    assert engines.differences(cases) == []
