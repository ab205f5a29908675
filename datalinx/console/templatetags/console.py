"""Numbers, times and values as the console's pages write them."""

import json
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from django import template
from django.utils import timezone
from django.utils.dateparse import parse_datetime
from django.utils.html import conditional_escape, format_html
from django.utils.safestring import SafeString, mark_safe

from datalinx.api.request_id import current_request_id
from datalinx.console.charts import NUMBERS
from datalinx.console.drawing.scales import short_number
from datalinx.console.rules import OPERATORS

register = template.Library()

# A value in a table is cut here; a page of rows must stay a page.
LONGEST_CELL = 300
NOTHING = "–"
_STEPS = ((60, "s"), (3600, "min"), (86_400, "h"))


@register.filter
def number(value: Any) -> str:
    """Return 12345.678 as `12,345.68`."""
    if value is None or isinstance(value, bool):
        return NOTHING
    if isinstance(value, float) and not value.is_integer():
        return f"{value:,.2f}"
    try:
        return f"{int(value):,}"
    except (TypeError, ValueError, OverflowError):
        return str(value)


@register.filter
def short(value: Any) -> str:
    """Return 1200000 as `1.2M`, and small whole numbers as they are."""
    return (
        number(value) if isinstance(value, int) and abs(value) < 100_000 else short_number(float(value or 0))
    )


@register.filter
def percent(value: Any) -> str:
    """Return a share in per cent; what is there at all is never 0 %."""
    share = float(value or 0)
    if 0 < share < 0.1:
        return "< 0.1 %"
    if 99.9 < share < 100:
        return "> 99.9 %"
    return f"{share:.1f} %" if share % 1 else f"{share:.0f} %"


@register.filter
def score(value: Any) -> str:
    """Return a score of 0 to 100 with one decimal at most; what cannot be measured has none."""
    return NOTHING if value is None else f"{float(value):.1f}".removesuffix(".0")


@register.filter
def moment(value: Any) -> SafeString:
    """Return an ISO 8601 time as an element that says it in UTC."""
    at = _parsed(value)
    if at is None:
        return format_html("{}", NOTHING)
    return format_html('<time datetime="{}">{} UTC</time>', at.isoformat(), f"{at:%-d %b %Y, %H:%M}")


@register.filter
def clock(value: Any) -> SafeString:
    """Return the time of day of an ISO 8601 time, to the second."""
    at = _parsed(value)
    return (
        format_html('<time datetime="{}">{}</time>', at.isoformat(), f"{at:%H:%M:%S}")
        if at
        else format_html("{}", "")
    )


@register.filter
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


@register.filter
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


@register.simple_tag
def took(start: Any, end: Any) -> str:
    """Return how long something took; an end that is not there yet is now."""
    begun, ended = _parsed(start), _parsed(end) or timezone.now()
    return duration((ended - begun) / timedelta(seconds=1)) if begun else NOTHING


@register.filter
def cell(value: Any) -> SafeString:
    """Return a value of a row as it stands in a table: nothing is told apart from an empty text."""
    if value is None:
        return format_html('<span class="null">{}</span>', "null")
    if value == "":
        return format_html('<span class="null">{}</span>', "empty")
    if isinstance(value, bool):
        return format_html("{}", "true" if value else "false")
    text = value if isinstance(value, str) else _json(value)
    if len(text) > LONGEST_CELL:
        return format_html('<span title="{} characters">{}…</span>', len(text), text[:LONGEST_CELL])
    return format_html("<bdi>{}</bdi>", text)


@register.filter
def sentence(text: Any) -> SafeString:
    """Return a sentence of the API with what stands in backticks as code."""
    parts = conditional_escape(str(text)).split("`")
    if len(parts) % 2 == 0:
        return mark_safe("`".join(parts))  # noqa: S308  # escaped in the line above
    wrapped = [f"<code>{part}</code>" if position % 2 else part for position, part in enumerate(parts)]
    return mark_safe("".join(wrapped))  # noqa: S308  # escaped above


@register.filter
def aligned(kind: Any) -> str:
    """Return the class of a column of a DuckDB type: numbers stand to the right."""
    return "num" if NUMBERS.fullmatch(str(kind)) else ""


@register.filter
def at(row: Sequence[Any], position: int) -> Any:
    """Return a row's value at a position."""
    return row[position]


@register.filter
def operator(code: Any) -> str:
    """Return a comparison such as `gte` as its sign."""
    return OPERATORS.get(str(code), str(code))


@register.filter
def key(value: Mapping[str, Any], name: str) -> Any:
    """Return what a mapping holds under a name."""
    return value.get(name) if isinstance(value, Mapping) else None


@register.filter
def words(value: Any) -> str:
    """Return a code such as `null_not_allowed` as words."""
    return str(value).replace("_", " ")


@register.simple_tag
def badge(state: Any, title: str = "") -> SafeString:
    """Return a state as a small mark whose colour repeats what its word says."""
    name = str(state or "none")
    return format_html('<span class="badge is-{}">{}</span>', name.replace("_", "-"), title or words(name))


@register.simple_tag
def request_id() -> str:
    """Return the id under which this request is logged."""
    return current_request_id()


def _parsed(value: Any) -> datetime | None:
    try:
        at = parse_datetime(value) if isinstance(value, str) else None
    except ValueError:
        return None
    return at if at is None or at.tzinfo else at.replace(tzinfo=timezone.get_default_timezone())


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(", ", ": "))
