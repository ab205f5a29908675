"""Spans of time in words, such as `90 days`, and the instant that lies so far back."""

import calendar
import re
from dataclasses import dataclass
from datetime import datetime, timedelta

_SPAN = re.compile(r"^\s*(\d{1,6})\s*(minute|hour|day|week|month|year)s?\s*$", re.IGNORECASE)
_FIXED = {
    "minute": timedelta(minutes=1),
    "hour": timedelta(hours=1),
    "day": timedelta(days=1),
    "week": timedelta(weeks=1),
}
_MONTHS = {"month": 1, "year": 12}


@dataclass(frozen=True)
class Span:
    """So many of a unit: minute, hour, day, week, month or year."""

    amount: int
    unit: str

    def before(self, now: datetime) -> datetime:
        """The instant one span before `now`; a month that is too short ends on its last day.

        A span that reaches before the year 1 ends there.
        """
        try:
            if self.unit in _FIXED:
                return now - self.amount * _FIXED[self.unit]
            months = now.year * 12 + now.month - 1 - self.amount * _MONTHS[self.unit]
            year, month = months // 12, months % 12 + 1
            return now.replace(year=year, month=month, day=min(now.day, calendar.monthrange(year, month)[1]))
        except (OverflowError, ValueError):
            return datetime.min.replace(tzinfo=now.tzinfo)


def parse_span(text: str) -> Span:
    """Read `90 days`, `1 hour`, `6 months`; `ValueError` says what a span looks like."""
    if not (found := _SPAN.match(text)):
        raise ValueError(
            f"`{text}` is not a span of time such as `90 days` (minutes, hours, days, weeks, months, years)"
        )
    return Span(int(found[1]), found[2].lower())
