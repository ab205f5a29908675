"""Entities as boxes with their attributes, and their relationships as lines whose ends say one or many."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from datalinx.console.drawing.entity_layout import Block, lay_out
from datalinx.console.drawing.svg import Drawing, element, number, shorten

ROW, HEAD, GAP, PAD = 22.0, 42.0, 26.0, 12.0
# How wide a box is and how far from the next one, so that four of them fit a page, or five that are smaller.
ROOMY, TIGHT, ROOMY_COLUMNS = (200.0, 90.0), (168.0, 56.0), 4
# Columns of a block that is no higher than this stand in its middle; of a higher one they begin at the top.
HIGH = 900.0
# Narrow drawings stand one below the other, with the lines beside them.
NARROW_WIDTH, GUTTER = 358.0, 64.0
# A line leaves its box straight, for its end to be seen; lines at one row keep this far from each other.
STUB, SPREAD = 16.0, 7.0
LOOP = 46.0

Point = tuple[float, float]
Port = tuple[str, str]


@dataclass(frozen=True)
class EntityRow:
    """An attribute with its type; `is_key` says that it tells one from the other."""

    name: str
    type: str = ""
    is_key: bool = False


@dataclass(frozen=True)
class EntityBox:
    """An entity with its attributes; `more` are those not shown."""

    key: str
    title: str
    subtitle: str
    rows: tuple[EntityRow, ...] = ()
    more: int = 0
    href: str = ""
    chosen: bool = False

    @property
    def height(self) -> float:
        return HEAD + ROW * (len(self.rows) + bool(self.more)) + PAD / 2


@dataclass(frozen=True)
class EntityLine:
    """A relationship between two boxes; a row that is empty, or not shown, is the box as a whole."""

    start: Port
    end: Port
    start_many: bool
    end_many: bool
    words: str


@dataclass(frozen=True)
class EntityPicture:
    """All that is drawn."""

    boxes: tuple[EntityBox, ...]
    lines: tuple[EntityLine, ...]
    description: str = ""


@dataclass(frozen=True)
class _End:
    """Where a line meets a box: a point at its edge, and the side to which it leaves (1 right, -1 left)."""

    x: float
    y: float
    side: int


def draw_wide(picture: EntityPicture) -> Drawing:
    """Return the drawing with what is related side by side."""
    boxes = {box.key: box for box in picture.boxes}
    blocks = lay_out(list(boxes), [(line.start[0], line.end[0]) for line in picture.lines])
    most = max((len(block.columns) for block in blocks), default=1)
    column_width, between = ROOMY if most <= ROOMY_COLUMNS else TIGHT
    width = most * (column_width + between) - between
    places: dict[str, Point] = {}
    inner: dict[str, int] = {}
    top = 1.0
    for block in blocks:
        height = _place_block(block, boxes, (top, column_width + between), places)
        for index, column in enumerate(block.columns):
            inner.update(dict.fromkeys(column, 1 if index <= block.middle else -1))
        top += height + GAP * 1.5
    sides = [_sides(line, places, inner) for line in picture.lines]
    curves = _curves(picture, sides, places, column_width)
    # What loops at the right edge needs room there.
    loops = any(
        places[line.start[0]][0] + column_width + 1 > width and side == (1, 1)
        for line, side in zip(picture.lines, sides, strict=True)
    )
    size = (width + 1 + LOOP * loops, max(top - GAP * 1.5 + 1, 1.0))
    return _svg(picture, places, curves, size, column_width)


def _place_block(
    block: Block, boxes: Mapping[str, EntityBox], steps: Point, places: dict[str, Point]
) -> float:
    """Put the boxes of a block in their places, from a height on and so far apart; return how high they stand."""
    top, step = steps
    heights = [sum(boxes[key].height + GAP for key in column) - GAP for column in block.columns]
    for index, column in enumerate(block.columns):
        y = top + ((max(heights) - heights[index]) / 2 if max(heights) <= HIGH else 0)
        for key in column:
            places[key] = (0.5 + index * step, y)
            y += boxes[key].height + GAP
    return max(heights)


def _sides(line: EntityLine, places: Mapping[str, Point], inner: Mapping[str, int]) -> tuple[int, int]:
    start, end = places[line.start[0]][0], places[line.end[0]][0]
    if start == end:
        return inner[line.start[0]], inner[line.start[0]]
    return (1, -1) if start < end else (-1, 1)


def draw_narrow(picture: EntityPicture) -> Drawing:
    """Return the drawing with the boxes one below the other, for a telephone."""
    blocks = lay_out(
        [box.key for box in picture.boxes], [(each.start[0], each.end[0]) for each in picture.lines]
    )
    boxes = {box.key: box for box in picture.boxes}
    places: dict[str, Point] = {}
    top = 1.0
    for key in (key for block in blocks for column in block.columns for key in column):
        places[key] = (0.5, top)
        top += boxes[key].height + GAP
    room = NARROW_WIDTH - GUTTER
    curves = _curves(picture, [(1, 1)] * len(picture.lines), places, room)
    return _svg(picture, places, curves, (NARROW_WIDTH, max(top - GAP + 1, 1.0)), room)


def _svg(
    picture: EntityPicture, places: Mapping[str, Point], curves: Sequence[Drawing], size: Point, width: float
) -> Drawing:
    return element(
        "svg",
        element("g", *curves),
        *(_draw_box(box, places[box.key], width) for box in picture.boxes),
        class_="mapping lineage",
        viewBox=f"0 0 {number(size[0])} {number(size[1])}",
        width=size[0],
        height=size[1],
        role="group",
        aria_label=picture.description,
    )


def _draw_box(box: EntityBox, corner: Point, width: float) -> Drawing:
    x, y = corner
    room = width - 2 * PAD
    parts = [
        element("rect", class_="box", x=x, y=y, width=width - 1, height=box.height, rx=8),
        element("title", f"{box.title}, in the table {box.subtitle}"),
        element("text", shorten(box.title, room, size=14.5), class_="title", x=x + PAD, y=y + 18),
        element("text", shorten(box.subtitle, room, size=11), class_="subtitle", x=x + PAD, y=y + 33),
    ]
    for index, row in enumerate(box.rows):
        parts += _draw_row(row, x, y + HEAD + ROW * (index + 0.5) + 4, width)
    if box.more:
        middle = y + HEAD + ROW * (len(box.rows) + 0.5)
        parts.append(element("text", f"and {box.more:,} more", class_="faint", x=x + PAD, y=middle + 4))
    group = element("g", *parts, class_=f"place{' chosen' if box.chosen else ''}")
    return element("a", group, href=box.href) if box.href else group


def _draw_row(row: EntityRow, x: float, y: float, width: float) -> list[Drawing]:
    # In a small box the name of a key has more to say than its type.
    key = f"key · {row.type}" if width >= ROOMY[0] else "key"
    aside = shorten(key if row.is_key else row.type, width * 0.45, size=11)
    room = width - 2 * PAD - len(aside) * 6.5 - 10
    name = element("tspan", shorten(row.name, room, size=13.5))
    return [
        element("text", element("title", row.name), name, class_="name", x=x + PAD, y=y),
        element(
            "text", aside, class_="role" if row.is_key else "type", x=x + width - PAD, y=y, text_anchor="end"
        ),
    ]


def _curves(
    picture: EntityPicture, sides: Sequence[tuple[int, int]], places: Mapping[str, Point], width: float
) -> list[Drawing]:
    boxes = {box.key: box for box in picture.boxes}
    ports = [port for line in picture.lines for port in (line.start, line.end)]
    ends = [
        _end(boxes[port[0]], port[1], places[port[0]], side, width)
        for port, side in zip(ports, (side for pair in sides for side in pair), strict=True)
    ]
    ends = _spread(ends)
    return [
        _draw_line(line, ends[2 * index], ends[2 * index + 1]) for index, line in enumerate(picture.lines)
    ]


def _end(box: EntityBox, row: str, corner: Point, side: int, width: float) -> _End:
    names = [each.name for each in box.rows]
    y = corner[1] + (HEAD + ROW * (names.index(row) + 0.5) if row in names else HEAD / 2)
    return _End(corner[0] + (width - 1 if side > 0 else 0), y, side)


def _spread(ends: Sequence[_End]) -> list[_End]:
    """Ends that meet at one point, moved apart in the order of where their lines lead."""
    met: dict[_End, list[int]] = {}
    for index, end in enumerate(ends):
        met.setdefault(end, []).append(index)
    moved = list(ends)
    for end, indexes in met.items():
        step = min(SPREAD, ROW / len(indexes))
        # The other end of a line stands beside it: 0 with 1, 2 with 3.
        for position, index in enumerate(sorted(indexes, key=lambda each: (ends[each ^ 1].y, each))):
            offset = (position - (len(indexes) - 1) / 2) * step
            moved[index] = _End(end.x, end.y + offset, end.side)
    return moved


def _draw_line(line: EntityLine, start: _End, end: _End) -> Drawing:
    out, back = start.x + STUB * start.side, end.x + STUB * end.side
    if start.side == end.side:
        # The farther apart, the farther out, and never into what stands on the other side.
        bend = start.side * min(LOOP, 14 + abs(end.y - start.y) * 0.1)
        first, second = out + bend, back + bend
    else:
        middle = (out + back) / 2
        first, second = middle, middle
    path = (
        f"M{number(start.x)} {number(start.y)} H{number(out)} C{number(first)} {number(start.y)} "
        f"{number(second)} {number(end.y)} {number(back)} {number(end.y)} H{number(end.x)}"
    )
    marks = draw_mark(start.x, start.y, start.side, is_many=line.start_many)
    marks += draw_mark(end.x, end.y, end.side, is_many=line.end_many)
    return element("path", element("title", line.words), d=path + marks, class_="edge k-direct")


def draw_mark(x: float, y: float, side: int, *, is_many: bool) -> str:
    """Return the path of an end at the edge of a box: three prongs for many, a bar for one."""
    if is_many:
        tip = number(x + 11 * side)
        return f" M{number(x)} {number(y - 5)} L{tip} {number(y)} L{number(x)} {number(y + 5)}"
    return f" M{number(x + 8 * side)} {number(y - 5)} V{number(y + 5)}"
