"""Who is one person: by which rules, within which limits, and the same as told the plain way."""

import random
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from datalinx.errors import Cancelled
from tests.engine.identity.kit import CUSTOMERS, RULES, Town, document, groups, plain_union_find, row


@pytest.fixture
def town(tmp_path: Path) -> Town:
    return Town(tmp_path)


def test_resolve__equal_identifiers__are_one_person_also_through_a_chain(town: Town) -> None:
    ids = town.resolve(
        customers=[row("1", "a@x"), row("2", "a@x", "7"), row("3", None, "7"), row("4", "b@x")]
    )
    assert groups(ids) == {frozenset("123"), frozenset("4")}
    assert all(each.startswith("idr_") and len(each) == 30 for each in ids.values())
    assert (town.stats["records"], town.stats["clusters"], town.stats["identifiers"]) == (4, 2, 3)
    assert town.stats["histogram"] == [
        {"from": 1, "to": 1, "clusters": 1},
        {"from": 3, "to": 3, "clusters": 1},
    ]


def test_resolve__nulls_and_empty_texts__link_nobody(town: Town) -> None:
    ids = town.resolve(customers=[row("1", "", None), row("2", "", None), row("3", "  "), row("4", "  ")])
    assert len(set(ids.values())) == 4


def test_resolve__a_rule_of_several_identifiers__wants_all_of_them(town: Town) -> None:
    identifiers = {"first": "first", "last": "last"}
    town.rules = document(
        tables=[{"table": "customers", "key": "id", "identifiers": identifiers}],
        rules=[{"name": "name", "match": ["last", "first"]}],
    )
    rows = [
        {"id": "1", "first": "a b", "last": "c"},
        {"id": "2", "first": "a", "last": "b c"},
        {"id": "3", "first": "a b", "last": "c"},
        {"id": "4", "first": None, "last": "c"},
        {"id": "5", "first": None, "last": "c"},
    ]
    assert groups(town.resolve(customers=rows)) == {
        frozenset("13"),
        frozenset("2"),
        frozenset("4"),
        frozenset("5"),
    }


def test_resolve__two_tables_and_two_columns_of_a_kind__meet_by_the_kind(town: Town) -> None:
    town.rules = document(
        tables=[
            {"table": "customers", "key": "id", "identifiers": {"email": "mail", "other": "mail"}},
            {"table": "leads", "key": "no", "identifiers": {"address": "mail"}},
        ],
        rules=[{"name": "mail", "match": ["mail"]}],
    )
    ids = town.resolve(
        customers=[{"id": "1", "email": "a", "other": "b"}, {"id": "2", "email": "z", "other": None}],
        leads=[{"no": "L1", "address": "b"}, {"no": "L2", "address": "y"}],
    )
    assert groups(ids) == {frozenset({"1", "L1"}), frozenset({"2"}), frozenset({"L2"})}
    assert town.stats["tables"] == [{"table": "customers", "records": 2}, {"table": "leads", "records": 2}]


def test_resolve__rows_of_one_key__are_one_record(town: Town) -> None:
    ids = town.resolve(customers=[row("1", "a@x"), row("1", "b@x"), row("2", "b@x"), row("3", "a@x")])
    assert groups(ids) == {frozenset("123")}
    assert town.stats["records"] == 3


def test_resolve__a_value_of_too_many__links_nobody_and_is_reported(town: Town) -> None:
    town.rules = document(limits={"max_value_rows": 3})
    rows = [row(str(n), "info@x", "5" if n < 3 else None) for n in range(5)]
    assert groups(town.resolve(customers=rows)) == {frozenset("012"), frozenset("3"), frozenset("4")}
    mail = town.stats["rules"][0]
    assert (mail["shared_values"], mail["shared_records"], mail["values"]) == (1, 5, 0)
    assert mail["widest"] == [{"value": "info@x", "records": 5}]


def test_resolve__a_person_of_too_many_records__grows_no_further_and_is_reported(town: Town) -> None:
    town.rules = document(limits={"max_cluster_size": 3})
    rows = [row(str(n), f"{n // 2}@x", str((n + 1) // 2)) for n in range(9)]
    found = groups(town.resolve(customers=rows))
    assert max(map(len, found)) == 3
    assert town.stats["refused_links"] > 0
    assert town.stats["limited_clusters"] > 0


def test_resolve__a_limit_that_cuts__gives_the_same_again(town: Town) -> None:
    town.rules = document(limits={"max_cluster_size": 4})
    chance = random.Random(7)
    rows = [row(str(n), f"{chance.randrange(40)}@x", str(chance.randrange(60))) for n in range(200)]
    first = town.resolve(customers=rows)
    assert town.stats["refused_links"] > 10
    for _ in range(2):
        chance.shuffle(rows)
        assert town.resolve(customers=rows) == first
        assert not town.last.changed if town.last else False


def test_resolve__nothing_at_all__is_nobody(town: Town) -> None:
    assert town.resolve(customers=[]) == {}
    assert town.stats["average_records"] is None
    assert town.stats["histogram"] == []


def test_resolve__when_it_is_to_stop__ends(town: Town, tmp_path: Path) -> None:
    from datetime import UTC, datetime

    from datalinx.engine.identity import Budget, Moment, resolve_identity
    from datalinx.engine.spec import IdentityDocument, parse_document

    with pytest.raises(Cancelled):
        resolve_identity(
            parse_document(IdentityDocument, {}),
            people=[],
            previous=None,
            history=None,
            moment=Moment(1, datetime.now(UTC), "s"),
            folder=tmp_path / "out",
            budget=Budget(),
            stopped=lambda: True,
        )


values = st.one_of(st.none(), st.sampled_from("abcdef"))
people = st.lists(st.tuples(values, values, values), max_size=25)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(records=people, most=st.integers(2, 6))
def test_resolve__any_records__are_grouped_as_told_the_plain_way(
    tmp_path_factory: Any, records: list[tuple[str | None, ...]], most: int
) -> None:
    rows = [
        {"id": str(n), "email": email, "phone": phone, "name": name}
        for n, (email, phone, name) in enumerate(records)
    ]
    town = Town(tmp_path_factory.mktemp("town"))
    identifiers = {**CUSTOMERS["identifiers"], "name": "name"}  # type: ignore[dict-item]  # a dict of texts
    rules = [RULES[0], {"name": "both", "match": ["phone", "name"]}]
    town.rules = document(
        tables=[{**CUSTOMERS, "identifiers": identifiers}], rules=rules, limits={"max_value_rows": most}
    )
    found = groups(town.resolve(customers=rows))
    assert found == plain_union_find(rows, [["email"], ["phone", "name"]], most)
