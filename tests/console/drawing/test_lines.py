"""Lines over labels."""

import re

from hypothesis import given
from hypothesis import strategies as st

from datalinx.console.drawing.lines import AREA, GROUND, Series, draw_lines

values = st.one_of(st.none(), st.floats(-1e12, 1e12))


def _paths(drawn: str) -> list[str]:
    return re.findall(r'<path d="([^"]*)"', drawn)


def test_lines__of_two_points__run_from_one_end_to_the_other() -> None:
    drawn = draw_lines(["a", "b"], [Series("x", [0, 100])], description="x by time")
    assert _paths(drawn) == [f"M0 {AREA:g} h0 L{GROUND:g} 0"]


def test_lines__with_a_gap__lift_the_pen() -> None:
    [path] = _paths(draw_lines(list("abcd"), [Series("x", [1, None, 1, 1])], description="x"))
    assert path.count("M") == 2


def test_lines__of_negative_values__keep_zero_in_sight() -> None:
    drawn = draw_lines(["a", "b"], [Series("x", [-10, -5])], description="x")
    assert ">0<" in drawn
    assert ">−10<" in drawn


def test_lines__of_several_series__have_a_colour_each() -> None:
    series = [Series(str(number), [number, 1]) for number in range(6)]
    drawn = draw_lines(["a", "b"], series, description="x")
    assert re.findall(r"curve s-(\d)", drawn) == ["1", "2", "3", "4"]


def test_lines__with_hostile_labels__escape_them() -> None:
    drawn = draw_lines(["<script>", "b"], [Series("x", [1, 2])], description='"><script>')
    assert "<script" not in drawn


@given(st.lists(values, max_size=40))
def test_lines__of_any_values__stay_within_the_area(points: list[float | None]) -> None:
    drawn = draw_lines([str(i) for i in range(len(points))], [Series("x", points)], description="x")
    for y in re.findall(r"[ML][\d.]+ (-?[\d.]+)", " ".join(_paths(drawn))):
        assert -0.5 <= float(y) <= AREA + 0.5


def test_lines__of_many_labels__show_few_of_them() -> None:
    drawn = draw_lines([f"d{i}" for i in range(100)], [Series("x", [1.0] * 100)], description="x")
    assert re.findall(r">(d\d+)<", drawn) == ["d0", "d33", "d66", "d99"]
