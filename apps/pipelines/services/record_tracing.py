"""Asking the source of a table for a record: what the mapping makes of it, as a run would, within a time limit."""

import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from apps.mappings.services.compile import Documents, compile_table
from apps.mappings.services.types import make_registry
from apps.pipelines.models import Run, RunStep, StoredTable
from apps.pipelines.services.bases import engine_limits, next_cursor
from apps.pipelines.services.reading import open_scans, present_shapes, scans_as_read
from apps.pipelines.services.windows import read_window
from apps.workspaces.models import Workspace
from datalinx.engine.compile.plan import CompiledMapping
from datalinx.engine.connectors.base import Scan
from datalinx.engine.execute.fingerprints import input_fingerprint
from datalinx.engine.execute.results import Limits
from datalinx.engine.execute.traced import Trace
from datalinx.engine.execute.tracing import trace_records
from datalinx.engine.execute.window import reading_condition
from datalinx.errors import Cancelled, Failed, Invalid, NotFound
from datalinx.redaction import hide_secrets

# How long one look-up may take; what is known by then is the answer.
LOOKUP_SECONDS = 20.0


# A web process answers several at once, so each gets a part of what a run may use; the rest goes to disk.
_AT_ONCE = 4


def lookup_limits() -> Limits:
    """Return what one look-up may use."""
    return engine_limits(_AT_ONCE)


@dataclass
class Deadline:
    """The moment at which a look-up ends."""

    ends_at: float = field(default_factory=lambda: time.monotonic() + LOOKUP_SECONDS)

    def is_over(self) -> bool:
        return time.monotonic() > self.ends_at


@dataclass(frozen=True)
class Origin:
    """What a source is asked by: the documents of a run with what it read, or those of today."""

    workspace: Workspace
    documents: Documents
    table: str
    # The inputs of the run, by relation, with their fingerprints; empty where no run is asked about.
    inputs: Mapping[str, Any] = field(default_factory=dict)
    cursor: str | None = None
    request: Mapping[str, Any] = field(default_factory=dict)
    # Whether it is about what the next run will do; then earlier ones have read what lies before the cursor.
    is_to_come: bool = False

    @classmethod
    def of_step(cls, run: Run, step: RunStep) -> "Origin":
        # A verification reads what the run read that it verifies.
        made = run.verify_of or run
        base = made.manifest.get("base", {}).get(step.table, {})
        return cls(
            workspace=run.workspace,
            documents=run.snapshot,
            table=step.table,
            inputs=made.manifest.get("inputs", {}).get(step.table, {}),
            cursor=None if base.get("replaced") else base.get("cursor"),
            request=run.request,
        )

    @classmethod
    def of_table(cls, stored: StoredTable, documents: Documents, compiled: CompiledMapping) -> "Origin":
        column = documents["mappings"][stored.name]["document"].get("load", {}).get("cursor")
        cursor = next_cursor(stored, compiled, column)
        return cls(stored.workspace, documents, stored.name, cursor=cursor, is_to_come=True)


def not_asked(note: str | None = None) -> dict[str, Any]:
    """Return the part of an answer that says that the source was not asked."""
    return {
        "read": False,
        "as_then": None,
        "tells_all": False,
        "records": [],
        "left_off": False,
        "note": note,
    }


def ask_source(
    origin: Origin, values: Mapping[str, str], *, folder: Path, deadline: Deadline
) -> dict[str, Any]:
    """Return what the mapping makes of the record's rows as they stand in the source now.

    `as_then` tells whether all inputs are what they were when the run read them, None where that is not known.
    """
    try:
        given = scans_as_read(origin.workspace, origin.documents, origin.table, origin.inputs)
        with open_scans(origin.workspace, origin.documents, origin.table, given=given) as scans:
            shapes = present_shapes(origin.documents, origin.table, scans)
            plan = compile_table(origin.documents, origin.table, shapes=shapes)
            found = _trace(origin, plan, scans, values, folder=folder / "trace", deadline=deadline)
            as_then = _are_as_then(origin.inputs, scans)
    except Cancelled:
        return not_asked(f"The source was not read to its end within {LOOKUP_SECONDS:.0f} seconds.")
    except (Failed, Invalid, NotFound) as error:
        return not_asked(
            f"The source could not be asked: {hide_secrets(error.message, scope=origin.workspace.pk)}"
        )
    records = [asdict(record) for record in found.records]
    note = None if found.tells_all else _PARTLY
    return {
        "read": True,
        "as_then": as_then,
        "tells_all": found.tells_all,
        "records": records,
        "left_off": found.left_off,
        "note": note,
    }


def _trace(
    origin: Origin,
    plan: CompiledMapping,
    scans: Mapping[str, Scan],
    values: Mapping[str, str],
    *,
    folder: Path,
    deadline: Deadline,
) -> Trace:
    def trace(condition: str | None) -> Trace:
        return trace_records(
            plan,
            scans=scans,
            values=values,
            workdir=folder,
            reading=condition,
            types=make_registry(origin.documents["types"]),
            limits=lookup_limits(),
            cancelled=deadline.is_over,
        )

    reading = reading_condition(plan.load, window=read_window(origin.request), cursor=origin.cursor)
    if not origin.is_to_come:
        return trace(reading)
    # What keeps a row out is told first: an earlier run has read it then. One that passes has to be read yet.
    found = trace(None)
    is_valid = any(record.outcome == "valid" for record in found.records)
    return trace(reading) if is_valid and reading is not None else found


_PARTLY = (
    "The value is made by a join or a group, so rows that the cursor, the filter or a join dropped cannot be told "
    "apart here."
)


def _are_as_then(inputs: Mapping[str, Any], scans: Mapping[str, Scan]) -> bool | None:
    if not inputs:
        return None
    return all(
        relation in scans and input_fingerprint(scans[relation]) == report["fingerprint"]
        for relation, report in inputs.items()
    )
