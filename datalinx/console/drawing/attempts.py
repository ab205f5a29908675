"""The attempts of a delivery on a line of time, whose steps grow as the pauses of the schedule do."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from datalinx.console.drawing.svg import Drawing, element, join, number

_WIDTH, _HEIGHT, _EDGE = 220.0, 18.0, 8.0
# The schedule's last attempt is a day after the event.
_LONGEST = 86_400.0 * 1.1


@dataclass(frozen=True)
class Attempt:
    """One attempt: when it was made, in seconds after the first one, whether it arrived, and what to say of it."""

    after: float
    arrived: bool
    words: str


def draw_attempts(attempts: Sequence[Attempt]) -> Drawing:
    """Return the line: what arrived is a full disc, what failed a ring, so that it is told without colours too."""
    middle = number(_HEIGHT / 2)
    line = element(
        "line", class_="edge k-none", x1=number(_EDGE), x2=number(_WIDTH - _EDGE), y1=middle, y2=middle
    )
    marks = [
        element(
            "circle",
            element("title", each.words),
            class_="fill k-inserted" if each.arrived else "edge k-rejected",
            cx=number(_place(each.after)),
            cy=middle,
            r=4.5 if each.arrived else 3.5,
        )
        for each in attempts
    ]
    return element(
        "svg",
        line,
        join(marks),
        viewBox=f"0 0 {number(_WIDTH)} {number(_HEIGHT)}",
        width=number(_WIDTH),
        height=number(_HEIGHT),
        role="img",
        aria_label="; ".join(each.words for each in attempts) or "No attempt yet",
    )


def _place(after: float) -> float:
    """Return where a moment lies: on a logarithm, by which both five seconds and a day are seen."""
    share = math.log1p(min(max(after, 0.0), _LONGEST)) / math.log1p(_LONGEST)
    return _EDGE + share * (_WIDTH - 2 * _EDGE)
