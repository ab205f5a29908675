"""Mappings: drawn, explained field by field, tried on a sample, and as dbt code."""

from typing import Any

from django.http import HttpResponse
from django.urls import reverse

from datalinx.console.api import Refusal
from datalinx.console.drawing.ledger import draw_ledger
from datalinx.console.drawing.lineage import draw_narrow, draw_wide
from datalinx.console.drawing.mapping import NARROW, WIDE, draw_mapping
from datalinx.console.fields import KINDS, Lineage, list_fields
from datalinx.console.lineages import lineage_legend, lineage_picture, lineage_rows
from datalinx.console.pages import Place, page
from datalinx.console.paging import SIZE, cut, page_number, to_pages
from datalinx.console.pictures import mapping_picture

FIELDS = 50
# A table that a mapping reads is looked up for its columns; a mapping of many inputs shows what it uses.
LOOKED_UP = 5
# What a new mapping can be made from without further looking; each source is a call.
OFFERED_SOURCES, OFFERED_TABLES = 10, 100
SAMPLES = ("100", "1000", "10000")


@page("mappings")
def mappings(place: Place) -> HttpResponse:
    """List the mappings, and the target tables that have none."""
    search = place.request.GET.get("search", "")
    answer = place.api.get("mappings", page=page_number(place.request), page_size=SIZE, search=search)
    tables = place.api.get("schemas", "workspace").data["tables"] if place.can("schemas:view") else []
    columns = {table["name"]: len(table["columns"]) for table in tables}
    rows = [{**each, "columns": columns.get(each["table_name"], 0)} for each in answer.data]
    # Only a list that is here as a whole tells what is missing in it.
    whole = answer.pagination["total_pages"] <= 1 and not search
    mapped = {each["table_name"].lower() for each in answer.data}
    missing = [table for table in tables if table["name"].lower() not in mapped] if whole else []
    return place.render(
        "mappings.html",
        readable=_readable(place) if missing and place.can("mappings:create") else [],
        pages=to_pages(place.request, rows, answer.pagination),
        missing=missing[:SIZE],
        missing_count=len(missing),
        has_schema=bool(tables),
        search=search,
    )


def _readable(place: Place) -> list[tuple[str, list[str]]]:
    """Return the newest sources with their first tables; the rest can be chosen in the studio."""
    if not place.can("sources:view"):
        return []
    found = []
    for source in place.api.get("sources", page_size=OFFERED_SOURCES).data:
        names = place.api.get("sources", source["id"], "tables", page_size=OFFERED_TABLES).data
        found.append((source["name"], [each["name"] for each in names]))
    return found


@page("mappings")
def mapping(place: Place, table: str) -> HttpResponse:
    """Draw a mapping, and say how the chosen column is made."""
    document = place.api.get("mappings", table).data
    fault: Refusal | None = None
    try:
        target = place.api.get("schemas", "workspace", "tables", table).data
        lineage = Lineage(place.api.every("mappings", table, "lineage"))
    except Refusal as refusal:
        # It does not fit the schema or its sources any more: what it says is shown, and why it does not hold.
        fault, lineage = refusal, Lineage()
        target = {"columns": [{"name": name, "type": ""} for name in document.get("fields", {})]}
    fields = list_fields(target, document, lineage)
    chosen = next((each for each in fields if each.name == place.request.GET.get("field")), None)
    known = _source_columns(place, document, lineage)
    picture = mapping_picture(document, fields, lineage, known, selected=chosen.name if chosen else "")
    return place.render(
        "mapping.html",
        mapping=document,
        fault=fault,
        kinds=[(kind, title) for kind, title in KINDS.items() if any(each.kind == kind for each in fields)],
        unmapped=[each for each in fields if not each.kind],
        wide=draw_mapping(picture, WIDE),
        narrow=draw_mapping(picture, NARROW),
        pages=cut(place.request, fields, size=FIELDS),
        chosen=chosen,
        chosen_sql=_field_sql(place, table, chosen.name) if chosen and chosen.kind and not fault else "",
    )


def _source_columns(
    place: Place, document: dict[str, Any], lineage: Lineage
) -> dict[tuple[str, str], list[dict[str, Any]]]:
    """Return the columns of the first few source tables that a mapping reads, itself or through CTEs."""
    if not place.can("sources:view"):
        return {}
    reads = [(entry["source"], entry["table"]) for entry in document["inputs"] if entry.get("source")]
    reads += [(edge["source"], edge["table"]) for edge in lineage.edges if edge["source"]]
    found = {}
    ids: dict[str, str] = {}
    for name, table in list(dict.fromkeys(reads))[:LOOKED_UP]:
        try:
            if name not in ids:
                ids |= {each["name"]: each["id"] for each in place.api.get("sources", name=name).data}
            found[name, table] = place.api.get("sources", ids.get(name, ""), "tables", table).data["columns"]
        except Refusal as refusal:
            # The drawing then shows what the mapping uses of it.
            if refusal.status != 404:
                raise
    return found


def _field_sql(place: Place, table: str, field: str) -> str:
    try:
        return str(place.api.get("mappings", table, "field-dbt", field).data["sql"])
    except Refusal as refusal:
        return refusal.message


@page("mappings")
def lineage(place: Place, table: str) -> HttpResponse:
    """Draw what a table is made of, up to the sources, and what is made of it."""
    place.api.get("mappings", table)
    column = place.request.GET.get("column", "")[:100]
    up, down = (
        place.api.every("mappings", table, "lineage", direction=direction, column=column)
        for direction in ("upstream", "downstream")
    )

    def href(kind: str, name: str) -> str:
        return reverse("console:mapping-lineage", args=(place.workspace, name)) if not kind else ""

    picture = lineage_picture(up, down, table=table, href=href)
    return place.render(
        "mapping_lineage.html",
        table=table,
        column=column,
        wide=draw_wide(picture),
        narrow=draw_narrow(picture),
        legend=lineage_legend(picture),
        pages=cut(place.request, lineage_rows([*up, *down]), size=FIELDS),
    )


@page("mappings")
def dbt(place: Place, table: str) -> HttpResponse:
    """Show a mapping as a dbt model."""
    return place.render("mapping_dbt.html", model=place.api.get("mappings", table, "dbt-code").data)


@page("mappings")
def preview(place: Place, table: str) -> HttpResponse:
    """Show what a mapping makes of a sample, and what it rejects."""
    asked = place.request.GET.get("limit", "")
    limit = asked if asked in SAMPLES else SAMPLES[0]
    refusal, values = None, {}
    try:
        result = place.api.send("POST", "mappings", table, "preview", data={"limit": int(limit)}).data
        values = {
            "result": result,
            "ledger": draw_ledger(result["counts"]),
            "rows": cut(place.request, result["rows"]),
            "rejected": cut(place.request, result["rejected"], name="rejected"),
            "readers": cut(place.request, result["readers"], name="readers"),
        }
    except Refusal as caught:
        refusal = caught
    return place.render(
        "mapping_preview.html",
        code=refusal.status if refusal else 200,
        table=table,
        limit=limit,
        samples=SAMPLES,
        refusal=refusal,
        **values,
    )


@page("mappings", methods=("GET", "POST"))
def suggestions(place: Place, table: str) -> HttpResponse:
    """Show the state of each column with what is suggested for it; a POST looks for suggestions anew."""
    if place.request.method == "POST":
        try:
            place.api.send("POST", "mappings", table, "suggest", data={})
        except Refusal as refusal:
            place.tell_refusal(refusal)
        return place.redirect("mapping-suggestions", table)
    states = place.api.every("mappings", table, "suggestions")
    for each in states:
        if each["suggestion"]:
            each["suggestion"]["percent"] = round(100 * each["suggestion"]["confidence"])
    return place.render(
        "mapping_suggestions.html",
        table=table,
        has_mapping=any(each["state"] in {"mapped", "error"} for each in states),
        offered=any(each["suggestion"] for each in states),
        pages=cut(place.request, states, size=FIELDS),
    )


@page("mappings", methods=("POST",))
def suggestion(place: Place, table: str, suggestion_id: str) -> HttpResponse:
    """Accept or reject one suggestion."""
    say = "accept" if place.request.POST.get("say") == "accept" else "reject"
    try:
        done = place.api.send("POST", "mappings", table, "suggestions", suggestion_id, say, data={}).data
        place.tell(f"{done['field']}: {done['status']}.")
    except Refusal as refusal:
        place.tell_refusal(refusal)
    return place.redirect("mapping-suggestions", table)
