"""Backfills: how far they are, pausing, resuming, cancelling, trying again, and waiting for their end."""

import time
from collections.abc import Callable, Iterator
from typing import Any

from datalinx.client.endpoints.base import Endpoints, Where
from datalinx.client.errors import WaitTimedOut
from datalinx.client.models import Backfill
from datalinx.client.pages import Listing
from datalinx.client.resource import Resource
from datalinx.client.transport import route

_O = Where.OBJECT
_FIRST_LOOK, _LAST_LOOK = 0.25, 2.0


class Backfills(Endpoints):
    """The backfills of a workspace; `client.pipelines.backfill` starts one."""

    def list(self, **filters: Any) -> Listing[Backfill]:
        """List the backfills, newest first; `status`, `pipeline_id` and other filters are taken."""
        return self._list("backfills", Backfill, where=Where.WORKSPACE, params=filters)

    def get(self, backfill_id: str) -> Backfill:
        """Return one backfill as it is now, with its chunks as `stretches` of equal state."""
        return self._get(route("backfills", backfill_id), Backfill, where=_O)

    def chunks(self, backfill_id: str, **filters: Any) -> Listing[Resource]:
        """List the chunks from the oldest; `status` is a filter."""
        return self._list(route("backfills", backfill_id, "chunks"), Resource, where=_O, params=filters)

    def pause(self, backfill_id: str) -> Backfill:
        """Start no further chunk; the present one runs to its end."""
        return self._post(backfill_id, "pause")

    def resume(self, backfill_id: str) -> Backfill:
        """Go on with a paused backfill, by the documents of now."""
        return self._post(backfill_id, "resume")

    def cancel(self, backfill_id: str) -> Backfill:
        """End a backfill and the run of its present chunk; what is committed stays."""
        return self._post(backfill_id, "cancel")

    def retry(self, backfill_id: str) -> Backfill:
        """Try the failed chunks again, by the documents of now."""
        return self._post(backfill_id, "retry")

    def follow(self, backfill_id: str, *, timeout: float | None = None) -> Iterator[Backfill]:
        """Yield the backfill each time it has changed, the last time when it ended or somebody has to act.

        It looks often at first and every two seconds later, and stops after `timeout` seconds.
        """
        ends = None if timeout is None else time.monotonic() + timeout
        pause, seen = _FIRST_LOOK, Backfill()
        while True:
            backfill = self.get(backfill_id)
            if backfill != seen:
                yield backfill
            if not backfill.is_moving or (ends is not None and time.monotonic() >= ends):
                return
            self._transport.sleep(pause)
            pause, seen = min(_LAST_LOOK, pause * 1.5), backfill

    def wait(
        self,
        backfill_id: str,
        *,
        on_progress: Callable[[Backfill], None] | None = None,
        timeout: float | None = None,
    ) -> Backfill:
        """Wait until a backfill has ended or is paused, and return it as it is then.

        `on_progress` is called with each state on the way. After `timeout` seconds raises WaitTimedOut, and the
        backfill goes on.
        """
        backfill = Backfill()
        for backfill in self.follow(backfill_id, timeout=timeout):
            if on_progress is not None:
                on_progress(backfill)
        if backfill.is_moving:
            raise WaitTimedOut(backfill, timeout or 0.0, noun="Backfill")
        return backfill

    def _post(self, backfill_id: str, action: str) -> Backfill:
        return self._send("POST", route("backfills", backfill_id, action), Backfill, where=_O, body={})
