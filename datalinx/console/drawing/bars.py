"""Bars: one alone, several in a stack, a small histogram. Widths are shares, so that they fit any page."""

from collections.abc import Sequence
from dataclasses import dataclass

from datalinx.console.drawing.svg import Drawing, element, number

# A part that is there at all can be seen.
SMALLEST = 0.6


@dataclass(frozen=True)
class Part:
    """One part of a stacked bar. `kind` names its colour."""

    kind: str
    label: str
    value: int


def draw_bar(value: float, of: float, *, kind: str = "accent") -> Drawing:
    """Return a bar of `value` where `of` fills the width. What it says stands beside it in words."""
    share = min(1.0, max(0.0, value / of)) if of > 0 else 0.0
    width = max(100 * share, SMALLEST if value > 0 else 0.0)
    filled = element("rect", class_=f"fill k-{kind}", width=f"{number(width)}%", height="100%", rx=2)
    return element("svg", filled, class_="bar", aria_hidden="true", focusable="false")


def draw_stack(parts: Sequence[Part], *, description: str) -> Drawing:
    """Return a bar whose parts stand side by side, each as wide as its share of them all."""
    seen = [part for part in parts if part.value > 0]
    drawn, start = [], 0.0
    for part, width in zip(seen, _widths([part.value for part in seen]), strict=True):
        title = element("title", f"{part.label}: {part.value:,}")
        drawn.append(
            element(
                "rect",
                title,
                class_=f"fill k-{part.kind}",
                x=f"{number(start)}%",
                width=f"{number(width)}%",
                height="100%",
            )
        )
        start += width
    return element("svg", *drawn, class_="stack", role="img", aria_label=description)


def _widths(values: Sequence[int]) -> list[float]:
    """Return the percentages of the values, small ones raised to what can be seen at the cost of the others."""
    total = sum(values)
    if total <= 0:
        return []
    shares = [100 * value / total for value in values]
    raised = [max(share, SMALLEST) for share in shares]
    excess = sum(raised) - 100
    spare = sum(width - SMALLEST for width in raised)
    if spare <= 0:
        return [100 / len(values)] * len(values)
    return [width - excess * (width - SMALLEST) / spare for width in raised]


def draw_histogram(bins: Sequence[tuple[str, int]], *, description: str) -> Drawing:
    """Return small columns, one for each (label, count), on a common ground."""
    highest = max((count for _, count in bins), default=0)
    drawn = []
    for position, (label, count) in enumerate(bins):
        share = 100 * count / highest if highest else 0
        height = max(share, 3.0 if count else 0.0)
        step = 100 / len(bins)
        drawn.append(
            element(
                "rect",
                element("title", f"{label}: {count:,}"),
                class_="fill k-accent",
                x=f"{number(position * step + step * 0.06)}%",
                width=f"{number(step * 0.88)}%",
                y=f"{number(100 - height)}%",
                height=f"{number(height)}%",
            )
        )
    return element("svg", *drawn, class_="histogram", role="img", aria_label=description)
