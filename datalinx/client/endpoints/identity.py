"""Identity: the rules, who is who by them, and why."""

import time
from collections.abc import Mapping
from typing import Any

from datalinx.client.endpoints.base import PATIENT, Endpoints, Where
from datalinx.client.pages import Listing
from datalinx.client.resource import Resource
from datalinx.client.transport import route

_W = Where.WORKSPACE
_OPEN = frozenset({"queued", "running"})


class Identity(Endpoints):
    """Who is who in a workspace."""

    def get(self) -> Resource:
        """Return the rules."""
        return self._get("identity", Resource, where=_W)

    def put(self, document: Mapping[str, Any]) -> Resource:
        """Replace the rules."""
        return self._send("PUT", "identity", Resource, where=_W, body=document)

    def resolve(self) -> Resource:
        """Start a resolution, or return the one that is under way."""
        return self._send("POST", "identity/resolve", Resource, where=_W)

    def cancel(self) -> Resource:
        """Stop the resolution that is under way; what the one before found stays."""
        return self._send("POST", "identity/resolve/cancel", Resource, where=_W)

    def wait(self, *, seconds: float = PATIENT, pause: float = 1.0) -> Resource:
        """Return the statistics when no resolution is under way any more. Raise `TimeoutError` after `seconds`."""
        ends_at = time.monotonic() + seconds
        while True:
            found = self.stats()
            if (found.get("resolution") or {}).get("status") not in _OPEN:
                return found
            if time.monotonic() >= ends_at:
                raise TimeoutError(f"The resolution is not done after {seconds:g} seconds; it goes on.")
            time.sleep(pause)

    def stats(self) -> Resource:
        """Return who was found, and how the last resolution stands."""
        return self._get("identity/stats", Resource, where=_W)

    def clusters(self, **filters: Any) -> Listing[Resource]:
        """List the people, those with most records first; filters are `records` and `record`."""
        return self._list("identity/clusters", Resource, where=_W, params=filters)

    def cluster(self, canonical_id: str) -> Resource:
        """Return a person: records, links, history."""
        return self._get(route("identity", "clusters", canonical_id), Resource, where=_W)

    def explain(self, a: str, b: str) -> Resource:
        """Return why two records, each written `table:key`, are one person."""
        return self._get("identity/explain", Resource, where=_W, params={"a": a, "b": b})
