"""Webhooks: who is told of events, how each fares, what was sent, and sending it again."""

from datetime import UTC, datetime, timedelta
from typing import Any

from django.http import HttpResponse

from datalinx.console.api import Refusal
from datalinx.console.drawing.attempts import Attempt, draw_attempts
from datalinx.console.pages import Place, page
from datalinx.console.paging import SIZE, page_number, to_pages
from datalinx.events import EVENTS

STATUSES = ("pending", "delivered", "failed")
# How far back a replay of everything that failed may reach.
SPANS = {"1": "an hour", "24": "a day", "168": "a week", "720": "30 days"}


@page("webhooks", methods=("GET", "POST"))
def webhooks(place: Place) -> HttpResponse:
    """List the webhooks, and make one, whose secret is shown this one time."""
    post = place.request.POST
    form = {"url": post.get("url", ""), "description": post.get("description", "")}
    chosen, refusal = post.getlist("events"), None
    if place.request.method == "POST":
        try:
            made = place.api.send("POST", "webhooks", data={**form, "events": chosen}).data
            return _show(place, made["id"], secret=made["secret"])
        except Refusal as caught:
            refusal = caught
    answer = place.api.get("webhooks", page=page_number(place.request), page_size=SIZE)
    return place.render(
        "webhooks.html",
        code=refusal.status if refusal else 200,
        pages=to_pages(place.request, answer.data, answer.pagination),
        events=EVENTS,
        chosen=chosen,
        form=form,
        refusal=refusal,
    )


@page("webhooks")
def webhook(place: Place, webhook_id: str) -> HttpResponse:
    """Show a webhook: how it fares, and what was sent to it."""
    return _show(place, webhook_id)


def _show(place: Place, webhook_id: str, *, secret: str = "", refusal: Refusal | None = None) -> HttpResponse:
    asked = place.request.GET.get("status", "")
    chosen = asked if asked in STATUSES else ""
    found = place.api.get("webhooks", webhook_id).data
    answer = place.api.get(
        "webhooks", webhook_id, "deliveries", page=page_number(place.request), page_size=SIZE, status=chosen
    )
    for each in answer.data:
        each["drawn"] = draw_attempts(_attempts(each["log"]))
    counts = {
        status: place.api.get("webhooks", webhook_id, "deliveries", page_size=1, status=status).pagination[
            "total_items"
        ]
        for status in STATUSES
    }
    return place.render(
        "webhook.html",
        code=refusal.status if refusal else 200,
        webhook=found,
        secret=secret,
        pages=to_pages(place.request, answer.data, answer.pagination),
        counts=counts,
        chosen=chosen,
        spans=SPANS,
        refusal=refusal,
    )


def _attempts(log: list[dict[str, Any]]) -> list[Attempt]:
    made = []
    begun = datetime.fromisoformat(log[0]["at"]) if log else None
    for each in log:
        after = (datetime.fromisoformat(each["at"]) - begun).total_seconds() if begun else 0.0
        status = each["response_status"]
        words = f"Attempt {each['number']}: {status if status is not None else each['error']}"
        made.append(Attempt(after, status is not None and 200 <= status < 300, words))
    return made


@page("webhooks", methods=("POST",))
def act(place: Place, webhook_id: str) -> HttpResponse:
    """Test a webhook, rotate its secret, enable or disable it, send again what failed, or delete it."""
    action = place.request.POST.get("do", "")
    try:
        if action == "rotate":
            made = place.api.send("POST", "webhooks", webhook_id, "rotate-secret").data
            return _show(place, webhook_id, secret=made["secret"])
        if action == "delete":
            place.api.send("DELETE", "webhooks", webhook_id)
            place.tell("The webhook is deleted.")
            return place.redirect("webhooks")
        place.tell(_do(place, webhook_id, action))
    except Refusal as refusal:
        place.tell_refusal(refusal)
    return place.redirect("webhook", webhook_id)


def _do(place: Place, webhook_id: str, action: str) -> str:
    if action == "test":
        place.api.send("POST", "webhooks", webhook_id, "test")
        return "A test event is on its way."
    if action in {"enable", "disable"}:
        place.api.send("PATCH", "webhooks", webhook_id, data={"enabled": action == "enable"})
        return f"The webhook is {action}d."
    if action == "replay":
        hours = place.request.POST.get("hours", "")
        since = datetime.now(UTC) - timedelta(hours=int(hours if hours in SPANS else "24"))
        data = {"since": since.isoformat(), "missing": "missing" in place.request.POST}
        made = place.api.send("POST", "webhooks", webhook_id, "replay", data=data).data
        left = f" {made['remaining']} more are left for another time." if made["remaining"] else ""
        again = (
            f"{made['replayed']} {'delivery is' if made['replayed'] == 1 else 'deliveries are'} sent again"
        )
        return f"{again}, {made['created']} for the first time.{left}"
    return "Nothing was done."


@page("webhooks", methods=("POST",))
def replay(place: Place, webhook_id: str, delivery_id: str) -> HttpResponse:
    """Send one delivery again."""
    try:
        place.api.send("POST", "webhooks", webhook_id, "deliveries", delivery_id, "replay")
        place.tell("The delivery is sent again, with the same id and body.")
    except Refusal as refusal:
        place.tell_refusal(refusal)
    return place.redirect("webhook", webhook_id)
