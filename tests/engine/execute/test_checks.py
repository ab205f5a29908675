"""Invalid values: kept aside with their reasons, made NULL, or the end of the run."""

import json

import pytest

from datalinx.engine.execute import Guards
from datalinx.engine.execute.stopped import Stopped
from datalinx.errors import Failed
from tests.engine.execute.conftest import Desk, read_rows

EMAIL = {"type": "decorated", "source": "c.mail", "decorators": [{"name": "email"}]}


@pytest.fixture
def contacts(desk: Desk) -> Desk:
    desk.csv(
        "c",
        ["id", "mail", "age"],
        [
            ["1", " Ada@Example.com", "36"],
            ["2", "no mail", "old"],
            ["3", "bob@example.com", "3.5"],
            [None, "eve@example.com", None],
            ["5", None, None],
        ],
    )
    desk.target("id string", "email email", "age integer", key=["id"])
    desk.map({"id": "c.id", "email": EMAIL, "age": "c.age"})
    return desk


def test_run__invalid_values__are_kept_aside_with_their_first_fault(contacts: Desk) -> None:
    outcome = contacts.run()
    assert outcome.counts == {"read": 5, "rejected": 3, "inserted": 2}
    assert outcome.rows == [
        {"id": "1", "email": "ada@example.com", "age": 36},
        {"id": "5", "email": None, "age": None},
    ]
    assert outcome.reasons == [
        ("c.csv:2", "email", "invalid_email"),
        ("c.csv:3", "age", "cast_failed"),
        ("c.csv:4", "id", "null_not_allowed"),
    ]
    assert outcome.result.rejected_by_reason == {"cast_failed": 1, "invalid_email": 1, "null_not_allowed": 1}


def test_run__a_row_with_two_faults__is_rejected_once_and_shows_both(contacts: Desk) -> None:
    row = contacts.run().rejected[0]
    assert json.loads(row.pop("row")) == {"id": "2", "mail": "no mail", "age": "old"}
    assert [(fault["field"], fault["reason"], fault["value"]) for fault in row.pop("reasons")] == [
        ("email", "invalid_email", "no mail"),
        ("age", "cast_failed", "old"),
    ]
    assert row.pop("message")
    assert row == {
        "source": "crm",
        "table": "c",
        "locator": "c.csv:2",
        "field": "email",
        "reason": "invalid_email",
        "value": "no mail",
        "mapping_version": 4,
    }


def test_run__an_invalid_value_in_a_required_column__is_not_also_missing(contacts: Desk) -> None:
    contacts.target("id string", "email email", "age integer", key=["id"], required=["age"])
    outcome = contacts.run()
    assert [fault["reason"] for fault in outcome.rejected[1]["reasons"]] == ["cast_failed"]
    assert outcome.reasons[-1] == ("c.csv:5", "age", "null_not_allowed")


def test_run__on_invalid_null__drops_the_value_and_counts_it(contacts: Desk) -> None:
    contacts.map({"id": "c.id", "email": EMAIL, "age": "c.age"}, on_invalid="null")
    outcome = contacts.run()
    assert outcome.counts == {"read": 5, "rejected": 1, "inserted": 4, "values_nulled": 3}
    assert outcome.result.values_nulled == {"email": 1, "age": 2}
    assert [row["age"] for row in outcome.rows] == [36, None, None, None]


def test_run__on_invalid_null_in_a_required_column__rejects_the_row_as_missing(contacts: Desk) -> None:
    contacts.target("id string", "email email", "age integer", required=["age"])
    age = {"type": "direct", "source": "c.age", "on_invalid": "null"}
    contacts.map({"id": "c.id", "email": EMAIL, "age": age})
    outcome = contacts.run()
    assert outcome.result.values_nulled == {"age": 2}
    assert ("c.csv:3", "age", "null_not_allowed") in outcome.reasons
    assert outcome.counts["rejected"] == 4


def test_run__a_fields_own_on_invalid__wins_over_the_mappings(contacts: Desk) -> None:
    email = {**EMAIL, "on_invalid": "quarantine"}
    contacts.map({"id": "c.id", "email": email, "age": "c.age"}, on_invalid="null")
    outcome = contacts.run()
    assert outcome.result.rejected_by_reason == {"invalid_email": 1, "null_not_allowed": 1}
    assert outcome.result.values_nulled == {"age": 2}


def test_run__on_invalid_fail__ends_with_field_reason_and_place(contacts: Desk) -> None:
    age = {"type": "direct", "source": "c.age", "on_invalid": "fail"}
    contacts.map({"id": "c.id", "email": EMAIL, "age": age})
    with pytest.raises(Failed) as caught:
        contacts.run()
    assert caught.value.code == "VALUE_INVALID"
    expected = {"field": "age", "reason": "cast_failed", "value": "old", "locator": "c.csv:2", "rows": 2}
    assert caught.value.details == expected
    assert "c.csv:2" in caught.value.message


def test_run__on_invalid_fail_with_valid_values__goes_through(contacts: Desk) -> None:
    contacts.csv("c", ["id", "mail", "age"], [["1", "a@example.com", "1"]])
    contacts.map({"id": "c.id", "email": EMAIL, "age": "c.age"}, on_invalid="fail")
    assert contacts.run().counts == {"read": 1, "inserted": 1}


@pytest.mark.parametrize(
    ("guards", "allowed"),
    [
        (Guards(max_rejected_rows=3), True),
        (Guards(max_rejected_rows=2), False),
        (Guards(max_rejected_share=0.6), True),
        (Guards(max_rejected_share=0.59), False),
        (Guards(max_rejected_rows=0), False),
    ],
)
def test_run__more_rejected_than_allowed__fails(contacts: Desk, guards: Guards, allowed: bool) -> None:
    if allowed:
        assert contacts.run(guards=guards).counts["rejected"] == 3
        return
    with pytest.raises(Failed) as caught:
        contacts.run(guards=guards)
    assert caught.value.code == "MAX_REJECTED_EXCEEDED"
    assert "3 of 5 rows" in caught.value.message


@pytest.mark.parametrize(
    ("limits", "allowed"),
    [
        ({"invalid_email": 1, "cast_failed": 1}, True),
        ({"duplicate_key": 0}, True),
        ({"invalid_email": 0}, False),
        ({"cast_failed": 9, "invalid_email": 0}, False),
    ],
    ids=["at the limit", "another reason", "over", "one of two over"],
)
def test_run__more_rejected_for_one_reason_than_allowed__fails_and_names_it(
    contacts: Desk, limits: dict[str, int], allowed: bool
) -> None:
    guards = Guards(max_rejected_reasons=limits)
    if allowed:
        assert contacts.run(guards=guards).counts["rejected"] == 3
        return
    with pytest.raises(Failed) as caught:
        contacts.run(guards=guards)
    assert caught.value.code == "MAX_REJECTED_EXCEEDED"
    assert "1 of 5 rows of `customers` (20.00%) were rejected for `invalid_email`" in caught.value.message


def test_run__stopped_by_a_guard__tells_what_it_found(contacts: Desk) -> None:
    with pytest.raises(Stopped) as caught:
        contacts.run(guards=Guards(max_rejected_rows=0))
    found = caught.value.findings
    assert (found.counts.read, found.counts.rejected, found.counts.inserted) == (5, 3, 0)
    assert found.rejected_by_reason == {"cast_failed": 1, "invalid_email": 1, "null_not_allowed": 1}
    assert found.inputs["c"].rows == 5
    assert found.rejected_path is not None
    assert [row["reason"] for row in read_rows([found.rejected_path])] == [
        reason for _, _, reason in contacts.run().reasons
    ]


def test_run__a_filter__counts_false_and_unknown_and_checks_only_the_rest(contacts: Desk) -> None:
    contacts.map({"id": "c.id", "email": EMAIL, "age": "c.age"}, filter="c.age <> 'old'")
    outcome = contacts.run()
    assert outcome.counts == {"read": 5, "filtered": 3, "rejected": 1, "inserted": 1}
    assert outcome.reasons == [("c.csv:3", "age", "cast_failed")]
