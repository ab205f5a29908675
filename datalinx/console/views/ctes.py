"""CTEs: the reusable blocks of SQL that mappings read."""

from typing import Any

from django.http import HttpResponse

from datalinx.console.api import LARGEST_PAGE, Refusal
from datalinx.console.pages import Place, page
from datalinx.console.paging import SIZE, page_number, to_pages

PARTS = ("name", "description", "sql")


@page("mappings")
def ctes(place: Place) -> HttpResponse:
    """List the CTEs of the workspace."""
    search = place.request.GET.get("search", "")
    answer = place.api.get("ctes", page=page_number(place.request), page_size=SIZE, search=search)
    return place.render(
        "ctes.html", pages=to_pages(place.request, answer.data, answer.pagination), search=search
    )


@page("mappings", methods=("GET", "POST"))
def new(place: Place) -> HttpResponse:
    """Make a CTE."""
    document = {part: place.request.POST.get(part, "") for part in PARTS}
    refusal = None
    if place.request.method == "POST":
        try:
            saved = place.api.send("POST", "ctes", data=document).data
            place.tell(f"The CTE {saved['name']} is there.")
            return place.redirect("cte", saved["name"])
        except Refusal as caught:
            refusal = caught
    return _show(place, document, refusal)


@page("mappings", methods=("GET", "POST"))
def cte(place: Place, name: str) -> HttpResponse:
    """Show a CTE with its columns and who reads it; save it, or take it away."""
    document = place.api.get("ctes", name).data
    refusal = None
    if place.request.method == "POST":
        try:
            return _change(place, name)
        except Refusal as caught:
            refusal = caught
            document |= {part: place.request.POST[part] for part in PARTS if part in place.request.POST}
            document["version"] = place.request.POST.get("version", "")
    return _show(place, document, refusal)


def _change(place: Place, name: str) -> HttpResponse:
    posted = place.request.POST
    if posted.get("do") == "delete":
        place.api.send("DELETE", "ctes", name)
        place.tell(f"The CTE {name} is gone.")
        return place.redirect("ctes")
    document = {"name": name, **{part: posted.get(part, "") for part in PARTS[1:]}}
    version = posted.get("version", "")
    headers = {"If-Match": f'"{version}"'} if version.isdigit() else {}
    saved = place.api.send("PUT", "ctes", name, data=document, headers=headers).data
    place.tell(f"Saved as version {saved['version']}.")
    return place.redirect("cte", name)


def _show(place: Place, document: dict[str, Any], refusal: Refusal | None) -> HttpResponse:
    is_stored = bool(document.get("id"))
    fault, columns = None, []
    try:
        columns = place.api.every("ctes", document["name"], "columns") if is_stored else []
    except Refusal as caught:
        # What it reads has changed since: it is shown with what is wrong.
        fault = caught
    return place.render(
        "cte.html",
        code=refusal.status if refusal else 200,
        cte=document,
        stored=is_stored,
        editable=place.can("mappings:edit" if is_stored else "mappings:create"),
        columns=columns,
        readers=_readers(place, document["name"]) if is_stored else [],
        refusal=refusal,
        fault=fault,
    )


def _readers(place: Place, name: str) -> list[str]:
    """Return the target tables, of the first mappings, that are made from a CTE."""
    mappings = place.api.get("mappings", page_size=LARGEST_PAGE).data
    return [
        each["table_name"]
        for each in mappings
        if any((entry.get("cte") or "").lower() == name.lower() for entry in each["inputs"])
    ]
