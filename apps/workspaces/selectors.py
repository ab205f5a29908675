"""What is read of workspaces."""

import re
from datetime import datetime
from typing import Any

import orjson
from django.db.models import Q, QuerySet

from apps.accounts.models import ServiceAccount, User
from apps.workspaces.models import Delivery, Event, Webhook, Workspace
from apps.workspaces.services.outbox import TEST_EVENT
from datalinx.api.permissions import EDITOR
from datalinx.caller import Caller
from datalinx.errors import FieldError, Invalid
from datalinx.events import EVENTS

_EVENT_ID = re.compile(r"evt_[A-Za-z0-9]{1,36}")


def list_open_workspaces(caller: Caller) -> list[Workspace]:
    """Return the workspaces that the caller may enter, by name."""
    rows = Workspace.objects.for_organization(caller.organization_id).order_by("name")
    return [row for row in rows if caller.sees(row.pk)]


def describe_caller(caller: Caller) -> dict[str, Any]:
    """Return who the caller is and what the caller may do where."""
    owner: User | ServiceAccount = (
        User.objects.get(pk=caller.id) if caller.kind == "user" else ServiceAccount.objects.get(pk=caller.id)
    )
    organization = caller.organization
    return {
        "id": caller.id,
        "kind": caller.kind,
        "name": caller.name,
        "email": owner.email if isinstance(owner, User) else None,
        "is_operator": caller.is_operator,
        "organization": {
            "id": organization.pk,
            "name": organization.name,
            "slug": organization.slug,
            "tier": organization.tier,
        },
        "role": owner.role.name,
        "permissions": sorted(caller.permissions),
        "workspaces": [
            {
                "id": workspace.pk,
                "name": workspace.name,
                "permissions": sorted(p for p in EDITOR if caller.can(p, workspace.pk)),
            }
            for workspace in list_open_workspaces(caller)
        ],
    }


def list_deliveries(
    webhook: Webhook, *, status: str = "", event: str = "", since: datetime | None = None
) -> QuerySet[Delivery]:
    """Return what was sent to a webhook, newest first. `event` is a type of event or an event's id."""
    rows = webhook.deliveries.select_related("event").prefetch_related("log")
    if status:
        rows = rows.filter(status=status)
    if event:
        rows = rows.filter(Q(event_id=event) | Q(event__type=event))
    if since is not None:
        rows = rows.filter(created_at__gte=since)
    return rows.order_by("-created_at", "-pk")


def list_events(workspace: Workspace, *, after: str = "", types: str = "") -> QuerySet[Event]:
    """Return the events of a workspace in order, those after a sequence or an event's id.

    Numbers appear in their order, because each is given under a lock that is held until the fact is committed: who
    has read up to one misses none before it. Raises Invalid EVENTS_EXPIRED when some after it are no longer kept.
    """
    swept_to = Workspace.objects.values_list("events_swept_to", flat=True).get(pk=workspace.pk)
    start = _sequence_of(workspace, after) if after else swept_to
    if start < swept_to:
        raise _expired(swept_to)
    rows = Event.objects.for_workspace(workspace.pk).filter(sequence__gt=start)
    if types:
        rows = rows.filter(type__in=_read_types(types))
    return rows.order_by("sequence")


def read_body(event: Event) -> dict[str, Any]:
    """Return an event as webhooks receive it."""
    body: dict[str, Any] = orjson.loads(event.body)
    return body


def _sequence_of(workspace: Workspace, after: str) -> int:
    if after.isascii() and after.isdigit() and len(after) < 19:
        return int(after)
    if not _EVENT_ID.fullmatch(after):
        message = "after is the sequence or the id of an event."
        raise Invalid("VALIDATION_ERROR", message, errors=[FieldError("after", "invalid", message)])
    rows = Event.objects.for_workspace(workspace.pk).filter(pk=after)
    found: int | None = rows.values_list("sequence", flat=True).first()
    if found is None:
        raise _expired(None)
    return found


def _expired(swept_to: int | None) -> Invalid:
    message = "Events after this one are no longer kept. Leave `after` out to begin with the oldest that is."
    return Invalid("EVENTS_EXPIRED", message, details={} if swept_to is None else {"oldest": swept_to + 1})


def _read_types(types: str) -> list[str]:
    wanted = [each.strip() for each in types.split(",") if each.strip()]
    known = (*EVENTS, TEST_EVENT)
    if not wanted or any(each not in known for each in wanted):
        message = f"types: choose from {', '.join(known)}, with commas between."
        raise Invalid("UNKNOWN_EVENT", message, errors=[FieldError("types", "invalid", message)])
    return wanted
