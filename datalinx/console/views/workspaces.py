"""The workspaces of the organization, and the overview of one."""

from typing import Any

from django.http import HttpResponse, HttpResponseRedirect
from django.urls import reverse

from datalinx.console.api import Refusal
from datalinx.console.pages import Place, page
from datalinx.console.paging import SIZE, page_number, to_pages

MOST_TABLES = 200


@page()
def home(place: Place) -> HttpResponse:
    """Go to the one workspace that is open, or to the choice between several."""
    names = [each["name"] for each in place.me["workspaces"]]
    if len(names) == 1:
        return HttpResponseRedirect(reverse("console:dashboard", args=names))
    return HttpResponseRedirect(reverse("console:workspaces"))


@page(methods=("GET", "POST"))
def workspaces(place: Place) -> HttpResponse:
    """List the workspaces, and make one."""
    refusal = None
    name = place.request.POST.get("name", "").strip()
    if place.request.method == "POST":
        try:
            made = place.api.send("POST", "workspaces", data={"name": name}).data
            return HttpResponseRedirect(reverse("console:dashboard", args=[made["name"]]))
        except Refusal as caught:
            refusal = caught
    search = place.request.GET.get("search", "")
    answer = place.api.get("workspaces", page=page_number(place.request), page_size=SIZE, search=search)
    return place.render(
        "workspaces.html",
        code=refusal.status if refusal else 200,
        pages=to_pages(place.request, answer.data, answer.pagination),
        refusal=refusal,
        name=name,
        search=search,
    )


@page("dashboard")
def dashboard(place: Place) -> HttpResponse:
    """Show what there is, what ran last, and what is wrong."""
    get, can = place.api.get, place.can
    runs = get("runs", page_size=6) if can("pipelines:view") else None
    tables = get("tables", page_size=MOST_TABLES) if can("queries:run") else None
    alerts = get("alerts", status="open", page_size=5) if can("alerts:view") else None
    values: dict[str, Any] = {
        "runs": runs and runs.data,
        "alerts": alerts and alerts.data,
        "numbers": [
            *_count(place, "sources", "Sources", "sources:view"),
            *([("tables", "Stored tables", tables.pagination["total_items"])] if tables else []),
            *([("tables", "Rows in them", sum(each["rows"] for each in tables.data))] if tables else []),
            *_count(place, "audiences", "Audiences", "audiences:view"),
            *([("alerts", "Open alerts", alerts.pagination["total_items"])] if alerts else []),
        ],
        "tables": sorted(tables.data, key=lambda each: -each["rows"])[:6] if tables else None,
    }
    if tables is not None and not tables.data:
        values["steps"] = _first_steps(place)
    return place.render("dashboard.html", **values)


def _count(place: Place, path: str, title: str, permission: str) -> list[tuple[str, str, int]]:
    if not place.can(permission):
        return []
    return [(path, title, place.api.get(path, page_size=1).pagination["total_items"])]


def _first_steps(place: Place) -> list[tuple[str, str, str, bool]]:
    """Return what leads to a first table: the page, what to do there, why, and whether it is done."""
    get = place.api.get

    def has(path: str, permission: str) -> bool:
        return place.can(permission) and bool(get(path, page_size=1).data)

    schema = place.can("schemas:view") and bool(get("schemas", "workspace").data["tables"])
    return [
        ("sources", "Add a source", "Upload CSV, JSON or Parquet files.", has("sources", "sources:view")),
        ("schema", "Choose a target schema", "Begin with a template, or bring your own.", schema),
        (
            "mappings",
            "Map the tables",
            "Say which source column makes which target column.",
            has("mappings", "mappings:view"),
        ),
        (
            "pipelines",
            "Run a pipeline",
            "It cleans, checks and stores the rows.",
            has("pipelines", "pipelines:view"),
        ),
    ]
