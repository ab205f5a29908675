"""Audiences: who fits, how many at each block of the rule, and who came and went."""

from typing import Any

from django.http import HttpResponse

from datalinx.console.api import Refusal
from datalinx.console.drawing.bars import draw_bar
from datalinx.console.drawing.lines import Series, draw_lines
from datalinx.console.drawing.svg import Drawing
from datalinx.console.pages import Place, page
from datalinx.console.paging import SIZE, page_number, to_pages
from datalinx.console.rules import rule_lines

REFRESHES = 60
CHANGES = ("entered", "left")


@page("audiences")
def audiences(place: Place) -> HttpResponse:
    """List the audiences."""
    search = place.request.GET.get("search", "")
    answer = place.api.get("audiences", page=page_number(place.request), page_size=SIZE, search=search)
    return place.render(
        "audiences.html", pages=to_pages(place.request, answer.data, answer.pagination), search=search
    )


@page("audiences")
def audience(place: Place, audience_id: str) -> HttpResponse:
    """Show an audience: its rule with counts, its members, its size over time."""
    found = place.api.get("audiences", audience_id).data
    key = place.request.GET.get("key", "").strip()
    fault = None
    try:
        count = place.api.get("audiences", audience_id, "count").data
    except Refusal as refusal:
        # A table that the rule reads has changed: what was found before is still shown.
        count, fault = {"blocks": {}, "population": 0, "total": 0}, refusal
    history = place.api.get("audiences", audience_id, "history", page_size=REFRESHES).data
    values: dict[str, Any] = {"explained": None, "members": None}
    if key:
        values |= _explain(place, audience_id, key)
    if found["generation"]:
        members = place.api.get(
            "audiences", audience_id, "members", page=page_number(place.request), page_size=SIZE
        )
        values["members"] = to_pages(place.request, members.data, members.pagination)
    return place.render(
        "audience.html",
        audience=found,
        fault=fault,
        count=count,
        blocks=_blocks(place, found, count, values["explained"] or {}),
        history=history,
        sizes=_sizes(history),
        key=key,
        **values,
    )


def _blocks(
    place: Place, found: dict[str, Any], count: dict[str, Any], verdicts: dict[str, str]
) -> list[dict[str, Any]]:
    names = {}
    if "'audience'" in repr(found["rule"]):
        names = {each["id"]: each["name"] for each in place.api.every("audiences")}
    return [
        {
            "line": line,
            "indent": min(line.depth, 9),
            "count": count["blocks"].get(line.path),
            "bar": draw_bar(count["blocks"].get(line.path, 0), count["population"]),
            "verdict": verdicts.get(line.path, ""),
        }
        for line in rule_lines(found["rule"], names)
    ]


def _explain(place: Place, audience_id: str, key: str) -> dict[str, Any]:
    """Return for each block whether it is true, false or unknown for one person."""
    try:
        tree = place.api.get("audiences", audience_id, "explain", key=key).data
    except Refusal as refusal:
        return {"key_refusal": refusal}
    found: dict[str, str] = {}
    open_nodes = [tree]
    while open_nodes:
        node = open_nodes.pop()
        found[node["path"]] = node["verdict"]
        open_nodes += node.get("parts") or []
    return {"explained": found, "verdict": found["rule"]}


def _sizes(history: list[dict[str, Any]]) -> Drawing | None:
    if len(history) < 2:
        return None
    oldest_first = history[::-1]
    times = [each["created_at"] for each in oldest_first]
    # Within one day the time of day tells them apart.
    labels = [at[:10] if times[0][:10] != times[-1][:10] else at[11:16] for at in times]
    series = [Series("size", [each["size"] for each in oldest_first])]
    return draw_lines(labels, series, description="The size of the audience at each refresh")


@page("audiences")
def changes(place: Place, audience_id: str) -> HttpResponse:
    """List who entered and who left at a refresh."""
    asked = place.request.GET.get("change", "")
    query = {
        "change": asked if asked in CHANGES else "",
        "generation": page_number(place.request, "generation") if "generation" in place.request.GET else None,
    }
    answer = place.api.get(
        "audiences", audience_id, "changes", page=page_number(place.request), page_size=SIZE, **query
    )
    return place.render(
        "audience_changes.html",
        audience=place.api.get("audiences", audience_id).data,
        pages=to_pages(place.request, answer.data, answer.pagination),
        query=query,
        changes=CHANGES,
    )


@page("audiences", methods=("POST",))
def refresh(place: Place, audience_id: str) -> HttpResponse:
    """Find the members anew."""
    try:
        made = place.api.send("POST", "audiences", audience_id, "refresh").data
        place.tell(f"{made['size']:,} members: {made['entered']:,} entered, {made['left']:,} left.")
    except Refusal as refusal:
        place.tell_refusal(refusal)
    return place.redirect("audience", audience_id)
