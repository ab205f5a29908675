"""A backfill as a strip: its range from left to right, each chunk in the colour of its state."""

from collections.abc import Mapping, Sequence
from typing import Any

from datalinx.console.drawing.svg import Drawing, element, number

# The colour of each state, and its word.
STATES = {
    "success": ("inserted", "Done"),
    "running": ("updated", "Running"),
    "failed": ("rejected", "Failed"),
    "pending": ("none", "Waiting"),
    "cancelled": ("filtered", "Cancelled"),
}
# With more chunks than this one alone is too narrow to be seen: stretches of equal state are drawn instead.
MOST_CELLS = 120


def draw_chunks(stretches: Sequence[Mapping[str, Any]], *, names: Sequence[str]) -> Drawing:
    """Return the strip of stretches `{status, chunks}`, from the oldest; `names` say which days each is of."""
    total = sum(stretch["chunks"] for stretch in stretches)
    drawn, start = [], 0
    for stretch, name in zip(stretches, names, strict=True):
        kind, word = STATES[stretch["status"]]
        count = stretch["chunks"]
        title = element("title", f"{word}: {name}" + (f" ({count:,} chunks)" if count > 1 else ""))
        cells = count if total <= MOST_CELLS else 1
        for cell in range(cells):
            drawn.append(
                element(
                    "rect",
                    title,
                    class_=f"fill k-{kind} chunk-{stretch['status']}",
                    x=f"{number(100 * (start + cell * count / cells) / total)}%",
                    width=f"{number(100 * count / cells / total)}%",
                    height="100%",
                )
            )
        start += count
    return element("svg", *drawn, class_="stack chunks", role="img", aria_label=_describe(stretches, total))


def _describe(stretches: Sequence[Mapping[str, Any]], total: int) -> str:
    counts = {state: sum(each["chunks"] for each in stretches if each["status"] == state) for state in STATES}
    words = [f"{STATES[state][1].lower()} {count:,}" for state, count in counts.items() if count]
    return f"Of {total:,} chunks, from the oldest: {', '.join(words)}."
