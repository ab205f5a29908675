"""Stored tables: their rows, now and as they were."""

from urllib.parse import urlencode

from django.http import HttpResponse

from datalinx.console.api import Refusal
from datalinx.console.pages import Place, page
from datalinx.console.paging import SIZE, page_number, to_pages
from datalinx.console.record_reports import look_up

ROWS = 50


@page("tables")
def tables(place: Place) -> HttpResponse:
    """List what the pipelines wrote."""
    search = place.request.GET.get("search", "")
    answer = place.api.get("tables", page=page_number(place.request), page_size=SIZE, search=search)
    return place.render(
        "tables.html", pages=to_pages(place.request, answer.data, answer.pagination), search=search
    )


@page("tables")
def table(place: Place, table: str) -> HttpResponse:
    """Show the rows of a table, now or at an older version."""
    query = {name: place.request.GET.get(name, "")[:200] for name in ("ordering", "as_of")}
    answer = place.api.get("tables", table, "rows", page=page_number(place.request), page_size=ROWS, **query)
    found = place.api.get("tables", table).data
    # An older version may have had other columns.
    names = list(answer.data[0]) if query["as_of"] and answer.data else None
    return place.render(
        "table.html",
        table=found,
        columns=_columns(found["columns"], names, query),
        pages=to_pages(place.request, answer.data, answer.pagination),
        query=query,
    )


def _columns(
    columns: list[dict[str, str]], names: list[str] | None, query: dict[str, str]
) -> list[dict[str, str]]:
    """Return the columns of a page of rows, each with the link that sorts by it."""
    types = {column["name"]: column["type"] for column in columns}
    shown = []
    for name in names if names is not None else types:
        rising, falling = query["ordering"] == name, query["ordering"] == f"-{name}"
        asked = {"ordering": f"-{name}" if rising else name, "as_of": query["as_of"]}
        href = urlencode({key: value for key, value in asked.items() if value})
        state = "ascending" if rising else "descending" if falling else ""
        shown.append({"name": name, "type": types.get(name, ""), "href": f"?{href}", "sorted": state})
    return shown


@page("tables")
def snapshots(place: Place, table: str) -> HttpResponse:
    """List the versions of a table."""
    answer = place.api.get("tables", table, "snapshots", page=page_number(place.request), page_size=SIZE)
    return place.render(
        "snapshots.html",
        table=place.api.get("tables", table).data,
        pages=to_pages(place.request, answer.data, answer.pagination),
    )


@page("tables")
def record(place: Place, table: str) -> HttpResponse:
    """Tell what became of a record of a table, and why."""
    return place.render(
        "table_record.html",
        table=place.api.get("tables", table).data,
        **look_up(place, "tables", table),
    )


@page("tables", methods=("POST",))
def restore(place: Place, table: str) -> HttpResponse:
    """Bring an older version back."""
    text = place.request.POST.get("snapshot", "")
    try:
        number = int(text) if text.isascii() and text.isdigit() and len(text) < 10 else 0
        place.api.send("POST", "tables", table, "restore", data={"snapshot": number})
        place.tell(f"Version {number} is the present one again.")
    except Refusal as refusal:
        place.tell_refusal(refusal)
    return place.redirect("snapshots", table)
