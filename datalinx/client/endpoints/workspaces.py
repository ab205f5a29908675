"""Workspaces, and the webhooks that each sends."""

from collections.abc import Mapping, Sequence
from typing import Any

from datalinx.client.endpoints.base import Collection, Where, given
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
        """List what was sent to it, or is still to be."""
        path = route(self.path, webhook_id, "deliveries")
        return self._list(path, Delivery, where=Where.OBJECT, params=filters)

    def replay(self, webhook_id: str, delivery_id: str) -> Resource:
        """Send one delivery again, with the same `webhook-id`."""
        return self._post(webhook_id, route("deliveries", delivery_id, "replay"))
