"""A mapping as two columns joined by curves: what it reads on the left, what it makes on the right."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from datalinx.console.drawing.picture import Box, Curve, Origin, Picture, Target
from datalinx.console.drawing.svg import Drawing, element, number, shorten

ROW, HEAD, GAP, PAD = 26.0, 44.0, 18.0, 12.0

Point = tuple[float, float]


@dataclass(frozen=True)
class Measures:
    """How wide the drawing and each of its columns are, in pixels, and whether types have room."""

    width: float
    column: float
    types: bool = True


WIDE = Measures(width=760, column=270)
NARROW = Measures(width=358, column=138, types=False)


def draw_mapping(picture: Picture, measures: Measures = WIDE) -> Drawing:
    """Return the drawing; links lead from each target column to what is said about it."""
    left, ports, left_height = _draw_boxes(picture.boxes, measures)
    entries, right, right_height = _draw_targets(picture, measures)
    height = max(left_height, right_height)
    chosen = {target.name for target in picture.targets if target.selected}
    return element(
        "svg",
        element("g", *(_draw_curve(curve, ports, entries, chosen) for curve in picture.curves)),
        *left,
        *right,
        class_="mapping",
        viewBox=f"0 0 {number(measures.width)} {number(height)}",
        width=measures.width,
        height=height,
        role="group",
        aria_label=picture.description or f"How {picture.title} is made",
    )


def _draw_boxes(
    boxes: Sequence[Box], measures: Measures
) -> tuple[list[Drawing], dict[tuple[str, str], Point], float]:
    drawn: list[Drawing] = []
    ports: dict[tuple[str, str], Point] = {}
    top = 1.0
    for box in boxes:
        height = HEAD + ROW * (len(box.columns) + bool(box.more)) + PAD / 2
        drawn += _frame((0.5, top), (measures.column, height), box.title, box.subtitle)
        for position, column in enumerate(box.columns):
            middle = top + HEAD + ROW * (position + 0.5)
            ports[box.key, column.name] = (measures.column + 0.5, middle)
            drawn += _draw_origin(column, middle, measures)
        if box.more:
            middle = top + HEAD + ROW * (len(box.columns) + 0.5)
            text = f"and {box.more:,} more, not used"
            drawn.append(element("text", text, class_="faint", x=PAD, y=middle + 4))
        top += height + GAP
    return drawn, ports, max(1.0, top - GAP + 1)


def _draw_origin(column: Origin, middle: float, measures: Measures) -> list[Drawing]:
    aside = ", ".join(column.roles) or (column.type.lower() if measures.types else "")
    room = measures.column - 2 * PAD - (min(len(aside), 16) * 6.5 + 10 if aside else 0)
    name = "name" if column.used or column.roles else "name faint"
    drawn = [
        element(
            "text",
            element("title", column.name),
            element("tspan", shorten(column.name, room)),
            class_=name,
            x=PAD,
            y=middle + 4,
        )
    ]
    if aside:
        kind = "role" if column.roles else "type"
        drawn.append(
            element(
                "text",
                shorten(aside, 110, size=11),
                class_=kind,
                x=measures.column - PAD,
                y=middle + 4,
                text_anchor="end",
            )
        )
    if column.used:
        drawn.append(element("circle", class_="port", cx=measures.column + 0.5, cy=middle, r=3))
    return drawn


def _draw_targets(picture: Picture, measures: Measures) -> tuple[dict[str, Point], list[Drawing], float]:
    left = measures.width - measures.column - 0.5
    height = HEAD + ROW * (len(picture.targets) + bool(picture.more)) + PAD / 2
    drawn = _frame(
        (left, 1.0),
        (measures.column, height),
        picture.title,
        f"{len(picture.targets) + picture.more:,} columns",
    )
    entries = {}
    fed = {curve.target for curve in picture.curves}
    for position, target in enumerate(picture.targets):
        middle = 1 + HEAD + ROW * (position + 0.5)
        entries[target.name] = (left, middle)
        drawn.append(_draw_target(target, left, middle, measures, is_fed=target.name in fed))
    if picture.more:
        middle = 1 + HEAD + ROW * (len(picture.targets) + 0.5)
        text = f"and {picture.more:,} more, in the table below"
        drawn.append(element("text", text, class_="faint", x=left + PAD, y=middle + 4))
    return entries, drawn, height + 2


def _draw_target(target: Target, left: float, middle: float, measures: Measures, *, is_fed: bool) -> Drawing:
    kind = target.kind or "none"
    aside = "unmapped" if not target.kind else target.type if measures.types else ""
    room = measures.column - 2 * PAD - 8 - (min(len(aside), 16) * 6.5 + 10 if aside else 0)
    parts = [
        element("rect", class_="row", x=left + 1, y=middle - ROW / 2, width=measures.column - 2, height=ROW),
        element(
            "text",
            element("title", target.name),
            element("tspan", shorten(target.name, room)),
            class_="name",
            x=left + PAD + 4,
            y=middle + 4,
        ),
        element("circle", class_="port", cx=left, cy=middle, r=4),
    ]
    if aside:
        parts.append(
            element(
                "text",
                shorten(aside, 110, size=11),
                class_="type",
                x=left + measures.column - PAD,
                y=middle + 4,
                text_anchor="end",
            )
        )
    if target.made_of and not is_fed:
        parts.append(_draw_made_of(target, left, middle, measures))
    group = element("g", *parts, class_=f"target k-{kind}{' chosen' if target.selected else ''}")
    return element("a", group, href=target.href) if target.href else group


def _draw_made_of(target: Target, left: float, middle: float, measures: Measures) -> Drawing:
    room = measures.width - 2 * measures.column - 26
    return element(
        "text",
        element("title", target.made_of),
        element("tspan", shorten(target.made_of, room)),
        class_="made-of",
        x=left - 12,
        y=middle + 4,
        text_anchor="end",
    )


def _draw_curve(
    curve: Curve,
    ports: Mapping[tuple[str, str], Point],
    entries: Mapping[str, Point],
    chosen: Collection[str],
) -> Drawing:
    start, end = ports.get((curve.box, curve.column)), entries.get(curve.target)
    if start is None or end is None:
        return Drawing("")
    bend = (end[0] - start[0]) * 0.55
    path = (
        f"M{number(start[0])} {number(start[1])} C{number(start[0] + bend)} {number(start[1])} "
        f"{number(end[0] - bend)} {number(end[1])} {number(end[0])} {number(end[1])}"
    )
    words = element("title", f"{curve.column} → {curve.target} ({curve.kind})")
    return element(
        "path", words, d=path, class_=f"edge k-{curve.kind}{' chosen' if curve.target in chosen else ''}"
    )


def _frame(corner: Point, size: Point, title: str, subtitle: str) -> list[Drawing]:
    (x, y), (width, height) = corner, size
    return [
        element("rect", class_="box", x=x, y=y, width=width - 1, height=height, rx=8),
        element("text", shorten(title, width - 2 * PAD, size=13), class_="title", x=x + PAD, y=y + 19),
        element("text", shorten(subtitle, width - 2 * PAD, size=11), class_="subtitle", x=x + PAD, y=y + 34),
    ]
