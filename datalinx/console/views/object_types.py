"""Object types: as a table, as a diagram, one by one, and drafted from the target schema."""

from typing import Any

from django.http import HttpResponse
from django.urls import reverse

from datalinx.console.api import Refusal
from datalinx.console.drawing.entities import EntityPicture, draw_narrow, draw_wide
from datalinx.console.entities import INVERSE, MOST_BOXES, attribute_sources, entity_picture, neighbourhood
from datalinx.console.pages import Place, page
from datalinx.console.paging import SIZE, cut, page_number, to_pages

ATTRIBUTES = 100


@page("object-types")
def object_types(place: Place) -> HttpResponse:
    """List the object types; each opens to its attributes and relationships."""
    search = place.request.GET.get("search", "")
    answer = place.api.get("object-types", page=page_number(place.request), page_size=SIZE, search=search)
    rows = [{**each, "rows": _rows(each)} for each in answer.data]
    return place.render(
        "object_types.html", pages=to_pages(place.request, rows, answer.pagination), search=search
    )


@page("object-types")
def diagram(place: Place) -> HttpResponse:
    """Draw the object types and how they go together."""
    found = place.api.every("object-types", ordering="name")
    # Those that others lead to are drawn first, where there are more than can be read at once.
    found.sort(key=lambda each: -len(each["relationships"]) - len(each["referenced_by"]))
    return place.render(
        "object_types_diagram.html",
        count=len(found),
        left_off=max(0, len(found) - MOST_BOXES),
        **_drawn(entity_picture(found, href=_href(place))),
    )


@page("object-types")
def object_type(place: Place, object_type_id: str) -> HttpResponse:
    """Show an object type: what it goes with, its attributes and what feeds them."""
    found = place.api.get("object-types", object_type_id).data
    around = neighbourhood(place.api.every("object-types", ordering="name"), found["id"])
    feeds = attribute_sources(found)
    rows = [{**each, "sources": feeds.get(each["name"], [])} for each in _rows(found)]
    return place.render(
        "object_type.html",
        entity=found,
        pages=cut(place.request, rows, size=ATTRIBUTES),
        related=_related(found),
        versions=place.api.get("object-types", found["id"], "versions", page_size=8).data,
        **_drawn(entity_picture(around, href=_href(place), chosen=found["id"])),
    )


@page("object-types", methods=("POST",))
def delete(place: Place, object_type_id: str) -> HttpResponse:
    """Delete an object type that no other relates to."""
    try:
        place.api.send("DELETE", "object-types", object_type_id)
        place.tell("The object type is deleted; its table stays.")
    except Refusal as refusal:
        place.tell_refusal(refusal)
        return place.redirect("object-type", object_type_id)
    return place.redirect("object-types")


@page("object-types", methods=("GET", "POST"))
def draft(place: Place) -> HttpResponse:
    """Show what the target schema suggests; a POST keeps what was chosen of it."""
    if place.request.method == "POST":
        chosen = place.request.POST.getlist("table")[:500]
        try:
            made = place.api.send("POST", "object-types", "draft", data={"tables": chosen}).data
            place.tell(f"Made {len(made['object_types'])} object types.")
        except Refusal as refusal:
            place.tell_refusal(refusal)
            return place.redirect("object-type-draft")
        return place.redirect("object-types-diagram")
    return place.render("object_types_draft.html", draft=place.api.get("object-types", "draft").data)


def _href(place: Place) -> Any:
    return lambda key: reverse("console:object-type", args=(place.workspace, key))


def _drawn(picture: EntityPicture) -> dict[str, Any]:
    return {"wide": draw_wide(picture), "narrow": draw_narrow(picture), "has_lines": bool(picture.lines)}


def _rows(found: dict[str, Any]) -> list[dict[str, Any]]:
    """The attributes with what the schema makes of them and what was written about them."""
    key = found["resolved"]["key"]
    return [
        {**resolved, "description": written.get("description", ""), "is_key": resolved["column"] in key}
        for resolved, written in zip(found["resolved"]["attributes"], found["attributes"], strict=True)
    ]


def _related(found: dict[str, Any]) -> list[dict[str, Any]]:
    """The relationships in both directions, each as it is read from here."""
    own = [
        {**written, "id": led["id"], "is_own": True}
        for written, led in zip(found["relationships"], found["resolved"]["relationships"], strict=True)
    ]
    theirs = [
        {
            "name": each["relationship"],
            "to": each["name"],
            "id": each["id"],
            "cardinality": INVERSE[each["cardinality"]],
            "is_own": False,
        }
        for each in found["referenced_by"]
    ]
    return own + theirs
