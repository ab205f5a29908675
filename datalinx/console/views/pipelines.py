"""Pipelines, and starting them."""

from dataclasses import dataclass
from typing import Any

from django.http import HttpRequest, HttpResponse

from datalinx.console.api import Refusal
from datalinx.console.pages import REASONED, Place, page
from datalinx.console.paging import SIZE, page_number, to_pages

BOUNDS = ("since", "until")
WISHES = ("full_refresh", "test_mode")


@dataclass(frozen=True)
class RunForm:
    """What a person wants of a run, and why the API would not start it."""

    since: str = ""
    until: str = ""
    full_refresh: bool = False
    test_mode: bool = False
    refusal: Refusal | None = None

    @property
    def body(self) -> dict[str, Any]:
        """What is sent: only what was asked for."""
        asked = {name: getattr(self, name) for name in (*BOUNDS, *WISHES)}
        return {name: value for name, value in asked.items() if value}

    @property
    def faults(self) -> dict[str, str]:
        """The API's sentences about a bound, by its name."""
        errors = self.refusal.errors if self.refusal else []
        return {each["field"]: each["message"] for each in errors if each.get("field") in BOUNDS}


def _read_form(request: HttpRequest, refusal: Refusal | None = None) -> RunForm:
    def bound(name: str) -> str:
        # One character more than the API takes, so that it says that this is too long.
        return request.POST.get(name, "").strip()[:41]

    return RunForm(
        since=bound("since"),
        until=bound("until"),
        full_refresh="full_refresh" in request.POST,
        test_mode="test_mode" in request.POST,
        refusal=refusal,
    )


@page("pipelines")
def pipelines(place: Place) -> HttpResponse:
    """List the pipelines."""
    return _list(place, RunForm())


def _list(place: Place, form: RunForm) -> HttpResponse:
    search = place.request.GET.get("search", "")
    answer = place.api.get("pipelines", page=page_number(place.request), page_size=SIZE, search=search)
    return place.render(
        "pipelines.html",
        code=form.refusal.status if form.refusal else 200,
        pages=to_pages(place.request, answer.data, answer.pagination),
        search=search,
        form=form,
    )


@page("pipelines")
def pipeline(place: Place, pipeline_id: str) -> HttpResponse:
    """Show a pipeline: what it makes, when, how careful it is, and its last runs."""
    return _one(place, pipeline_id, RunForm())


def _one(place: Place, pipeline_id: str, form: RunForm) -> HttpResponse:
    found = place.api.get("pipelines", pipeline_id).data
    return place.render(
        "pipeline.html",
        code=form.refusal.status if form.refusal else 200,
        pipeline=found,
        next_runs=place.api.get("pipelines", pipeline_id, "next-runs").data if found.get("schedule") else [],
        runs=place.api.get("runs", pipeline_id=pipeline_id, page_size=8).data,
        form=form,
    )


@page("pipelines", methods=("POST",))
def run(place: Place, pipeline_id: str) -> HttpResponse:
    """Start a run and go to it."""
    form = _read_form(place.request)
    try:
        made = place.api.send("POST", "pipelines", pipeline_id, "run", data=form.body).data
    except Refusal as refusal:
        if refusal.status not in REASONED:
            raise
        if form.body:
            return _one(place, pipeline_id, _read_form(place.request, refusal))
        place.tell_refusal(refusal)
        return place.redirect("pipeline", pipeline_id)
    return place.redirect("run", made["id"])


@page("pipelines", methods=("POST",))
def run_all(place: Place) -> HttpResponse:
    """Run every table of the workspace that has a mapping."""
    form = _read_form(place.request)
    try:
        made = place.api.send("POST", "pipelines", "run", data=form.body).data
    except Refusal as refusal:
        if refusal.status not in REASONED:
            raise
        if form.body:
            return _list(place, _read_form(place.request, refusal))
        place.tell_refusal(refusal)
        return place.redirect("pipelines")
    return place.redirect("run", made["id"])
