"""Rounds are interleaved, the first is not counted, and unequal outputs stop a comparison."""

import pytest

from benchmarks.measure import Comparison, OutputDiffers, interleave, require_equal


def test_interleave__two_contenders__take_turns_and_the_first_round_does_not_count() -> None:
    turns: list[str] = []

    def once(name: str) -> float:
        turns.append(name)
        return float(len(turns))

    seconds = interleave({"a": lambda: once("a"), "b": lambda: once("b")}, rounds=2)
    assert turns == ["a", "b", "a", "b", "a", "b"]
    assert seconds == {"a": [3.0, 5.0], "b": [4.0, 6.0]}


def test_comparison__ratio__is_of_medians() -> None:
    found = Comparison("B0", "work", {"us": [9.0, 3.0, 2.0], "limit": [1.0, 2.0, 50.0]}, "limit", "")
    assert found.ratio("us") == 1.5


def test_require_equal__something_else_was_made__names_who_differs() -> None:
    require_equal("rows", {"us": 3, "them": 3})
    with pytest.raises(OutputDiffers, match="us has 3, them has 4"):
        require_equal("rows", {"us": 3, "them": 4})
