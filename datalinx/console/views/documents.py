"""Documents as they are: the JSON of a mapping, a pipeline, an audience, … changed by hand, checked when saved."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from django.http import HttpResponse

from datalinx.console.api import Refusal
from datalinx.console.pages import Place, page
from datalinx.console.skeletons import (
    alert_rule,
    audience,
    identity,
    mapping,
    object_type,
    pipeline,
    schema,
)

# What the server adds to a document, which a person does not write.
_ADDED = frozenset(
    {
        *("id", "version", "created_at", "created_by", "updated_at", "next_run_at"),
        *("size", "generation", "refreshed_at", "evaluated_at", "last_value", "last_error"),
        *("resolved", "referenced_by", "faults", "source_mappings"),
    }
)


@dataclass(frozen=True)
class Kind:
    """One kind of document: its title, its place in the API, its pages, and what a new one begins with.

    A document that is addressed by name is put; the others are made by POST, and then replaced by PUT where they can be
    and changed by PATCH where not.
    """

    title: str
    path: tuple[str, ...]
    section: str
    back: str
    skeleton: Callable[[Place, str], dict[str, Any]]
    by_name: bool = False
    is_replaced: bool = False
    # There is one in a workspace, whose page needs nothing but the workspace.
    alone: bool = False


KINDS = {
    "schema": Kind(
        "Target schema", ("schemas", "workspace"), "schema", "schema", schema, by_name=True, alone=True
    ),
    "identity": Kind(
        "Identity rules", ("identity",), "identity", "identity", identity, by_name=True, alone=True
    ),
    "object-type": Kind("Object type", ("object-types",), "object-types", "object-type", object_type),
    "mapping": Kind("Mapping", ("mappings",), "mappings", "mapping", mapping, by_name=True),
    "pipeline": Kind("Pipeline", ("pipelines",), "pipelines", "pipeline", pipeline, is_replaced=True),
    "audience": Kind("Audience", ("audiences",), "audiences", "audience", audience),
    "alert-rule": Kind("Alert rule", ("alert-rules",), "alerts", "alert-rules", alert_rule),
}


@page(methods=("GET", "POST"))
def edit(place: Place, kind: str, key: str = "") -> HttpResponse:
    """Show a document as JSON, and save it. What is wrong is told with its place, and the old one stays."""
    about = KINDS.get(kind)
    if about is None:
        raise Refusal(404, {"message": f"There are no documents of the kind {kind[:40]!r}."})
    path = (*about.path, key) if key else about.path
    stored = _find(place, about, path, key)
    version = (
        place.request.POST.get("version", "") if place.request.method == "POST" else stored.get("version", 0)
    )
    text = place.request.POST.get("document", "") or shown_document(stored or about.skeleton(place, key))
    refusal = None
    if place.request.method == "POST":
        try:
            return _save(place, about, path, text=text, version=str(version), is_new=not stored)
        except Refusal as caught:
            refusal = caught
    return place.in_section(about.section).render(
        "document.html",
        code=refusal.status if refusal else 200,
        kind=about,
        key=key,
        name=stored.get("name") or key,
        stored=stored,
        version=version,
        text=text,
        refusal=refusal,
    )


def _find(place: Place, kind: Kind, path: tuple[str, ...], key: str) -> dict[str, Any]:
    """Return the document as it is stored, or nothing when it is a new one."""
    if not key and not kind.alone:
        return {}
    try:
        found: dict[str, Any] = place.api.get(*path).data
    except Refusal as refusal:
        if refusal.status != 404 or not kind.by_name:
            raise
        return {}
    return found if found.get("version") else {}


def shown_document(document: dict[str, Any]) -> str:
    """Return a document as a person edits it, without what the server adds."""
    kept = {name: value for name, value in document.items() if name not in _ADDED}
    return json.dumps(kept, indent=2, ensure_ascii=False)


def _save(
    place: Place, kind: Kind, path: tuple[str, ...], *, text: str, version: str, is_new: bool
) -> HttpResponse:
    try:
        document = json.loads(text)
    except ValueError as error:
        raise Refusal(422, {"message": f"This is not valid JSON: {error}."}) from error
    method = "PUT" if kind.by_name else "POST" if is_new else "PUT" if kind.is_replaced else "PATCH"
    # Whoever saved in the meantime is not overwritten.
    headers = {} if is_new or not version.isdigit() else {"If-Match": f'"{version}"'}
    saved = place.api.send(method, *path, data=document, headers=headers).data
    place.tell(f"Saved as version {saved['version']}.")
    if kind.alone:
        return place.redirect(kind.back)
    parts = {"mapping": ("table_name",), "alert-rules": ()}.get(kind.back, ("id",))
    return place.redirect(kind.back, *(saved[part] for part in parts))
