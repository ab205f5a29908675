"""Quality: how good each stored table is, by dimension and by column."""

from typing import Any

from django.http import HttpResponse

from datalinx.console.api import Refusal
from datalinx.console.drawing.bars import draw_bar
from datalinx.console.drawing.lines import Series, draw_lines
from datalinx.console.drawing.svg import Drawing
from datalinx.console.pages import Place, page
from datalinx.console.paging import SIZE, cut, page_number, to_pages

HISTORY = 60
COLUMNS = 50


@page("quality", methods=("GET", "POST"))
def quality(place: Place) -> HttpResponse:
    """List the newest score of each stored table, and measure anew."""
    if place.request.method == "POST":
        try:
            place.api.send("POST", "monitoring", "run", data={})
            place.tell("The tables were measured.")
        except Refusal as refusal:
            place.tell_refusal(refusal)
        return place.redirect("quality")
    answer = place.api.get("monitoring", "scores", page=page_number(place.request), page_size=SIZE)
    names = list(answer.data[0]["dimensions"]) if answer.data else []
    rows = [
        {
            **each,
            "cells": [each["dimensions"].get(name, {}) for name in names],
            "bar": draw_score(each["score"]),
        }
        for each in answer.data
    ]
    pages = to_pages(place.request, rows, answer.pagination)
    return place.render("quality.html", pages=pages, dimensions=names)


def draw_score(score: float | None) -> Drawing:
    """Return a score of 0 to 100 as a bar; one that asks for a look has another colour."""
    return draw_bar(score or 0, 100, kind="accent" if score is None or score >= 80 else "rejected")


@page("quality")
def table(place: Place, table: str) -> HttpResponse:
    """Show the score of a table by dimension and by column, and how it was before."""
    found = place.api.get("monitoring", "scores", table).data
    history = place.api.get("monitoring", "scores", table, "history", page_size=HISTORY).data
    dimensions = [
        {**facts, "name": name, "bar": draw_score(facts["score"])}
        for name, facts in found["dimensions"].items()
    ]
    # Only what is measured of some column has a column of its own.
    measured = dict.fromkeys(
        name
        for column in found["columns"]
        for name, score in column["dimensions"].items()
        if score is not None
    )
    return place.render(
        "quality_table.html",
        score=found,
        bar=draw_score(found["score"]),
        dimensions=dimensions,
        measured=list(measured),
        pages=cut(place.request, [_column(each, list(measured)) for each in found["columns"]], size=COLUMNS),
        history=_history(history),
    )


def _column(column: dict[str, Any], measured: list[str]) -> dict[str, Any]:
    return {**column, "cells": [column["dimensions"].get(name) for name in measured]}


def _history(history: list[dict[str, Any]]) -> Drawing | None:
    known = [each for each in history[::-1] if each["score"] is not None]
    if len(known) < 2:
        return None
    labels = [f"version {each['snapshot']}" for each in known]
    series = [Series("score", [each["score"] for each in known])]
    return draw_lines(labels, series, description="The score at each version of the table")
