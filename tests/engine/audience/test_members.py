"""Members on disk, who entered and who left, and why somebody is or is not in."""

from collections.abc import Mapping
from pathlib import Path

import duckdb
import pytest

from datalinx.engine.audience import (
    Budget,
    changes_table,
    count_audience,
    explain_member,
    members_table,
    write_members,
)
from datalinx.engine.query.rows import read_rows
from datalinx.engine.query.tables import TableFiles
from datalinx.errors import Invalid, NotFound
from tests.engine.audience.conftest import NOW, audience, write_table
from tests.engine.audience.test_rules import LAPSED

Shop = Mapping[str, TableFiles]

BRITISH = audience({"field": "country", "op": "eq", "value": "GB"})
VIPS = audience({"field": "vip", "op": "eq", "value": True})


def test_write_members__first_time__all_have_entered(shop: Shop, tmp_path: Path) -> None:
    made = write_members(BRITISH, tables=shop, audiences={}, now=NOW, previous=None, folder=tmp_path)

    assert (made.total, made.entered, made.left) == (3, 3, 0)
    page = read_rows(members_table(BRITISH, "VARCHAR", made.members))
    assert page.rows == [["c1"], ["c5"], ["c7"]]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["changes.parquet", "members.parquet"]


def test_write_members__again__tells_who_entered_and_left(shop: Shop, tmp_path: Path) -> None:
    (tmp_path / "one").mkdir()
    (tmp_path / "two").mkdir()
    first = write_members(BRITISH, tables=shop, audiences={}, now=NOW, previous=None, folder=tmp_path / "one")
    previous = members_table(BRITISH, "VARCHAR", first.members)

    made = write_members(VIPS, tables=shop, audiences={}, now=NOW, previous=previous, folder=tmp_path / "two")

    assert (made.total, made.entered, made.left) == (3, 1, 1)
    changes = read_rows(changes_table(VIPS, "VARCHAR", made.changes)).rows
    assert changes == [["c4", "entered"], ["c5", "left"]]


def test_write_members__nothing_changed__no_changes(shop: Shop, tmp_path: Path) -> None:
    first = write_members(BRITISH, tables=shop, audiences={}, now=NOW, previous=None, folder=tmp_path)
    previous = members_table(BRITISH, "VARCHAR", first.members.rename(tmp_path / "before.parquet"))
    made = write_members(BRITISH, tables=shop, audiences={}, now=NOW, previous=previous, folder=tmp_path)
    assert (made.total, made.entered, made.left) == (3, 0, 0)


def test_write_members__key_changed_its_type__compared_as_the_new_one(tmp_path: Path) -> None:
    columns = [("id", "BIGINT"), ("a", "INTEGER")]
    tables = {"t": write_table(tmp_path / "t.parquet", columns, [(1, 1), (2, 1)])}
    document = audience({"field": "a", "op": "eq", "value": 1}, table="t", key="id")
    previous = write_table(tmp_path / "before.parquet", [("old", "VARCHAR")], [("1",), ("x",), ("3",)])
    made = write_members(document, tables=tables, audiences={}, now=NOW, previous=previous, folder=tmp_path)
    assert (made.total, made.entered) == (2, 1)


def test_write_members__same_members_as_counted(shop: Shop, friends: Shop, tmp_path: Path) -> None:
    document = audience(LAPSED)
    made = write_members(document, tables=shop, audiences=friends, now=NOW, previous=None, folder=tmp_path)
    assert made.total == count_audience(document, tables=shop, audiences=friends, now=NOW).total


def test_explain__member__every_leaf_with_what_it_saw(shop: Shop, friends: Shop) -> None:
    explained = explain_member(audience(LAPSED), "c7", tables=shop, audiences=friends, now=NOW).as_dict()

    value, recent, place = explained["parts"]
    assert explained["result"] == "true"
    assert (value["result"], value["seen"]) == ("true", "1000.00")
    assert (recent["result"], recent["parts"][0]["result"], recent["parts"][0]["seen"]) == (
        "true",
        "false",
        0,
    )
    assert [part["seen"] for part in place["parts"]] == ["GB", False]
    assert value["rule"] == {"field": "lifetime_value", "op": "gte", "value": 500}


def test_explain__empty_value__unknown_and_not_false(shop: Shop, friends: Shop) -> None:
    explained = explain_member(audience(LAPSED), "c4", tables=shop, audiences=friends, now=NOW)
    assert explained.verdict == "unknown"
    assert (explained.parts[0].verdict, explained.parts[0].seen) == ("unknown", None)
    assert explained.parts[2].verdict == "unknown"


def test_explain__key_in_several_rows__the_row_nearest_to_membership(shop: Shop) -> None:
    orders = audience({"field": "amount", "op": "gt", "value": 15}, table="orders")
    explained = explain_member(orders, "c1", tables=shop, audiences={}, now=NOW)
    assert (explained.verdict, explained.seen) == ("true", "20.00")


@pytest.mark.parametrize("key", ["nobody", "", "' OR true --"])
def test_explain__unknown_key__not_found(shop: Shop, key: str) -> None:
    with pytest.raises(NotFound) as caught:
        explain_member(BRITISH, key, tables=shop, audiences={}, now=NOW)
    assert caught.value.code == "MEMBER_NOT_FOUND"


def test_explain__text_that_is_no_number__not_found(tmp_path: Path) -> None:
    tables = {"t": write_table(tmp_path / "t.parquet", [("id", "BIGINT")], [(1,)])}
    document = audience({"field": "id", "op": "gt", "value": 0}, table="t", key="id")
    assert explain_member(document, "1", tables=tables, audiences={}, now=NOW).verdict == "true"
    with pytest.raises(NotFound):
        explain_member(document, "one", tables=tables, audiences={}, now=NOW)


def test_count__over_its_time__says_timeout(tmp_path: Path) -> None:
    path = tmp_path / "t.parquet"
    duckdb.execute(
        f"COPY (SELECT i AS id, i // 2 AS other FROM range(3000000) t(i)) TO '{path}' (FORMAT parquet)"
    )
    tables = {"t": TableFiles([("id", "BIGINT"), ("other", "BIGINT")], [path])}
    rule = {"related": "t", "via": "other", "count": {"op": "gte", "value": 2}}
    with pytest.raises(Invalid) as caught:
        count_audience(
            audience(rule, table="t", key="id"),
            tables=tables,
            audiences={},
            now=NOW,
            budget=Budget(seconds=0.01),
        )
    assert caught.value.code == "QUERY_TIMEOUT"
