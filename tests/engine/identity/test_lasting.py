"""Canonical ids last: growth keeps them, merges and splits are told, nothing changes without a reason."""

import random
from pathlib import Path

import pytest

from tests.engine.identity.kit import Town, row


@pytest.fixture
def town(tmp_path: Path) -> Town:
    return Town(tmp_path)


def test_resolve__the_same_again_in_another_order__changes_nothing(town: Town) -> None:
    rows = [row("1", "a@x"), row("2", "a@x"), row("3", "b@x")]
    first = town.resolve(customers=rows)
    assert town.resolve(customers=rows[::-1]) == first
    assert town.generation == 1
    assert town.history() == []


def test_resolve__a_new_record__takes_the_id_that_is_there(town: Town) -> None:
    first = town.resolve(customers=[row("5", "a@x")])
    second = town.resolve(customers=[row("5", "a@x"), row("1", "a@x"), row("2", "b@x")])
    assert second["5"] == second["1"] == first["5"]
    assert second["2"] != first["5"]
    assert (town.generation, town.stats["new_records"]) == (2, 2)


def test_resolve__two_people_who_turn_out_one__keep_the_id_of_most_and_the_merge_is_told(town: Town) -> None:
    rows = [row("1", "a@x"), row("2", "b@x"), row("3", "b@x")]
    first = town.resolve(customers=rows)
    second = town.resolve(customers=[*rows, row("4", "a@x", "7"), row("5", "b@x", "7")])
    assert set(second.values()) == {first["2"]}
    [merge] = town.history()
    assert (merge["kind"], merge["from_id"], merge["into_id"]) == ("merged", first["1"], first["2"])
    assert (merge["generation"], merge["records"]) == (2, 1)
    assert "same phone" in merge["rules"]
    gone = town.found.cluster(first["1"])
    assert gone is not None
    assert gone["merged_into"] == first["2"]


def test_resolve__as_many_of_each__keep_the_older_id(town: Town) -> None:
    old = town.resolve(customers=[row("9", "a@x")])["9"]
    town.resolve(customers=[row("9", "a@x"), row("1", "b@x")])
    assert set(town.resolve(customers=[row("9", "a@x", "7"), row("1", "b@x", "7")]).values()) == {old}


def test_resolve__a_person_who_turns_out_two__splits_and_most_keep_the_id(town: Town) -> None:
    rows = [row("1", "a@x"), row("2", "a@x", "7"), row("3", "c@x", "7"), row("4", "c@x"), row("5", "c@x")]
    first = town.resolve(customers=rows)
    assert len(set(first.values())) == 1
    rows[1] = row("2", "a@x")
    second = town.resolve(customers=rows)
    assert second["3"] == second["4"] == first["1"]
    assert second["1"] == second["2"] != first["1"]
    [split] = town.history()
    assert (split["kind"], split["from_id"], split["into_id"]) == ("split", first["1"], second["1"])
    assert (split["records"], split["rules"]) == (2, [])


def test_resolve__a_record_that_was_gone__has_its_id_again(town: Town) -> None:
    first = town.resolve(customers=[row("1", "a@x"), row("2", "b@x")])
    assert town.resolve(customers=[row("2", "b@x")]) == {"2": first["2"]}
    assert town.stats["gone_records"] == 1
    assert town.ids(present=False) == {"1": first["1"]}
    assert town.resolve(customers=[row("1", "z@x"), row("2", "b@x")]) == first
    assert town.generation == 3


def test_resolve__people_torn_apart_and_put_together__have_an_id_each(town: Town) -> None:
    before = [row(str(n), f"{n // 3}@x") for n in range(60)]
    first = town.resolve(customers=before)
    after = [row(str(n), f"{(n + 1) // 3}@x") for n in range(60)]
    second = town.resolve(customers=after)
    assert len(set(second.values())) == 21
    # Two of three went on together, and they are most of the people that they are now.
    assert sum(first[key] == second[key] for key in first) >= 39


@pytest.mark.parametrize("seed", range(4))
def test_resolve__growth_by_chance__keeps_every_id_that_is_not_merged(town: Town, seed: int) -> None:
    chance = random.Random(seed)
    rows = []
    known: dict[str, str] = {}
    for _ in range(4):
        rows += [
            row(str(len(rows) + n), f"{chance.randrange(60)}@x", str(chance.randrange(120)))
            for n in range(25)
        ]
        chance.shuffle(rows)
        ids = town.resolve(customers=rows)
        merged = {each["from_id"] for each in town.history() if each["kind"] == "merged"}
        moved = {known[key] for key in known if ids[key] != known[key]}
        assert moved <= merged
        assert not {each["kind"] for each in town.history()} - {"merged"}
        known = ids
