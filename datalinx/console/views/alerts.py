"""Alerts: what is wrong, what was, and the rules that watch."""

from django.http import HttpResponse

from datalinx.console.api import Refusal
from datalinx.console.pages import Place, page
from datalinx.console.paging import SIZE, page_number, to_pages

STATUSES = ("open", "acknowledged", "resolved")
ACTIONS = {"acknowledge": "acknowledged", "resolve": "resolved"}


@page("alerts")
def alerts(place: Place) -> HttpResponse:
    """List the alerts, newest first."""
    asked = place.request.GET.get("status", "")
    chosen = asked if asked in STATUSES else ""
    answer = place.api.get("alerts", page=page_number(place.request), page_size=SIZE, status=chosen)
    return place.render(
        "alerts.html",
        pages=to_pages(place.request, answer.data, answer.pagination),
        statuses=STATUSES,
        chosen=chosen,
        rules_count=place.api.get("alert-rules", page_size=1).pagination["total_items"],
    )


@page("alerts")
def rules(place: Place) -> HttpResponse:
    """List the rules that raise alerts, with what the last look at each said."""
    answer = place.api.get("alert-rules", page=page_number(place.request), page_size=SIZE)
    return place.render("alert_rules.html", pages=to_pages(place.request, answer.data, answer.pagination))


@page("alerts", methods=("POST",))
def act(place: Place, alert_id: str) -> HttpResponse:
    """Acknowledge or resolve an alert."""
    action = place.request.POST.get("do", "")
    try:
        if action in ACTIONS:
            place.api.send("POST", "alerts", alert_id, action)
            place.tell(f"The alert is {ACTIONS[action]}.")
    except Refusal as refusal:
        place.tell_refusal(refusal)
    return place.redirect("alerts")
