"""One table's making by a worker: read, compile, compute, and hand over to be published."""

from collections.abc import Mapping
from contextlib import AbstractContextManager
from dataclasses import replace as replace_fields
from typing import Any

from django.db import close_old_connections, connection

from apps.mappings.services.compile import compile_table
from apps.pipelines.services.bases import local_base, next_columns, with_own_cursor
from apps.pipelines.services.effects import describe_effect
from apps.pipelines.services.engines import table_runner
from apps.pipelines.services.gates import require_gate, table_tests
from apps.pipelines.services.logs import write_log
from apps.pipelines.services.reading import open_scans, present_shapes
from apps.pipelines.services.table_publication import TablePublication, ledger
from apps.pipelines.services.windows import read_window
from datalinx.engine.compile.loading import key_warnings
from datalinx.engine.compile.plan import CompiledMapping
from datalinx.engine.connectors.base import Scan
from datalinx.engine.execute.ledger import Counts
from datalinx.engine.execute.results import Guards, TableResult
from datalinx.engine.execute.stopped import Stopped
from datalinx.errors import Failed, Invalid
from datalinx.failpoints import reach


class TableExecution(TablePublication):
    """One table of a run: read, compile, compute, stage, publish."""

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
            reach("run.extracted")
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
                limits=self.execution.limits(self.step),
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
            rejected_key = self._store_rejects(result.rejected_path)
            with self.execution.record.keeping(self.step.table) as manifest:
                self._note_base(manifest, replaced=replace)
                self._keep_ledger(result, manifest, rejected_key=rejected_key)
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
        reach("run.mid_batch")
        self.execution.record.report(self.step, share, ledger(counts))
