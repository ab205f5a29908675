"""The hours around now as a strip: what ran as bars, what fired and what will as marks, and a line at now."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from datalinx.console.drawing.svg import Drawing, element, number

# The colour and the word of each state, and where its bar begins and ends: states are told by their height too.
STATES = {
    "success": ("inserted", "Done", 7, 19),
    "running": ("updated", "Running", 7, 19),
    "failed": ("rejected", "Failed", 2, 24),
    "queued": ("none", "Waiting", 11, 15),
    "cancelled": ("filtered", "Cancelled", 11, 19),
}
HEIGHT, BASE = 38.0, 30.0
# In shares of the width: the narrowest bar that is seen, and the distance from which on marks are told apart.
NARROWEST, APART = 0.005, 0.012


@dataclass(frozen=True)
class Bar:
    """A run: where it begins and ends in the strip, from 0 to 1, its state, what to say of it, where it leads."""

    start: float
    end: float
    status: str
    words: str
    href: str = ""


@dataclass(frozen=True)
class Mark:
    """A time of the schedule: `kind` is fired, coming or missed."""

    place: float
    kind: str
    words: str


@dataclass(frozen=True)
class Strip:
    """What is drawn of one schedule. `goes_on` says that it fires beyond the last mark, up to the end."""

    bars: tuple[Bar, ...] = ()
    marks: tuple[Mark, ...] = ()
    now: float = 0.5
    ticks: tuple[float, ...] = ()
    goes_on: bool = False
    description: str = ""


def draw_strip(strip: Strip) -> Drawing:
    """Return the strip as wide as its place; a bar leads to its run, which the table beside it does for keyboards."""
    grid = [_upright(tick, "grid") for tick in strip.ticks]
    base = element("line", class_="grid base", x1="0", x2="100%", y1=BASE, y2=BASE)
    bars = [_bar(bar) for bar in merge_bars(strip.bars)]
    now = _upright(strip.now, "now")
    return element(
        "svg",
        *grid,
        base,
        *_rows(strip),
        *bars,
        now,
        *(_mark(mark) for mark in _apart(strip.marks)),
        class_="strip",
        height=HEIGHT,
        role="group",
        aria_label=strip.description,
    )


def draw_hours(ticks: Sequence[tuple[float, str, str]], *, now: float) -> Drawing:
    """Return the axis of the strips: the hours as place, text and kind, and now.

    Those of the kind `between` leave a narrow page.
    """
    labels = [_label(place, text, 32, kind=kind) for place, text, kind in ticks]
    return element(
        "svg", _label(now, "now", 14), *labels, class_="strip hours", height=38, aria_hidden="true"
    )


def merge_bars(bars: Sequence[Bar]) -> list[Bar]:
    """Return the bars with neighbours of one state that would cover each other made one, which counts them."""
    groups: list[list[Bar]] = []
    for bar in sorted(bars, key=lambda each: each.start):
        last = groups[-1][-1] if groups else None
        if last and last.status == bar.status and bar.start < max(last.end, last.start + NARROWEST):
            groups[-1].append(bar)
        else:
            groups.append([bar])
    return [_as_one(group) for group in groups]


def _as_one(group: list[Bar]) -> Bar:
    first, end = group[0], max(bar.end for bar in group)
    if len(group) == 1:
        return first
    words = f"{STATES[first.status][1]}: {len(group)} runs, the last one {group[-1].words}"
    return Bar(first.start, end, first.status, words, group[-1].href)


def _bar(bar: Bar) -> Drawing:
    kind, _, top, bottom = STATES[bar.status]
    start = min(max(bar.start, 0.0), 1 - NARROWEST)
    width = max(min(bar.end, 1.0) - start, NARROWEST)
    drawn = element(
        "rect",
        element("title", bar.words),
        class_=f"fill k-{kind} run-{bar.status}",
        x=_share(start),
        width=_share(width),
        y=top,
        height=bottom - top,
        rx=1.5,
    )
    return element("a", drawn, href=bar.href, tabindex="-1") if bar.href else drawn


def _apart(marks: Sequence[Mark]) -> list[Mark]:
    """Return the marks that can be told apart; what is missed is always drawn."""
    drawn: list[Mark] = []
    last: dict[str, float] = {}
    for mark in sorted(marks, key=lambda each: each.place):
        if mark.kind == "missed" or mark.place - last.get(mark.kind, -1.0) >= APART:
            drawn.append(mark)
            last[mark.kind] = mark.place
    # On top of the others.
    return sorted(drawn, key=lambda each: each.kind == "missed")


def _rows(strip: Strip) -> list[Drawing]:
    """Return a thick line where times to come follow each other too closely for marks of their own."""
    places = sorted(mark.place for mark in strip.marks if mark.kind == "coming")
    if not places:
        return []
    end = 1.0 if strip.goes_on else places[-1]
    closely = [after - before < APART for before, after in pairwise(places)]
    if not strip.goes_on and not any(closely):
        return []
    return [element("line", class_="closely", x1=_share(places[0]), x2=_share(end), y1=BASE, y2=BASE)]


def _mark(mark: Mark) -> Drawing:
    title = element("title", mark.words)
    if mark.kind == "missed":
        return element("text", title, "×", class_="mark missed", x=_share(mark.place), y=BASE + 5)
    return element("circle", title, class_=f"mark {mark.kind}", cx=_share(mark.place), cy=BASE, r=3.5)


def _upright(place: float, kind: str) -> Drawing:
    return element("line", class_=kind, x1=_share(place), x2=_share(place), y1="0", y2=HEIGHT)


def _label(place: float, text: str, y: float, *, kind: str = "") -> Drawing:
    anchor = "start" if place < 0.03 else "end" if place > 0.97 else "middle"
    return element("text", text, class_=f"tick {kind}".strip(), x=_share(place), y=y, text_anchor=anchor)


def _share(value: float) -> str:
    return f"{number(100 * value)}%"
