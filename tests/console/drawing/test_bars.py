"""Bars, stacks, small histograms, and the ledger that is made of them."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from datalinx.console.drawing.bars import SMALLEST, Part, draw_bar, draw_histogram, draw_stack
from datalinx.console.drawing.ledger import ENTERING, LEAVING, draw_ledger


def _widths(drawn: str) -> list[float]:
    return [float(text) for text in re.findall(r' width="([\d.]+)%"', drawn)]


@pytest.mark.parametrize(
    ("value", "of", "width"),
    [(25, 100, 25), (0, 100, 0), (1, 100_000, SMALLEST), (5, 0, SMALLEST), (300, 100, 100), (-3, 10, 0)],
)
def test_bar__of_a_value__is_as_wide_as_its_share(value: float, of: float, width: float) -> None:
    assert _widths(draw_bar(value, of)) == [width]


@given(st.lists(st.integers(0, 10**12), max_size=9))
def test_stack__of_any_counts__fills_the_width_and_hides_nothing(counts: list[int]) -> None:
    parts = [Part("inserted", "Inserted", count) for count in counts]
    widths = _widths(draw_stack(parts, description="rows"))
    assert len(widths) == sum(count > 0 for count in counts)
    assert all(width >= SMALLEST - 0.01 for width in widths)
    assert sum(widths) == pytest.approx(100, abs=0.1) or not widths


def test_stack__of_parts__says_each_in_words() -> None:
    drawn = draw_stack([Part("rejected", "Rejected", 1234)], description='a "quoted" one')
    assert "<title>Rejected: 1,234</title>" in drawn
    assert 'aria-label="a &quot;quoted&quot; one"' in drawn


def test_histogram__of_bins__has_a_column_for_each() -> None:
    drawn = draw_histogram([("1 to 2", 10), ("2 to 3", 0), ("3 to <4>", 5)], description="spread")
    assert re.findall(r' height="([\d.]+)%"', drawn) == ["100", "0", "50"]
    assert "3 to &lt;4&gt;: 5" in drawn


def test_histogram__of_nothing__is_empty() -> None:
    assert "<rect" not in draw_histogram([], description="spread")


def test_ledger__that_closes__says_so_and_where_all_rows_went() -> None:
    ledger = draw_ledger({"read": 100, "filtered": 10, "rejected": 5, "inserted": 85, "deleted": 3})
    assert (ledger.entered, ledger.closes, ledger.deleted) == (100, True, 3)
    assert [(part.kind, part.value, share) for part, share in ledger.parts] == [
        ("inserted", 85, 85),
        ("filtered", 10, 10),
        ("rejected", 5, 5),
    ]
    assert "Of 100 rows: inserted 85, filtered 10, rejected 5." in ledger.bar


def test_ledger__that_does_not_close__says_so() -> None:
    assert not draw_ledger({"read": 10, "inserted": 9}).closes


def test_ledger__of_joins__counts_what_they_added() -> None:
    ledger = draw_ledger({"read": 10, "joined_in": 5, "joined_out": 1, "grouped": 2, "inserted": 12})
    assert (ledger.entered, ledger.joined_in, ledger.closes) == (15, 5, True)


def test_ledger__of_nothing__is_empty_and_closes() -> None:
    ledger = draw_ledger({})
    assert (ledger.entered, ledger.parts, ledger.closes) == (0, (), True)


def test_ledger__names_of_counts__are_those_of_the_api() -> None:
    from apps.pipelines.serializers import COUNTS

    assert {*LEAVING, *ENTERING, "deleted"} == set(COUNTS)
