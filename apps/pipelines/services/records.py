"""Looking a record up: did it go through, and if not, why? From what runs keep first, then from the source."""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from apps.mappings.services.compile import collect_documents, compile_table
from apps.mappings.services.types import make_registry
from apps.pipelines.models import Run, RunStep, StoredTable
from apps.pipelines.services.record_keys import read_key
from apps.pipelines.services.record_tracing import (
    LOOKUP_SECONDS,
    Deadline,
    Origin,
    ask_source,
    lookup_limits,
    not_asked,
)
from apps.pipelines.services.record_verdicts import (
    change_of,
    verdict_in_run,
    verdict_in_table,
)
from apps.pipelines.services.runs import unknown_table
from apps.pipelines.services.tables import find_stored_table, table_files, table_storage
from datalinx.engine import lake
from datalinx.engine.compile.plan import CompiledMapping, SourceColumn
from datalinx.engine.execute.finding import (
    MAX_FOUND,
    StoredRows,
    find_passed,
    find_rejected,
    find_stored,
)
from datalinx.engine.execute.sought import Sought, read_sought, with_made
from datalinx.errors import Cancelled, FieldError, Invalid, NotFound
from datalinx.files import scratch, workspace_storage

Asking = Literal["auto", "always", "never"]
"""Whether the source is asked: `auto` where what is kept does not tell already."""

MAX_VERSIONS = 20
MAX_RUNS = 20


@dataclass
class _Search:
    """One look-up under way."""

    folder: Path
    deadline: Deadline
    notes: list[str]

    def rejected(
        self, step: RunStep, compiled: CompiledMapping, sought: Sequence[Sought]
    ) -> list[dict[str, Any]]:
        """Return the record's rows in the quarantine of a step, each with the replay that took it out, if one did."""
        if not step.rejected_key:
            return []
        storage = workspace_storage(step.run.workspace.organization_id, step.run.workspace_id)
        columns = [SourceColumn(name, kind) for name, kind in step.loaded.get("columns", [])]
        folder = self.folder / f"rejected-{step.pk}"
        folder.mkdir()
        try:
            found = find_rejected(
                storage.local(step.rejected_key),
                compiled,
                sought,
                columns=columns or compiled.input(compiled.first).columns,
                workdir=folder,
                limits=lookup_limits(),
                cancelled=self.deadline.is_over,
            )
        except Cancelled:
            self.notes.append(
                f"The rejected rows of {step.run_id} were not looked through within {LOOKUP_SECONDS:.0f} seconds."
            )
            return []
        except NotFound:
            self.notes.append(
                f"The rejected rows of {step.run_id} are not in the storage any more, so they were not looked through."
            )
            return []
        replays = list(step.replays.all())
        passed = find_passed([storage.local(each.key) for each in replays], [row.number for row in found])
        taken = {number: replays[position].run_id for number, position in passed.items()}
        return [
            {**row.document, "replayed": row.number in taken, "replayed_by": taken.get(row.number)}
            for row in found
        ]

    def stored(
        self, table: StoredTable, sequence: int | None, compiled: CompiledMapping, sought: Sequence[Sought]
    ) -> StoredRows:
        """Return the record's rows in a version of a table; there are none before the first one."""
        if sequence is None:
            return StoredRows()
        files = table_files(table, as_of=str(sequence), hold_in=self.folder / "held")
        return find_stored(files, compiled, sought)


def find_in_run(*, run: Run, table: str, key: str, source: Asking = "auto") -> dict[str, Any]:
    """Return what became of a record in a run, and why.

    `key` is as `read_key` has it; `table` may be empty when the run makes one table. Raises Invalid UNKNOWN_TABLE,
    RECORD_KEY_INVALID, RECORD_KEY_INCOMPLETE, UNKNOWN_COLUMN.
    """
    step = _step_of(run, table)
    compiled = compile_table(run.snapshot, step.table)
    values = read_key(compiled, key)
    sought = read_sought(compiled, values, types=make_registry(run.snapshot["types"]))
    with scratch("records") as folder:
        search = _Search(folder, Deadline(), [])
        stored = _stored_around(search, run, step, compiled, sought)
        rejected = search.rejected(step, compiled, sought)
        asked = _ask_for_run(search, run, step, values, source, is_told=_is_told(stored, rejected))
        again = _by_made(sought, asked)
        if again and stored is not None and stored["change"] == "absent":
            stored = _stored_around(search, run, step, compiled, again)
    outcome, message = verdict_in_run(run, step, stored=stored, rejected=rejected, source=asked)
    return {
        "run_id": run.pk,
        "table": step.table,
        "key": values,
        "outcome": outcome,
        "message": message,
        "stored": _bounded_stored(stored),
        **_bounded_rejected(rejected),
        "source": asked,
        "notes": search.notes,
    }


def find_in_table(*, table: StoredTable, key: str, source: Asking = "auto") -> dict[str, Any]:
    """Return what became of a record of a table: its rows, when they changed, which runs rejected it, and why.

    Raises Invalid RECORD_KEY_INVALID, RECORD_KEY_INCOMPLETE, UNKNOWN_COLUMN, and what a mapping raises that does
    not hold any more.
    """
    documents = collect_documents(table.workspace)
    is_mapped = table.name in documents["mappings"]
    if not is_mapped and table.run is not None:
        documents = table.run.snapshot
    compiled = compile_table(documents, table.name)
    values = read_key(compiled, key)
    sought = read_sought(compiled, values, types=make_registry(documents["types"]))
    with scratch("records") as folder:
        search = _Search(folder, Deadline(), [])
        stored = search.stored(table, table.snapshot, compiled, sought)
        history = _history(search, table, compiled, sought)
        rejected = _rejected_by_runs(search, table, values)
        asked = not_asked(None if is_mapped else _UNMAPPED)
        if is_mapped and (source == "always" or (source == "auto" and not _is_present(stored))):
            origin = Origin.of_table(table, documents, compiled)
            asked = ask_source(origin, values, folder=folder, deadline=search.deadline)
        again = _by_made(sought, asked)
        if again and not stored.rows and not history:
            stored = search.stored(table, table.snapshot, compiled, again)
            history = _history(search, table, compiled, again)
    outcome, message = verdict_in_table(stored=stored, history=history, rejected=rejected, source=asked)
    return {
        "table": table.name,
        "key": values,
        "outcome": outcome,
        "message": message,
        "rows": list(stored.rows[:MAX_FOUND]),
        "rows_left_off": len(stored.rows) > MAX_FOUND,
        "ended_at": stored.ended_at,
        "history": history,
        **_bounded_rejected(rejected),
        "source": asked,
        "notes": search.notes,
    }


_UNMAPPED = "The table has no mapping any more, so no run brings anything into it and no source is asked."


def _is_present(stored: StoredRows) -> bool:
    """Whether a table has the record, and not former versions of it alone."""
    return bool(stored.rows) and stored.ended_at is None


def _step_of(run: Run, table: str) -> RunStep:
    steps = list(run.steps.select_related("run__workspace"))
    if not table and len(steps) == 1:
        return steps[0]
    for step in steps:
        if step.table == table:
            return step
    if table:
        raise unknown_table(table, [step.table for step in steps])
    message = f"Name the table: this run made {', '.join(step.table for step in steps[:10])}."
    raise Invalid("UNKNOWN_TABLE", message, errors=[FieldError("table", "unknown_table", message)])


def _stored_around(
    search: _Search, run: Run, step: RunStep, compiled: CompiledMapping, sought: Sequence[Sought]
) -> dict[str, Any] | None:
    """Return the record before and after a step; None when the step published nothing."""
    base = run.manifest.get("base", {}).get(step.table)
    if step.published_at is None:
        return None
    table = find_stored_table(run.workspace_id, step.table)
    if base is None or table is None or table.pk != base["table"]:
        search.notes.append(
            "The table was made anew since, so its versions of then are not there to be looked in."
        )
        return {"known": False, "change": None, "before": [], "after": [], "ended_at": None}
    try:
        before = search.stored(table, base["snapshot"], compiled, sought)
        after = search.stored(table, step.snapshot, compiled, sought)
    except NotFound:
        search.notes.append("A version of the table that the run began with or left is not kept any more.")
        return {"known": False, "change": None, "before": [], "after": [], "ended_at": None}
    return {
        "known": True,
        "change": change_of(before, after),
        "before": before.rows,
        "after": after.rows,
        "ended_at": after.ended_at,
    }


def _by_made(sought: Sequence[Sought], asked: Mapping[str, Any]) -> tuple[Sought, ...] | None:
    """Return what to look for by what the source's rows become, None where that is nothing else.

    A text that is no value of its column, as it stands in the source, can be the record's all the same: the mapping
    makes another value of it.
    """
    if all(each.readings for each in sought):
        return None
    again = with_made(sought, [record["values"] for record in asked["records"] if record["values"]])
    return again if again != tuple(sought) else None


def _is_told(stored: Mapping[str, Any] | None, rejected: Sequence[Mapping[str, Any]]) -> bool:
    """Whether what is kept tells already what became of the record."""
    if rejected or stored is None:
        return bool(rejected)
    # Former versions alone do not tell what the run met of the record.
    is_present = stored["change"] == "unchanged" and stored["ended_at"] is None
    return is_present or stored["change"] in {"new", "changed", "ended", "gone"}


def _ask_for_run(
    search: _Search, run: Run, step: RunStep, values: Mapping[str, str], source: Asking, *, is_told: bool
) -> dict[str, Any]:
    if source == "never" or (source == "auto" and is_told):
        return not_asked()
    if run.trigger == Run.Trigger.REPLAY:
        return not_asked("A replay reads rejected rows, and no source.")
    return ask_source(Origin.of_step(run, step), values, folder=search.folder, deadline=search.deadline)


def _history(
    search: _Search, table: StoredTable, compiled: CompiledMapping, sought: Sequence[Sought]
) -> list[dict[str, Any]]:
    """Return the versions of a table in which the record's rows changed, newest first."""
    versions = list(lake.snapshots(table_storage(table.workspace, table.pk), table.metadata_key))
    found, newer, newer_rows = [], None, StoredRows()
    for version in [*versions[: MAX_VERSIONS + 1], None]:
        if version is None and (newer is None or newer.sequence > 1):
            # What was before the oldest version that is kept nobody knows.
            break
        if search.deadline.is_over():
            search.notes.append("Older versions of the table were not looked in, as the time was over.")
            break
        rows = search.stored(table, version.sequence if version else None, compiled, sought)
        if newer is not None and change_of(rows, newer_rows) not in {"unchanged", "absent"}:
            found.append(
                {
                    "snapshot": newer.sequence,
                    "run_id": newer.run_id,
                    "at": newer.at,
                    "change": change_of(rows, newer_rows),
                    "rows": list(newer_rows.rows[:MAX_FOUND]),
                }
            )
        newer, newer_rows = version, rows
    return found


def _rejected_by_runs(search: _Search, table: StoredTable, values: Mapping[str, str]) -> list[dict[str, Any]]:
    """Return the record's rejected rows of the table's last runs, newest first."""
    steps = (
        RunStep.objects.filter(run__workspace=table.workspace_id, table=table.name)
        .exclude(rejected_key="")
        .exclude(run__trigger=Run.Trigger.VERIFY)
        .select_related("run__workspace")
        .order_by("-run__created_at", "-pk")
    )
    found: list[dict[str, Any]] = []
    for step in steps[:MAX_RUNS]:
        if search.deadline.is_over() or len(found) > MAX_FOUND:
            break
        # A mapping of then that does not hold any more, or that has no such column, has nothing to say.
        with suppress(Invalid, NotFound):
            compiled = compile_table(step.run.snapshot, step.table)
            types = make_registry(step.run.snapshot["types"])
            rows = search.rejected(step, compiled, read_sought(compiled, values, types=types))
            found += [{"run_id": step.run_id, "at": step.run.created_at, **row} for row in rows]
    return found


def _bounded_stored(stored: Mapping[str, Any] | None) -> dict[str, Any] | None:
    if stored is None:
        return None
    return {
        **stored,
        "before": list(stored["before"][:MAX_FOUND]),
        "after": list(stored["after"][:MAX_FOUND]),
        "left_off": max(len(stored["before"]), len(stored["after"])) > MAX_FOUND,
    }


def _bounded_rejected(rejected: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    return {"rejected": list(rejected[:MAX_FOUND]), "rejected_left_off": len(rejected) > MAX_FOUND}
