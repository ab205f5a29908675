"""What all pages share: who is asking and where, the frame around a page, and what a refusal looks like."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import wraps
from typing import Any
from urllib.parse import urlencode

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from datalinx.console.api import Api, Refusal
from datalinx.console.paging import PastTheEnd
from datalinx.console.session import find_token

# Nothing is fetched from elsewhere, and no script or style stands in a page itself.
POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self'",
        "connect-src 'self'",
        "form-action 'self'",
        "base-uri 'none'",
        "frame-ancestors 'none'",
    )
)
# Refusals that a form answers with beside what was asked; who may not ask at all gets a page that says so.
REASONED = frozenset({409, 422})
# The rooms of a workspace: the page's name, its title, and the permission that opens it.
SECTIONS = (
    ("dashboard", "Overview", ""),
    ("sources", "Sources", "sources:view"),
    ("schema", "Schema", "schemas:view"),
    ("object-types", "Object types", "schemas:view"),
    ("mappings", "Mappings", "mappings:view"),
    ("pipelines", "Pipelines", "pipelines:view"),
    ("schedules", "Schedules", "pipelines:view"),
    ("runs", "Runs", "pipelines:view"),
    ("tables", "Tables", "queries:run"),
    ("query", "Query", "queries:run"),
    ("identity", "Identity", "audiences:view"),
    ("audiences", "Audiences", "audiences:view"),
    ("quality", "Quality", "monitoring:view"),
    ("alerts", "Alerts", "alerts:view"),
    ("webhooks", "Webhooks", "webhooks:view"),
)


@dataclass(frozen=True)
class Place:
    """Who is asking and where: the person, the workspace (empty outside of one), the API as they see it."""

    request: HttpRequest
    api: Api
    me: Mapping[str, Any]
    workspace: str = ""
    permissions: frozenset[str] = frozenset()
    section: str = ""

    def can(self, permission: str) -> bool:
        """Return whether the person holds a permission here. The API decides; this only spares a refusal."""
        return permission in self.permissions or "org.admin" in self.permissions

    def render(self, template: str, *, code: int = 200, **values: Any) -> HttpResponse:
        """Return a page within the frame."""
        return render(self.request, f"console/{template}", {**values, **self.frame()}, status=code)

    def redirect(self, name: str, *parts: str, **parameters: str) -> HttpResponse:
        """Return a redirect to a page of this workspace."""
        query = f"?{urlencode(parameters)}" if parameters else ""
        return HttpResponseRedirect(reverse(f"console:{name}", args=[self.workspace, *parts]) + query)

    def in_section(self, section: str) -> "Place":
        """Return the same place, seen from one of its rooms."""
        return replace(self, section=section)

    def tell(self, sentence: str) -> None:
        """Say something on the next page."""
        messages.success(self.request, sentence)

    def tell_refusal(self, refusal: Refusal) -> None:
        """Say on the next page why the API refused."""
        messages.error(self.request, refusal_sentence(refusal))

    def frame(self) -> dict[str, Any]:
        """Return what every page, and every part of one, is drawn with."""
        sections = [(name, title) for name, title, needs in SECTIONS if not needs or self.can(needs)]
        return {
            "place": self,
            # Templates cannot pass arguments: {% if may.sources_manage %}.
            "may": {name.replace(":", "_"): True for name in self.permissions},
            "me": self.me,
            "ws": self.workspace,
            "sections": sections if self.workspace else [],
        }


def refusal_sentence(refusal: Refusal) -> str:
    """Return one sentence, with the id under which more is logged."""
    return (
        f"{refusal.message[:600]} (request {refusal.request_id})"
        if refusal.request_id
        else refusal.message[:600]
    )


View = Callable[..., HttpResponseBase]


def page(section: str = "", *, methods: Sequence[str] = ("GET",)) -> Callable[[View], View]:
    """Make a view a page for people who are signed in. The view gets a Place, and the rest of its URL.

    A URL with a workspace opens it; a refusal of the API that the view does not catch becomes a page.
    """

    def decorate(view: View) -> View:
        @never_cache
        @require_http_methods([*methods, *(("HEAD",) if "GET" in methods else ())])
        @wraps(view)
        def run(request: HttpRequest, **parts: Any) -> HttpResponseBase:
            place: Place | None = None
            try:
                place = find_place(request, workspace=parts.pop("workspace", ""), section=section)
                response = view(place, **parts) if place else to_login(request)
            except PastTheEnd as past:
                response = HttpResponseRedirect(request.path + past.last)
            except Refusal as refusal:
                response = (
                    to_login(request) if refusal.status == 401 else refusal_page(request, refusal, place)
                )
            return protected(response)

        return run

    return decorate


def find_place(request: HttpRequest, *, workspace: str, section: str) -> Place | None:
    """Return who is asking and where, or None when nobody is signed in. Raises Refusal."""
    token = find_token(request)
    if not token:
        return None
    api = Api(request, token=token)
    me = api.get("auth", "me").data
    held = frozenset(me["permissions"])
    if not workspace:
        return Place(request, api, me, permissions=held, section=section)
    known = next((each for each in me["workspaces"] if each["name"].lower() == workspace.lower()), None)
    if known is None:
        # It is not theirs; the API says in its own words whether it is there at all.
        known = {"permissions": [], **api.get("workspaces", workspace).data}
    name = known["name"]
    held |= frozenset(known["permissions"])
    return Place(request, api.within(name), me, workspace=name, permissions=held, section=section)


def to_login(request: HttpRequest) -> HttpResponse:
    """Return the way to the login, and from there back to this page if it can be asked for again."""
    back = f"?{urlencode({'next': request.get_full_path()})}" if request.method == "GET" else ""
    return HttpResponseRedirect(reverse("console:login") + (back if request.path != "/" else ""))


def refusal_page(request: HttpRequest, refusal: Refusal, place: Place | None) -> HttpResponse:
    """Return the page that says what the API said."""
    values = {"refusal": refusal, "sentence": refusal.message}
    status = refusal.status
    if place is not None:
        return place.render("refusal.html", code=status, **values)
    return render(request, "console/refusal.html", values, status=status)


def protected(response: HttpResponseBase) -> HttpResponseBase:
    """Return the answer with the headers that keep anything foreign out of it."""
    response["Content-Security-Policy"] = POLICY
    response["Cross-Origin-Opener-Policy"] = "same-origin"
    return response
