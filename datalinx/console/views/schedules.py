"""Schedules: what starts by itself, the hours around now, and pausing it."""

from typing import Any

from django.http import HttpResponse
from django.urls import reverse

from datalinx.console.api import Refusal
from datalinx.console.chains import LEGEND, chain_picture
from datalinx.console.drawing.lineage import draw_narrow, draw_wide
from datalinx.console.pages import REASONED, Place, page
from datalinx.console.paging import SIZE, page_number, to_pages
from datalinx.console.schedule_state import HOURS, schedule_state

ACTIONS = {"pause": "paused", "resume": "resumed"}


@page("schedules")
def schedules(place: Place) -> HttpResponse:
    """List what starts by itself: when, what came of it, and who starts after whom."""
    answer = place.api.get("schedules", page=page_number(place.request), page_size=SIZE, hours=HOURS)
    pages = to_pages(place.request, answer.data, answer.pagination)
    runs = [run["id"] for each in answer.data for run in each["timeline"]["runs"]]
    links = {each: reverse("console:run", args=[place.workspace, each]) for each in runs}
    return place.render(
        "schedules.html",
        pages=pages,
        **schedule_state(answer.data, links),
        **_chain(place, answer.data if pages.total_pages <= 1 else place.api.every("schedules")),
    )


def _chain(place: Place, found: list[dict[str, Any]]) -> dict[str, Any]:
    """Return the drawing of who starts after whom, of all pages, and the same in words."""
    links = {
        each["name"]: reverse("console:pipeline", args=[place.workspace, each["pipeline_id"]])
        for each in found
    }
    picture, left_off = chain_picture(found, links)
    return {
        "chained": bool(picture.layers),
        "wide": draw_wide(picture),
        "narrow": draw_narrow(picture),
        "legend": LEGEND,
        "left_off": left_off,
    }


@page("schedules", methods=("POST",))
def act(place: Place, pipeline_id: str) -> HttpResponse:
    """Pause or resume the schedule of a pipeline."""
    action = place.request.POST.get("do", "")
    if action in ACTIONS:
        try:
            changed = place.api.send("POST", "pipelines", pipeline_id, action).data
            place.tell(f"The schedule of {changed['name']} is {ACTIONS[action]}.")
        except Refusal as refusal:
            if refusal.status not in REASONED:
                raise
            place.tell_refusal(refusal)
    return place.redirect("schedules", page=str(page_number(place.request)))
