"""What is read of runs and stored tables."""

import time
from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

from django.db import close_old_connections, connection

from apps.pipelines.models import Run, StoredTable
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


def stream_events(run: Run, *, after: int) -> Iterator[bytes]:
    """Yield a run's log lines and state as server-sent events until it ends.

    A log line's event carries its id, so that a client that comes back misses none. State events (`run`) carry
    the whole run and no id: the newest is all that counts.
    """
    ends_at = time.monotonic() + STREAM_SECONDS
    last_state, last_sent = b"", time.monotonic()
    try:
        while time.monotonic() < ends_at:
            fresh = (
                Run.objects.select_related("pipeline").prefetch_related("steps__deliveries").get(pk=run.pk)
            )
            # The state is read before the log: a state that is final has all of its lines.
            for line in fresh.logs.filter(pk__gt=after).order_by("pk")[:500]:
                after = line.pk
                data = {"at": line.at, "level": line.level, "table": line.table, "message": line.message}
                yield b"id: %d\nevent: log\ndata: %s\n\n" % (after, to_json(data))
                last_sent = time.monotonic()
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
            _let_go()
            time.sleep(POLL_SECONDS)
    except Run.DoesNotExist:
        yield b"event: end\ndata: {}\n\n"
    finally:
        _let_go()


def _let_go() -> None:
    """Give back a connection that is broken or too old: nobody does for a stream that outlives its request."""
    if not connection.in_atomic_block:
        close_old_connections()
