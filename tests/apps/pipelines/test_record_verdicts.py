"""What is said of a record is what became of it: many rows, raw texts, cursors, trials, verifications, exact keys."""

from typing import Any

import pytest

from apps.pipelines.services.execution import execute_run
from apps.pipelines.services.record_keys import read_key
from tests.apps.pipelines.test_records import MERGE, find, find_in_table
from tests.apps.pipelines.test_runs import source_of
from tests.journey import CONTACTS, MAPPING, lay_out, run, upload
from tests.resources import assert_failure, assert_success
from tests.world import World

LATE = CONTACTS + b"0,zero@example.org,1,2024-03-01\n"


def put(world: World, mapping: dict[str, Any]) -> None:
    assert_success(world.ed.client().put("/api/mappings/customers", mapping, format="json"))


def people(*amounts: int) -> bytes:
    rows = (f"{n},p{n}@example.org,{amount},2024-01-31" for n, amount in enumerate(amounts))
    return ("contact_id,mail,amount,joined\n" + "\n".join(rows) + "\n").encode()


def test_records__more_than_are_shown__are_compared_to_the_last(world: World) -> None:
    key = {"joined_on": "2024-01-31"}
    pipeline = lay_out(world, people(*[1] * 60))
    run(world, pipeline)
    upload(world, source_of(world), people(*[1] * 59, 2))
    second = find(world, run(world, pipeline)["id"], key)
    assert (second["outcome"], second["stored"]["left_off"]) == ("changed", True)
    header, *rows = people(*[1] * 59, 2).splitlines(keepends=True)
    upload(world, source_of(world), b"".join([header, *reversed(rows)]))
    third = find(world, run(world, pipeline)["id"], key)
    assert third["outcome"] == "unchanged"
    assert [each["change"] for each in find_in_table(world, key)["history"]] == ["changed", "new"]


def test_records__by_what_stands_in_the_source__are_found_by_what_it_becomes(world: World) -> None:
    pipeline = lay_out(world, b"contact_id,mail,amount,joined\nK-1,ann@example.org,1,2024-01-31\n")
    number = {"type": "expression", "expression": "CAST(replace(c.contact_id, 'K-', '') AS INTEGER)"}
    put(world, {**MAPPING, "fields": {**MAPPING["fields"], "customer_id": number}})
    first = run(world, pipeline)["id"]
    found = find(world, first, "K-1")
    assert (found["outcome"], found["stored"]["after"][0]["customer_id"]) == ("new", 1)
    kept = find_in_table(world, "K-1")
    assert (kept["outcome"], [each["run_id"] for each in kept["history"]]) == ("stored", [first])
    assert find(world, first, "K-2")["outcome"] == "not_in_source"


def test_records__of_a_table_behind_its_cursor__wait_in_vain(world: World) -> None:
    pipeline = lay_out(world)
    put(world, MERGE)
    run(world, pipeline)
    upload(world, source_of(world), LATE + b"9,nine@example.org,1,2024-03-01\n")
    behind = find_in_table(world, 0)
    assert (behind["outcome"], "the next run does not read it" in behind["message"]) == ("not_read", True)
    # What an earlier run read and dropped is not there for its own reason.
    assert find_in_table(world, 6)["outcome"] == "filtered"
    assert find_in_table(world, 9)["outcome"] == "valid"
    put(world, MAPPING)
    assert find_in_table(world, 0)["outcome"] == "valid"


def test_records__behind_the_cursor_of_a_trial_or_a_verification__were_not_read(world: World) -> None:
    pipeline = lay_out(world)
    put(world, MERGE)
    run(world, pipeline)
    upload(world, source_of(world), LATE)
    tried = run(world, pipeline, test_mode=True)["id"]
    second = run(world, pipeline)["id"]
    started = world.ed.client().post(f"/api/runs/{second}/verify", {}, format="json")
    verification = assert_success(started, 201)["id"]
    execute_run(verification)
    for each in (tried, second, verification):
        missed = find(world, each, 0)
        assert (missed["outcome"], missed["source"]["as_then"]) == ("not_read", True)


def test_records__that_left_the_table_as_their_row_was_rejected__say_so(world: World) -> None:
    pipeline = lay_out(world, people(*[1] * 5))
    run(world, pipeline)
    upload(world, source_of(world), people(*[1] * 5).replace(b"p4@example.org", b"nowhere"))
    gone = find(world, run(world, pipeline)["id"], 4)
    assert gone["outcome"] == "gone"
    assert "contacts.csv:5 was rejected" in gone["message"]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ('{"spent": 123456789012345678901234567.25}', "123456789012345678901234567.25"),
        ('{"spent": 98765432109876543210}', "98765432109876543210"),
        ('{"spent": -1.50}', "-1.50"),
        ('{"spent": 2.5e1}', "25.0"),
        ('{"spent": true}', "true"),
    ],
)
def test_read_key__a_number__keeps_every_digit(text: str, value: str) -> None:
    assert read_key(None, text) == {"spent": value}  # type: ignore[arg-type]  # only a bare key asks the plan


@pytest.mark.parametrize(
    "key",
    [
        '{"email": "a", "email": "b"}',
        '{"email": NaN}',
        '{"email": 1e999}',
        '{"email": "\\ud800"}',
        '{"\\ud800": "a"}',
        '{"a":' * 390,
        '{"a":' + "[" * 900 + "]" * 900 + "}",
    ],
)
def test_records__a_key_that_is_no_plain_object__is_refused(world: World, key: str) -> None:
    first = run(world, lay_out(world))["id"]
    answer = world.vera.client().get(f"/api/runs/{first}/records", {"key": key})
    assert_failure(answer, 422, "RECORD_KEY_INVALID")


def test_records__of_a_table_without_a_mapping__are_found_in_what_is_kept(world: World) -> None:
    first = run(world, lay_out(world))["id"]
    assert_success(world.ed.client().delete("/api/mappings/customers"))
    kept = find_in_table(world, 1)
    assert (kept["outcome"], [each["run_id"] for each in kept["history"]]) == ("stored", [first])
    assert find_in_table(world, 3)["outcome"] == "rejected"
    missing = find_in_table(world, 77, source="always")
    assert (missing["outcome"], missing["source"]["read"]) == ("unknown", False)
    assert "no mapping any more" in missing["message"]
