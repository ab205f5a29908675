"""Names, kinds of text and values for JSON: the small rules that every connector shares."""

import math
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from datalinx.engine.connectors.detect import detect_columns, detect_type
from datalinx.engine.connectors.file.dialect import looks_like_header
from datalinx.engine.connectors.naming import distinct_names
from datalinx.engine.connectors.reading import identifier, literal
from datalinx.engine.connectors.values import json_value


@pytest.mark.parametrize(
    ("names", "wanted"),
    [
        (["a", "b"], ["a", "b"]),
        (["a", "a", "a"], ["a", "a_2", "a_3"]),
        (["a", "A", "a_2"], ["a", "A_3", "a_2"]),
        (["", " ", "column_1"], ["column_1_2", "column_2", "column_1"]),
        (["__record", "__FILE"], ["__record_2", "__FILE_2"]),
    ],
)
def test_names__are_kept_or_told_apart(names, wanted):
    kept, notices = distinct_names(names)
    assert kept == wanted
    assert len(notices) == sum(name != chosen for name, chosen in zip(names, wanted, strict=True))


@given(st.lists(st.text(max_size=4), max_size=30))
def test_names__of_any_sort__are_distinct_and_stay_where_they_can(names):
    kept, _ = distinct_names(names)
    assert len({name.casefold() for name in kept}) == len(kept) == len(names)
    assert all(name.strip() for name in kept)


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        (["1", "-2", "+3"], "BIGINT"),
        (["007", "1"], "VARCHAR"),
        (["1", "2.5", "-.5", "1e3"], "DOUBLE"),
        (["true", "FALSE"], "BOOLEAN"),
        (["2024-01-31"], "DATE"),
        (["2024-13-31"], "VARCHAR"),
        (["2024-01-31", "2024-01-31 10:00:00"], "TIMESTAMP"),
        (["2024-01-31T10:00:00Z", "2024-01-31 10:00+02:00"], "TIMESTAMP WITH TIME ZONE"),
        (["10:00", "23:59:59.5"], "TIME"),
        (["6f1b1a52-6c4f-4d6b-9d10-2f3a4b5c6d7e"], "UUID"),
        (["12345678901234567890"], "DOUBLE"),
        (["١٢"], "VARCHAR"),
        (["1\n"], "VARCHAR"),
        ([None, ""], None),
        ([], None),
    ],
)
def test_kind__of_texts__is_the_narrowest_that_fits_all(values, kind):
    assert detect_type(values) == kind


def test_kinds__of_a_wide_table__look_at_few_rows_each():
    rows = [["1"] * 4_000] * 20 + [["x"] * 4_000] * 100
    assert detect_columns(rows, 4_000)[0] in {"BIGINT", "VARCHAR"}


@pytest.mark.parametrize(
    ("records", "is_header"),
    [
        ([["id", "name"], ["1", "Ann"]], True),
        ([["1", "Ann"], ["2", "Bob"]], False),
        ([["name", "city"], ["Ann", "Rome"]], True),
        ([["Ann", "Ann"], ["Bob", "Rome"]], False),
        ([["id", "2023", "2024"], ["a", "5", "6"], ["b", "7", "8"]], False),
        ([["id", "total", "2024"], ["1", "5", "6"], ["2", "7", "8"]], True),
        ([["", "a", "b"], ["0", "x", "y"]], True),
        ([["id", "name"]], True),
        ([["1", "2"]], False),
        ([], True),
    ],
)
def test_header__is_told_from_the_records_below(records, is_header):
    assert looks_like_header(records) is is_header


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (2**53, 2**53),
        (2**53 + 1, str(2**53 + 1)),
        (-(2**60), str(-(2**60))),
        (True, True),
        (1.5, 1.5),
        (math.nan, "nan"),
        (math.inf, "inf"),
        (Decimal("1.50"), "1.50"),
        (date(2024, 1, 31), "2024-01-31"),
        (datetime(2024, 1, 31, 10, tzinfo=UTC), "2024-01-31T10:00:00Z"),
        (time(10, 30), "10:30:00"),
        (timedelta(days=1), "1 day, 0:00:00"),
        (UUID(int=1), "00000000-0000-0000-0000-000000000001"),
        (b"\x00\xff", "AP8="),
        ([1, {"a": 2**60}], [1, {"a": str(2**60)}]),
        (None, None),
    ],
)
def test_value__for_json__loses_nothing(value, shown):
    assert json_value(value) == shown


def test_value__that_is_long__is_cut():
    assert len(json_value("x" * 20_000)) == 10_000


def test_quoting__of_hostile_names__stays_inside_the_quotes():
    assert identifier('a"; DROP') == '"a""; DROP"'
    assert literal("it's") == "'it''s'"
