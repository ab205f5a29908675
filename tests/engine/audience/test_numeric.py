"""Number columns against any number, held to Python's exact arithmetic."""

from decimal import Decimal

import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlglot import exp

from datalinx.engine.audience.numeric import compare_number, number_in, read_number
from tests.engine.audience.test_rules import COMPARE

TYPES = {
    "TINYINT": ["-128", "0", "1", "127"],
    "INTEGER": ["-2147483648", "-1", "0", "2", "2147483647"],
    "BIGINT": ["-9223372036854775808", "9007199254740993", "9223372036854775807"],
    "DECIMAL(18,2)": ["-9999999999999999.99", "-0.01", "0", "1.50", "9999999999999999.99"],
    "DECIMAL(38,0)": ["99999999999999999999999999999999999999", "-1", "0"],
    "DECIMAL(38,38)": ["0.99999999999999999999999999999999999999", "0"],
    "DECIMAL(38,9)": ["12345678901234567890123456789.123456789", "0.000000001"],
}
edges = st.sampled_from([value for values in TYPES.values() for value in values])
numbers = st.one_of(
    edges.map(Decimal),
    st.builds(lambda edge, more: Decimal(edge) + Decimal(more), edges, st.sampled_from(["0.5", "1", "-1", "1e-9"])),
    st.decimals(allow_nan=False, allow_infinity=False, places=3, min_value=-(10**30), max_value=10**30),
)  # fmt: skip
fitting = numbers.filter(lambda value: len(value.as_tuple().digits) <= 38 and abs(value.adjusted()) <= 38)


@settings(max_examples=150, deadline=None)
@given(
    kind=st.sampled_from(sorted(TYPES)),
    op=st.sampled_from(["eq", "ne", "lt", "lte", "gt", "gte"]),
    value=fitting,
)
def test_compare__any_number__as_exact_arithmetic_says(kind: str, op: str, value: Decimal) -> None:
    made = compare_number(exp.column("x"), kind, op, read_number(str(value))).sql(dialect="duckdb")
    rows = ", ".join(f"(CAST('{each}' AS {kind}))" for each in TYPES[kind])
    found = duckdb.execute(f"SELECT {made} FROM (VALUES {rows}, (NULL)) AS t(x)").fetchall()
    assert [row[0] for row in found] == [COMPARE[op](Decimal(each), value) for each in TYPES[kind]] + [None]


@settings(max_examples=50, deadline=None)
@given(kind=st.sampled_from(sorted(TYPES)), values=st.lists(fitting, min_size=1, max_size=4))
def test_in__any_numbers__as_exact_arithmetic_says(kind: str, values: list[Decimal]) -> None:
    made = number_in(exp.column("x"), kind, values).sql(dialect="duckdb")
    rows = ", ".join(f"(CAST('{each}' AS {kind}))" for each in TYPES[kind])
    found = duckdb.execute(f"SELECT {made} FROM (VALUES {rows}, (NULL)) AS t(x)").fetchall()
    assert [row[0] for row in found] == [Decimal(each) in values for each in TYPES[kind]] + [None]


@pytest.mark.parametrize("value", ["0.1", "1e30", "-5", "12345678901234567890.5"])
def test_compare__floats__as_doubles(value: str) -> None:
    made = compare_number(exp.column("x"), "DOUBLE", "eq", read_number(value)).sql(dialect="duckdb")
    assert duckdb.execute(f"SELECT {made} FROM (SELECT CAST('{value}' AS DOUBLE) AS x)").fetchall() == [
        (True,)
    ]


@pytest.mark.parametrize("value", ["NaN", "Infinity", "1e39", "1e-39", "0." + "1" * 39, True])
def test_read_number__not_a_plain_number__refused(value: object) -> None:
    with pytest.raises(ValueError, match="a number"):
        read_number(value)
