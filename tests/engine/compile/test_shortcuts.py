"""Shortcuts: they give what the long way gives, for whatever text, and they take most of what files hold."""

from collections.abc import Sequence
from typing import Any

import duckdb
import phonenumbers
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlglot import exp

from datalinx.engine.compile.plan import CompiledMapping
from datalinx.engine.compile.quicken import quickened
from datalinx.engine.execute.relations import Relations
from datalinx.engine.execute.stage import plan_stage
from datalinx.engine.types import library
from tests.engine.compile.kit import compiled, decorated, mapping, table

INPUTS = {"c": {"v": "VARCHAR"}}

# Column and decorators by the name of the way that is shortened.
WAYS: dict[str, tuple[str, Sequence[dict[str, Any]]]] = {
    "integer": ("x integer", ()),
    "bigint": ("x bigint", ()),
    "decimal": ("x decimal", ()),
    "date": ("x date", ()),
    "datetime": ("x datetime", ()),
    "timestamp": ("x timestamp", ()),
    "email": ("x email", ({"name": "email"},)),
    "trim, email": ("x email", ({"name": "trim"}, {"name": "email"})),
    "amount": ("x amount", ({"name": "amount"},)),
    "dates": ("x date", ({"name": "parse_date", "formats": ["%Y-%m-%d", "%d/%m/%Y"]},)),
    "dates, no ISO": ("x date", ({"name": "parse_date", "formats": ["%d.%m.%Y", "%m/%d/%Y"]},)),
    "dates, years of two digits": ("x date", ({"name": "parse_date", "formats": ["%d.%m.%y", "%Y-%m-%d"]},)),
    "moments": ("x datetime", ({"name": "parse_date", "formats": ["%Y-%m-%d %H:%M:%S", "%Y-%m-%d"]},)),
    "phone": ("x phone_number", ({"name": "phone_number"},)),
    **{
        f"phone, {region}": ("x phone_number", ({"name": "phone_number", "default_region": region},))
        for region in ("GB", "US", "IT", "DE", "AU", "BR", "RU", "ES", "MX", "AR", "KZ", "SM", "CN")
    },
}

NUMBERS = [
    "0",
    "-0",
    "+0",
    "007",
    "12",
    "-12",
    "12.0",
    "12.",
    "12.50",
    ".5",
    "-0.50",
    "1e3",
    "0x1F",
    "1_000",
    "12 ",
]
NUMBERS += [
    "2147483647",
    "2147483648",
    "-2147483648",
    "9223372036854775807",
    "9223372036854775808",
    "9999999.99",
]
NUMBERS += [
    "99999999.99",
    "123456789012",
    "1,234.50",
    "$1,234.50",
    "(12.00)",
    "1.234,56 €",
    "NaN",
    "inf",
    "١٢",
    "½",
]
DATES = [
    "2024-02-29",
    "2023-02-29",
    "0000-00-00",
    "0001-01-01",
    "0999-12-31",
    "1000-01-01",
    "9999-12-31",
    "10000-01-01",
]
DATES += ["2024-2-9", "24-02-29", "29/02/2024", "31/02/2024", "29.02.24", "01.01.0024", "2024-02-29 00:00:00"]
DATES += [
    "2024-02-29 10:11:12",
    "2024-02-29T10:11:12",
    "2024-02-29 10:11:12.5",
    "2024-02-29 10:11:12Z",
    "-2024-02-29",
]
DATES += [
    "2024-02-29 24:00:00",
    "10000-01-01 10:11:12",
    "0044-03-15 (BC)",
    "infinity",
    "epoch",
    "2024-02-29 10:11:60",
]
EMAILS = [
    "ada@example.org",
    " Ada@Example.ORG ",
    "\tada@example.org",
    "ada@bücher.example",
    "a@b.c",
    "ada@example.org\n",
]
EMAILS += [
    "a" * 65 + "@example.org",
    "ada@" + "b" * 64 + ".org",
    "ada@-x.org",
    "ada@x-.org",
    "ada..b@x.org",
    "ada@x.xn--p1ai",
]
EMAILS += [
    "ada@EXAMPLE.COM",
    "\u2003ada@example.org",
    "\u00a0ada@example.org",
    "ada@example.ORg.",
    "K@example.org",
    "ı@x.org",
]
PHONES = [
    "020 7946 0958",
    "(020) 7946-0958",
    "+44 (0)20 7946 0958",
    "+44 20 7946 0958",
    "0044 20 7946 0958",
    "44 20 7946 0958",
]
PHONES += [
    "tel:+442079460958",
    "+1 202 555 0123",
    "1-202-555-0123",
    "202.555.0123",
    "+39 06 1234 5678",
    "06 1234 5678",
    "+390612345678",
]
PHONES += [
    "8 (495) 123-45-67",
    "+7 495 123 45 67",
    "0011 44 20 7946 0958",
    "0 15 11 2345 6789",
    "00",
    "000 20 7946 0958",
    "+",
    "++44 20 7946 0958",
]
PHONES += [
    "+44+2079460958",
    "020\t7946 0958",
    "020\u00a07946 0958",
    "(020",
    "020) 7946 0958",
    "1800200207946 0958",
    "12345",
    "unknown",
    "+4402079460958",
]
HOSTILE: list[str | None] = [
    None,
    "",
    " ",
    "\x00",
    "a\x00b",
    "é",
    "\U0001f600",
    "9" * 400,
    ":",
    "-",
    "-" * 30,
    "/",
    *NUMBERS,
    *DATES,
    *EMAILS,
    *PHONES,
]


def _plan(way: str) -> CompiledMapping:
    column, decorators = WAYS[way]
    name, kind = column.split()
    exact = {"precision": 9, "scale": 2} if kind in {"decimal", "amount"} else {}
    target = table({"name": name, "type": kind, "nullable": True, **exact})
    return compiled(mapping({"x": decorated("c.v", *decorators) if decorators else "c.v"}), target, INPUTS)


def _results(plan: CompiledMapping, values: Sequence[str | None]) -> list[tuple[Any, ...]]:
    """Value, kind and faults of each value."""
    relations = Relations((), 'given AS "c"', "order", None, "", keeps_order=True)
    select = plan_stage(plan, relations, {}).select
    with duckdb.connect(config={"threads": 1}) as connection:
        library.register(connection)
        connection.execute("SET TimeZone = 'UTC'")
        connection.execute("CREATE TABLE given AS SELECT unnest(CAST(? AS VARCHAR[])) AS v", [list(values)])
        return connection.execute(f"SELECT CAST(v0 AS VARCHAR), kind, faults FROM ({select})").fetchall()


@pytest.mark.parametrize("way", WAYS)
def test_shortcut__hostile_texts__gives_what_the_long_way_gives(way: str) -> None:
    plan = _plan(way)

    assert _results(quickened(plan), HOSTILE) == _results(plan, HOSTILE)


TEXTS = st.one_of(
    st.text(alphabet="0123456789+-.,()/: TZ$€eE", max_size=24),
    st.text(alphabet="aZ.@- \té0", max_size=24),
    st.dates().map(str),
    st.datetimes().map(str),
    st.decimals(allow_nan=False, allow_infinity=False, places=2).map(str),
    st.integers().map(str),
    st.sampled_from([value for value in HOSTILE if value is not None]),
)


@settings(max_examples=25, deadline=None)
@given(st.sampled_from(sorted(WAYS)), st.lists(st.one_of(st.none(), TEXTS), min_size=1, max_size=200))
def test_shortcut__any_texts__gives_what_the_long_way_gives(way: str, values: list[str | None]) -> None:
    plan = _plan(way)

    assert _results(quickened(plan), values) == _results(plan, values)


def test_shortcut__numbers_of_every_region__gives_what_the_long_way_gives() -> None:
    formats = (
        phonenumbers.PhoneNumberFormat.E164,
        phonenumbers.PhoneNumberFormat.NATIONAL,
        phonenumbers.PhoneNumberFormat.INTERNATIONAL,
    )
    numbers = [phonenumbers.example_number(region) for region in sorted(phonenumbers.SUPPORTED_REGIONS)]
    texts = [phonenumbers.format_number(number, form) for number in numbers if number for form in formats]

    for region in ("GB", "US", "IT", "AR", "RU"):
        plan = _plan(f"phone, {region}")
        assert _results(quickened(plan), texts) == _results(plan, texts)


@pytest.mark.parametrize(
    ("way", "values"),
    [
        ("bigint", ["1", "-42", "9223372036854775807"]),
        ("decimal", ["12.50", "-0.01"]),
        ("date", ["2024-02-29"]),
        ("datetime", ["2024-02-29 10:11:12"]),
        ("timestamp", ["2024-02-29 10:11:12"]),
        ("trim, email", [" Ada@Example.org", "ada@example.org"]),
        ("dates", ["2024-02-29", "29/02/2024"]),
        (
            "phone, GB",
            ["020 7946 0958", "(020) 7946-0958", "+44 20 7946 0958", "0044 20 7946 0958", "+12025550123"],
        ),
        ("phone", ["+44 20 7946 0958", "+1-202-555-0123"]),
    ],
)
def test_shortcut__what_most_files_hold__is_found_by_it(way: str, values: list[str]) -> None:
    plan = _plan(way)
    (found,) = {step.shortcut.steps[-1].name for step in plan.steps if step.shortcut is not None}
    steps = {step.name: step for step in quickened(plan).steps}
    # The rest is left out, so that only the shortcut can give a value.
    kept = tuple(step for step in steps.values() if step.level <= steps[found].level)
    select = "SELECT c.* FROM given AS c"
    for level in range(steps[found].level + 1):
        added = ", ".join(
            f'{step.expression.sql(dialect="duckdb")} AS "{step.name}"'
            for step in kept
            if step.level == level
        )
        select = f"SELECT *, {added} FROM ({select}) AS c" if added else select
    with duckdb.connect() as connection:
        connection.execute("CREATE TABLE given AS SELECT unnest(CAST(? AS VARCHAR[])) AS v", [values])
        rows = connection.execute(f'SELECT CAST("{found}" AS VARCHAR) FROM ({select}) AS c').fetchall()

    assert all(value is not None for (value,) in rows)


def test_shortcut__of_two_columns_from_one__goes_each_its_way() -> None:
    fields = {
        name: decorated("c.v", {"name": "phone_number", "default_region": region})
        for name, region in (("home", "GB"), ("away", "US"))
    }
    plan = compiled(mapping(fields), table("home phone_number", "away phone_number"), INPUTS)
    relations = Relations((), 'given AS "c"', "order", None, "", keeps_order=True)
    select = plan_stage(quickened(plan), relations, {}).select
    with duckdb.connect() as connection:
        connection.execute("CREATE TABLE given AS SELECT unnest(['020 7946 0958', '415 555 2671']) AS v")
        rows = connection.execute(f"SELECT v0, v1 FROM ({select})").fetchall()

    assert rows == [("+442079460958", None), (None, "+14155552671")]


def test_quickened__plan__has_no_step_that_nothing_needs() -> None:
    plan = quickened(_plan("phone, GB"))
    named = {column.name for step in plan.steps for column in step.expression.find_all(exp.Column)}
    named |= {column.name for field in plan.fields for column in field.value.find_all(exp.Column)}

    assert {step.name for step in plan.steps} <= named
