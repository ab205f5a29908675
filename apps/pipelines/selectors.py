"""What is read of runs and stored tables."""

import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any

from django.db import close_old_connections, connection
from django.db.models import QuerySet

from apps.pipelines.models import Run, RunLog, StoredTable
from apps.pipelines.serializers import RunSerializer
from apps.pipelines.services.tables import table_files, table_storage
from datalinx.api.renderers import to_json
from datalinx.engine import lake
from datalinx.engine.execute.rejected import rejected_page
from datalinx.engine.query.export import ExportFormat, export_table
from datalinx.engine.query.rows import count_rows, read_rows
from datalinx.files import scratch, workspace_storage

# How long one stream lives; a client that wants more resumes with Last-Event-ID.
STREAM_SECONDS = 600.0
POLL_SECONDS = 0.5
LINES_AT_ONCE = 500
# From the least to the worst.
LEVELS = ["info", "warning", "error"]
PING_SECONDS = 15.0
# What one export may use; it streams, so more would not make it faster.
EXPORT_MEMORY_BYTES = 512 * 1024**2


def list_rejected(
    *, run: Run, table: str, reason: str, offset: int, limit: int
) -> tuple[list[dict[str, Any]], int]:
    """Return a page of a run's rejected rows, and how many there are in all."""
    storage = workspace_storage(run.workspace.organization_id, run.workspace_id)
    found: list[dict[str, Any]] = []
    total = 0
    for step in run.steps.all():
        if not step.rejected_key or (table and step.table != table):
            continue
        counts = step.rejected_by_reason
        own = counts.get(reason, 0) if reason else sum(counts.values())
        start, room = max(0, offset - total), limit - len(found)
        if own and room > 0 and start < own:
            rows = rejected_page(storage.local(step.rejected_key), reason=reason, offset=start, limit=room)
            found += [{"target": step.table, **row} for row in rows]
        total += own
    return found, total


def list_rows(
    *, table: StoredTable, as_of: str, ordering: str, offset: int, limit: int
) -> tuple[list[dict[str, Any]], int]:
    """Return a page of a table's rows as objects, and how many there are in all."""
    files = table_files(table, as_of=as_of)
    order = [part for part in ordering.split(",") if part]
    page = read_rows(files, order_by=order, offset=offset, limit=limit)
    names = [column["name"] for column in page.columns]
    total = count_rows(files) if as_of else table.rows
    return [dict(zip(names, row, strict=True)) for row in page.rows], total


def export_rows(*, table: StoredTable, form: ExportFormat, as_of: str) -> Iterator[bytes]:
    """Yield a table, or an older version of it, as one file."""
    with scratch("export") as folder:
        (folder / "spill").mkdir()
        yield from export_table(
            table_files(table, as_of=as_of, hold_in=folder / "held"),
            form,
            memory_bytes=EXPORT_MEMORY_BYTES,
            threads=2,
            spill=folder / "spill",
        )


def list_snapshots(table: StoredTable) -> list[dict[str, Any]]:
    """Return the versions of a table, newest first."""
    found = []
    for snapshot in lake.snapshots(table_storage(table.workspace, table.pk), table.metadata_key):
        values = asdict(snapshot)
        values["snapshot"] = values.pop("sequence")
        values["snapshot_id"] = str(values["snapshot_id"])
        values["current"] = snapshot.sequence == table.snapshot
        del values["properties"]
        found.append(values)
    return found


@dataclass(frozen=True)
class LogChoice:
    """Which lines of a run's log are wanted: of one level exactly, of one and those worse, of a table, an attempt."""

    level: str = ""
    min_level: str = ""
    table: str = ""
    attempt: int = 0

    def lines(self, run: Run, *, after: int) -> QuerySet[RunLog]:
        """Return the lines after the one of the id `after`, in the order in which they became visible."""
        rows = run.logs.filter(pk__gt=after).order_by("pk")
        if self.level:
            rows = rows.filter(level=self.level)
        if self.min_level:
            rows = rows.filter(level__in=LEVELS[LEVELS.index(self.min_level) :])
        if self.table:
            rows = rows.filter(table=self.table)
        return rows.filter(attempt=self.attempt) if self.attempt else rows


def stream_events(run: Run, *, after: int, choice: LogChoice | None = None) -> Iterator[bytes]:
    """Yield a run's log lines and state as server-sent events until it ends.

    A log line's event carries its id, so that a client that comes back misses none. State events (`run`) carry
    the whole run and no id: the newest is all that counts.
    """
    choice = choice or LogChoice()
    ends_at = time.monotonic() + STREAM_SECONDS
    last_state, last_sent = b"", time.monotonic()
    try:
        while time.monotonic() < ends_at:
            fresh = (
                Run.objects.select_related("pipeline").prefetch_related("steps__deliveries").get(pk=run.pk)
            )
            # The state is read before the log: a state that is final has all of its lines.
            lines = list(choice.lines(fresh, after=after)[:LINES_AT_ONCE])
            for line in lines:
                after = line.pk
                yield b"id: %d\nevent: log\ndata: %s\n\n" % (after, to_json(_line(line)))
                last_sent = time.monotonic()
            if len(lines) == LINES_AT_ONCE:
                # There may be more of them, and the end must not come before those.
                continue
            state = to_json(RunSerializer(fresh).data)
            if state != last_state:
                last_state, last_sent = state, time.monotonic()
                yield b"event: run\ndata: %s\n\n" % state
            if fresh.is_finished:
                yield b"event: end\ndata: {}\n\n"
                return
            if time.monotonic() - last_sent > PING_SECONDS:
                last_sent = time.monotonic()
                yield b": still here\n\n"
            let_go()
            time.sleep(POLL_SECONDS)
    except Run.DoesNotExist:
        yield b"event: end\ndata: {}\n\n"
    finally:
        let_go()


def _line(line: RunLog) -> dict[str, Any]:
    names = ("at", "level", "table", "attempt", "message")
    return {name: getattr(line, name) for name in names}


def let_go() -> None:
    """Give back a connection that is broken or too old: nobody does for a stream that outlives its request."""
    if not connection.in_atomic_block:
        close_old_connections()
