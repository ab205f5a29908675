"""The shapes of dates: what a pattern of strptime writes, so that few texts are tried with a format that does not fit.

A try that fails costs ten times one that does not.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass

_DIGITS = {"Y": 4, "y": 2, "m": 2, "d": 2, "H": 2, "M": 2, "S": 2}
_PART = re.compile(r"%([YymdHMS])|([-/.:,T ])")


@dataclass(frozen=True)
class DateShape:
    """What a format writes: `pattern` matches it, `marks` are the characters between the numbers, without spaces.

    `full` is the pattern of those texts of it whose year is written in full and is no year before 1000.
    """

    pattern: str
    marks: str

    @property
    def full(self) -> str:
        return self.pattern.replace("[0-9]{4}", "[1-9][0-9]{3}")


def exact_formats(formats: Sequence[str]) -> list[tuple[str, DateShape]]:
    """Return the first formats, in order, that alone read the texts of their shape, and those shapes.

    A format cannot read what has other marks between the numbers than its own. Where two have the same marks,
    their shapes have to be the same too: then the texts of that shape are tried in the order of the formats.
    """
    found: list[tuple[str, DateShape]] = []
    for text in formats:
        shape = _shape(text)
        if shape is None:
            break
        if any(other.marks == shape.marks and other.pattern != shape.pattern for _, other in found):
            break
        found.append((text, shape))
    return found


def _shape(text: str) -> DateShape | None:
    """The shape of a format of plain numbers; None for one that writes names, zones, or numbers of any length."""
    pattern, marks, end = "", "", 0
    for part in _PART.finditer(text):
        if part.start() != end:
            return None
        end = part.end()
        if part[1]:
            pattern += f"[0-9]{{{_DIGITS[part[1]]}}}"
        else:
            pattern += re.escape(part[2]) if part[2] == "." else part[2]
            marks += part[2].strip()
    return DateShape(pattern, marks) if end == len(text) else None
