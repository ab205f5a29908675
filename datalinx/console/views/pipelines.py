"""Pipelines, and starting them."""

from django.http import HttpResponse

from datalinx.console.api import Refusal
from datalinx.console.pages import Place, page
from datalinx.console.paging import SIZE, page_number, to_pages


@page("pipelines")
def pipelines(place: Place) -> HttpResponse:
    """List the pipelines."""
    search = place.request.GET.get("search", "")
    answer = place.api.get("pipelines", page=page_number(place.request), page_size=SIZE, search=search)
    return place.render(
        "pipelines.html", pages=to_pages(place.request, answer.data, answer.pagination), search=search
    )


@page("pipelines")
def pipeline(place: Place, pipeline_id: str) -> HttpResponse:
    """Show a pipeline: what it makes, when, how careful it is, and its last runs."""
    found = place.api.get("pipelines", pipeline_id).data
    return place.render(
        "pipeline.html",
        pipeline=found,
        next_runs=place.api.get("pipelines", pipeline_id, "next-runs").data if found.get("schedule") else [],
        runs=place.api.get("runs", pipeline_id=pipeline_id, page_size=8).data,
    )


@page("pipelines", methods=("POST",))
def run(place: Place, pipeline_id: str) -> HttpResponse:
    """Start a run and go to it."""
    wishes = {name: True for name in ("full_refresh", "test_mode") if place.request.POST.get(name)}
    try:
        made = place.api.send("POST", "pipelines", pipeline_id, "run", data=wishes).data
    except Refusal as refusal:
        place.tell_refusal(refusal)
        return place.redirect("pipeline", pipeline_id)
    return place.redirect("run", made["id"])


@page("pipelines", methods=("POST",))
def run_all(place: Place) -> HttpResponse:
    """Run every table of the workspace that has a mapping."""
    try:
        made = place.api.send("POST", "pipelines", "run", data={}).data
    except Refusal as refusal:
        place.tell_refusal(refusal)
        return place.redirect("pipelines")
    return place.redirect("run", made["id"])
