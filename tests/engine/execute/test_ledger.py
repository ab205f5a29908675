"""The ledger closes to the row, or says that it does not."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from datalinx.engine.execute.ledger import Counts, require_balance
from datalinx.errors import Failed

ROWS = st.integers(0, 10**9)


def test_counts__everything_left_somewhere__has_no_difference() -> None:
    counts = Counts(
        read=10, joined_in=5, joined_out=1, grouped=2, filtered=3, deduplicated=4, rejected=2, inserted=3
    )
    assert counts.difference == 0
    require_balance("customers", counts)


@given(ROWS, ROWS)
def test_counts__deleted_and_nulled__stand_outside_of_the_equation(deleted: int, nulled: int) -> None:
    assert Counts(read=1, inserted=1, deleted=deleted, values_nulled=nulled).difference == 0


@pytest.mark.parametrize(
    ("counts", "words"),
    [
        (Counts(read=3, inserted=2), "1 rows did not leave anywhere"),
        (Counts(read=2, inserted=3, rejected=1), "2 rows left without having come"),
    ],
)
def test_require_balance__a_row_too_many_or_too_few__fails_with_the_counts(
    counts: Counts, words: str
) -> None:
    with pytest.raises(Failed) as caught:
        require_balance("customers", counts)
    assert caught.value.code == "LEDGER_UNBALANCED"
    assert words in caught.value.message
    assert caught.value.details["counts"] == counts.as_dict()


@given(st.lists(st.builds(Counts, read=ROWS, rejected=ROWS, inserted=ROWS, updated=ROWS), max_size=4))
def test_counts__added_up__keep_their_difference(steps: list[Counts]) -> None:
    total = sum(steps, Counts())
    assert total.difference == sum(step.difference for step in steps)
    assert total.written == sum(step.inserted + step.updated for step in steps)
