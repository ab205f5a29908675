"""History: every version of a row, from when to when it held."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from datalinx.errors import Invalid
from tests.engine.execute.conftest import NOW, Desk

LATER = NOW + timedelta(days=1)


def people(desk: Desk, *rows: Sequence[str | None], **load: Any) -> None:
    desk.csv("c", ["id", "name", "at"], rows)
    desk.target("id integer", "name string", key=["id"])
    desk.map({"id": "c.id", "name": "c.name"}, load={"mode": "history", **load})


def versions(rows: list[dict[str, Any]]) -> list[tuple[Any, ...]]:
    found = [(row["id"], row["name"], row["valid_from"], row["valid_to"]) for row in rows]
    return sorted(found, key=lambda row: (row[0], row[2]))


def test_history__a_changed_row__ends_and_begins_anew(desk: Desk) -> None:
    people(desk, ["1", "Ada", None], ["2", "Bob", None])
    assert desk.run(now=NOW).counts == {"read": 2, "inserted": 2}
    people(desk, ["1", "Adele", None], ["2", "Bob", None], ["3", "Cyd", None])
    outcome = desk.run(now=LATER)
    assert outcome.counts == {"read": 3, "inserted": 1, "updated": 1, "unchanged": 1}
    assert versions(outcome.rows) == [
        (1, "Ada", NOW, LATER),
        (1, "Adele", LATER, None),
        (2, "Bob", NOW, None),
        (3, "Cyd", LATER, None),
    ]


def test_history__a_value_that_comes_back__is_a_version_of_its_own(desk: Desk) -> None:
    for name in ("Ada", "Adele", "Ada"):
        people(desk, ["1", name, None])
        outcome = desk.run()
    assert outcome.counts == {"read": 1, "updated": 1}
    assert [row[1] for row in versions(outcome.rows)] == ["Ada", "Adele", "Ada"]
    assert sum(row["valid_to"] is None for row in outcome.rows) == 1


def test_history__a_cursor_that_is_a_moment__dates_the_versions(desk: Desk) -> None:
    load = {"cursor": "c.at", "lookback": "40 days"}
    people(desk, ["1", "Ada", "2024-01-01T10:00:00Z"], **load)
    desk.run()
    people(desk, ["1", "Adele", "2024-02-01T10:00:00Z"], **load)
    outcome = desk.run()
    assert [row[2:] for row in versions(outcome.rows)] == [
        (datetime(2024, 1, 1, 10, tzinfo=UTC), datetime(2024, 2, 1, 10, tzinfo=UTC)),
        (datetime(2024, 2, 1, 10, tzinfo=UTC), None),
    ]


def test_history__an_older_version__never_wins(desk: Desk) -> None:
    load = {"cursor": "c.at", "lookback": "40 days"}
    people(desk, ["1", "Ada", "2024-02-01T10:00:00Z"], **load)
    desk.run()
    people(desk, ["1", "Old", "2024-01-30T10:00:00Z"], **load)
    outcome = desk.run()
    assert outcome.counts == {"read": 1, "unchanged": 1}
    assert [row["name"] for row in outcome.rows] == ["Ada"]


def test_history__delete_missing__ends_the_version_that_holds(desk: Desk) -> None:
    people(desk, ["1", "Ada", None], ["2", "Bob", None], delete_missing=True)
    desk.run(now=NOW)
    people(desk, ["1", "Ada", None], delete_missing=True)
    outcome = desk.run(now=LATER)
    assert outcome.counts == {"read": 1, "unchanged": 1, "deleted": 1}
    assert versions(outcome.rows) == [(1, "Ada", NOW, None), (2, "Bob", NOW, LATER)]
    people(desk, ["1", "Ada", None], ["2", "Bob", None], delete_missing=True)
    assert desk.run().counts == {"read": 2, "inserted": 1, "unchanged": 1}


def test_history__a_repeat__writes_nothing(desk: Desk) -> None:
    people(desk, ["1", "Ada", None])
    desk.run()
    outcome = desk.run()
    assert outcome.counts == {"read": 1, "unchanged": 1}
    assert outcome.result.files == ()


def test_history__a_field_of_a_reserved_name__is_refused(desk: Desk) -> None:
    desk.csv("c", ["id"], [["1"]])
    desk.target("id integer", "valid_to integer", key=["id"])
    desk.map({"id": "c.id", "valid_to": "c.id"}, load={"mode": "history"})
    with pytest.raises(Invalid) as caught:
        desk.run()
    assert caught.value.code == "RESERVED_COLUMN"
