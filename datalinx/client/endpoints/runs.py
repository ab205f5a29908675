"""Runs: their state, their logs, the rows that they rejected, and waiting for their end."""

import json
import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Literal

from datalinx.client.endpoints.base import PATIENT, Endpoints, Where, given, key_text
from datalinx.client.errors import RunFailed, WaitTimedOut
from datalinx.client.events import Event, resumed
from datalinx.client.http import Incoming
from datalinx.client.models import Run
from datalinx.client.pages import Listing
from datalinx.client.resource import Resource
from datalinx.client.transport import Call, route

_O = Where.OBJECT
# A server that sends no event and no sign of life for this long is connected to again.
_SILENCE = 60.0
_FIRST_LOOK, _LAST_LOOK = 0.25, 2.0


class Runs(Endpoints):
    """The runs of a workspace."""

    def list(self, **filters: Any) -> Listing[Run]:
        """List the runs, newest first; `status`, `pipeline_id` and other filters are taken."""
        return self._list("runs", Run, where=Where.WORKSPACE, params=filters)

    def get(self, run_id: str) -> Run:
        """Return one run as it is now."""
        return self._get(route("runs", run_id), Run, where=_O)

    def cancel(self, run_id: str) -> Run:
        """Ask a run to stop. Raises ValidationFailed when it has finished."""
        return self._send("POST", route("runs", run_id, "cancel"), Run, where=_O, body={})

    def retry(self, run_id: str) -> Run:
        """Start a new run of the same, with `retry_of`."""
        return self._send("POST", route("runs", run_id, "retry"), Run, where=_O, body={})

    def logs(self, run_id: str, **filters: Any) -> Listing[Resource]:
        """List the lines of a run's log, oldest first.

        `level`, `min_level` (this and worse), `table`, `attempt` and `after` (a line's id) are filters.
        """
        return self._list(route("runs", run_id, "logs"), Resource, where=_O, params=filters)

    def rejected(self, run_id: str, **filters: Any) -> Listing[Resource]:
        """List the rows that a run rejected, each with its first reason; `table` and `reason` are filters."""
        return self._list(route("runs", run_id, "rejected"), Resource, where=_O, params=filters)

    def find(
        self,
        run_id: str,
        key: str | int | Mapping[str, Any],
        *,
        table: str | None = None,
        source: Literal["auto", "always", "never"] = "auto",
    ) -> Resource:
        """Tell what became of a record in a run, and why: `outcome` in a word, `message` in a sentence.

        `key` is the value of the table's key, or columns and values. `table` may be left out for a run of one. The
        source is asked where what the run kept does not tell, unless `source` says otherwise.
        """
        params = given(key=key_text(key), table=table, source=source)
        path = route("runs", run_id, "records")
        return self._get(path, Resource, where=_O, params=params, seconds=PATIENT)

    def lineage(self, run_id: str, **filters: Any) -> Listing[Resource]:
        """List which source columns made which target columns in a run; `table` and `column` are filters."""
        return self._list(route("runs", run_id, "lineage"), Resource, where=_O, params=filters, short=True)

    def openlineage(self, run_id: str, *, table: str | None = None) -> Resource:
        """Return the OpenLineage event of a run, or of the making of one table in it."""
        call = Call(
            "GET",
            route("runs", run_id, "lineage"),
            params=given(format="openlineage", table=table),
            workspace=self._scope.header(_O),
            seconds=PATIENT,
        )
        with self._transport.open(call) as incoming:
            return Resource(json.loads(incoming.read()))

    def replay_rejected(self, run_id: str, **fields: Any) -> Resource:
        """Put the rejected rows through the present mapping."""
        path = route("runs", run_id, "rejected", "replay")
        return self._send("POST", path, Resource, where=_O, body=fields, seconds=PATIENT)

    def verify(self, run_id: str) -> Run:
        """Start a run that repeats this one and publishes nothing; `verified` of it tells whether all is the same."""
        return self._send("POST", route("runs", run_id, "verify"), Run, where=_O, body={})

    def follow_logs(self, run_id: str, **filters: Any) -> Iterator[Resource]:
        """Yield the lines of a run's log as they are written, up to its end; the filters are those of `logs`.

        Each is a line as `logs` has it. A connection that breaks is made again, and no line is lost or doubled.
        """
        last = str(filters.pop("after", "")) or None
        for event in self.events(run_id, last_event_id=last, **filters):
            if event.name == "log" and isinstance(event.data, dict):
                yield Resource({"id": int(event.id or 0), **event.data})

    def events(self, run_id: str, *, last_event_id: str | None = None, **filters: Any) -> Iterator[Event]:
        """Yield what happens in a run, as it happens, up to its final state: its states, and the lines of its log.

        A stream that breaks is taken up where it broke off. `last_event_id` takes up an earlier one. The filters of
        `logs` choose the lines.
        """
        workspace = self._scope.header(_O)

        def connect(last_id: str | None) -> Incoming:
            headers = {"Last-Event-ID": last_id} if last_id else {}
            path = route("runs", run_id, "events")
            accept = "text/event-stream"
            call = Call(
                "GET",
                path,
                params=given(**filters),
                workspace=workspace,
                seconds=_SILENCE,
                accept=accept,
                headers=headers,
            )
            return self._transport.open(call)

        return resumed(connect, last_id=last_event_id, sleep=self._transport.sleep)

    def follow(self, run_id: str, *, timeout: float | None = None) -> Iterator[Run]:
        """Yield the run each time it has changed, the last time when it has finished.

        It looks at the run often at first and every two seconds later, and stops after `timeout` seconds.
        """
        ends = None if timeout is None else time.monotonic() + timeout
        pause, seen = _FIRST_LOOK, Run()
        while True:
            run = self.get(run_id)
            if run != seen:
                yield run
            if run.is_finished or (ends is not None and time.monotonic() >= ends):
                return
            self._transport.sleep(pause)
            pause, seen = min(_LAST_LOOK, pause * 1.5), run

    def wait(
        self,
        run_id: str,
        *,
        on_progress: Callable[[Run], None] | None = None,
        timeout: float | None = None,
        check: bool = True,
    ) -> Run:
        """Wait for a run's end and return its final state.

        `on_progress` is called with each state on the way. After `timeout` seconds raises WaitTimedOut, and the run
        goes on. With `check`, a run that failed or was cancelled raises RunFailed, which carries it.
        """
        run = Run()
        for run in self.follow(run_id, timeout=timeout):
            if on_progress is not None:
                on_progress(run)
        if not run.is_finished:
            raise WaitTimedOut(run, timeout or 0.0)
        if check and run.status != "success":
            raise RunFailed(run)
        return run
