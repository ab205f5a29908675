"""Bounds on the cursor of one run: which rows are read, what stays stored, and what cannot be bounded."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from datalinx.engine.execute import Guards
from datalinx.engine.execute.window import Window
from datalinx.errors import Invalid
from tests.engine.execute.conftest import Desk
from tests.engine.execute.test_cursors import people

START = datetime(2024, 1, 1, tzinfo=UTC)
ROWS = [[str(day), f"name {day}", f"2024-01-{day:02} 10:00:00"] for day in range(1, 10)]


def day(number: int, hour: int = 0) -> datetime:
    return datetime(2024, 1, number, hour, tzinfo=UTC)


@pytest.mark.parametrize("mode", ["merge", "history", "append"])
@pytest.mark.parametrize(
    ("window", "ids"),
    [
        (Window(day(3, 10), day(5, 10)), [3, 4]),
        (Window(since=day(8, 11)), [9]),
        (Window(until=day(2)), [1]),
        (Window(day(20), day(21)), []),
    ],
)
def test_window__of_a_load_with_a_cursor__bounds_what_is_read(
    desk: Desk, mode: str, window: Window, ids: list[int]
) -> None:
    people(desk, *ROWS, mode=mode)
    # A window without rows is no empty source.
    outcome = desk.run(window=window, guards=Guards())
    assert outcome.column("id") == ids
    assert outcome.result.counts.read == len(ids)
    assert outcome.result.cursor is None


def test_window__behind_the_stored_cursor__leaves_it_where_it_is(desk: Desk) -> None:
    people(desk, *ROWS[4:])
    first = desk.run()
    people(desk, *ROWS)
    outcome = desk.run(window=Window(day(1), day(3)))
    assert outcome.counts == {"read": 2, "inserted": 2}
    assert outcome.result.cursor == first.result.cursor == "2024-01-09 10:00:00"
    assert desk.run().counts == {}


def test_window__ahead_of_the_stored_cursor__leaves_no_gap_for_the_next_run(desk: Desk) -> None:
    people(desk, *ROWS[:2])
    first = desk.run()
    people(desk, *ROWS)
    outcome = desk.run(window=Window(day(8), day(10)))
    assert outcome.counts == {"read": 2, "inserted": 2}
    assert outcome.result.cursor == first.result.cursor
    # What lies between is read by the next run, and what the window brought is found unchanged.
    assert desk.run().counts == {"read": 7, "inserted": 5, "unchanged": 2}


def test_window__with_an_older_version_of_a_row__never_overwrites_the_newer_one(desk: Desk) -> None:
    people(desk, ["1", "new", "2024-01-09 10:00:00"])
    desk.run()
    people(desk, ["1", "old", "2024-01-02 10:00:00"], ["2", "other", "2024-01-02 10:00:00"])
    outcome = desk.run(window=Window(day(1), day(3)))
    assert outcome.counts == {"read": 2, "inserted": 1, "unchanged": 1}
    assert outcome.column("name") == ["new", "other"]


def test_window__takes_no_account_of_the_lookback_and_of_rows_without_a_cursor(desk: Desk) -> None:
    people(desk, *ROWS, ["10", "nobody", None], lookback="5 days")
    desk.run()
    assert desk.run(window=Window(day(7), day(9))).counts == {"read": 2, "unchanged": 2}


@pytest.mark.parametrize(
    ("kind", "window", "ids"),
    [
        ("date", Window(day(3), day(5)), [3, 4]),
        # A date is its midnight, so it lies before any later moment of its day.
        ("date", Window(day(3, 1), day(5, 1)), [4, 5]),
        ("timestamp", Window(day(3), day(5)), [3, 4]),
        ("timestamp", Window(datetime.fromisoformat("2024-01-03T01:00:00+01:00"), None), [3, 4, 5, 6]),
    ],
)
def test_window__of_each_kind_of_cursor__compares_moments_in_utc(
    desk: Desk, kind: str, window: Window, ids: list[int]
) -> None:
    desk.csv("c", ["id", "at"], [[str(n), f"2024-01-{n:02}"] for n in range(1, 7)])
    desk.target("id integer", f"at {kind}", key=["id"])
    desk.map({"id": "c.id", "at": "c.at"}, load={"mode": "merge", "cursor": "c.at"})
    assert desk.run(window=window).column("id") == ids


@pytest.mark.parametrize(
    ("load", "more", "words"),
    [
        ({"mode": "full"}, {}, "has none"),
        ({"mode": "merge"}, {}, "has none"),
        ({"mode": "merge", "delete_missing": True}, {}, "has none"),
        ({"mode": "merge", "cursor": "c.name"}, {}, "is of type VARCHAR"),
        ({"mode": "merge", "cursor": "c.id"}, {}, "is of type INTEGER"),
        ({"mode": "merge", "cursor": "c.at"}, {"rebuild": True}, "replaces the whole"),
    ],
)
def test_window__where_no_moment_bounds_the_input__is_refused(
    desk: Desk, load: dict[str, Any], more: dict[str, Any], words: str
) -> None:
    people(desk, *ROWS)
    desk.mapping["load"] = load
    with pytest.raises(Invalid, match=words) as caught:
        desk.run(window=Window(since=day(3)), **more)
    assert caught.value.code == "WINDOW_NOT_POSSIBLE"


MINUTES = st.integers(min_value=0, max_value=500)


@settings(max_examples=25, deadline=None)
@given(
    stored=st.lists(MINUTES, max_size=8),
    source=st.lists(st.tuples(st.integers(0, 5), MINUTES), max_size=12, unique_by=lambda row: row[0]),
    since=st.none() | MINUTES,
    until=st.none() | MINUTES,
)
def test_window__of_any_rows__reads_those_between_and_never_goes_back(
    tmp_path_factory: pytest.TempPathFactory,
    stored: list[int],
    source: list[tuple[int, int]],
    since: int | None,
    until: int | None,
) -> None:
    def text(minute: int) -> str:
        return f"{START.replace(tzinfo=None) + timedelta(minutes=minute)}"

    def moment(minute: int | None) -> datetime | None:
        return None if minute is None else START + timedelta(minutes=minute)

    desk = Desk(Path(tmp_path_factory.mktemp("window")))
    before = dict(enumerate(stored))
    people(desk, *([str(key), f"n{minute}", text(minute)] for key, minute in before.items()))
    cursor = desk.run().result.cursor
    people(desk, *([str(key), f"n{minute}", text(minute)] for key, minute in source))
    outcome = desk.run(window=Window(moment(since), moment(until)))
    inside = {
        key: minute
        for key, minute in source
        if (since is None or minute >= since) and (until is None or minute < until)
    }
    assert outcome.result.counts.read == len(inside)
    assert outcome.result.cursor == cursor
    expected = {key: max(before.get(key, 0), inside.get(key, 0)) for key in before.keys() | inside.keys()}
    assert {row["id"]: row["name"] for row in outcome.rows} == {
        key: f"n{minute}" for key, minute in expected.items()
    }
