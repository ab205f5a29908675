"""The ledger of a run: where each row that came in has gone, as one bar that must be full."""

from collections.abc import Mapping
from dataclasses import dataclass

from datalinx.console.drawing.bars import Part, draw_stack
from datalinx.console.drawing.svg import Drawing

# The right side of the ledger's equation, in the order in which rows leave, with words for people.
LEAVING = {
    "inserted": "Inserted",
    "updated": "Updated",
    "unchanged": "Unchanged",
    "joined_out": "Left out by joins",
    "filtered": "Filtered",
    "grouped": "Folded into groups",
    "deduplicated": "Deduplicated",
    "rejected": "Rejected",
}
ENTERING = {"read": "Read", "joined_in": "Added by joins"}


@dataclass(frozen=True)
class Ledger:
    """A ledger ready to be shown: its bar, its parts with their shares in per cent, and whether it closes."""

    bar: Drawing
    entered: int
    joined_in: int
    parts: tuple[tuple[Part, float], ...]
    deleted: int
    closes: bool


def draw_ledger(counts: Mapping[str, int]) -> Ledger:
    """Return the ledger of these counts; names that are missing count nothing."""
    entered = sum(counts.get(name, 0) for name in ENTERING)
    parts = [Part(name, label, counts.get(name, 0)) for name, label in LEAVING.items()]
    left = sum(part.value for part in parts)
    shown = [part for part in parts if part.value]
    words = ", ".join(f"{part.label.lower()} {part.value:,}" for part in shown)
    return Ledger(
        bar=draw_stack(parts, description=f"Of {entered:,} rows: {words or 'none yet'}."),
        entered=entered,
        joined_in=counts.get("joined_in", 0),
        parts=tuple((part, 100 * part.value / left) for part in shown),
        deleted=counts.get("deleted", 0),
        closes=left == entered,
    )
