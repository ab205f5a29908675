"""A range of time cut into chunks: hours are lengths of time, days and longer ones are those of a zone's calendar."""

import re
from calendar import monthrange
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

_TEXT = re.compile(r"([1-9]\d{0,3}) (hour|day|week|month|year)s?", re.ASCII)
_MONTHS = {"month": 1, "year": 12}
_LENGTHS = {"hour": timedelta(hours=1), "day": timedelta(days=1), "week": timedelta(weeks=1)}


@dataclass(frozen=True)
class Span:
    """A length such as 6 hours or 1 month."""

    count: int
    unit: str

    def __str__(self) -> str:
        return f"{self.count} {self.unit}" + ("s" if self.count > 1 else "")


def parse_span(text: str) -> Span | None:
    """Return what a text such as `1 day`, `6 hours` or `1 month` says, or None when it says nothing."""
    found = _TEXT.fullmatch(text.strip().lower())
    return Span(int(found[1]), found[2]) if found else None


def cut_range(
    since: datetime, until: datetime, span: Span, *, zone: ZoneInfo
) -> Iterator[tuple[datetime, datetime]]:
    """Yield the chunks from `since` to `until`, in UTC, without a gap and without an overlap; the last may be short.

    Edges are counted from `since`. A day of the zone has 23 or 25 hours where its clock is changed. An edge on a wall
    time that a change skips is the moment of the change, and of a wall time that is there twice it is the first. A
    month that is too short for the day of `since` ends on its last day.
    """
    start, number = since.astimezone(UTC), 0
    end = until.astimezone(UTC)
    while start < end:
        number += 1
        try:
            edge = min(_edge(since, span, number, zone), end)
        except (OverflowError, ValueError):
            # Past the last year that can be written.
            edge = end
        # A zone may skip a whole day, as Samoa did in 2011: there is no chunk for it.
        if edge > start:
            yield start, edge
            start = edge


def _edge(since: datetime, span: Span, number: int, zone: ZoneInfo) -> datetime:
    if span.unit == "hour":
        return since.astimezone(UTC) + _LENGTHS["hour"] * span.count * number
    # Arithmetic of wall times, whose offsets are found afterwards; at the first of two equal ones (fold 0).
    wall = since.astimezone(zone).replace(tzinfo=None, fold=0)
    if span.unit in _MONTHS:
        moved = _add_months(wall, _MONTHS[span.unit] * span.count * number)
    else:
        moved = wall + _LENGTHS[span.unit] * span.count * number
    return moved.replace(tzinfo=zone).astimezone(UTC)


def _add_months(wall: datetime, months: int) -> datetime:
    year, month = divmod(wall.year * 12 + wall.month - 1 + months, 12)
    return wall.replace(year=year, month=month + 1, day=min(wall.day, monthrange(year, month + 1)[1]))
