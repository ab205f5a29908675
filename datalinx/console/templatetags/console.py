"""Numbers, times and values as the console's pages write them."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from django import template
from django.utils.html import conditional_escape, format_html
from django.utils.safestring import SafeString, mark_safe

from datalinx.api.request_id import current_request_id
from datalinx.console import times
from datalinx.console.charts import NUMBERS
from datalinx.console.drawing.scales import short_number
from datalinx.console.rules import OPERATORS
from datalinx.console.run_state import TRIGGERS
from datalinx.console.times import NOTHING

register = template.Library()
for written in (times.ago, times.clock, times.duration, times.moment):
    register.filter(written)
register.simple_tag(times.took)

# A value in a table is cut here; a page of rows must stay a page.
LONGEST_CELL = 300


@register.filter
def number(value: Any) -> str:
    """Return 12345.678 as `12,345.68`."""
    if value in (None, "") or isinstance(value, bool):
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
def pairs(row: Mapping[str, Any]) -> list[tuple[str, Any]]:
    """Return the columns and values of a row; `row.items` in a template is the column of that name."""
    return list(row.items())


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
def trigger(code: Any) -> str:
    """Return what started a run, such as `after`, as words."""
    return TRIGGERS.get(str(code), str(code))


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


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(", ", ": "))
