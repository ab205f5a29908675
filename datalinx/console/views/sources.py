"""Sources, their tables, and what is in those."""

import json
from typing import Any

from django.http import HttpResponse

from datalinx.console.api import Refusal
from datalinx.console.drawing.bars import draw_bar, draw_histogram
from datalinx.console.multipart import multipart
from datalinx.console.pages import Place, page
from datalinx.console.paging import SIZE, cut, page_number, to_pages

PREVIEW_ROWS = 50
PROFILES = 12


@page("sources", methods=("GET", "POST"))
def sources(place: Place) -> HttpResponse:
    """List the sources, and make one."""
    form = {name: place.request.POST.get(name, "") for name in ("name", "connector", "config", "credentials")}
    refusal = None
    if place.request.method == "POST":
        try:
            made = place.api.send("POST", "sources", data=_document(form)).data
            place.tell(f"The source {made['name']} is there. Now fill it.")
            return place.redirect("source", made["id"])
        except Refusal as caught:
            refusal = caught
    search = place.request.GET.get("search", "")
    answer = place.api.get("sources", page=page_number(place.request), page_size=SIZE, search=search)
    return place.render(
        "sources.html",
        code=refusal.status if refusal else 200,
        pages=to_pages(place.request, answer.data, answer.pagination),
        connectors=_kinds(place) if place.can("sources:manage") else [],
        form=form,
        refusal=refusal,
        search=search,
    )


def _kinds(place: Place) -> list[dict[str, Any]]:
    """Return the connectors that are for sources."""
    return [each for each in place.api.get("connectors").data if each["reads"]]


def _document(form: dict[str, str]) -> dict[str, Any]:
    """Return a source's document from the form. Raises Refusal for text that is no JSON."""
    document: dict[str, Any] = {"name": form["name"].strip(), "connector": form["connector"]}
    for name in ("config", "credentials"):
        if form[name].strip():
            document[name] = read_json(form[name], name)
    return document


def read_json(text: str, name: str) -> Any:
    """Return the value of a JSON text from a form. Raises Refusal."""
    try:
        return json.loads(text)
    except ValueError as error:
        message = f"{name} is not valid JSON: {error}."
        body = {"message": message, "errors": [{"field": name, "code": "invalid", "message": message}]}
        raise Refusal(422, body) from error


@page("sources")
def source(place: Place, source_id: str) -> HttpResponse:
    """Show a source and its tables."""
    return _show(place, source_id)


def _show(place: Place, source_id: str, *, code: int = 200, **values: Any) -> HttpResponse:
    found = place.api.get("sources", source_id).data
    search = place.request.GET.get("search", "")
    answer = place.api.get(
        "sources", source_id, "tables", page=page_number(place.request), page_size=SIZE, search=search
    )
    kinds = {each["name"]: each for each in place.api.get("connectors").data}
    return place.render(
        "source.html",
        code=code,
        source=found,
        kind=kinds.get(found["connector"], {}),
        pages=to_pages(place.request, answer.data, answer.pagination),
        search=search,
        **values,
    )


@page("sources", methods=("POST",))
def test(place: Place, source_id: str) -> HttpResponse:
    """Try the source, and show each step."""
    result = place.api.send("POST", "sources", source_id, "test").data
    return _show(place, source_id, result=result)


@page("sources", methods=("POST",))
def discover(place: Place, source_id: str) -> HttpResponse:
    """Look at the source's tables anew, and show what changed."""
    changes = place.api.send("POST", "sources", source_id, "discover", data={}).data["changes"]
    return _show(place, source_id, changes=changes, discovered=True)


@page("sources", methods=("POST",))
def upload(place: Place, source_id: str) -> HttpResponse:
    """Put files into the source."""
    body = multipart(
        {"table": place.request.POST.get("table", "").strip()}, place.request.FILES.getlist("file")
    )
    try:
        names = place.api.upload("sources", source_id, "upload", body=body).data["files"]
    except Refusal as refusal:
        return _show(place, source_id, code=refusal.status, refusal=refusal)
    place.tell(f"Stored: {', '.join(names)[:500]}.")
    return place.redirect("source", source_id)


@page("sources")
def table(place: Place, source_id: str, table: str) -> HttpResponse:
    """Show the first rows of a source's table."""
    about = ("sources", source_id, "tables", table)
    values: dict[str, Any] = {
        "source": place.api.get("sources", source_id).data,
        "table": place.api.get(*about).data,
    }
    if not values["table"]["problem"]:
        values["preview"] = place.api.get(*about, "preview", limit=PREVIEW_ROWS).data
    return place.render("source_table.html", **values)


@page("sources")
def profile(place: Place, source_id: str, table: str) -> HttpResponse:
    """Show what the values of each column look like."""
    found = place.api.get("sources", source_id, "tables", table, "profile").data
    pages = cut(place.request, found["columns"], size=PROFILES)
    return place.render(
        "source_profile.html",
        source=place.api.get("sources", source_id).data,
        table={"name": table, "rows": found["rows"]},
        pages=pages,
        columns=[_drawn(column, found["rows"]) for column in pages.items],
    )


def _drawn(column: dict[str, Any], rows: int) -> dict[str, Any]:
    """Return a column's profile with its small charts."""
    filled = rows - column["nulls"] - column["empty"]
    highest = max((each["count"] for each in column["top_values"]), default=0)
    bins = [(f"{each['start']} to {each['end']}", each["count"]) for each in column["histogram"]]
    words = f"How the values of {column['name']} are spread"
    return {
        **column,
        "filled": filled,
        "filled_bar": draw_bar(filled, rows),
        "filled_share": 100 * filled / rows if rows else 0,
        "spread": draw_histogram(bins, description=words) if len(bins) > 1 else "",
        "top": [
            (each["value"], each["count"], draw_bar(each["count"], highest))
            for each in column["top_values"][:5]
        ],
    }
