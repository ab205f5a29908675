"""The lineage around a table: what it is made of on the left, what is made of it on the right."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from datalinx.console.drawing.svg import Drawing, element, number, shorten

ROW, HEAD, GAP, PAD = 22.0, 42.0, 16.0, 12.0
# Narrow drawings stand one below the other, with the lines beside them.
NARROW_WIDTH, GUTTER = 358.0, 64.0
COLUMN, BETWEEN = 210.0, 90.0

Point = tuple[float, float]
Port = tuple[str, str]


@dataclass(frozen=True)
class LineageBox:
    """A table, a query or an audience, with the columns that take part; `more` are those not shown."""

    key: str
    title: str
    subtitle: str
    columns: tuple[str, ...] = ()
    more: int = 0
    href: str = ""
    chosen: bool = False

    @property
    def height(self) -> float:
        return HEAD + ROW * (len(self.columns) + bool(self.more)) + PAD / 2


@dataclass(frozen=True)
class LineageLine:
    """A line from a box to a box; a column that is empty, or not shown, is the box as a whole."""

    start: Port
    end: Port
    kind: str
    words: str
    rows: bool = False


@dataclass(frozen=True)
class LineagePicture:
    """The boxes, layer by layer in the direction of the data, and the lines between them."""

    layers: tuple[tuple[LineageBox, ...], ...]
    lines: tuple[LineageLine, ...]
    description: str = ""


def draw_wide(picture: LineagePicture) -> Drawing:
    """Return the drawing with the layers side by side."""
    heights = [sum(box.height + GAP for box in layer) - GAP for layer in picture.layers]
    height = max(heights, default=0.0) + 2
    places: dict[str, Point] = {}
    for index, layer in enumerate(picture.layers):
        top = 1 + (height - 2 - heights[index]) / 2
        for box in layer:
            places[box.key] = (0.5 + index * (COLUMN + BETWEEN), top)
            top += box.height + GAP
    width = max(1, len(picture.layers)) * (COLUMN + BETWEEN) - BETWEEN + 1
    curves = [_across(line, picture, places) for line in picture.lines]
    return _svg(picture, places, curves, (width, height), COLUMN)


def draw_narrow(picture: LineagePicture) -> Drawing:
    """Return the drawing with the layers one below the other, for a telephone."""
    places: dict[str, Point] = {}
    top = 1.0
    for layer in picture.layers:
        for box in layer:
            places[box.key] = (0.5, top)
            top += box.height + GAP
    room = NARROW_WIDTH - GUTTER
    curves = [_beside(line, picture, places, room) for line in picture.lines]
    return _svg(picture, places, curves, (NARROW_WIDTH, max(top - GAP + 1, 1.0)), room)


def _svg(
    picture: LineagePicture,
    places: Mapping[str, Point],
    curves: Sequence[Drawing],
    size: Point,
    width: float,
) -> Drawing:
    boxes = [_draw_box(box, places[box.key], width) for layer in picture.layers for box in layer]
    return element(
        "svg",
        element("g", *curves),
        *boxes,
        class_="mapping lineage",
        viewBox=f"0 0 {number(size[0])} {number(size[1])}",
        width=size[0],
        height=size[1],
        role="group",
        aria_label=picture.description,
    )


def _draw_box(box: LineageBox, corner: Point, width: float) -> Drawing:
    x, y = corner
    room = width - 2 * PAD
    parts = [
        element("rect", class_="box", x=x, y=y, width=width - 1, height=box.height, rx=8),
        element("title", f"{box.subtitle}: {box.title}"),
        element("text", shorten(box.title, room, size=14.5), class_="title", x=x + PAD, y=y + 18),
        element("text", shorten(box.subtitle, room, size=11), class_="subtitle", x=x + PAD, y=y + 33),
    ]
    for index, name in enumerate(box.columns):
        middle = y + HEAD + ROW * (index + 0.5)
        text = element("tspan", shorten(name, room))
        parts.append(element("text", element("title", name), text, class_="name", x=x + PAD, y=middle + 4))
    if box.more:
        middle = y + HEAD + ROW * (len(box.columns) + 0.5)
        parts.append(element("text", f"and {box.more:,} more", class_="faint", x=x + PAD, y=middle + 4))
    group = element("g", *parts, class_=f"place{' chosen' if box.chosen else ''}")
    return element("a", group, href=box.href) if box.href else group


def _middle(port: Port, picture: LineagePicture, places: Mapping[str, Point]) -> Point | None:
    """Where a column stands on the left edge of its box: in its row, in that of what is not shown, or at the head."""
    key, column = port
    box = next((box for layer in picture.layers for box in layer if box.key == key), None)
    if box is None:
        return None
    x, y = places[key]
    if column in box.columns:
        return x, y + HEAD + ROW * (box.columns.index(column) + 0.5)
    if column and box.more:
        return x, y + HEAD + ROW * (len(box.columns) + 0.5)
    return x, y + HEAD / 2


def _across(line: LineageLine, picture: LineagePicture, places: Mapping[str, Point]) -> Drawing:
    start, end = _middle(line.start, picture, places), _middle(line.end, picture, places)
    if start is None or end is None:
        return Drawing("")
    left, right = start[0] + COLUMN - 1, end[0]
    bend = max(abs(right - left) * 0.5, 40.0)
    path = (
        f"M{number(left)} {number(start[1])} C{number(left + bend)} {number(start[1])} "
        f"{number(right - bend)} {number(end[1])} {number(right)} {number(end[1])}"
    )
    return _curve(line, path)


def _beside(line: LineageLine, picture: LineagePicture, places: Mapping[str, Point], room: float) -> Drawing:
    start, end = _middle(line.start, picture, places), _middle(line.end, picture, places)
    if start is None or end is None:
        return Drawing("")
    edge = room - 0.5
    # The farther the line goes the farther out it bends, and never over the edge.
    out = edge + min(GUTTER * 1.3, 18 + abs(end[1] - start[1]) * 0.12)
    path = (
        f"M{number(edge)} {number(start[1])} C{number(out)} {number(start[1])} "
        f"{number(out)} {number(end[1])} {number(edge)} {number(end[1])}"
    )
    return _curve(line, path)


def _curve(line: LineageLine, path: str) -> Drawing:
    kind = "none" if line.rows else line.kind
    return element(
        "path", element("title", line.words), d=path, class_=f"edge k-{kind}{' rows' if line.rows else ''}"
    )
