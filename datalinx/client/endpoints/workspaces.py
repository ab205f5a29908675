"""Workspaces, and the webhooks that each sends."""

from collections.abc import Mapping, Sequence
from typing import Any

from datalinx.client.endpoints.base import Collection, Endpoints, Where, given
from datalinx.client.models import Deleted, Delivery, Webhook, Workspace
from datalinx.client.pages import Listing
from datalinx.client.resource import Resource
from datalinx.client.transport import route


class Workspaces(Collection[Workspace]):
    """The workspaces of the organization, addressed by id or by name."""

    path = "workspaces"
    model = Workspace
    collection_where = object_where = Where.ORGANIZATION

    def create(self, name: str, *, config: Mapping[str, Any] | None = None) -> Workspace:
        """Make a workspace; `config` may hold a `description`."""
        return self._create(given(name=name, config=config))

    def delete(self, object_id: str, *, confirm: str = "") -> Deleted:
        """Delete a workspace and everything in it. `confirm` must be its name."""
        path = route(self.path, object_id)
        return self._send(
            "DELETE", path, Deleted, where=Where.ORGANIZATION, params=given(confirm=confirm or None)
        )


class Webhooks(Collection[Webhook]):
    """Addresses that are told of events. `datalinx.client.verify_webhook` is the receiver's half."""

    path = "webhooks"
    model = Webhook

    def create(
        self, url: str, events: Sequence[str], *, enabled: bool | None = None, description: str | None = None
    ) -> Webhook:
        """Make a webhook. `secret` of the answer is shown whole this once."""
        return self._create(given(url=url, events=list(events), enabled=enabled, description=description))

    def test(self, webhook_id: str) -> Delivery:
        """Send it a test event."""
        path = route(self.path, webhook_id, "test")
        return self._send("POST", path, Delivery, where=Where.OBJECT, body={})

    def rotate_secret(self, webhook_id: str) -> Webhook:
        """Make a new secret, shown whole this once; the old one signs beside it for a while."""
        path = route(self.path, webhook_id, "rotate-secret")
        return self._send("POST", path, Webhook, where=Where.OBJECT, body={})

    def deliveries(self, webhook_id: str, **filters: Any) -> Listing[Delivery]:
        """List what was sent to it, or is still to be; `status`, `event` and `since` are taken."""
        path = route(self.path, webhook_id, "deliveries")
        return self._list(path, Delivery, where=Where.OBJECT, params=filters)

    def delivery(self, webhook_id: str, delivery_id: str) -> Delivery:
        """Return one delivery with every attempt. Raises NotFound."""
        return self._get(
            route(self.path, webhook_id, "deliveries", delivery_id), Delivery, where=Where.OBJECT
        )

    def replay(self, webhook_id: str, delivery_id: str) -> Resource:
        """Send one delivery again, with the same `webhook-id`."""
        return self._post(webhook_id, route("deliveries", delivery_id, "replay"))

    def replay_since(
        self,
        webhook_id: str,
        since: str,
        *,
        until: str | None = None,
        status: str | None = None,
        missing: bool | None = None,
    ) -> Resource:
        """Send again what failed since a moment (ISO 8601); `status` may be delivered or all.

        `missing` also makes deliveries of events that happened while it was disabled. One call queues a bounded
        number: ask again while `remaining` of the answer is above 0.
        """
        body = given(since=since, until=until, status=status, missing=missing)
        return self._post(webhook_id, "replay", body)


class Events(Endpoints):
    """What happened in a workspace, for those who ask instead of being told."""

    def list(
        self, *, after: int | str | None = None, types: Sequence[str] | None = None
    ) -> Listing[Resource]:
        """List events in order, those after the sequence or the id of one. Raises when these are no longer kept."""
        params = given(after=after, types=",".join(types) if types else None)
        return self._list("events", Resource, where=Where.WORKSPACE, params=params)
