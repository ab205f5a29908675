"""The studio: a mapping edited on its drawing. Every question of the page goes on to the API, nothing is kept here."""

import json
from collections.abc import Callable
from functools import wraps
from typing import Any

from django.http import HttpResponse, JsonResponse
from django.template.loader import render_to_string
from django.urls import reverse

from datalinx.console.api import Body, Refusal, json_body
from datalinx.console.drawing.ledger import draw_ledger
from datalinx.console.pages import Place, page
from datalinx.console.skeletons import mapping as new_mapping
from datalinx.console.views.documents import shown_document

SAMPLE_ROWS, SAMPLES = 20, 3
LONGEST_SAMPLE = 60
# So much of a preview is shown beside the drawing; the counts are of all of it.
SHOWN_ROWS, SHOWN_REJECTED, SHOWN_READERS = 20, 20, 50
MOST_TABLES = 200

Answering = Callable[..., HttpResponse]


def answers(view: Answering) -> Answering:
    """Make a refusal of the API an answer in JSON, as the scripts of the studio read it."""

    @wraps(view)
    def run(place: Place, **parts: str) -> HttpResponse:
        try:
            return view(place, **parts)
        except Refusal as refusal:
            body = {
                "message": refusal.message,
                "error_code": refusal.code,
                "request_id": refusal.request_id,
                "errors": refusal.errors,
            }
            return JsonResponse(body, status=refusal.status)

    return run


@page("mappings")
def studio(place: Place, table: str) -> HttpResponse:
    """Show the editor of a mapping; who may not edit is sent to the drawing."""
    stored = _stored(place, table)
    if not place.can("mappings:edit" if stored else "mappings:create"):
        return place.redirect("mapping", table)
    target = place.api.get("schemas", "workspace", "tables", table).data
    document = shown_document(stored) if stored else json.dumps(_begun(place, target["name"]), indent=2)
    return place.render(
        "studio.html",
        table=target["name"],
        version=stored.get("version", 0),
        text=document,
        facts=_facts(place, target),
    )


@page("mappings")
def new(place: Place) -> HttpResponse:
    """Open the editor for the table and the source that were chosen."""
    asked = place.request.GET
    if not asked.get("table"):
        return place.redirect("mappings")
    return place.redirect("studio", asked["table"], **({"from": asked["from"]} if asked.get("from") else {}))


def _stored(place: Place, table: str) -> dict[str, Any]:
    try:
        found: dict[str, Any] = place.api.get("mappings", table).data
    except Refusal as refusal:
        if refusal.status != 404:
            raise
        return {}
    return found


def _begun(place: Place, table: str) -> dict[str, Any]:
    """Return what a new mapping begins with: the columns of the table that was chosen, as `source/table`."""
    source, _, name = place.request.GET.get("from", "").partition("/")
    if not name:
        return {"table_name": table, "inputs": [], "fields": {}}
    return new_mapping(place, table, source=source, source_table=name)


def _facts(place: Place, target: dict[str, Any]) -> dict[str, Any]:
    """Return what the scripts have to know: the columns to make, what may be read, the decorators, where to ask."""
    tables = place.api.get("schemas", "workspace").data["tables"] if place.can("schemas:view") else []
    sources = place.api.every("sources", ordering="name") if place.can("sources:view") else []
    types = place.api.every("semantic-types")
    return {
        "target": target,
        "targets": [each["name"] for each in tables if each["name"] != target["name"]],
        "sources": [{"id": each["id"], "name": each["name"]} for each in sources],
        "ctes": [each["name"] for each in place.api.every("ctes", ordering="name")],
        "decorators": place.api.every("decorators"),
        "semantic": [each["name"] for each in types if each["kind"] != "base"],
        "states": _states(place, target["name"]),
        "urls": {
            name: reverse(f"console:studio-{name}", args=(place.workspace, target["name"]))
            for name in ("check", "save", "preview", "sql", "columns", "tables", "suggest")
        },
        "drawing": reverse("console:mapping", args=(place.workspace, target["name"])),
    }


def _states(place: Place, table: str) -> list[dict[str, Any]]:
    try:
        return place.api.every("mappings", table, "suggestions")
    except Refusal as refusal:
        # The saved mapping does not hold any more: there is nothing to suggest, and the check says why.
        if refusal.status != 422:
            raise
        return []


@page("mappings", methods=("POST",))
@answers
def check(place: Place, table: str) -> HttpResponse:
    """Say what is wrong with the document, and which columns nothing makes."""
    return JsonResponse(place.api.post_body("mappings", table, "validate", body=_document(place)).data)


@page("mappings", methods=("POST",))
@answers
def save(place: Place, table: str) -> HttpResponse:
    """Put the document, unless somebody else saved in the meantime."""
    version = place.request.POST.get("version", "")
    headers = {"If-Match": f'"{version}"'} if version.isdigit() else {}
    answer = place.api.post_body("mappings", table, body=_document(place), method="PUT", headers=headers)
    return JsonResponse({"version": answer.data["version"]})


@page("mappings", methods=("POST",))
@answers
def sql(place: Place, table: str) -> HttpResponse:
    """Return the SQL of one field of the document."""
    field = place.request.POST.get("field", "")
    answer = place.api.post_body("mappings", table, "field-dbt", field, body=_document(place))
    return JsonResponse({"sql": answer.data["sql"]})


def _document(place: Place) -> Body:
    """Return the document as the person wrote it: no number in it is read and written again."""
    return json_body(place.request.POST.get("document", ""))


@page("mappings", methods=("POST",))
@answers
def preview(place: Place, table: str) -> HttpResponse:
    """Say what the document makes of a sample, and what it changes, as a part of the page."""
    try:
        document = json.loads(place.request.POST.get("document", ""))
    except ValueError as error:
        raise Refusal(422, {"message": f"This is not valid JSON: {error}."}) from error
    asked = {"document": document, "limit": 100}
    result = place.api.send("POST", "mappings", table, "preview", data=asked).data
    values = {
        "result": result,
        "ledger": draw_ledger(result["counts"]),
        "rows": result["rows"][:SHOWN_ROWS],
        "rejected": result["rejected"][:SHOWN_REJECTED],
        "readers": result["readers"][:SHOWN_READERS],
        "changed": sorted(
            (result["effect"] or {}).get("values_changed", {}).items(), key=lambda each: -each[1]
        ),
    }
    part = render_to_string("console/_studio_preview.html", values, place.request)
    return JsonResponse({"part": part, "examples": result["examples"]})


@page("mappings")
@answers
def tables(place: Place, table: str) -> HttpResponse:
    """Return the names of a source's tables."""
    asked = place.request.GET
    answer = place.api.get(
        "sources", asked.get("source", ""), "tables", page_size=MOST_TABLES, search=asked.get("search", "")
    )
    names = [each["name"] for each in answer.data]
    return JsonResponse({"tables": names, "total": answer.pagination["total_items"]})


@page("mappings")
@answers
def columns(place: Place, table: str) -> HttpResponse:
    """Return the columns of something that a mapping can read, each with its type and a few of its values."""
    asked = place.request.GET
    if asked.get("cte"):
        found = place.api.every("ctes", asked["cte"], "columns")
    elif asked.get("target"):
        found = place.api.get("schemas", "workspace", "tables", asked["target"]).data["columns"]
    else:
        found = _source_columns(place, asked.get("source", ""), asked.get("table", ""))
    shown = [
        {"name": each["name"], "type": each["type"], "samples": each.get("samples", [])} for each in found
    ]
    return JsonResponse({"columns": shown})


def _source_columns(place: Place, source: str, table: str) -> list[dict[str, Any]]:
    ids = [each["id"] for each in place.api.get("sources", name=source).data if each["name"] == source]
    rows = place.api.get("sources", ids[0], "tables", search=table, page_size=MOST_TABLES).data if ids else []
    known = next((each for each in rows if each["name"] == table), None)
    if known is None:
        raise Refusal(404, {"message": f"There is no discovered table {table!r} in a source {source!r}."})
    samples = _samples(place, ids[0], table)
    return [{**each, "samples": samples.get(each["name"], [])} for each in known["columns"]]


def _samples(place: Place, source_id: str, table: str) -> dict[str, list[str]]:
    """Return a few different values of each column. A source that cannot be reached now has none to show."""
    try:
        sample = place.api.get("sources", source_id, "tables", table, "preview", limit=SAMPLE_ROWS).data
    except Refusal:
        return {}
    found: dict[str, list[str]] = {}
    for position, column in enumerate(sample["columns"]):
        values = [row[position] for row in sample["rows"] if row[position] not in (None, "")]
        texts = dict.fromkeys(str(value)[:LONGEST_SAMPLE] for value in values)
        found[column["name"]] = list(texts)[:SAMPLES]
    return found


@page("mappings", methods=("POST",))
@answers
def suggest(place: Place, table: str) -> HttpResponse:
    """Look for suggestions anew, and return the state of each column."""
    asked = {name: place.request.POST[name] for name in ("source", "table") if place.request.POST.get(name)}
    place.api.send("POST", "mappings", table, "suggest", data=asked)
    return JsonResponse({"states": place.api.every("mappings", table, "suggestions")})


@page("mappings", methods=("POST",))
@answers
def reject(place: Place, table: str, suggestion_id: str) -> HttpResponse:
    """Refuse a suggestion: it is not made again."""
    place.api.send("POST", "mappings", table, "suggestions", suggestion_id, "reject", data={})
    return JsonResponse({"states": place.api.every("mappings", table, "suggestions")})
