"""Which formats dates have, and that day and month are never guessed."""

from datetime import date, timedelta

import pytest

from datalinx.engine.profile.dates import detect_dates

DAYS = [date(2023, 11, 20) + timedelta(days=3 * n) for n in range(60)]
EARLY = [day for day in DAYS if day.day <= 12]


def _formats(values: list[str]) -> tuple[list[str], bool]:
    found = detect_dates(values)
    return [each.format for each in found.formats], found.ambiguous


@pytest.mark.parametrize(
    "style",
    [
        *("%d/%m/%Y", "%m/%d/%Y", "%d.%m.%Y", "%m-%d-%Y", "%d/%m/%y", "%m/%d/%y", "%Y%m%d", "%Y/%m/%d"),
        *("%d %b %Y", "%B %d, %Y", "%d/%m/%Y %H:%M", "%m/%d/%Y %I:%M %p"),
    ],
)
def test_detect_dates__days_beyond_the_twelfth__tell_the_one_format(style: str) -> None:
    assert _formats([day.strftime(style) for day in DAYS]) == ([style], False)


@pytest.mark.parametrize(("one", "other"), [("%d/%m/%Y", "%m/%d/%Y"), ("%d.%m.%y", "%m.%d.%y")])
def test_detect_dates__no_day_beyond_the_twelfth__names_both_and_is_ambiguous(one: str, other: str) -> None:
    assert _formats([day.strftime(one) for day in EARLY]) == ([one, other], True)


def test_detect_dates__two_formats_in_one_column__are_both_named_with_their_share() -> None:
    found = detect_dates([day.strftime("%Y-%m-%d" if n % 3 else "%d/%m/%Y") for n, day in enumerate(DAYS)])
    assert [(each.format, round(each.share, 1)) for each in found.formats] == [
        ("%Y-%m-%d", 0.7),
        ("%d/%m/%Y", 0.3),
    ]
    assert not found.ambiguous


def test_detect_dates__both_orders_in_one_column__is_ambiguous() -> None:
    values = [day.strftime("%d/%m/%Y" if n % 2 else "%m/%d/%Y") for n, day in enumerate(DAYS)]
    formats, ambiguous = _formats(values)
    assert (set(formats), ambiguous) == ({"%d/%m/%Y", "%m/%d/%Y"}, True)


@pytest.mark.parametrize(
    "values",
    [
        *([], ["", " "], ["12345678", "99999999"], ["10.5", "11.5"], ["Ada", "Bob"], ["1/2", "3/4"]),
        *(["192.168.1.1"], ["2024-13-45"], ["32/01/2024"], ["12/25/2024", "junk", "more junk"]),
        ["0" * 10_000_000],
    ],
    ids=lambda values: (values or ["nothing"])[0][:12],
)
def test_detect_dates__no_dates__are_left_alone(values: list[str]) -> None:
    assert _formats(values) == ([], False)
