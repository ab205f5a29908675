"""Each operator on each type: whom it finds, and that an empty value is neither in nor out."""

from collections.abc import Mapping
from datetime import UTC, datetime

import pytest

from datalinx.engine.audience import count_audience
from datalinx.engine.audience.spans import parse_span
from datalinx.engine.query.tables import TableFiles
from datalinx.errors import Invalid
from tests.engine.audience.conftest import NOW, audience

Shop = Mapping[str, TableFiles]

FOUND = [
    ("country", "eq", "GB", "c1 c5 c7"),
    ("country", "eq", "gb", ""),
    ("country", "ne", "GB", "c2 c3 c6"),
    ("country", "lt", "GB", "c6"),
    ("country", "between", ["FR", "GB"], "c1 c5 c6 c7"),
    ("country", "in", ["IE", "US"], "c2 c3"),
    ("country", "not_in", ["IE", "US"], "c1 c5 c6 c7"),
    ("country", "is_null", None, "c4"),
    ("country", "not_null", None, "c1 c2 c3 c5 c6 c7"),
    ("note", "contains", "tea", "c1 c7"),
    ("note", "contains", "%", "c2"),
    ("note", "contains", "", "c1 c2 c4 c5 c6 c7"),
    ("note", "starts_with", "tea", "c7"),
    ("note", "ends_with", "cotton_", "c2"),
    ("note", "eq", "it's", "c6"),
    ("note", "eq", "", "c5"),
    ("note", "matches", "(?i)^tea", "c4 c7"),
    ("note", "matches", "[0-9]+%", "c2"),
    ("lifetime_value", "gte", 500, "c1 c2 c7"),
    ("lifetime_value", "gt", 499.99, "c1 c2 c7"),
    ("lifetime_value", "gte", "499.99", "c1 c2 c5 c7"),
    ("lifetime_value", "eq", 100.5, "c3"),
    ("lifetime_value", "lt", 0, "c6"),
    ("lifetime_value", "between", [100, 500], "c2 c3 c5"),
    ("lifetime_value", "in", [900, 1000], "c1 c7"),
    ("lifetime_value", "lt", 1e30, "c1 c2 c3 c5 c6 c7"),
    ("orders_planned", "ne", 0, "c1 c4 c5 c6 c7"),
    ("orders_planned", "gt", 1.5, "c1 c4 c7"),
    ("orders_planned", "lte", -1, "c6"),
    ("vip", "eq", True, "c1 c4 c7"),
    ("vip", "ne", True, "c2 c5"),
    ("joined_on", "before", "2025-01-01", "c5"),
    ("joined_on", "after", "2026-03-01", "c3 c7"),
    ("joined_on", "eq", "2024-02-29", "c5"),
    ("joined_on", "within", "7 days", "c3 c7"),
    ("joined_on", "within", "1 month", "c2 c3 c7"),
    ("joined_on", "not_within", "1 month", "c1 c5 c6"),
    ("joined_on", "within", "3 years", "c1 c2 c3 c5 c6 c7"),
    ("seen_at", "within", "60 minutes", "c1"),
    ("seen_at", "within", "24 hours", "c1 c4"),
    ("seen_at", "not_within", "24 hours", "c2 c5 c6"),
    ("seen_at", "gte", "2026-03-31T13:00:00+02:00", "c1 c5"),
    ("seen_at", "before", "2026-01-01", "c6"),
]


@pytest.mark.parametrize(("field", "op", "value", "keys"), FOUND)
def test_condition__operator__finds_whom_it_says(
    shop: Shop, field: str, op: str, value: object, keys: str
) -> None:
    rule = {"field": field, "op": op} | ({} if value is None else {"value": value})
    count = count_audience(audience(rule), tables=shop, audiences={}, now=NOW, sample=10)
    assert count.sample == keys.split()
    assert count.total == len(keys.split())
    assert count.population == 7


@pytest.mark.parametrize(
    ("field", "op", "value"), [case[:3] for case in FOUND if case[1] not in {"is_null", "not_null"}]
)
def test_condition__and_its_opposite__never_hold_those_without_a_value(
    shop: Shop, field: str, op: str, value: object
) -> None:
    rule = {"field": field, "op": op, "value": value}
    either = audience({"any": [rule, {"not": rule}]})
    filled = audience({"field": field, "op": "not_null"})
    known = count_audience(filled, tables=shop, audiences={}, now=NOW).total
    assert count_audience(either, tables=shop, audiences={}, now=NOW).total == known


REFUSED = [
    ("country", "within", "3 days", "op", "operator_not_allowed"),
    ("vip", "gt", True, "op", "operator_not_allowed"),
    ("lifetime_value", "contains", "5", "op", "operator_not_allowed"),
    ("joined_on", "matches", "2026", "op", "operator_not_allowed"),
    ("country", "eq", 5, "value", "invalid_value"),
    ("lifetime_value", "gte", "many", "value", "invalid_value"),
    ("lifetime_value", "gte", True, "value", "invalid_value"),
    ("lifetime_value", "gte", "NaN", "value", "invalid_value"),
    ("lifetime_value", "gte", 1e60, "value", "invalid_value"),
    ("lifetime_value", "between", [5, 1], "value", "invalid_value"),
    ("vip", "eq", "true", "value", "invalid_value"),
    ("joined_on", "before", "31/01/2026", "value", "invalid_value"),
    ("joined_on", "before", 20260131, "value", "invalid_value"),
    ("joined_on", "within", "3 fortnights", "value", "invalid_value"),
    ("joined_on", "within", 90, "value", "invalid_value"),
    ("seen_at", "after", "noon", "value", "invalid_value"),
    ("country", "in", ["GB", None], "value", "invalid_value"),
    ("note", "matches", "x" * 2000, "value", "invalid_value"),
]


@pytest.mark.parametrize(("field", "op", "value", "place", "code"), REFUSED)
def test_condition__that_cannot_be__named_when_saved(
    shop: Shop, field: str, op: str, value: object, place: str, code: str
) -> None:
    document = audience(
        {"all": [{"field": "country", "op": "not_null"}, {"field": field, "op": op, "value": value}]}
    )
    with pytest.raises(Invalid) as caught:
        count_audience(document, tables=shop, audiences={}, now=NOW)
    [error] = caught.value.errors
    assert (error.field, error.code) == (f"rule.all[1].{place}", code)


SPANS = [
    ("90 days", datetime(2025, 12, 31, 12, 0, tzinfo=UTC)),
    ("1 hour", datetime(2026, 3, 31, 11, 0, tzinfo=UTC)),
    ("2 weeks", datetime(2026, 3, 17, 12, 0, tzinfo=UTC)),
    ("1 month", datetime(2026, 2, 28, 12, 0, tzinfo=UTC)),
    ("13 Months", datetime(2025, 2, 28, 12, 0, tzinfo=UTC)),
    ("2 years", datetime(2024, 3, 31, 12, 0, tzinfo=UTC)),
    (" 30minutes ", datetime(2026, 3, 31, 11, 30, tzinfo=UTC)),
    ("999999 years", datetime.min.replace(tzinfo=UTC)),
    ("999999 weeks", datetime.min.replace(tzinfo=UTC)),
]


@pytest.mark.parametrize(("text", "instant"), SPANS)
def test_span__before_now__is_that_instant(text: str, instant: datetime) -> None:
    assert parse_span(text).before(NOW) == instant


@pytest.mark.parametrize(
    "text", ["", "days", "-1 days", "1.5 days", "1 fortnight", "1 day 2 hours", "9999999 days"]
)
def test_span__not_one__says_what_one_looks_like(text: str) -> None:
    with pytest.raises(ValueError, match="90 days"):
        parse_span(text)
