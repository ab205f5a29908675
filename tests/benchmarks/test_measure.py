"""Rounds are interleaved, the first is not counted, and unequal outputs stop a comparison."""

import pytest

from benchmarks.measure import Comparison, Once, OutputDiffers, Reach, Taken, interleave, require_equal


def seconds(taken: dict[str, list[Taken]]) -> dict[str, list[float]]:
    return {name: [each.seconds for each in rounds] for name, rounds in taken.items()}


@pytest.fixture
def turns() -> list[str]:
    return []


@pytest.fixture
def contenders(turns: list[str]) -> dict[str, Once]:
    def once(name: str) -> Taken:
        turns.append(name)
        return Taken(float(len(turns)))

    return {"a": lambda: once("a"), "b": lambda: once("b")}


def test_interleave__two_contenders__take_turns_and_the_first_round_does_not_count(
    contenders: dict[str, Once], turns: list[str]
) -> None:
    taken = interleave(contenders, rounds=2)
    assert turns == ["a", "b", "a", "b", "a", "b"]
    assert seconds(taken) == {"a": [3.0, 5.0], "b": [4.0, 6.0]}


def test_interleave__one_that_takes_minutes__works_in_the_first_counted_round_alone(
    contenders: dict[str, Once], turns: list[str]
) -> None:
    taken = interleave(contenders, rounds=2, once_only=["b"])
    assert turns == ["a", "a", "b", "a"]
    assert seconds(taken) == {"a": [2.0, 4.0], "b": [3.0]}


def test_interleave__every_turn__is_checked_before_the_next(
    contenders: dict[str, Once], turns: list[str]
) -> None:
    checked: list[tuple[str, int]] = []
    interleave(contenders, rounds=1, check=lambda name: checked.append((name, len(turns))))
    assert checked == [("a", 1), ("b", 2), ("a", 3), ("b", 4)]


def comparison(**taken: list[float]) -> Comparison:
    rounds = {name: [Taken(each, peak_bytes=int(each)) for each in found] for name, found in taken.items()}
    return Comparison("B0", "work", rounds, "limit", [], against={"them": "us"})


def test_comparison__ratio__is_of_medians() -> None:
    assert comparison(us=[9.0, 3.0, 2.0], limit=[1.0, 2.0, 50.0]).ratio("us") == 1.5


def test_comparison__one_measured_against_another__has_its_ratio_to_that() -> None:
    assert comparison(us=[2.0], them=[6.0], limit=[1.0]).ratio("them") == 3.0


def test_comparison__figure_nobody_looked_at__is_none() -> None:
    found = comparison(us=[9.0, 3.0, 2.0])
    assert found.middle("us", "peak_bytes") == 3
    assert found.middle("us", "processor_seconds") is None


def test_comparison__processor_time_of_both__has_a_ratio_of_its_own() -> None:
    taken = {"us": [Taken(1.0, 6.0)], "limit": [Taken(5.0, 2.0)], "them": [Taken(5.0)]}
    found = Comparison("B0", "work", taken, "limit", [])
    assert found.processor_ratio("us") == 3.0
    assert found.processor_ratio("them") is None


@pytest.mark.parametrize(("figure", "held"), [(1.2, True), (1.21, False)])
def test_reach__figure_up_to_the_bound__is_held(figure: float, *, held: bool) -> None:
    assert Reach("us over them", figure, 1.2).held is held


def test_require_equal__something_else_was_made__names_who_differs() -> None:
    require_equal("rows", {"us": 3, "them": 3})
    with pytest.raises(OutputDiffers, match="us has 3, them has 4"):
        require_equal("rows", {"us": 3, "them": 4})
