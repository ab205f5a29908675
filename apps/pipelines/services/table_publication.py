"""How one table of a run is kept: staged beside the present version, published in one transaction, its step told."""

import time
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from django.utils import timezone

from apps.pipelines.models import RunStep
from apps.pipelines.services.logs import write_log
from apps.pipelines.services.quarantine import describe_load
from apps.pipelines.services.tables import (
    find_stored_table,
    keep_cursor,
    move_pointer,
    new_table_id,
    state_properties,
    table_storage,
)
from datalinx.engine import lake
from datalinx.engine.compile.plan import CompiledMapping
from datalinx.engine.execute.ledger import Counts
from datalinx.engine.execute.results import TableResult
from datalinx.engine.execute.stopped import Stopped
from datalinx.engine.lake import LakeColumn, Staged
from datalinx.engine.storage import Storage
from datalinx.failpoints import reach
from datalinx.files import workspace_storage

if TYPE_CHECKING:
    from apps.pipelines.services.execution import Execution


class TablePublication:
    """What becomes of one table of a run once it is made, or once it is known that it will not be."""

    def __init__(self, execution: "Execution", step: RunStep, folder: Path) -> None:
        self.execution, self.step, self.folder = execution, step, folder
        self.run_row, self.workspace = execution.run, execution.run.workspace
        self.stored = find_stored_table(self.workspace.pk, step.table)
        self.table_id = self.stored.pk if self.stored else new_table_id()
        self.storage: Storage = table_storage(self.workspace, self.table_id)
        self.started = time.monotonic()
        self.now = timezone.now()
        self.began_at: str | None = None

    def _note(self, compiled: CompiledMapping, *, replaced: bool) -> None:
        """Note with the publication what a later replay of the rejected rows has to know."""
        base = self.stored.snapshot if self.stored else None
        self.step.loaded = describe_load(compiled, table_id=self.table_id, replace=replaced, base=base)

    def _note_base(self, manifest: dict[str, Any], *, replaced: bool) -> None:
        """Note with the ledger which version it builds on: what a verification and a look-up begin with."""
        manifest.setdefault("base", {})[self.step.table] = {
            "table": self.table_id,
            "snapshot": self.stored.snapshot if self.stored else None,
            "cursor": self.began_at,
            "replaced": replaced,
            "at": self.now.isoformat(),
        }

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
        """Move the pointer, the cursor, the ledger and the step's state in one transaction, if it is still ours."""
        rejected_key = self._store_rejects(result.rejected_path)
        reach("run.before_commit")
        with self.execution.record.keeping(self.step.table) as manifest:
            self.step.published_at = timezone.now()
            self._note_base(manifest, replaced=replaced)
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
            self._keep_ledger(result, manifest, rejected_key=rejected_key)
        reach("run.after_commit")

    def _keep_ledger(self, result: TableResult, manifest: dict[str, Any], *, rejected_key: str) -> None:
        step = self.step
        step.status, step.error, step.progress = RunStep.Status.SUCCESS, None, 1.0
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
