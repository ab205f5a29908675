"""Round numbers at an axis."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from datalinx.console.drawing.scales import short_number, ticks

finite = st.floats(allow_nan=False, allow_infinity=False, min_value=-1e15, max_value=1e15)


@given(finite, finite, st.integers(1, 10))
def test_ticks__between_any_two_ends__hold_both_and_rise(one: float, other: float, count: int) -> None:
    low, high = sorted((one, other))
    marks = ticks(low, high, count)
    assert 2 <= len(marks) <= 52
    assert marks == sorted(set(marks))
    # A billionth of the span is what arithmetic may cost.
    spare = (high - low) * 1e-6 + 1e-12
    assert marks[0] <= low + spare or high == low
    assert marks[-1] >= high - spare


@pytest.mark.parametrize(
    ("low", "high", "marks"),
    [
        (0, 100, [0, 25, 50, 75, 100]),
        (0, 7, [0, 2, 4, 6, 8]),
        (0, 0, [0, 0.25, 0.5, 0.75, 1]),
        (5, 5, [0, 2, 4, 6]),
        (-3, 3, [-4, -2, 0, 2, 4]),
    ],
)
def test_ticks__between_two_ends__are_round(low: float, high: float, marks: list[float]) -> None:
    assert ticks(low, high) == pytest.approx(marks)


@pytest.mark.parametrize(("low", "high"), [(math.nan, 1), (0, math.inf)])
def test_ticks__without_finite_ends__are_of_an_empty_axis(low: float, high: float) -> None:
    assert ticks(low, high) == [0, 1]


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0, "0"),
        (-0.0, "0"),
        (7, "7"),
        (0.25, "0.25"),
        (0.0004, "0.0004"),
        (340.4, "340"),
        (1200, "1.2k"),
        (999_999, "1M"),
        (-2_500_000, "−2.5M"),
        (3e9, "3B"),
        (4.2e12, "4.2T"),
        (math.inf, "–"),
    ],
)
def test_short_number__of_a_value__is_short(value: float, text: str) -> None:
    assert short_number(value) == text
