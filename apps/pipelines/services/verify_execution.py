"""A worker's verification of one table: the inputs by their fingerprints, then the same load on the same base."""

import time
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.db import close_old_connections, connection

from apps.mappings.services.compile import compile_table
from apps.pipelines.models import Run, RunStep
from apps.pipelines.services.bases import local_files, next_columns
from apps.pipelines.services.engines import table_repeater
from apps.pipelines.services.logs import told_error, write_log
from apps.pipelines.services.reading import open_scans, present_shapes, scans_as_read
from apps.pipelines.services.table_execution import TableExecution
from apps.pipelines.services.table_publication import ledger
from apps.pipelines.services.verifications import DIFFERENT, NOT_POSSIBLE, VERIFIED, compare_values
from apps.pipelines.services.windows import read_window
from datalinx.engine.connectors.base import Scan
from datalinx.engine.execute.fingerprints import input_fingerprint
from datalinx.engine.execute.results import Guards, TableResult
from datalinx.engine.execute.results import StoredTable as BaseTable
from datalinx.engine.execute.stopped import Stopped
from datalinx.errors import Failed, Invalid, NotFound

# The first run's guards let it through; what counts here is only whether it comes out the same.
NO_GUARDS = Guards(empty_source="allow", max_deleted_share=None)


class VerifyExecution(TableExecution):
    """One table of a verification. It ends with a report whatever it finds; only its own trouble fails it."""

    def run(self) -> None:
        try:
            report = self._verify()
        except Stopped as error:
            report = {
                "verdict": DIFFERENT,
                "reasons": [
                    f"The run succeeded, and now it fails: {told_error(self.run_row, error)['message']}"
                ],
            }
        except (Failed, Invalid, NotFound) as error:
            report = {"verdict": NOT_POSSIBLE, "reasons": [told_error(self.run_row, error)["message"]]}
        self._keep(report)

    def _verify(self) -> dict[str, Any]:
        first, base = self._first()
        table, manifest = self.step.table, first.manifest
        known = manifest["inputs"][table]
        documents = self.run_row.snapshot
        given = scans_as_read(self.workspace, documents, table, known)
        with open_scans(self.workspace, documents, table, given=given) as scans:
            inputs = self._compare_inputs(known, scans)
            changed = [name for name, each in inputs.items() if not each["equal"]]
            if changed:
                reasons = [
                    f"The input {name!r} is not what it was: it was replaced since." for name in changed
                ]
                return {"verdict": NOT_POSSIBLE, "reasons": reasons, "inputs": inputs}
            result = self._repeat(base, scans)
        return {"engine": result.engine, "inputs": inputs, **self._compare_results(first, result)}

    def _first(self) -> tuple[Run, Mapping[str, Any]]:
        first = self.run_row.verify_of
        if first is None:
            raise Failed("RUN_NOT_VERIFIABLE", "The run that was to be verified is not there any more.")
        base = first.manifest.get("base", {}).get(self.step.table)
        if base is None:
            raise Failed("RUN_NOT_VERIFIABLE", "The run's manifest does not say what it was built on.")
        return first, base

    def _compare_inputs(
        self, known: Mapping[str, Any], scans: Mapping[str, Scan]
    ) -> dict[str, dict[str, Any]]:
        return {
            relation: compare_values(report["fingerprint"], input_fingerprint(scans[relation]))
            for relation, report in known.items()
        }

    def _repeat(self, base: Mapping[str, Any], scans: Mapping[str, Scan]) -> TableResult:
        """Load again what the run loaded, at its moment, onto the version that it began with."""
        documents, table = self.run_row.snapshot, self.step.table
        plan = compile_table(documents, table, shapes=present_shapes(documents, table, scans))
        stored, before = self.stored, None
        if base["snapshot"] is not None:
            if stored is None or stored.pk != base["table"]:
                raise Failed("RUN_NOT_VERIFIABLE", "The table that the run loaded is not there any more.")
            hold = self.folder / "base"
            files = local_files(self.storage, stored, hold_in=hold, sequence=base["snapshot"])
            before = BaseTable(tuple(files), base["cursor"], None)
        replaces = base["snapshot"] is None or base["replaced"]
        columns = next_columns(self.storage, None if replaces else stored, plan, replace=replaces)
        return table_repeater(self.execution.settings.engine)(
            plan,
            scans=scans,
            workdir=self.folder / "output",
            now=datetime.fromisoformat(base["at"]),
            limits=self.execution.limits(self.step),
            guards=NO_GUARDS,
            base=before,
            field_ids=None if replaces else {column.name: column.field_id for column in columns},
            rebuild=bool(self.run_row.request.get("full_refresh")),
            window=read_window(self.run_row.request),
            cancelled=self.execution.should_stop,
            progress=self._report,
        )

    def _compare_results(self, first: Run, result: TableResult) -> dict[str, Any]:
        step = first.steps.get(table=self.step.table)
        found = {
            "counts": compare_values(step.counts, ledger(result.counts)),
            "rejected_by_reason": compare_values(step.rejected_by_reason, dict(result.rejected_by_reason)),
            "output_hash": compare_values(first.manifest["output_hash"][step.table], result.output_hash),
        }
        self.step.counts = ledger(result.counts)
        self.step.rejected_by_reason = dict(result.rejected_by_reason)
        methods = {each.partition(":")[0] for each in (found["output_hash"]["expected"], result.output_hash)}
        if len(methods) > 1:
            reason = f"The rows were hashed by another version of the engine, {first.manifest['engine']}."
            return {"verdict": NOT_POSSIBLE, "reasons": [reason], **found}
        different = [name for name, each in found.items() if not each["equal"]]
        reasons = [f"The {name.replace('_', ' ')} differ from those of the run." for name in different]
        return {"verdict": DIFFERENT if different else VERIFIED, "reasons": reasons, **found}

    def _keep(self, report: dict[str, Any]) -> None:
        if not connection.in_atomic_block:
            close_old_connections()
        step = self.step
        step.status, step.error, step.report, step.progress = RunStep.Status.SUCCESS, None, report, 1.0
        step.seconds = round(time.monotonic() - self.started, 3)
        words = " ".join([report["verdict"].replace("_", " ") + ".", *report["reasons"]])
        with self.execution.record.keeping(step.table):
            step.save()
            write_log(self.run_row, f"{step.table}: {words}", table=step.table)
