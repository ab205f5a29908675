"""Pipelines, and the tables that they write."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Literal

from datalinx.client.endpoints.base import PATIENT, Collection, Endpoints, Where, given, key_text
from datalinx.client.models import Backfill, Pipeline, Run, Table
from datalinx.client.pages import Listing
from datalinx.client.resource import Resource
from datalinx.client.transport import Call, route


class Pipelines(Collection[Pipeline]):
    """The pipelines of a workspace."""

    path = "pipelines"
    model = Pipeline

    def create(self, document: Mapping[str, Any]) -> Pipeline:
        """Make a pipeline; `name` and `tables` are needed."""
        return self._create(document)

    def replace(self, pipeline_id: str, document: Mapping[str, Any]) -> Pipeline:
        """Replace a pipeline's document; a key that is left out has its default again, other than with `update`."""
        return self._send("PUT", route(self.path, pipeline_id), Pipeline, where=Where.OBJECT, body=document)

    def run(
        self,
        pipeline_id: str,
        *,
        tables: Sequence[str] | None = None,
        full_refresh: bool | None = None,
        test_mode: bool | None = None,
        since: str | None = None,
        until: str | None = None,
        idempotency_key: str | None = None,
    ) -> Run:
        """Start a run and return it at once; `client.runs.wait(run.id)` waits for its end.

        `since` and `until`, times such as 2024-01-15T10:30:00Z or dates, let it read the rows with
        since <= cursor < until, and leave the stored cursor alone. Raises ValidationFailed: WINDOW_NOT_POSSIBLE.
        """
        body = given(tables=tables, full_refresh=full_refresh, test_mode=test_mode, since=since, until=until)
        return self._start(route(self.path, pipeline_id, "run"), Where.OBJECT, body, idempotency_key)

    def run_workspace(
        self,
        *,
        tables: Sequence[str] | None = None,
        full_refresh: bool | None = None,
        test_mode: bool | None = None,
        since: str | None = None,
        until: str | None = None,
        idempotency_key: str | None = None,
    ) -> Run:
        """Start a run of everything that the workspace maps and return it at once; options as in `run`."""
        body = given(tables=tables, full_refresh=full_refresh, test_mode=test_mode, since=since, until=until)
        return self._start("pipelines/run", Where.WORKSPACE, body, idempotency_key)

    def backfill(
        self,
        pipeline_id: str,
        *,
        since: str,
        until: str,
        chunk: str | None = None,
        timezone: str | None = None,
        tables: Sequence[str] | None = None,
        order: Literal["oldest", "newest"] | None = None,
        on_failure: Literal["stop", "continue"] | None = None,
        notify: Literal["backfill", "chunks"] | None = None,
        idempotency_key: str | None = None,
    ) -> Backfill:
        """Read a range of the past anew, chunk by chunk; `client.backfills.wait(backfill.id)` waits for its end.

        `chunk` is a length such as `1 day` (as without it), `6 hours` or `1 month`, in days and months of `timezone`.
        `notify` chooses which events are sent: those of the backfill, or also those of each chunk's run.
        Raises ValidationFailed: BACKFILL_NOT_POSSIBLE, BACKFILL_OVERLAPS, TOO_MANY_CHUNKS.
        """
        optional = {"chunk": chunk, "timezone": timezone, "tables": tables}
        body = given(since=since, until=until, **optional, order=order, on_failure=on_failure, notify=notify)
        path = route(self.path, pipeline_id, "backfills")
        return self._send(
            "POST", path, Backfill, where=Where.OBJECT, body=body, idempotency_key=idempotency_key
        )

    def backfills(self, pipeline_id: str) -> Listing[Backfill]:
        """List the backfills of a pipeline, newest first."""
        return self._list(route(self.path, pipeline_id, "backfills"), Backfill, where=Where.OBJECT)

    def next_runs(self, pipeline_id: str) -> Sequence[str]:
        """Return the next five times at which the schedule starts a run."""
        path = route(self.path, pipeline_id, "next-runs")
        return [str(moment["value"]) for moment in self._list(path, Resource, where=Where.OBJECT, short=True)]

    def pause(self, pipeline_id: str) -> Pipeline:
        """Pause a schedule: it starts nothing until it is resumed. Raises ValidationFailed: NO_SCHEDULE."""
        return self._send("POST", route(self.path, pipeline_id, "pause"), Pipeline, where=Where.OBJECT)

    def resume(self, pipeline_id: str) -> Pipeline:
        """Resume a paused schedule with the next of its times. Raises ValidationFailed: NO_SCHEDULE."""
        return self._send("POST", route(self.path, pipeline_id, "resume"), Pipeline, where=Where.OBJECT)

    def _start(self, path: str, where: Where, body: Mapping[str, Any], key: str | None) -> Run:
        return self._send("POST", path, Run, where=where, body=body, idempotency_key=key)


class Schedules(Endpoints):
    """What starts by itself in a workspace."""

    def list(self, **filters: Any) -> Listing[Resource]:
        """List the pipelines with a schedule or a trigger: their next times, their last run, what was left out."""
        return self._list("schedules", Resource, where=Where.WORKSPACE, params=filters)


class Tables(Endpoints):
    """What the pipelines wrote, addressed by name."""

    def list(self, **filters: Any) -> Listing[Table]:
        """List the stored tables."""
        return self._list("tables", Table, where=Where.WORKSPACE, params=filters)

    def get(self, table: str) -> Table:
        """Return one stored table with its columns."""
        return self._get(route("tables", table), Table, where=Where.WORKSPACE)

    def rows(self, table: str, *, as_of: str | int | None = None, **filters: Any) -> Listing[Resource]:
        """List rows; `as_of` is a snapshot, a run's id or a time, and reads the table as it was."""
        path = route("tables", table, "rows")
        return self._list(path, Resource, where=Where.WORKSPACE, params={**filters, **given(as_of=as_of)})

    def find(
        self,
        table: str,
        key: str | int | Mapping[str, Any],
        *,
        source: Literal["auto", "always", "never"] = "auto",
    ) -> Resource:
        """Tell what became of a record: its rows, when they changed, which runs rejected it, and why.

        `key` is the value of the table's key, or columns and values. The source is asked where the table does not
        have the record, unless `source` says otherwise.
        """
        params = given(key=key_text(key), source=source)
        path = route("tables", table, "records")
        return self._get(path, Resource, where=Where.WORKSPACE, params=params, seconds=PATIENT)

    def export(
        self, table: str, *, form: Literal["csv", "jsonl", "parquet"] = "csv", as_of: str | int | None = None
    ) -> Iterator[bytes]:
        """Yield a whole table as a file, piece by piece; `as_of` reads it as it was.

        A cell of a CSV that a spreadsheet would run as a formula gets an apostrophe; the others are exact.
        """
        call = Call(
            "GET",
            route("tables", table, "export"),
            params={"format": form, **given(as_of=as_of)},
            workspace=self._scope.header(Where.WORKSPACE),
            seconds=PATIENT,
            accept="*/*",
        )
        with self._transport.open(call) as incoming:
            yield from incoming.chunks()

    def snapshots(self, table: str) -> Listing[Resource]:
        """List the snapshots of a table, one for each commit."""
        return self._list(route("tables", table, "snapshots"), Resource, where=Where.WORKSPACE)

    def restore(self, table: str, snapshot: int | None = None, *, as_of: str | int | None = None) -> Table:
        """Bring a version back as the newest one; nothing is lost by it.

        Name it by its snapshot's number, or by `as_of`: a number, a run's id or a time.
        """
        path = route("tables", table, "restore")
        body = given(snapshot=snapshot, as_of=None if as_of is None else str(as_of))
        return self._send("POST", path, Table, where=Where.WORKSPACE, body=body, seconds=PATIENT)
