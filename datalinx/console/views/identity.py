"""Identity: who is one person, by which rules, and why."""

from typing import Any

from django.http import HttpResponse

from datalinx.console.api import Refusal
from datalinx.console.clusters import cluster_picture
from datalinx.console.drawing.bars import draw_histogram
from datalinx.console.drawing.lineage import draw_narrow, draw_wide
from datalinx.console.drawing.svg import Drawing
from datalinx.console.pages import Place, page
from datalinx.console.paging import SIZE, page_number, to_pages

OPEN = ("queued", "running")


@page("identity", methods=("GET", "POST"))
def identity(place: Place) -> HttpResponse:
    """Show who was found, and the people with most records; find who is who anew."""
    if place.request.method == "POST":
        try:
            if place.request.POST.get("do") == "cancel":
                place.api.send("POST", "identity", "resolve", "cancel")
                place.tell("What is under way ends within seconds; the people found before stay.")
            else:
                place.api.send("POST", "identity", "resolve")
                place.tell("Who is who is being found; look again in a moment.")
        except Refusal as refused:
            place.tell_refusal(refused)
        return place.redirect("identity")
    stats, refusal = place.api.get("identity", "stats").data, None
    record = place.request.GET.get("record", "").strip()
    asked = {"page": page_number(place.request), "page_size": SIZE, **({"record": record} if record else {})}
    pages = None
    try:
        answer = place.api.get("identity", "clusters", **asked)
        pages = to_pages(place.request, answer.data, answer.pagination)
    except Refusal as caught:
        if caught.status != 422:
            raise
        refusal = caught
    resolution = stats["resolution"] or {}
    return place.render(
        "identity.html",
        stats=stats,
        found=stats["statistics"],
        rules=place.api.get("identity").data,
        resolution=resolution,
        is_open=resolution.get("status") in OPEN,
        sizes=_sizes(stats["statistics"] or {}),
        pages=pages,
        record=record,
        refusal=refusal,
    )


def _sizes(found: dict[str, Any]) -> Drawing | None:
    bars = found.get("histogram") or []
    if not bars:
        return None
    labels = [
        f"{bar['from']} to {bar['to']} records" if bar["from"] != bar["to"] else f"{bar['from']} records"
        for bar in bars
    ]
    counts = [bar["clusters"] for bar in bars]
    return draw_histogram(
        list(zip(labels, counts, strict=True)), description="People by how many records they have"
    )


@page("identity")
def cluster(place: Place, cluster_id: str) -> HttpResponse:
    """Show one person: the records, the values that link them as a drawing, and what happened to the id."""
    found = place.api.get("identity", "clusters", cluster_id).data
    a, b = (place.request.GET.get(name, "").strip() for name in ("a", "b"))
    explained, refusal = None, None
    if a and b:
        try:
            explained = place.api.get("identity", "explain", a=a, b=b).data
        except Refusal as caught:
            refusal = caught
    picture = cluster_picture(found) if found.get("links") else None
    return place.render(
        "identity_cluster.html",
        cluster=found,
        wide=draw_wide(picture) if picture else None,
        narrow=draw_narrow(picture) if picture else None,
        a=a,
        b=b,
        explained=explained,
        refusal=refusal,
    )
