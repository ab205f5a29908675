"""The quarantine of a step: which of its rejected rows wait, whether they may be replayed, and with what."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from apps.mappings.services.compile import Documents, compile_table, mapping_from
from apps.pipelines.models import Run, RunStep, StoredTable
from apps.pipelines.services.bases import engine_limits, local_files
from apps.pipelines.services.reading import open_scans, present_shapes
from apps.pipelines.services.tables import find_stored_table, table_storage
from datalinx.engine import lake
from datalinx.engine.compile.plan import CompiledMapping, SourceColumn
from datalinx.engine.connectors.base import Scan
from datalinx.engine.execute.quarantine import Quarantine, Released, close_quarantine, open_quarantine
from datalinx.engine.execute.rejected import count_waiting
from datalinx.engine.execute.replay import Precedence, plan_replay, precedence_of
from datalinx.engine.execute.results import TableResult
from datalinx.errors import Invalid, NotFound
from datalinx.files import workspace_storage

KEYED = ("merge", "history")


def describe_load(
    compiled: CompiledMapping, *, table_id: str, replace: bool, base: int | None
) -> dict[str, Any]:
    """Return what a step keeps of a load, so that its rejected rows can be replayed."""
    first = compiled.input(compiled.first)
    read = first.read
    return {
        "source": read.source if read else None,
        "table": (read.table or read.target) if read else first.alias,
        "columns": [[column.name, column.type] for column in first.columns],
        "grouped": bool(compiled.group_by),
        "stored": table_id,
        "whole": replace or compiled.load.delete_missing,
        "base": None if replace else base,
    }


def replayable_steps(run: Run, table: str = "", reason: str = "") -> list[RunStep]:
    """Return the steps of a run whose rejected rows can be replayed, and are waiting.

    Raises Invalid RUN_NOT_FINISHED, RUN_NOT_REPLAYABLE, UNKNOWN_TABLE, REPLAY_SUPERSEDED, NOTHING_TO_REPLAY.
    """
    if not run.is_finished:
        raise Invalid("RUN_NOT_FINISHED", "This run has not ended yet; wait for it or cancel it.")
    _require_first_rejection(run)
    steps = [step for step in run.steps.all() if not table or step.table == table]
    if not steps:
        raise Invalid("UNKNOWN_TABLE", f"This run did not make the table {table!r}.")
    waiting = [step for step in steps if step.rejected_key and waiting_rows(step, reason)]
    for step in waiting:
        _require_published(step)
        require_present(step)
    if not waiting:
        words = f" for {reason!r}" if reason else ""
        message = (
            f"No row that this run rejected{words} waits any more; malformed records cannot be replayed."
        )
        raise Invalid("NOTHING_TO_REPLAY", message)
    return waiting


def _require_first_rejection(run: Run) -> None:
    if run.trigger == Run.Trigger.REPLAY:
        message = f"This run is itself a replay: replay the run that rejected the rows, {run.replay_of_id}."
    elif not run.publishes:
        message = (
            "This run published nothing, so none of its rows is missing anywhere: run the pipeline instead."
        )
    else:
        return
    raise Invalid("RUN_NOT_REPLAYABLE", message)


def _require_published(step: RunStep) -> None:
    if step.published_at is None or not step.loaded:
        message = (
            f"The step of {step.table!r} published nothing, so the next run reads all of its rows again: mend what "
            "stopped it and run the pipeline."
        )
        raise Invalid("RUN_NOT_REPLAYABLE", message)


def require_present(step: RunStep) -> None:
    """Raise Invalid REPLAY_SUPERSEDED when the table was loaded as a whole since: that load judged all rows."""
    since = _loads_since(step).filter(loaded__whole=True).order_by("-published_at").first()
    if since is not None:
        message = (
            f"The table {step.table!r} was loaded as a whole since, by the run {since.run_id}, which read the "
            "rows again: replay what that run rejected."
        )
        raise Invalid("REPLAY_SUPERSEDED", message)


def _loads_since(step: RunStep) -> Any:
    rows = RunStep.objects.filter(
        run__workspace=step.run.workspace_id, table=step.table, published_at__gt=step.published_at
    )
    return rows.exclude(run__trigger=Run.Trigger.REPLAY)


def passed_files(step: RunStep) -> list[Path]:
    """Return the files that name the rejected rows of a step that replays took out, in their order."""
    storage = workspace_storage(step.run.workspace.organization_id, step.run.workspace_id)
    return [storage.local(key) for key in step.replays.values_list("key", flat=True)]


def waiting_rows(step: RunStep, reason: str = "") -> int:
    """Return how many rejected rows of a step can still be replayed."""
    storage = workspace_storage(step.run.workspace.organization_id, step.run.workspace_id)
    return count_waiting(storage.local(step.rejected_key), reason=reason, passed=passed_files(step))


@dataclass
class TableReplay:
    """The replay of one step's rejected rows by a set of documents; rehearsed and run alike."""

    origin: RunStep
    documents: Documents
    reason: str
    folder: Path
    # How many replays came before: what this one takes is what they left.
    before: int = field(init=False)
    quarantine: Quarantine = field(init=False)

    def __post_init__(self) -> None:
        place = workspace_storage(self.origin.run.workspace.organization_id, self.origin.run.workspace_id)
        passed = passed_files(self.origin)
        self.before = len(passed)
        self.folder.mkdir(parents=True, exist_ok=True)
        self.quarantine = open_quarantine(
            place.local(self.origin.rejected_key),
            [SourceColumn(name, kind) for name, kind in self.origin.loaded["columns"]],
            folder=self.folder,
            limits=engine_limits(),
            reason=self.reason,
            passed=passed,
        )

    @contextmanager
    def open_scans(self) -> Iterator[dict[str, Scan]]:
        """Give the quarantine as the first input, and all other inputs as they are now."""
        self._require_same_input()
        first = mapping_from(self.documents, self.origin.table).inputs[0].alias
        workspace, given = self.origin.run.workspace, {first: self.quarantine.scan}
        with open_scans(workspace, self.documents, self.origin.table, given=given) as scans:
            yield scans

    def compile(self, scans: dict[str, Scan]) -> CompiledMapping:
        """Return the plan of the replay. Raises Invalid when the mapping cannot take rows one by one."""
        table = self.origin.table
        shapes = present_shapes(self.documents, table, scans)
        plan = plan_replay(compile_table(self.documents, table, shapes=shapes))
        if not set(plan.input(plan.first).columns) <= set(self.quarantine.scan.columns):
            raise self._input_changed("has columns that it did not have when the rows were rejected")
        return plan

    def precedence(self, plan: CompiledMapping, stored: StoredTable | None) -> Precedence:
        """Return which stored rows the replay leaves alone. Raises Invalid REPLAY_SUPERSEDED."""
        require_present(self.origin)
        restored = self._was_restored(stored)
        mode = mapping_from(self.documents, self.origin.table).load.mode
        if restored and mode not in KEYED:
            message = (
                f"The table {self.origin.table!r} was brought back to an older version since: run it again."
            )
            raise Invalid("REPLAY_SUPERSEDED", message)
        was_read_since = restored or _loads_since(self.origin).exists()
        before = self._files_before(stored) if stored is not None and not was_read_since else ()
        return precedence_of(plan, was_read_since=was_read_since, before=before)

    def release(self, result: TableResult | None) -> Released:
        """Return what left the quarantine, and what was rejected again, where it first stood."""
        rejected = result.rejected_path if result is not None else None
        return close_quarantine(self.quarantine, rejected, folder=self.folder, limits=engine_limits())

    def _require_same_input(self) -> None:
        if self.origin.loaded["grouped"]:
            message = (
                f"The rows of {self.origin.table!r} were grouped, and a group cannot be made again from the row that "
                "was kept of it: mend the source or the mapping and run the table again."
            )
            raise Invalid("REPLAY_NOT_BY_ROW", message)
        entry = mapping_from(self.documents, self.origin.table).inputs[0]
        present = (entry.source, entry.table or entry.target or entry.alias)
        if present != (self.origin.loaded["source"], self.origin.loaded["table"]):
            raise self._input_changed("is another one than the rejected rows came from")

    def _input_changed(self, what: str) -> Invalid:
        message = (
            f"The first input of the mapping of {self.origin.table!r} {what}: run the table again instead."
        )
        return Invalid("REPLAY_INPUT_CHANGED", message)

    def _was_restored(self, stored: StoredTable | None) -> bool:
        if stored is None:
            return False
        storage, last = table_storage(stored.workspace, stored.pk), self.origin.snapshot or 0
        found = lake.snapshots(storage, stored.metadata_key)
        return any(each.restored_from is not None and each.sequence > last for each in found)

    def _files_before(self, stored: StoredTable) -> tuple[Path, ...]:
        base = self.origin.loaded["base"]
        if base is None:
            return ()
        storage = table_storage(stored.workspace, stored.pk)
        try:
            return tuple(local_files(storage, stored, hold_in=self.folder / "before", sequence=base))
        # Without the version nobody can tell which rows are older, and then none counts as such.
        except NotFound:
            return ()


def present_table(step: RunStep) -> StoredTable | None:
    """Return the stored table that a step's rows belong to. Raises Invalid REPLAY_SUPERSEDED when it is a new one."""
    stored = find_stored_table(step.run.workspace_id, step.table)
    if stored is not None and stored.pk != step.loaded["stored"]:
        message = f"The table {step.table!r} was made anew since: run it again."
        raise Invalid("REPLAY_SUPERSEDED", message)
    return stored
