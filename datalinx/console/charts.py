"""Which chart fits the answer to a query, told from its columns, and its drawing."""

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from datalinx.console.drawing.bars import draw_bar
from datalinx.console.drawing.lines import COLOURS, Series, draw_lines
from datalinx.console.drawing.svg import Drawing

NUMBERS = re.compile(r"(U?(TINY|SMALL|BIG|HUGE)?INT(EGER)?|FLOAT|DOUBLE|DECIMAL.*)", re.IGNORECASE)
_TIMES = re.compile(r"(DATE|TIMESTAMP.*)", re.IGNORECASE)
# Years and months are numbers too, and still an axis.
_PERIODS = re.compile(r"(.*_)?(year|quarter|month|week|day|hour|date)(_.*)?", re.IGNORECASE)
MOST_BARS = 24


@dataclass(frozen=True)
class Chart:
    """A chart: bars with their labels and values, or lines with their names."""

    title: str
    lines: Drawing | None = None
    names: tuple[tuple[str, str], ...] = ()
    bars: tuple[tuple[str, float, Drawing], ...] = ()
    left_out: int = 0


def choose_chart(columns: Sequence[Mapping[str, str]], rows: Sequence[Sequence[Any]]) -> Chart | None:
    """Return the chart of an answer: lines over time, bars over names, or None when neither fits."""
    if len(rows) < 2 or len(columns) < 2:
        return None
    kinds = [_kind(column) for column in columns]
    numbers = [index for index, kind in enumerate(kinds) if kind == "number"]
    times = [index for index, kind in enumerate(kinds) if kind == "time"]
    names = [index for index, kind in enumerate(kinds) if kind == "name"]
    if not numbers:
        return None
    if times and not names:
        return _lines(columns, rows, times[0], numbers)
    axis = names or times
    return _bars(columns, rows, axis[0], numbers[0]) if axis else None


def _kind(column: Mapping[str, str]) -> str:
    if _TIMES.fullmatch(column["type"]):
        return "time"
    if not NUMBERS.fullmatch(column["type"]):
        return "name"
    return "time" if _PERIODS.fullmatch(column["name"]) else "number"


def _lines(
    columns: Sequence[Mapping[str, str]], rows: Sequence[Sequence[Any]], axis: int, numbers: Sequence[int]
) -> Chart | None:
    known = [row for row in rows if row[axis] is not None]
    known.sort(key=lambda row: _number(row[axis]) or 0 if isinstance(row[axis], int | float) else 0)
    if all(isinstance(row[axis], str) for row in known):
        known.sort(key=lambda row: str(row[axis]))
    if len({str(row[axis]) for row in known}) < max(2, len(known)):
        # More than one value for a moment: no line goes through them.
        return None
    chosen = numbers[: len(COLOURS)]
    series = [Series(columns[index]["name"], [_number(row[index]) for row in known]) for index in chosen]
    labels = [_label(row[axis]) for row in known]
    title = f"{', '.join(line.name for line in series)} by {columns[axis]['name']}"
    names = tuple(zip(COLOURS, (line.name for line in series), strict=False))
    return Chart(title, lines=draw_lines(labels, series, description=title), names=names)


def _bars(
    columns: Sequence[Mapping[str, str]], rows: Sequence[Sequence[Any]], axis: int, value: int
) -> Chart:
    pairs = [(_label(row[axis]), _number(row[value]) or 0.0) for row in rows]
    highest = max((abs(number) for _, number in pairs), default=0.0)
    bars = tuple(
        (label, number, draw_bar(abs(number), highest, kind="accent" if number >= 0 else "rejected"))
        for label, number in pairs[:MOST_BARS]
    )
    title = f"{columns[value]['name']} by {columns[axis]['name']}"
    return Chart(title, bars=bars, left_out=max(0, len(pairs) - MOST_BARS))


def _label(value: Any) -> str:
    if value is None:
        return "(none)"
    text = str(value)
    # A day, where a time says no more than that.
    return text[:10] if re.fullmatch(r"\d{4}-\d\d-\d\d[T ]00:00:00(\.0+)?(Z|\+00:00)?", text) else text


def _number(value: Any) -> float | None:
    """Return a value as a number. Decimals and large integers come as text."""
    try:
        number = float(value)
    except (TypeError, ValueError):
        return None
    return number if math.isfinite(number) else None
