"""What is drawn of a lineage, put together from the lines that the API gives."""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from typing import Any

from datalinx.console.drawing.lineage import LineageBox, LineageLine, LineagePicture
from datalinx.console.fields import KINDS

# More than these are told by their number alone; the table beside the drawing has them all.
MOST_COLUMNS = 10
MOST_BOXES = 12

Link = Mapping[str, Any]
Href = Callable[[str, str], str]

_KINDS = {
    "object_type": "object type",
    "query": "saved query",
    "audience": "audience",
    "alert_rule": "alert rule",
    "monitoring": "monitoring",
    "identity": "canonical ids",
}


def origin_of(link: Link) -> tuple[str, str]:
    """Return what a line begins at: its kind (or the name of its source) and its name."""
    if link.get("origin"):
        return f"@{link['origin']['type']}", str(link["origin"]["name"])
    return str(link["source"] or ""), str(link["table"])


def end_of(link: Link) -> tuple[str, str]:
    """Return what a line ends at."""
    if link.get("consumer"):
        return f"@{link['consumer']['type']}", str(link["consumer"]["name"])
    return "", str(link["target_table"])


def lineage_picture(
    upstream: Sequence[Link], downstream: Sequence[Link] = (), *, table: str = "", href: Href = lambda *_: ""
) -> LineagePicture:
    """Return the picture of the lines around a table; of a run, which has no middle, the lines alone."""
    links = [*upstream, *downstream]
    ranks = _ranks(links)
    if table:
        ranks.setdefault(("", table), 0)
    layers: dict[int, list[tuple[str, str]]] = {}
    for place, rank in ranks.items():
        layers.setdefault(rank, []).append(place)
    columns = _columns(links)
    drawn = tuple(_layer(layers[rank], columns, table, href) for rank in sorted(layers))
    hidden = {place for places in layers.values() for place in places[MOST_BOXES:]}
    return LineagePicture(
        drawn,
        tuple(_lines(links, hidden)),
        f"Lineage of {table or 'the run'}: {len(links)} lines between {len(ranks)} tables and readers.",
    )


def _ranks(links: Sequence[Link]) -> dict[tuple[str, str], int]:
    """Return for each place how many steps it is from the farthest origin before it."""
    ranks: dict[tuple[str, str], int] = {}
    pairs = list(dict.fromkeys((origin_of(link), end_of(link)) for link in links))
    for start, end in pairs:
        ranks.setdefault(start, 0)
        ranks.setdefault(end, 0)
    # A circle would push its places on for ever; no chain is longer than there are places.
    for _ in range(len(ranks)):
        moved = False
        for start, end in pairs:
            if start != end and ranks[end] <= ranks[start] < len(ranks):
                ranks[end], moved = ranks[start] + 1, True
        if not moved:
            break
    return ranks


def _columns(links: Iterable[Link]) -> dict[tuple[str, str], list[str]]:
    found: dict[tuple[str, str], dict[str, None]] = {}
    for link in links:
        for place, column in ((origin_of(link), link["column"]), (end_of(link), link["target"])):
            found.setdefault(place, {}).update({column: None} if column else {})
    return {place: list(columns) for place, columns in found.items()}


def _layer(
    places: Sequence[tuple[str, str]],
    columns: Mapping[tuple[str, str], Sequence[str]],
    table: str,
    href: Href,
) -> tuple[LineageBox, ...]:
    boxes = [
        LineageBox(
            key=_key(place),
            title=place[1],
            subtitle=_subtitle(place[0]),
            columns=tuple(columns.get(place, ())[:MOST_COLUMNS]),
            more=max(0, len(columns.get(place, ())) - MOST_COLUMNS),
            href=href(*place),
            chosen=place == ("", table),
        )
        for place in places[:MOST_BOXES]
    ]
    rest = len(places) - len(boxes)
    if rest:
        boxes.append(LineageBox(f"more/{_key(places[0])}", f"and {rest:,} more", "in the table below"))
    return tuple(boxes)


def _lines(links: Iterable[Link], hidden: Collection[tuple[str, str]]) -> Iterable[LineageLine]:
    found: dict[tuple[Any, ...], LineageLine] = {}
    for link in links:
        start, end = origin_of(link), end_of(link)
        if start in hidden or end in hidden:
            continue
        words = (
            f"{start[1]}.{link['column'] or '*'} → {end[1]}{'.' + link['target'] if link['target'] else ''}"
        )
        line = LineageLine(
            (_key(start), link["column"] or ""),
            (_key(end), link["target"] or ""),
            link["kind"],
            f"{words} ({link['kind']})",
            rows=not link["target"],
        )
        found.setdefault((line.start, line.end, line.rows), line)
    return found.values()


def _key(place: tuple[str, str]) -> str:
    return f"{place[0]}/{place[1]}"


def _subtitle(kind: str) -> str:
    if kind.startswith("@"):
        return _KINDS.get(kind[1:], kind[1:])
    return kind or "target table"


def lineage_legend(picture: LineagePicture) -> list[tuple[str, str]]:
    """Return the looks of the lines of a picture, each a class and its words, in the order of the kinds."""
    drawn = {line.kind for line in picture.lines if not line.rows}
    found = [(f"k-{kind}", title) for kind, title in KINDS.items() if kind in drawn]
    if drawn - KINDS.keys():
        found.append(("k-none", "Read by what stands at its end"))
    if any(line.rows for line in picture.lines):
        found.append(("k-none rows", "Brings no value: decides which rows there are, or is read as a whole"))
    return found


def lineage_rows(links: Iterable[Link]) -> list[dict[str, str]]:
    """Return the lines as people read them."""
    return [
        {
            "from": _said(origin_of(link), link["column"]),
            "to": _said(end_of(link), link["target"]),
            "kind": link["kind"],
        }
        for link in links
    ]


def _said(place: tuple[str, str], column: str | None) -> str:
    kind, name = place
    full = (
        f"{_subtitle(kind)} {name}"
        if kind.startswith("@")
        else ".".join(part for part in (kind, name) if part)
    )
    return f"{full}.{column}" if column else full
