"""Rules as a whole: nesting, related tables, other audiences, and a reference in plain Python."""

import operator
from collections.abc import Mapping
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from datalinx.engine.audience import (
    check_audience,
    compile_audience,
    count_audience,
    explain_member,
    referenced_audiences,
    referenced_tables,
)
from datalinx.engine.query.tables import TableFiles
from datalinx.engine.spec.audience import MAX_RULE_DEPTH
from datalinx.errors import Invalid
from tests.engine.audience.conftest import CUSTOMER_COLUMNS, CUSTOMERS, NOW, ORDER_COLUMNS, ORDERS, audience

Shop = Mapping[str, TableFiles]

LAPSED = {
    "all": [
        {"field": "lifetime_value", "op": "gte", "value": 500},
        {"not": {"related": "orders", "via": "customer_id", "count": {"op": "gte", "value": 1},
                 "where": {"all": [{"field": "ordered_at", "op": "within", "value": "30 days"}]}}},
        {"any": [{"field": "country", "op": "in", "value": ["GB", "IE"]}, {"audience": "aud_friends"}]},
    ]
}  # fmt: skip

RULES = [
    (LAPSED, "c1 c7"),
    ({"related": "orders", "via": "customer_id"}, "c1 c2 c3 c5 c7"),
    ({"not": {"related": "orders", "via": "customer_id"}}, "c4 c6"),
    ({"related": "orders", "via": "customer_id", "count": {"op": "gte", "value": 2}}, "c1 c7"),
    ({"related": "orders", "via": "customer_id", "count": {"op": "eq", "value": 0}}, "c4 c6"),
    ({"related": "orders", "via": "customer_id", "count": {"op": "lt", "value": 2}}, "c2 c3 c4 c5 c6"),
    ({"related": "orders", "via": "customer_id", "count": {"op": "ne", "value": 1}}, "c1 c4 c6 c7"),
    ({"related": "orders", "via": "customer_id", "where": {"field": "channel", "op": "ne", "value": "web"}}, "c1 c2"),
    ({"related": "orders", "via": "customer_id", "count": {"op": "gte", "value": 2},
      "where": {"any": [{"field": "amount", "op": "gt", "value": 15},
                        {"field": "channel", "op": "eq", "value": "web"}]}},
     "c1 c7"),
    ({"related": "orders", "via": "customer_id", "where": {"related": "customers", "via": "customer_id",
      "where": {"field": "vip", "op": "eq", "value": True}}}, "c1 c7"),
    ({"related": "orders", "via": "customer_id", "where": {"related": "orders", "via": "customer_id",
      "count": {"op": "gte", "value": 3}}}, "c1"),
    ({"audience": "aud_friends"}, "c1 c6"),
    ({"not": {"audience": "aud_friends"}}, "c2 c3 c4 c5 c7"),
    ({"all": [{"audience": "aud_friends"}, {"field": "country", "op": "eq", "value": "GB"}]}, "c1"),
    ({"not": {"not": {"field": "vip", "op": "eq", "value": True}}}, "c1 c4 c7"),
    ({"any": [{"field": "country", "op": "eq", "value": "GB"}, {"field": "vip", "op": "eq", "value": False}]},
     "c1 c2 c5 c7"),
]  # fmt: skip


@pytest.mark.parametrize(("rule", "keys"), RULES)
@pytest.mark.parametrize("unique_key", [True, False])
def test_rule__finds_exactly_these(shop: Shop, friends: Shop, rule: Any, keys: str, unique_key: bool) -> None:
    count = count_audience(
        audience(rule), tables=shop, audiences=friends, now=NOW, sample=10, unique_key=unique_key
    )
    assert count.sample == keys.split()
    assert (count.total, count.population) == (len(keys.split()), 7)


def test_count__every_block__alone_under_its_path(shop: Shop, friends: Shop) -> None:
    count = count_audience(audience(LAPSED), tables=shop, audiences=friends, now=NOW)
    assert count.blocks == {
        "rule": 2,
        "rule.all[0]": 3,
        "rule.all[1]": 6,
        "rule.all[1].not": 1,
        "rule.all[2]": 5,
        "rule.all[2].any[0]": 4,
        "rule.all[2].any[1]": 2,
    }


def test_count__key_in_several_rows__each_person_once(shop: Shop) -> None:
    orders = audience({"field": "channel", "op": "eq", "value": "web"}, table="orders")
    count = count_audience(orders, tables=shop, audiences={}, now=NOW, sample=10)
    assert count.sample == ["c1", "c5", "c7", "stranger"]
    assert (count.total, count.population) == (4, 6)


def test_count__no_sample_and_empty_table__zeros(shop: Shop) -> None:
    empty = {"customers": TableFiles(CUSTOMER_COLUMNS), "orders": shop["orders"]}
    count = count_audience(audience(RULES[3][0]), tables=empty, audiences={}, now=NOW, sample=0)
    assert (count.total, count.population, count.sample, count.blocks) == (0, 0, [], {"rule": 0})


FAULTS = [
    ({"field": "contry", "op": "eq", "value": "GB"}, "rule.field", "unknown_column", "Did you mean `country`?"),
    ({"related": "ordrs", "via": "customer_id"}, "rule.related", "unknown_table", "Did you mean `orders`?"),
    ({"related": "orders", "via": "country"}, "rule.via", "unknown_column", "`orders`"),
    ({"related": "orders", "via": "channel"}, "rule.via", "unknown_column", "`customers`"),
    ({"related": "orders", "via": "customer_id", "where": {"field": "country", "op": "not_null"}},
     "rule.where.field", "unknown_column", "`orders`"),
    ({"audience": "aud_none"}, "rule.audience", "unknown_audience", "aud_none"),
    ({"related": "orders", "via": "customer_id", "where": {"audience": "aud_friends"}},
     "rule.where", "audience_not_here", "where"),
    ({"field": "note", "op": "matches", "value": "(unclosed"}, "rule.value", "invalid_value", "pattern"),
    ({"field": "note", "op": "matches", "value": "(a{1000}){1000}"}, "rule.value", "invalid_value", "pattern"),
]  # fmt: skip


@pytest.mark.parametrize(("rule", "field", "code", "words"), FAULTS)
def test_check__fault__named_with_path_and_way_out(
    shop: Shop, friends: Shop, rule: Any, field: str, code: str, words: str
) -> None:
    with pytest.raises(Invalid) as caught:
        check_audience(audience(rule), tables=shop, audiences=friends, now=NOW)
    [error] = caught.value.errors
    assert (error.field, error.code) == (field, code)
    assert words in error.message
    assert caught.value.code == "VALIDATION_ERROR"


def test_check__table_and_key__must_exist(shop: Shop) -> None:
    rule = {"field": "country", "op": "not_null"}
    for wrong, field in ({"table": "custmers"}, "table"), ({"key": "id"}, "key"):
        with pytest.raises(Invalid) as caught:
            check_audience(audience(rule, **wrong), tables=shop, audiences={}, now=NOW)
        assert caught.value.errors[0].field == field


def test_check__all_faults__at_once(shop: Shop) -> None:
    rule = {"all": [{"field": "a", "op": "not_null"}, {"any": [{"field": "vip", "op": "lt", "value": 1}]}]}
    with pytest.raises(Invalid) as caught:
        check_audience(audience(rule), tables=shop, audiences={}, now=NOW)
    assert [error.field for error in caught.value.errors] == ["rule.all[0].field", "rule.all[1].any[0].op"]


def test_check__keys_of_different_types__never_equal(shop: Shop) -> None:
    numbers = {"aud_n": TableFiles([("id", "BIGINT")])}
    other = {**shop, "visits": TableFiles([("customer_id", "BIGINT")])}
    for rule in ({"audience": "aud_n"}, {"related": "visits", "via": "customer_id"}):
        with pytest.raises(Invalid) as caught:
            check_audience(audience(rule), tables=other, audiences=numbers, now=NOW)
        assert caught.value.errors[0].code == "type_mismatch"


def test_references__tables_and_audiences__also_inside_where() -> None:
    rule = {"all": [LAPSED, {"related": "visits", "via": "x", "where": {"related": "pages", "via": "y"}}]}
    assert referenced_tables(audience(rule)) == {"customers", "orders", "visits", "pages"}
    assert referenced_audiences(audience(rule)) == {"aud_friends"}


def test_compile__hostile_texts__stay_texts(shop: Shop) -> None:
    for text in ("' OR 1=1 --", "'; DROP TABLE customers; --", "\\", '"', "$key", "?", "/*"):
        for op in ("eq", "contains", "starts_with"):
            document = audience({"field": "note", "op": op, "value": text})
            assert count_audience(document, tables=shop, audiences={}, now=NOW).total == 0


def test_compile__column_called_via_or_base__means_itself(tmp_path_factory: pytest.TempPathFactory) -> None:
    from tests.engine.audience.conftest import write_table

    folder = tmp_path_factory.mktemp("odd")
    columns = [("id", "INTEGER"), ("via", "INTEGER"), ("base", "INTEGER"), ("n", "INTEGER")]
    tables = {"t": write_table(folder / "t.parquet", columns, [(1, 1, 5, 9), (2, 1, 6, 9), (3, 2, 7, 9)])}
    rule = {
        "related": "t",
        "via": "via",
        "count": {"op": "gte", "value": 2},
        "where": {"field": "base", "op": "gt", "value": 4},
    }
    document = audience(rule, table="t", key="id")
    assert count_audience(document, tables=tables, audiences={}, now=NOW).sample == [1, 2]


def test_rule__as_wide_as_may_be__still_answers(shop: Shop) -> None:
    values = [number / 4 for number in range(10_000)]
    many = {"field": "lifetime_value", "op": "in", "value": values}
    british = {"any": [{"field": "country", "op": "eq", "value": "GB"}] * 100}
    deep: dict[str, Any] = {"field": "vip", "op": "eq", "value": True}
    for _ in range(MAX_RULE_DEPTH - 2):
        deep = {"not": deep}
    document = audience({"any": [many, british, deep]})
    assert count_audience(document, tables=shop, audiences={}, now=NOW).total >= 3


# A second implementation, row by row in Python, with None for unknown.

ROWS = [dict(zip([name for name, _ in CUSTOMER_COLUMNS], row, strict=True)) for row in CUSTOMERS]
ORDER_ROWS = [dict(zip([name for name, _ in ORDER_COLUMNS], row, strict=True)) for row in ORDERS]
COMPARE = {
    "eq": operator.eq, "ne": operator.ne, "lt": operator.lt, "lte": operator.le, "gt": operator.gt,
    "gte": operator.ge, "before": operator.lt, "after": operator.gt,
}  # fmt: skip


def truth(rule: dict[str, Any], row: dict[str, Any]) -> bool | None:
    if "all" in rule:
        values = [truth(part, row) for part in rule["all"]]
        return False if False in values else None if None in values else True
    if "any" in rule:
        values = [truth(part, row) for part in rule["any"]]
        return True if True in values else None if None in values else False
    if "not" in rule:
        value = truth(rule["not"], row)
        return None if value is None else not value
    if "audience" in rule:
        return row["customer_id"] in {"c1", "c6", "gone"}
    if "related" in rule:
        count = sum(
            order["customer_id"] == row["customer_id"] is not None and truth(rule["where"], order) is True
            for order in ORDER_ROWS
        )
        return bool(COMPARE[rule["count"]["op"]](count, rule["count"]["value"]))
    return leaf_truth(rule, row[rule["field"]])


def leaf_truth(rule: dict[str, Any], value: Any) -> bool | None:
    op = rule["op"]
    if op in {"is_null", "not_null"}:
        return (value is None) == (op == "is_null")
    if value is None:
        return None
    wanted = rule["value"]
    if rule["field"] in {"lifetime_value", "amount"}:
        value, wanted = Decimal(value), Decimal(str(wanted))
    if rule["field"] in {"seen_at", "ordered_at"}:
        inside = NOW - timedelta(days=int(wanted.split()[0])) <= datetime.fromisoformat(value) <= NOW
        return inside == (op == "within")
    if rule["field"] == "joined_on":
        value, wanted = date.fromisoformat(value), date.fromisoformat(wanted)
    if op == "contains":
        return wanted in value
    if op == "in":
        return value in wanted
    return bool(COMPARE[op](value, wanted))


amounts = st.sampled_from([-5, 0, 5, 100.5, 499.99, 500, 1000])
shared = [
    st.builds(lambda op, value: {"field": "country", "op": op, "value": value},
              st.sampled_from(["eq", "ne", "lt", "gte", "contains"]), st.sampled_from(["GB", "IE", "B", "XX"])),
    st.just({"field": "country", "op": "is_null"}),
    st.builds(lambda values: {"field": "country", "op": "in", "value": values},
              st.lists(st.sampled_from(["GB", "IE", "US"]), min_size=1, max_size=3)),
    st.builds(lambda op, value: {"field": "lifetime_value", "op": op, "value": value},
              st.sampled_from(["eq", "ne", "lt", "lte", "gt", "gte"]), amounts),
    st.builds(lambda op, days: {"field": "seen_at", "op": op, "value": f"{days} days"},
              st.sampled_from(["within", "not_within"]), st.sampled_from([1, 90, 1000])),
    st.builds(lambda op, day: {"field": "joined_on", "op": op, "value": day},
              st.sampled_from(["before", "after", "eq"]), st.sampled_from(["2025-01-01", "2026-03-24"])),
    st.builds(lambda op: {"field": "vip", "op": op, "value": True}, st.sampled_from(["eq", "ne"])),
]  # fmt: skip
order_leaves = st.one_of(
    st.builds(lambda op, value: {"field": "amount", "op": op, "value": value},
              st.sampled_from(["lt", "gte", "ne"]), amounts),
    st.builds(lambda op, days: {"field": "ordered_at", "op": op, "value": f"{days} days"},
              st.sampled_from(["within", "not_within"]), st.sampled_from([1, 90, 1000])),
    st.just({"field": "channel", "op": "not_null"}),
)  # fmt: skip


def nested(leaves: st.SearchStrategy[dict[str, Any]], most: int) -> st.SearchStrategy[dict[str, Any]]:
    def extend(parts: st.SearchStrategy[dict[str, Any]]) -> st.SearchStrategy[dict[str, Any]]:
        several = st.lists(parts, min_size=1, max_size=3)
        return st.one_of(
            several.map(lambda rules: {"all": rules}),
            several.map(lambda rules: {"any": rules}),
            parts.map(lambda rule: {"not": rule}),
        )

    return st.recursive(leaves, extend, max_leaves=most)


related = st.builds(
    lambda op, value, where: {
        "related": "orders", "via": "customer_id", "count": {"op": op, "value": value}, "where": where
    },
    st.sampled_from(["eq", "ne", "lt", "lte", "gt", "gte"]), st.integers(0, 3), nested(order_leaves, 3),
)  # fmt: skip
rules = nested(st.one_of(*shared, related, st.just({"audience": "aud_friends"})), 6)


def depth(rule: dict[str, Any]) -> int:
    parts = rule.get("all") or rule.get("any") or [rule[key] for key in ("not", "where") if key in rule]
    return 1 + max(map(depth, parts), default=0)


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(rule=rules.filter(lambda rule: depth(rule) <= MAX_RULE_DEPTH))
def test_rule__any_rule__as_the_reference_says(shop: Shop, friends: Shop, rule: dict[str, Any]) -> None:
    document = audience(rule)
    people = [row for row in ROWS if row["customer_id"] is not None]
    verdicts = {row["customer_id"]: truth(rule, row) for row in people}
    members = sorted(key for key, value in verdicts.items() if value is True)

    for unique_key in (True, False):
        count = count_audience(
            document, tables=shop, audiences=friends, now=NOW, sample=10, unique_key=unique_key
        )
        assert count.sample == members
        assert count.blocks["rule"] == count.total == len(members)

    names = {True: "true", False: "false", None: "unknown"}
    for key in ("c3", "c4"):
        explained = explain_member(document, key, tables=shop, audiences=friends, now=NOW)
        assert explained.verdict == names[verdicts[key]]


def test_compile__sql_for_people__reads_as_sql(shop: Shop, friends: Shop) -> None:
    compiled = compile_audience(audience(LAPSED), tables=shop, audiences=friends, now=NOW)
    text = compiled.members().sql(dialect="duckdb", pretty=True)
    assert '"base"."lifetime_value" >= CAST(' in text
    assert 'FROM "orders"' in text
