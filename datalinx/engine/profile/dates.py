"""Which formats the dates of a text column have, and whether they can be read two ways: reported, never guessed."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache

# A format is named when it reads this share of the values that no other reads; together they must read nearly all.
_LEAST_SHARE = 0.1
_COVERED_SHARE = 0.9
_TIMES = ("", " %H:%M", " %H:%M:%S", "T%H:%M:%S", " %I:%M %p")
_SOME_MOMENT = datetime(2024, 5, 31, 10, 20, 30)  # noqa: DTZ001
# What may be a date: digits and month names with the usual signs between. The rest is not even tried.
_SHAPE = re.compile(r"(?=.*[0-9])[0-9A-Za-z/.,: -]{6,30}")


@dataclass(frozen=True)
class DateFormat:
    """A pattern of strptime as `parse_date` takes it, and the share of the sampled values that it reads."""

    format: str
    share: float


@dataclass(frozen=True)
class DateFormats:
    """The formats of a column, best first. `ambiguous` says that two of them read a value as different days."""

    formats: tuple[DateFormat, ...] = ()
    ambiguous: bool = False


def detect_dates(values: Sequence[str]) -> DateFormats:
    """Return the formats that the texts have; none when they are no dates.

    A day and a month that are both twelve or less fit two formats. When nothing in the sample tells, both are
    named, the day first, and the column is ambiguous: only a person knows.
    """
    texts = [value.strip() for value in values if value.strip()]
    if not texts or sum(1 for text in texts if _SHAPE.fullmatch(text)) < len(texts) * _COVERED_SHARE:
        return DateFormats()
    outlines = {_outline(text) for text in texts}
    readings = [
        (pattern, _readings(texts, pattern)) for pattern, outline in _candidates() if outline in outlines
    ]
    # The sort is stable, so that of formats that fit alike the day stands first.
    readings.sort(key=lambda entry: -len(entry[1]))
    chosen: list[tuple[str, dict[int, datetime]]] = []
    covered: set[int] = set()
    for pattern, read in readings:
        fresh = len(read.keys() - covered) / len(texts)
        is_twin = bool(read) and any(read.keys() == other.keys() and read != other for _, other in chosen)
        if fresh >= _LEAST_SHARE or is_twin:
            chosen.append((pattern, read))
            covered |= read.keys()
    if len(covered) < len(texts) * _COVERED_SHARE:
        return DateFormats()
    formats = tuple(DateFormat(pattern, round(len(read) / len(texts), 4)) for pattern, read in chosen)
    return DateFormats(formats, _is_ambiguous([read for _, read in chosen]))


def _is_ambiguous(readings: Sequence[dict[int, datetime]]) -> bool:
    return any(
        one[place] != other[place]
        for number, one in enumerate(readings)
        for other in readings[number + 1 :]
        for place in one.keys() & other.keys()
    )


@cache
def _candidates() -> tuple[tuple[str, str], ...]:
    """The formats that are tried, with their outlines; ISO 8601's date stands among them for mixtures."""
    days = [
        "%Y-%m-%d",
        "%Y/%m/%d",
        "%Y.%m.%d",
        "%Y%m%d",
        "%d %b %Y",
        "%d %B %Y",
        "%d-%b-%Y",
        "%b %d, %Y",
        "%B %d, %Y",
    ]
    for separator in "/.-":
        for year in "Yy":
            days += [f"%d{separator}%m{separator}%{year}", f"%m{separator}%d{separator}%{year}"]
    patterns = [day + time for day in [*days, "%d-%b-%y"] for time in _TIMES]
    return tuple((pattern, _outline(_SOME_MOMENT.strftime(pattern))) for pattern in patterns)


def _outline(text: str) -> str:
    """A text with each run of digits as 9 and each run of letters as a: formats of other outlines need no trial."""
    return re.sub("[A-Za-z]+", "a", re.sub("[0-9]+", "9", text))


def _readings(texts: Sequence[str], pattern: str) -> dict[int, datetime]:
    """What the pattern makes of each text that it reads, by the text's place."""
    shape = _shape_of(pattern)
    found = {}
    for place, text in enumerate(texts):
        if shape.fullmatch(text):
            try:
                # A column of dates has no zone to give.
                found[place] = datetime.strptime(text, pattern)  # noqa: DTZ007
            except ValueError:
                continue
    return found


_PIECES = {"Y": "(?:19|20)[0-9]{2}", "b": "[A-Za-z]{3}", "B": "[A-Za-z]{3,9}", "p": "[AaPp][Mm]"}


@cache
def _shape_of(pattern: str) -> re.Pattern[str]:
    """The texts worth parsing: it is quicker than parsing, and a number of eight digits is seldom a date."""
    pieces = re.split(r"%(.)", pattern)
    digits = "[0-9]{2}" if pattern.startswith("%Y%m") else "[0-9]{1,2}"
    return re.compile(
        "".join(
            _PIECES.get(piece, "[0-9]{2}" if piece == "y" else digits) if number % 2 else re.escape(piece)
            for number, piece in enumerate(pieces)
        )
    )
