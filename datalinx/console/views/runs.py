"""Runs: how they went, how they go right now, and what they rejected."""

from typing import Any
from urllib.parse import urlencode

from django.http import HttpResponse, StreamingHttpResponse

from datalinx.console.api import Refusal
from datalinx.console.drawing.lineage import draw_narrow, draw_wide
from datalinx.console.lineages import lineage_legend, lineage_picture, lineage_rows
from datalinx.console.live import relay
from datalinx.console.pages import REASONED, Place, page
from datalinx.console.paging import SIZE, cut, page_number, to_pages
from datalinx.console.record_reports import look_up
from datalinx.console.run_reports import (
    LOOKED_THROUGH,
    list_tests,
    list_trials,
    list_verdicts,
    may_replay,
    may_verify,
    rehearsed_reasons,
)
from datalinx.console.run_state import list_reasons, run_state

STATUSES = ("queued", "running", "success", "failed", "cancelled")
FIRST_REJECTED = 5
LOG_LINES = 200
# The levels that leave lines out, and what else chooses lines of the log.
LEVELS = ("warning", "error")
LOG_CHOICES = ("min_level", "table", "attempt")
# What a person may choose of the rejected rows.
CHOICES = ("table", "reason")


@page("runs")
def runs(place: Place) -> HttpResponse:
    """List the runs, newest first."""
    asked = place.request.GET.get("status", "")
    chosen = asked if asked in STATUSES else ""
    answer = place.api.get("runs", page=page_number(place.request), page_size=SIZE, status=chosen)
    return place.render(
        "runs.html",
        pages=to_pages(place.request, answer.data, answer.pagination),
        statuses=STATUSES,
        chosen=chosen,
    )


@page("runs")
def run(place: Place, run_id: str) -> HttpResponse:
    """Show a run: its ledger, its tables, why rows were rejected, its log."""
    found = place.api.get("runs", run_id).data
    choice = _log_choice(place, found)
    log = place.api.get(
        "runs", run_id, "logs", page=page_number(place.request, "log"), page_size=LOG_LINES, **choice
    )
    has_rejected = found["totals"]["rejected"] > 0
    rejected = (
        place.api.get("runs", run_id, "rejected", page_size=FIRST_REJECTED).data if has_rejected else []
    )
    return place.render(
        "run.html",
        **run_state(found),
        upstream=_upstream(place, found),
        log=to_pages(place.request, log.data, log.pagination, name="log"),
        log_choice=choice,
        log_query=urlencode({"after": log.data[-1]["id"] if log.data else 0, **choice}),
        levels=LEVELS,
        rejected=rejected,
        tests=list_tests(found),
        trials=list_trials(found, _runs_before(place, found)),
        verdicts=list_verdicts(found),
        verifiable=may_verify(found),
        replayed=sum(step["replayed"] for step in found["steps"]),
    )


def _log_choice(place: Place, found: dict[str, Any]) -> dict[str, str]:
    """Return which lines of its log a person wants to see; what names nothing of this run is left out."""
    tables = {step["table"] for step in found["steps"]}
    attempts = {str(number) for number in range(1, found["attempt"] + 1)}
    allowed = {"min_level": {*LEVELS}, "table": tables, "attempt": attempts}
    asked = {name: place.request.GET.get(name, "") for name in allowed}
    return {name: value for name, value in asked.items() if value in allowed[name]}


def _upstream(place: Place, found: dict[str, Any]) -> dict[str, Any] | None:
    """Return the run whose end started this one; it may be gone between the two looks."""
    if not found["triggered_by"]:
        return None
    try:
        return dict(place.api.get("runs", found["triggered_by"]).data)
    except Refusal:
        return None


def _runs_before(place: Place, found: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the last successful runs before a run in test mode, which is told beside them."""
    if not found["request"].get("test_mode"):
        return []
    asked = {"status": "success", "created_before": found["created_at"], "page_size": LOOKED_THROUGH}
    return list(place.api.get("runs", **asked).data)


@page("runs")
def lineage(place: Place, run_id: str) -> HttpResponse:
    """Draw which source columns made which target columns in a run."""
    found = place.api.get("runs", run_id).data
    refusal, links = None, list[dict[str, Any]]()
    try:
        links = place.api.every("runs", run_id, "lineage")
    except Refusal as caught:
        # A run whose mapping does not compile says so, and made nothing.
        refusal = caught
    picture = lineage_picture(links)
    return place.render(
        "run_lineage.html",
        run=found,
        refusal=refusal,
        wide=draw_wide(picture),
        narrow=draw_narrow(picture),
        legend=lineage_legend(picture),
        pages=cut(place.request, lineage_rows(links)),
    )


@page("runs")
def rejected(place: Place, run_id: str) -> HttpResponse:
    """Show the rejected rows of a run, each with where it stood and why."""
    query = {name: place.request.GET.get(name, "")[:100] for name in CHOICES}
    return _rejected(place, run_id, query)


@page("runs")
def record(place: Place, run_id: str) -> HttpResponse:
    """Tell what became of a record in a run, and why."""
    found = place.api.get("runs", run_id).data
    return place.render(
        "run_record.html",
        run=found,
        tables=[step["table"] for step in found["steps"]],
        **look_up(place, "runs", run_id),
    )


def _rejected(
    place: Place,
    run_id: str,
    query: dict[str, str],
    *,
    rehearsal: dict[str, Any] | None = None,
    refusal: Refusal | None = None,
) -> HttpResponse:
    found = place.api.get("runs", run_id).data
    answer = place.api.get(
        "runs", run_id, "rejected", page=page_number(place.request), page_size=SIZE, **query
    )
    return place.render(
        "rejected.html",
        code=refusal.status if refusal else 200,
        run=found,
        reasons=list_reasons(found["steps"]),
        pages=to_pages(place.request, answer.data, answer.pagination),
        query=query,
        replayable=may_replay(found),
        replayed=sum(step["replayed"] for step in found["steps"]),
        rehearsal=rehearsal,
        remaining=rehearsed_reasons(rehearsal) if rehearsal else [],
        refusal=refusal,
    )


@page("runs", methods=("POST",))
def replay(place: Place, run_id: str) -> HttpResponse:
    """Tell what a replay of rejected rows would do, or start it and go to it."""
    query = {name: place.request.POST.get(name, "")[:100] for name in CHOICES}
    choice: dict[str, Any] = {name: value for name, value in query.items() if value}
    rehearses = place.request.POST.get("do") != "replay"
    try:
        made = place.api.send(
            "POST", "runs", run_id, "rejected", "replay", data={**choice, "rehearse": rehearses}
        ).data
    except Refusal as caught:
        if caught.status not in REASONED:
            raise
        return _rejected(place, run_id, query, refusal=caught)
    if rehearses:
        # A rehearsal keeps nothing, so there is nothing to go to: its answer is this page.
        return _rejected(place, run_id, query, rehearsal=made)
    return place.redirect("run", made["id"])


@page("runs", methods=("POST",))
def verify(place: Place, run_id: str) -> HttpResponse:
    """Start the verification of a run, and go to it."""
    try:
        made = place.api.send("POST", "runs", run_id, "verify").data
    except Refusal as refusal:
        if refusal.status not in REASONED:
            raise
        place.tell_refusal(refusal)
        return place.redirect("run", run_id)
    return place.redirect("run", made["id"])


@page("runs")
def events(place: Place, run_id: str) -> StreamingHttpResponse:
    """Pass on the API's events of a run, each as the part of the page that it changes."""
    last = place.request.headers.get("Last-Event-ID") or place.request.GET.get("after", "0")
    last = last if last.isascii() and last.isdigit() else "0"
    chosen = {name: place.request.GET[name] for name in LOG_CHOICES if place.request.GET.get(name)}
    stream = place.api.stream("runs", run_id, "events", parameters=chosen, **{"Last-Event-ID": last})
    response = StreamingHttpResponse(relay(place, stream), content_type="text/event-stream")
    response["X-Accel-Buffering"] = "no"
    return response


@page("runs", methods=("POST",))
def cancel(place: Place, run_id: str) -> HttpResponse:
    """Ask a run to stop."""
    try:
        place.api.send("POST", "runs", run_id, "cancel")
    except Refusal as refusal:
        place.tell_refusal(refusal)
    return place.redirect("run", run_id)


@page("runs", methods=("POST",))
def retry(place: Place, run_id: str) -> HttpResponse:
    """Start a new run of what this one did not finish, and go to it."""
    try:
        made = place.api.send("POST", "runs", run_id, "retry").data
    except Refusal as refusal:
        place.tell_refusal(refusal)
        return place.redirect("run", run_id)
    return place.redirect("run", made["id"])


@page("runs", methods=("POST",))
def resync(place: Place, run_id: str) -> HttpResponse:
    """Make one table of a run anew from all of its source, by a run of the same pipeline, and go to that."""
    wanted = {"tables": [place.request.POST.get("table", "")[:100]], "full_refresh": True}
    pipeline = place.api.get("runs", run_id).data["pipeline_id"]
    path = ("pipelines", pipeline, "run") if pipeline else ("pipelines", "run")
    try:
        made = place.api.send("POST", *path, data=wanted).data
    except Refusal as refusal:
        if refusal.status not in REASONED:
            raise
        place.tell_refusal(refusal)
        return place.redirect("run", run_id)
    return place.redirect("run", made["id"])
