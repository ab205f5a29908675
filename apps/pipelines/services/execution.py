"""A worker's work: one run from claim to end, table by table, each published in one transaction."""

import logging
import time
from collections.abc import Mapping
from contextlib import AbstractContextManager
from dataclasses import asdict
from dataclasses import replace as replace_fields
from datetime import timedelta
from pathlib import Path
from typing import Any

from django.db import close_old_connections, connection, transaction
from django.utils import timezone

from apps.mappings.services.compile import compile_table, dependencies
from apps.pipelines.models import Run, RunStep
from apps.pipelines.services.bases import engine_limits, local_base, next_columns, with_own_cursor
from apps.pipelines.services.delivery_execution import deliver_step
from apps.pipelines.services.effects import describe_effect
from apps.pipelines.services.ending import announce, finish_run, release_run
from apps.pipelines.services.engines import table_runner
from apps.pipelines.services.gates import require_gate, table_tests
from apps.pipelines.services.lease import Heartbeat, LeaseLost, claim_run, held, require_held
from apps.pipelines.services.logs import write_log
from apps.pipelines.services.manifests import begin_manifest
from apps.pipelines.services.quarantine import describe_load
from apps.pipelines.services.reading import open_scans, present_shapes
from apps.pipelines.services.tables import (
    find_stored_table,
    keep_cursor,
    move_pointer,
    new_table_id,
    state_properties,
    table_storage,
)
from apps.pipelines.services.windows import read_window
from datalinx.api.request_id import set_request_id
from datalinx.engine import lake
from datalinx.engine.compile.loading import key_warnings
from datalinx.engine.compile.plan import CompiledMapping
from datalinx.engine.connectors.base import Scan
from datalinx.engine.execute.ledger import Counts
from datalinx.engine.execute.results import Guards, TableResult
from datalinx.engine.execute.stopped import Stopped
from datalinx.engine.lake import LakeColumn, Staged
from datalinx.engine.spec.base import parse_document
from datalinx.engine.spec.pipeline import PipelineDocument
from datalinx.engine.storage import Storage
from datalinx.errors import Cancelled, DatalinxError, Failed, Interrupted, Invalid
from datalinx.files import scratch, workspace_storage

logger = logging.getLogger(__name__)

# How often progress is written while a table runs.
REPORT_SECONDS = 1.0
# How often a table that others moved meanwhile is begun again within one attempt, and how that is told.
MOVED_TRIES = 3
MOVED = ("TABLE_MOVED", "FILES_NOT_CURRENT")


def execute_run(run_id: str) -> None:
    """Take up a queued run and bring it to its end, unless there is nothing to take or it is taken away."""
    run = claim_run(run_id)
    if run is None:
        return
    set_request_id(run.request_id)
    with Heartbeat(run) as heartbeat:
        try:
            Execution(run, heartbeat).run_all()
        except LeaseLost:
            logger.warning("the run %s was taken over; this worker leaves it", run.pk)
        except Exception:
            logger.exception("the run %s met an unexpected error", run.pk)
            error = Failed(
                "INTERNAL_ERROR", "Something went wrong on our side; it was logged under the run's id."
            )
            finish_run(run, status=Run.Status.FAILED, error=error)


class Execution:
    """One attempt of a run by one worker."""

    def __init__(self, run: Run, heartbeat: Heartbeat) -> None:
        self.run = run
        self.heartbeat = heartbeat
        self.settings = parse_document(PipelineDocument, run.snapshot["pipeline"])
        self.ends_at = time.monotonic() + self.settings.timeout_seconds
        self.reported_at = 0.0
        self.errors: dict[str, DatalinxError] = {}
        # Why committed tables did not reach their destinations; who reads them is not concerned.
        self.undelivered: list[DatalinxError] = []

    def run_all(self) -> None:
        """Run the tables in their order and end the run. A table that failed takes those that read it along."""
        if self.run.attempt == 1:
            with transaction.atomic():
                announce(self.run)
        self.run.manifest = self.run.manifest or begin_manifest(self.run)
        steps = list(self.run.steps.all())
        try:
            for number, step in enumerate(steps):
                if step.status != RunStep.Status.SUCCESS:
                    self._run_step(step, number, len(steps))
                if step.status == RunStep.Status.SUCCESS:
                    self.undelivered += deliver_step(self.run, step, should_stop=self.should_stop)
        except Cancelled:
            self._stop()
            return
        self._end()

    def _stop(self) -> None:
        if self.heartbeat.lost.is_set():
            raise LeaseLost(self.run.pk)
        if self.heartbeat.cancelled.is_set():
            finish_run(self.run, status=Run.Status.CANCELLED)
            return
        message = f"The run took longer than its {self.settings.timeout_seconds} seconds."
        finish_run(self.run, status=Run.Status.FAILED, error=Failed("RUN_TIMEOUT", message))

    def _end(self) -> None:
        errors = [*self.errors.values(), *self.undelivered]
        if not errors:
            finish_run(self.run, status=Run.Status.SUCCESS)
            return
        error = errors[0]
        retries = self.settings.retries
        if all(each.transient for each in errors) and self.run.failures < retries.max:
            backoff = timedelta(seconds=retries.backoff_seconds * 2**self.run.failures)
            self.run.steps.exclude(status=RunStep.Status.SUCCESS).update(status=RunStep.Status.PENDING)
            release_run(self.run, error=error, backoff=backoff)
            return
        finish_run(self.run, status=Run.Status.FAILED, error=error)

    def should_stop(self) -> bool:
        """Return whether the work should end now: cancelled, taken over, or over its time."""
        return self.heartbeat.should_stop() or time.monotonic() > self.ends_at

    def _run_step(self, step: RunStep, number: int, total: int) -> None:
        if self.should_stop():
            raise Cancelled("RUN_CANCELLED", "The run was asked to stop.")
        broken = dependencies(self.run.snapshot, step.table) & self.errors.keys()
        if broken:
            words = ", ".join(sorted(broken))
            error = Failed("DEPENDENCY_FAILED", f"{step.table} was skipped: it reads {words}, which failed.")
            self._fail(step, error, status=RunStep.Status.SKIPPED)
            return
        started = time.monotonic()
        # What an earlier attempt found is not what this one finds.
        self._write(
            step,
            status=RunStep.Status.RUNNING,
            error=None,
            counts={},
            rejected_by_reason={},
            rejected_key="",
            report=None,
        )
        try:
            self._make_table(step, number, total)
        except (Cancelled, LeaseLost):
            self._write(step, status=RunStep.Status.CANCELLED)
            raise
        except DatalinxError as error:
            step.seconds = round(time.monotonic() - started, 3)
            self._fail(step, error)

    def _make_table(self, step: RunStep, number: int, total: int) -> None:
        """Make a table, again from what is there now when a restore or its upkeep moved it meanwhile."""
        for attempt in range(1, MOVED_TRIES + 1):
            try:
                with scratch("run") as folder:
                    _execution_of(self.run)(self, step, folder, number, total).run()
            except Interrupted as error:
                if error.code not in MOVED or attempt == MOVED_TRIES:
                    raise
                write_log(self.run, error.message, level="warning", table=step.table)
            else:
                return

    def _fail(self, step: RunStep, error: DatalinxError, *, status: str = RunStep.Status.FAILED) -> None:
        self.errors[step.table] = error
        self._write(step, status=status, error={"code": error.code, "message": error.message})
        write_log(self.run, error.message, level="error", table=step.table)

    def _write(self, step: RunStep, **values: Any) -> None:
        for name, value in values.items():
            setattr(step, name, value)
        with transaction.atomic():
            require_held(self.run)
            step.save()

    def report(self, step: RunStep, number: int, total: int, share: float, counts: Counts) -> None:
        """Write how far a table is, at most once in a second."""
        if time.monotonic() - self.reported_at < REPORT_SECONDS:
            return
        self.reported_at = time.monotonic()
        held(self.run).update(progress=(number + min(share, 0.99)) / total)
        RunStep.objects.filter(pk=step.pk).update(counts=ledger(counts))


def _execution_of(run: Run) -> "type[TableExecution]":
    """Return what makes a table of this run."""
    if run.trigger == Run.Trigger.REPLAY:
        from apps.pipelines.services.replay_execution import ReplayExecution

        return ReplayExecution
    if run.trigger == Run.Trigger.VERIFY:
        from apps.pipelines.services.verify_execution import VerifyExecution

        return VerifyExecution
    return TableExecution


class TableExecution:
    """One table of a run: read, compile, compute, stage, publish."""

    def __init__(self, execution: Execution, step: RunStep, folder: Path, number: int, total: int) -> None:
        self.execution, self.step, self.folder = execution, step, folder
        self.run_row, self.workspace = execution.run, execution.run.workspace
        self.number, self.total = number, total
        self.stored = find_stored_table(self.workspace.pk, step.table)
        self.table_id = self.stored.pk if self.stored else new_table_id()
        self.storage: Storage = table_storage(self.workspace, self.table_id)
        self.started = time.monotonic()
        self.now = timezone.now()
        self.began_at: str | None = None

    def run(self) -> None:
        """Make the table and publish it, or raise and publish nothing."""
        try:
            self._run()
        except Stopped as stopped:
            self._keep_findings(stopped)
            raise

    def _run(self) -> None:
        with self._open_scans() as scans:
            compiled = self._compile(scans)
            rebuild = bool(self.run_row.request.get("full_refresh"))
            replace = rebuild or compiled.load.mode == "full" or self.stored is None
            columns = next_columns(self.storage, self.stored, compiled, replace=replace)
            base, keys = local_base(self.storage, self.stored, hold_in=self.folder / "base")
            if base is not None and self.stored is not None:
                base = with_own_cursor(base, self.stored, compiled, self._cursor_column(), replace=replace)
            self.began_at = base.cursor if base is not None else None
            tests = table_tests(
                self.workspace,
                self.run_row.snapshot,
                self.step.table,
                mode=self.execution.settings.tests,
            )
            result = table_runner(self.execution.settings.engine)(
                compiled,
                scans=scans,
                workdir=self.folder / "output",
                now=self.now,
                limits=engine_limits(),
                guards=self._guards(),
                base=base,
                field_ids={column.name: column.field_id for column in columns},
                rebuild=rebuild,
                cancelled=self.execution.should_stop,
                progress=self._report,
                # Of a run in test mode the effect is told first, and the gate is asked then.
                tests=tests
                if tests is None or self.run_row.publishes
                else replace_fields(tests, mode="warn"),
                **self._more(compiled),
            )
        if not self.run_row.publishes:
            found = describe_effect(
                self.storage,
                self.stored,
                base.files if base is not None else (),
                compiled=compiled,
                result=result,
                columns=columns,
                workdir=self.folder / "output",
                cancelled=self.execution.should_stop,
            )
            self.step.report = {"counts": ledger(result.counts), **found}
            require_gate(tests, result)
        # After minutes of computing the connection may be gone; within a transaction it is not ours to replace.
        if not connection.in_atomic_block:
            close_old_connections()
        result = self._settle(result)
        if not self.run_row.publishes:
            self._keep_ledger(result, rejected_key=self._store_rejects(result.rejected_path))
            return
        staged = self._stage(compiled, result, columns, keys, replace=replace)
        self._publish(compiled, result, columns, staged, replaced=replace)

    def _open_scans(self) -> AbstractContextManager[Mapping[str, Scan]]:
        """Give what the mapping reads, by relation."""
        return open_scans(self.workspace, self.run_row.snapshot, self.step.table)

    def _more(self, compiled: CompiledMapping) -> dict[str, Any]:
        """Return what else the engine is told."""
        window = read_window(self.run_row.request)
        for warning in key_warnings(compiled) if self.stored is not None else ():
            write_log(
                self.run_row, f"{self.step.table}: {warning.message}", level="warning", table=self.step.table
            )
        if window is not None and compiled.load.mode == "append":
            message = (
                f"{self.step.table} is appended to: rows of this window that it has already are there twice now, "
                "and those after its cursor are read again by the next run without bounds."
            )
            write_log(self.run_row, message, level="warning", table=self.step.table)
        return {"window": window}

    def _settle(self, result: TableResult) -> TableResult:
        """Return a result as it is kept."""
        return result

    def _note(self, compiled: CompiledMapping, *, replaced: bool) -> None:
        """Note with the publication what a later replay of the rejected rows has to know."""
        base = self.stored.snapshot if self.stored else None
        # What a verification builds on again.
        self.run_row.manifest.setdefault("base", {})[self.step.table] = {
            "table": self.table_id,
            "snapshot": base,
            "cursor": self.began_at,
            "replaced": replaced,
            "at": self.now.isoformat(),
        }
        self.step.loaded = describe_load(compiled, table_id=self.table_id, replace=replaced, base=base)

    def _compile(self, scans: Mapping[str, Any]) -> CompiledMapping:
        documents, table = self.run_row.snapshot, self.step.table
        try:
            return compile_table(documents, table, shapes=present_shapes(documents, table, scans))
        except Invalid as error:
            message = f"The mapping of {table} does not fit its inputs any more: {error.message}"
            raise Failed(error.code, message, errors=error.errors) from error

    def _cursor_column(self) -> str | None:
        document: Mapping[str, Any] = self.run_row.snapshot["mappings"][self.step.table]["document"]
        cursor: str | None = document.get("load", {}).get("cursor")
        return cursor

    def _guards(self) -> Guards:
        document = self.execution.settings
        rejected = document.max_rejected
        return Guards(
            max_rejected_rows=rejected.rows if rejected else None,
            max_rejected_share=rejected.share if rejected else None,
            max_rejected_reasons=rejected.reasons if rejected else {},
            empty_source=document.guards.empty_source,
            max_deleted_share=document.guards.max_deleted_share,
        )

    def _report(self, share: float, counts: Counts) -> None:
        self.execution.report(self.step, self.number, self.total, share, counts)

    def _stage(
        self,
        compiled: CompiledMapping,
        result: TableResult,
        columns: tuple[LakeColumn, ...],
        keys: Mapping[Path, str],
        *,
        replace: bool,
    ) -> Staged | None:
        """Write the next version beside the present one; None when there is nothing new."""
        base = self.stored.metadata_key if self.stored else None
        files = [file.path for file in result.files]
        common: dict[str, Any] = {
            "columns": columns,
            "add": files,
            "run_id": self.run_row.pk,
            "now": timezone.now(),
            "properties": state_properties(
                cursor=result.cursor,
                cursor_type=compiled.load.cursor_type or "",
                output_hash=result.output_hash,
                mapping_version=compiled.version,
                merge_keys=compiled.load.keys,
            ),
        }
        if base is None or replace:
            return lake.stage_replace(self.storage, base, **common)
        if not files and not result.removed_files:
            return None
        if compiled.load.mode == "append":
            return lake.stage_append(self.storage, base, **common)
        removed = [keys[path] for path in result.removed_files]
        return lake.stage_rewrite(self.storage, base, remove=removed, **common)

    def _publish(
        self,
        compiled: CompiledMapping,
        result: TableResult,
        columns: tuple[LakeColumn, ...],
        staged: Staged | None,
        *,
        replaced: bool,
    ) -> None:
        """Move the pointer, the cursor, the ledger and the step's state in one transaction, if still held."""
        rejected_key = self._store_rejects(result.rejected_path)
        with transaction.atomic():
            require_held(self.run_row)
            self.step.published_at = timezone.now()
            self._note(compiled, replaced=replaced)
            if staged is None and self.stored is not None:
                keep_cursor(
                    table=self.stored, cursor=result.cursor, cursor_type=compiled.load.cursor_type or ""
                )
                self.step.snapshot = self.stored.snapshot
            elif staged is not None:
                moved = move_pointer(
                    workspace=self.workspace,
                    table=self.stored,
                    table_id=self.table_id,
                    name=self.step.table,
                    staged=staged,
                    columns=columns,
                    run=self.run_row,
                    cursor=result.cursor,
                    cursor_type=compiled.load.cursor_type or "",
                    mapping_version=compiled.version,
                    output_hash=result.output_hash,
                )
                self.step.snapshot = moved.snapshot
            self._keep_ledger(result, rejected_key=rejected_key)

    @transaction.atomic
    def _keep_ledger(self, result: TableResult, *, rejected_key: str) -> None:
        require_held(self.run_row)
        step, manifest = self.step, self.run_row.manifest
        step.status, step.error = RunStep.Status.SUCCESS, None
        step.counts = ledger(result.counts)
        step.rejected_by_reason = dict(result.rejected_by_reason)
        step.values_nulled = sum(result.values_nulled.values())
        step.tests = [asdict(test) for test in result.tests]
        step.seconds = round(time.monotonic() - self.started, 3)
        step.rejected_key = rejected_key
        step.save()
        manifest["engine"] = result.engine
        manifest["output_hash"][step.table] = result.output_hash
        manifest["inputs"][step.table] = {alias: asdict(report) for alias, report in result.inputs.items()}
        held(self.run_row).update(manifest=manifest, progress=(self.number + 1) / self.total)
        write_log(self.run_row, _summary(step), table=step.table)
        for test in result.tests:
            if not test.passed:
                write_log(self.run_row, f"{test.message}.", level="warning", table=step.table)

    def _keep_findings(self, stopped: Stopped) -> None:
        """Put what is known of a table that is not published into its step; the failure is written with it."""
        found, step = stopped.findings, self.step
        step.counts = ledger(found.counts)
        step.rejected_by_reason = dict(found.rejected_by_reason)
        step.values_nulled = sum(found.values_nulled.values())
        step.tests = [asdict(test) for test in found.tests]
        step.rejected_key = self._store_rejects(found.rejected_path)

    def _store_rejects(self, rejected: Path | None) -> str:
        if rejected is None:
            return ""
        key = f"runs/{self.run_row.pk}/{self.step.table}/rejected-{self.run_row.fence}.parquet"
        place = workspace_storage(self.workspace.organization_id, self.workspace.pk)
        place.put_file(key, rejected, move=True)
        return key


def ledger(counts: Counts) -> dict[str, int]:
    """Return the counts of a step as the API shows them."""
    shown = counts.as_dict()
    del shown["values_nulled"], shown["written"]
    return shown


def _summary(step: RunStep) -> str:
    parts = [f"{count:,} {name.replace('_', ' ')}" for name, count in step.counts.items() if count]
    return f"{step.table}: " + (", ".join(parts) or "nothing to do") + "."
