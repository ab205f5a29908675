"""People read back: their records, what links them, and why two records are one."""

from pathlib import Path

import pytest

from datalinx.engine.identity.masking import shown_sql
from datalinx.engine.spec import parse_document
from datalinx.engine.spec.schema import TargetTable
from datalinx.engine.types.registry import TypeRegistry
from tests.engine.identity.kit import Town, row


@pytest.fixture
def town(tmp_path: Path) -> Town:
    made = Town(tmp_path)
    made.resolve(
        customers=[row("1", "a@x"), row("2", "a@x", "7"), row("3", "b@x", "7"), row("4", "b@x"), row("5")]
    )
    return made


def test_cluster__of_a_chain__has_its_records_and_what_links_them(town: Town) -> None:
    found = town.found.cluster(town.ids()["1"])
    assert found is not None
    assert [each["key"] for each in found["members"]] == ["1", "2", "3", "4"]
    assert {(each["rule"], each["value"], each["confidence"]) for each in found["links"]} == {
        ("same e-mail", "a@x", 1.0),
        ("same e-mail", "b@x", 1.0),
        ("same phone", "7", 1.0),
    }
    assert (found["records"], found["identifiers"], found["limited"]) == (4, 3, False)
    assert town.found.cluster("idr_nobody") is None


def test_explain__two_of_a_chain__tells_the_shortest_way(town: Town) -> None:
    told = town.found.explain(("customers", "1"), ("customers", "4"))
    assert (told["same"], told["kind"], told["confidence"]) == (True, "inferred", 1.0)
    assert [(each["from"]["key"], each["to"]["key"], each["value"]) for each in told["path"]] == [
        ("1", "2", "a@x"),
        ("2", "3", "7"),
        ("3", "4", "b@x"),
    ]


def test_explain__neighbours_strangers_and_nobody__are_told_apart(town: Town) -> None:
    assert town.found.explain(("customers", "1"), ("customers", "2"))["kind"] == "deterministic"
    assert town.found.explain(("customers", "1"), ("customers", "1"))["path"] == []
    told = town.found.explain(("customers", "1"), ("customers", "5"))
    assert (told["same"], told["kind"], told["confidence"], told["path"]) == (False, None, 0.0, [])
    with pytest.raises(KeyError):
        town.found.explain(("customers", "1"), ("customers", "99"))


@pytest.mark.parametrize(
    ("column", "shown"),
    [
        ({"type": "email"}, "a***@x.org"),
        ({"type": "string"}, "ann@x.org"),
        ({"type": "string", "pii": "contact"}, "***"),
        ({"type": "email", "pii": "none"}, "ann@x.org"),
    ],
)
def test_shown__of_an_identifier__is_what_its_class_leaves(column: dict[str, str], shown: str) -> None:
    import duckdb

    table = parse_document(TargetTable, {"name": "t", "columns": [{"name": "c", **column}]})
    sql = shown_sql(table.columns[0], TypeRegistry())
    # All of the answer is taken, as others use this connection too.
    assert duckdb.execute(f"SELECT {sql} FROM (SELECT 'ann@x.org' AS c)").fetchall() == [(shown,)]
