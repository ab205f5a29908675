"""The ledger closes to the row, or says that it does not."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from datalinx.engine.execute import checking
from datalinx.engine.execute.duplicates import drop_duplicates
from datalinx.engine.execute.ledger import Counts, require_balance
from datalinx.engine.execute.rejects import rejects_select
from datalinx.engine.execute.session import Session
from datalinx.engine.execute.staged import Staged
from datalinx.engine.execute.stored import Layout
from datalinx.errors import Failed
from tests.engine.execute.conftest import Desk

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


@pytest.fixture
def people(desk: Desk) -> Desk:
    desk.csv("c", ["id", "n"], [["1", "1"], ["2", "2"], ["3", "x"], ["4", "y"], ["4", "4"]])
    desk.target("id integer", "n integer", key=["id"])
    desk.map({"id": "c.id", "n": "c.n"}, load={"mode": "merge"})
    return desk


def losing(select: str) -> str:
    """A SELECT that loses its last row."""
    return f"SELECT * FROM ({select}) LIMIT (SELECT count(*) - 1 FROM ({select}))"


def assert_unbalanced(desk: Desk) -> None:
    with pytest.raises(Failed) as caught:
        desk.run()
    assert caught.value.code == "LEDGER_UNBALANCED"


@pytest.mark.parametrize("mode", ["full", "append", "merge", "history"])
@pytest.mark.parametrize("again", [False, True])
def test_run__a_stored_row_that_gets_lost__does_not_balance(
    people: Desk, monkeypatch: pytest.MonkeyPatch, mode: str, again: bool
) -> None:
    people.mapping["load"] = {"mode": mode}
    if again:
        people.run()
        people.csv("c", ["id", "n"], [["1", "7"], ["9", "9"]])
    write = Layout.write

    def forgetful(self: Layout, session: Session, select: str, *rest: Any) -> Any:
        return write(self, session, losing(select), *rest)

    monkeypatch.setattr(Layout, "write", forgetful)
    assert_unbalanced(people)


def test_run__a_rejected_row_that_gets_lost__does_not_balance(
    people: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    def forgetful(*args: Any, **more: Any) -> str:
        return losing(rejects_select(*args, **more))

    monkeypatch.setattr(checking, "rejects_select", forgetful)
    assert_unbalanced(people)


def test_run__a_staged_row_that_gets_lost__does_not_balance(
    people: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    def forgetful(staged: Staged) -> int:
        staged.session.run("DELETE FROM staged WHERE v0 = 1")
        return drop_duplicates(staged)

    monkeypatch.setattr(checking, "drop_duplicates", forgetful)
    assert_unbalanced(people)


def test_run__a_row_counted_twice__does_not_balance(people: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checking, "drop_duplicates", lambda staged: drop_duplicates(staged) + 1)
    assert_unbalanced(people)
