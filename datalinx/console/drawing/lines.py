"""Lines over an axis of labels, such as days. The curve stretches with the page, its words do not."""

from collections.abc import Sequence
from dataclasses import dataclass

from datalinx.console.drawing.scales import short_number, ticks
from datalinx.console.drawing.svg import Drawing, element, number, shorten

HEIGHT = 220.0
TOP, BOTTOM, AXIS = 12.0, 28.0, 52.0
AREA = HEIGHT - TOP - BOTTOM
# The curve is drawn on a ground of this width, which is stretched over the plot.
GROUND = 1000.0
COLOURS = ("1", "2", "3", "4")


@dataclass(frozen=True)
class Series:
    """One line: its name and a value for each label, None where there is none."""

    name: str
    values: Sequence[float | None]


@dataclass(frozen=True)
class _Axis:
    marks: Sequence[float]

    def y(self, value: float) -> float:
        """Return how far below the top of the area a value lies."""
        low, high = self.marks[0], self.marks[-1]
        return AREA * (1 - (value - low) / (high - low))


def draw_lines(labels: Sequence[str], series: Sequence[Series], *, description: str) -> Drawing:
    """Return a chart of up to four lines over the same labels; each has a colour of its own."""
    values = [value for line in series for value in line.values if value is not None]
    axis = _Axis(ticks(min([0.0, *values]), max([0.0, *values])))
    curves = [_curve(line.values, axis, colour) for line, colour in zip(series, COLOURS, strict=False)]
    ground = element(
        "svg",
        *curves,
        y=TOP,
        height=AREA,
        width="100%",
        viewBox=f"0 0 {number(GROUND)} {number(AREA)}",
        preserveAspectRatio="none",
        class_="ground",
    )
    heights = [(mark, TOP + axis.y(mark)) for mark in axis.marks]
    grid = [element("line", class_="grid", x1="0", x2="100%", y1=y, y2=y) for _, y in heights]
    marks = [
        element("text", short_number(mark), class_="tick", x=AXIS - 10, y=y + 4, text_anchor="end")
        for mark, y in heights
    ]
    scale = element("svg", *marks, width=AXIS, height=HEIGHT, aria_hidden="true")
    plot = element(
        "svg",
        *grid,
        ground,
        *_labels(labels),
        class_="plot",
        height=HEIGHT,
        role="img",
        aria_label=description,
    )
    return element("div", scale, plot, class_="lines")


def _curve(values: Sequence[float | None], axis: _Axis, colour: str) -> Drawing:
    step = GROUND / max(1, len(values) - 1)
    path, draws = [], False
    for position, value in enumerate(values):
        if value is None:
            draws = False
            continue
        # A value without neighbours is a point: a line of no length with round ends.
        path.append(f"{'L' if draws else 'M'}{number(position * step)} {number(axis.y(value))}")
        path.append("" if draws else "h0")
        draws = True
    text = " ".join(part for part in path if part)
    return element(
        "path", d=text, class_=f"curve s-{colour}", fill="none", vector_effect="non-scaling-stroke"
    )


def _labels(labels: Sequence[str]) -> list[Drawing]:
    """Return the first, the last and at most two labels between."""
    if not labels:
        return []
    last = len(labels) - 1
    between = {last // 3, 2 * last // 3} if last >= 6 else set()
    drawn = []
    for position in sorted({0, last} | between):
        anchor = "start" if position == 0 else "end" if position == last else "middle"
        place = f"{number(100 * position / last) if last else 0}%"
        text = shorten(labels[position], 84)
        # A narrow page has room for the ends alone.
        kind = "tick between" if anchor == "middle" else "tick"
        drawn.append(element("text", text, class_=kind, x=place, y=HEIGHT - 8, text_anchor=anchor))
    return drawn
