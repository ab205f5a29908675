"""A range cut into chunks: without gaps or overlaps, at the edges of a zone's days and months."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from datalinx.engine.spec.chunks import Span, cut_range, parse_span

ZONES = ["UTC", "Europe/London", "America/New_York", "America/Sao_Paulo", "Pacific/Apia", "Asia/Kathmandu"]


def edges(since: datetime, until: datetime, span: str, zone: str) -> list[str]:
    """The beginnings of the chunks, as the zone's clock shows them, with their offset."""
    found = parse_span(span)
    assert found is not None
    cut = cut_range(since, until, found, zone=ZoneInfo(zone))
    return [start.astimezone(ZoneInfo(zone)).isoformat() for start, _ in cut]


def local(text: str, zone: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone))


@pytest.mark.parametrize(
    ("text", "span"),
    [
        ("1 day", Span(1, "day")),
        ("6 hours", Span(6, "hour")),
        (" 2 Weeks ", Span(2, "week")),
        ("1 months", Span(1, "month")),
        ("0 days", None),
        ("day", None),
        ("1.5 days", None),
        ("-1 day", None),
        ("99999 days", None),
        ("1 fortnight", None),
    ],
)
def test_span__as_text__is_read_or_is_none(text: str, span: Span | None) -> None:
    assert parse_span(text) == span


def test_days__in_which_the_clock_changes__begin_at_midnight() -> None:
    zone = "Europe/London"
    found = edges(local("2024-03-30", zone), local("2024-04-02", zone), "1 day", zone)
    assert found == ["2024-03-30T00:00:00+00:00", "2024-03-31T00:00:00+00:00", "2024-04-01T00:00:00+01:00"]
    pieces = list(
        cut_range(local("2024-10-27", zone), local("2024-10-28", zone), Span(1, "day"), zone=ZoneInfo(zone))
    )
    assert [end - start for start, end in pieces] == [timedelta(hours=25)]


def test_hours__over_a_change_of_the_clock__are_hours() -> None:
    zone = "Europe/London"
    pieces = cut_range(
        local("2024-03-31", zone), local("2024-04-01", zone), Span(6, "hour"), zone=ZoneInfo(zone)
    )
    assert [end - start for start, end in pieces] == [timedelta(hours=6)] * 3 + [timedelta(hours=5)]


def test_midnight__that_a_change_skips__is_the_moment_of_the_change() -> None:
    zone = "America/Sao_Paulo"
    found = edges(local("2018-11-03", zone), local("2018-11-05", zone), "1 day", zone)
    assert found == ["2018-11-03T00:00:00-03:00", "2018-11-04T01:00:00-02:00"]


def test_day__that_a_zone_skips__has_no_chunk() -> None:
    zone = "Pacific/Apia"
    found = edges(local("2011-12-29", zone), local("2012-01-01", zone), "1 day", zone)
    assert [each[:10] for each in found] == ["2011-12-29", "2011-12-31"]


def test_months__from_a_day_that_some_lack__end_on_their_last_day_and_do_not_drift() -> None:
    found = edges(local("2023-12-31", "UTC"), local("2024-05-01", "UTC"), "1 month", "UTC")
    assert [each[:10] for each in found] == [
        "2023-12-31",
        "2024-01-31",
        "2024-02-29",
        "2024-03-31",
        "2024-04-30",
    ]


def test_range__up_to_the_last_year__ends() -> None:
    cut = cut_range(
        datetime(9990, 1, 1, tzinfo=UTC),
        datetime(9998, 12, 31, tzinfo=UTC),
        Span(9, "year"),
        zone=ZoneInfo("UTC"),
    )
    assert len(list(cut)) == 1


@given(
    since=st.integers(0, 40 * 365 * 24 * 60).map(
        lambda minutes: datetime(1990, 1, 1, tzinfo=UTC) + timedelta(minutes=minutes)
    ),
    length=st.timedeltas(timedelta(minutes=1), timedelta(days=400)),
    count=st.integers(1, 40),
    unit=st.sampled_from(["hour", "day", "week", "month", "year"]),
    zone=st.sampled_from(ZONES),
)
def test_chunks__of_any_range__touch_and_cover_it_exactly(
    since: datetime, length: timedelta, count: int, unit: str, zone: str
) -> None:
    start = since
    pieces = list(cut_range(start, start + length, Span(count, unit), zone=ZoneInfo(zone)))
    assert (pieces[0][0], pieces[-1][1]) == (start, start + length)
    assert all(begin < end for begin, end in pieces)
    assert all(before[1] == after[0] for before, after in pairwise(pieces))
