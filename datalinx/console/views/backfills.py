"""Backfills: a range of a pipeline's past read anew, watched and steered."""

from django.http import HttpResponse, StreamingHttpResponse

from datalinx.console.api import Refusal
from datalinx.console.backfill_state import backfill_state
from datalinx.console.live import relay
from datalinx.console.pages import REASONED, Place, page
from datalinx.console.paging import SIZE, page_number, to_pages

FIELDS = ("since", "until", "chunk", "timezone", "order", "on_failure", "notify")
ACTIONS = ("pause", "resume", "cancel", "retry")
STATUSES = ("pending", "running", "success", "failed", "cancelled")
CHUNKS = ("6 hours", "1 day", "1 week", "1 month")
LONGEST = 101


@page("pipelines")
def backfills(place: Place, pipeline_id: str) -> HttpResponse:
    """List the backfills of a pipeline, with a form for another."""
    return _list(place, pipeline_id, {})


def _list(
    place: Place, pipeline_id: str, asked: dict[str, str], refusal: Refusal | None = None
) -> HttpResponse:
    answer = place.api.get(
        "pipelines", pipeline_id, "backfills", page=page_number(place.request), page_size=SIZE
    )
    errors = refusal.errors if refusal else []
    return place.render(
        "backfills.html",
        code=refusal.status if refusal else 200,
        pipeline=place.api.get("pipelines", pipeline_id).data,
        pages=to_pages(place.request, answer.data, answer.pagination),
        asked=asked,
        refusal=refusal,
        faults={each["field"]: each["message"] for each in errors if each.get("field") in FIELDS},
        lengths=CHUNKS,
    )


@page("pipelines", methods=("POST",))
def start(place: Place, pipeline_id: str) -> HttpResponse:
    """Start a backfill and go to it."""
    given = {name: place.request.POST.get(name, "").strip()[:LONGEST] for name in FIELDS}
    asked = {name: value for name, value in given.items() if value}
    try:
        made = place.api.send("POST", "pipelines", pipeline_id, "backfills", data=asked).data
    except Refusal as refusal:
        if refusal.status not in REASONED:
            raise
        return _list(place, pipeline_id, asked, refusal)
    return place.redirect("backfill", made["id"])


@page("pipelines")
def backfill(place: Place, backfill_id: str) -> HttpResponse:
    """Show a backfill: its strip of chunks, what they read, and each chunk's run."""
    found = place.api.get("backfills", backfill_id).data
    given = place.request.GET.get("status", "")
    chosen = given if given in STATUSES else ""
    chunks = place.api.get(
        "backfills", backfill_id, "chunks", page=page_number(place.request), page_size=SIZE, status=chosen
    )
    return place.render(
        "backfill.html",
        **backfill_state(found),
        pages=to_pages(place.request, chunks.data, chunks.pagination),
        statuses=STATUSES,
        chosen=chosen,
    )


@page("pipelines", methods=("POST",))
def act(place: Place, backfill_id: str) -> HttpResponse:
    """Pause, resume, cancel or retry a backfill."""
    action = place.request.POST.get("do", "")
    if action in ACTIONS:
        try:
            place.api.send("POST", "backfills", backfill_id, action)
        except Refusal as refusal:
            if refusal.status not in REASONED:
                raise
            place.tell_refusal(refusal)
    return place.redirect("backfill", backfill_id)


@page("pipelines")
def events(place: Place, backfill_id: str) -> StreamingHttpResponse:
    """Pass on the API's events of a backfill, each as the part of the page that it changes."""
    stream = place.api.stream("backfills", backfill_id, "events", parameters={})
    response = StreamingHttpResponse(relay(place, stream), content_type="text/event-stream")
    response["X-Accel-Buffering"] = "no"
    return response
