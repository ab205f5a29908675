"""Times and durations as the console's pages write them."""

from datetime import datetime, timedelta
from typing import Any

from django.utils import timezone
from django.utils.dateparse import parse_datetime
from django.utils.html import format_html
from django.utils.safestring import SafeString

NOTHING = "–"
_STEPS = ((60, "s"), (3600, "min"), (86_400, "h"))


def moment(value: Any) -> SafeString:
    """Return an ISO 8601 time as an element that says it in UTC."""
    at = _parsed(value)
    if at is None:
        return format_html("{}", NOTHING)
    return format_html('<time datetime="{}">{} UTC</time>', at.isoformat(), f"{at:%-d %b %Y, %H:%M}")


def clock(value: Any) -> SafeString:
    """Return the time of day of an ISO 8601 time, to the second."""
    at = _parsed(value)
    return (
        format_html('<time datetime="{}">{}</time>', at.isoformat(), f"{at:%H:%M:%S}")
        if at
        else format_html("{}", "")
    )


def ago(value: Any) -> SafeString:
    """Return how long ago an ISO 8601 time was, with the time itself as its title."""
    at = _parsed(value)
    if at is None:
        return format_html("{}", NOTHING)
    span = (timezone.now() - at) / timedelta(seconds=1)
    words = f"{_span(abs(span))} ago" if span >= 0 else f"in {_span(abs(span))}"
    text = "just now" if abs(span) < 5 else words
    return format_html(
        '<time datetime="{}" title="{}">{}</time>', at.isoformat(), f"{at:%-d %b %Y, %H:%M} UTC", text
    )


def _span(seconds: float) -> str:
    size = 1
    for limit, unit in _STEPS:
        if seconds < limit:
            return f"{max(1, int(seconds / size))} {unit}"
        size = limit
    days = int(seconds / size)
    return f"{days:,} day{'s' if days > 1 else ''}"


def duration(value: Any) -> str:
    """Return seconds as `4 ms`, `0.8 s`, `42 s` or `3 min 5 s`."""
    if value is None:
        return NOTHING
    seconds = float(value)
    if seconds < 0.0995:
        return f"{seconds * 1000:.0f} ms"
    if seconds < 10:
        return f"{seconds:.1f} s"
    if seconds < 60:
        return f"{seconds:.0f} s"
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min {rest} s"


def took(start: Any, end: Any) -> str:
    """Return how long something took; an end that is not there yet is now."""
    begun, ended = _parsed(start), _parsed(end) or timezone.now()
    return duration((ended - begun) / timedelta(seconds=1)) if begun else NOTHING


def _parsed(value: Any) -> datetime | None:
    try:
        at = parse_datetime(value) if isinstance(value, str) else None
    except ValueError:
        return None
    return at if at is None or at.tzinfo else at.replace(tzinfo=timezone.get_default_timezone())
