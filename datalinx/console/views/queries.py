"""The query box: a question in SQL, its answer as a table and a chart, and the questions that are kept."""

from typing import Any

from django.http import HttpResponse
from django.http.response import HttpResponseBase

from datalinx.console.api import Refusal
from datalinx.console.charts import choose_chart
from datalinx.console.pages import Place, page
from datalinx.console.paging import SIZE, page_number, to_pages

# What a page shows; the API gives more, and a file holds all of it.
SHOWN = 200
IN_A_FILE = 100_000


@page("query", methods=("GET", "POST"))
def query(place: Place) -> HttpResponseBase:
    """Ask the stored tables."""
    post = place.request.POST
    if place.request.method == "GET":
        return _show(place, _kept(place, place.request.GET.get("query", "")))
    asked = {"sql": post.get("sql", ""), "name": post.get("name", "").strip()}
    try:
        if post.get("do") == "save":
            made = place.api.send("POST", "queries", data=asked).data
            place.tell(f"The query {made['name']} is kept.")
            return place.redirect("query", query=made["id"])
        if post.get("do") == "download":
            return _file(place, asked["sql"])
        answer = place.api.send("POST", "analytics", "query", data={"sql": asked["sql"], "limit": SHOWN}).data
    except Refusal as refusal:
        return _show(place, asked, refusal=refusal)
    return _show(place, asked, answer=answer, chart=choose_chart(answer["columns"], answer["rows"]))


def _kept(place: Place, query_id: str) -> dict[str, str]:
    if query_id:
        return dict(place.api.get("queries", query_id).data)
    return {"sql": place.request.GET.get("sql", ""), "name": ""}


def _show(
    place: Place, asked: dict[str, str], *, refusal: Refusal | None = None, **values: Any
) -> HttpResponse:
    tables = place.api.get("tables", page_size=SIZE)
    kept = None
    if place.can("queries:view"):
        answer = place.api.get("queries", page=page_number(place.request), page_size=SIZE)
        kept = to_pages(place.request, answer.data, answer.pagination)
    return place.render(
        "query.html",
        code=refusal.status if refusal else 200,
        asked=asked,
        refusal=refusal,
        tables=tables.data,
        tables_count=tables.pagination["total_items"],
        kept=kept,
        shown=SHOWN,
        **values,
    )


def _file(place: Place, sql: str) -> HttpResponseBase:
    response = place.api.download(
        "analytics", "query", data={"sql": sql, "limit": IN_A_FILE, "format": "csv"}
    )
    response["Content-Disposition"] = 'attachment; filename="answer.csv"'
    return response
