"""A worker's replay of one table: rejected rows in, and what left the quarantine noted with the rows themselves."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

from django.db import IntegrityError, transaction
from django.db.models import F

from apps.pipelines.models import Replay, RunStep
from apps.pipelines.services.quarantine import TableReplay, present_table
from apps.pipelines.services.replays import REPLAY_GUARDS
from apps.pipelines.services.table_execution import TableExecution
from datalinx.engine.compile.plan import CompiledMapping
from datalinx.engine.connectors.base import Scan
from datalinx.engine.execute.quarantine import Released
from datalinx.engine.execute.results import Guards, TableResult
from datalinx.errors import Failed, Interrupted, Invalid
from datalinx.files import workspace_storage


class ReplayExecution(TableExecution):
    """One table of a replay. Everything but its first input and its place in the quarantine is a run's."""

    replay: TableReplay
    released: Released

    def _run(self) -> None:
        try:
            super()._run()
        except Invalid as error:
            raise Failed(error.code, error.message, details=error.details, errors=error.errors) from error

    @contextmanager
    def _open_scans(self) -> Iterator[dict[str, Scan]]:
        first = self.run_row.replay_of
        if first is None:
            raise Failed(
                "RUN_NOT_REPLAYABLE", "The run whose rows were to be replayed is not there any more."
            )
        origin = first.steps.select_related("run__workspace").get(table=self.step.table)
        present_table(origin)
        self.replay = TableReplay(
            origin,
            self.run_row.snapshot,
            self.run_row.request.get("reason", ""),
            self.folder / "quarantine",
        )
        with self.replay.open_scans() as scans:
            yield scans

    def _compile(self, scans: Mapping[str, Scan]) -> CompiledMapping:
        return self.replay.compile(dict(scans))

    def _guards(self) -> Guards:
        return REPLAY_GUARDS

    def _more(self, compiled: CompiledMapping) -> dict[str, Any]:
        return {"replay": self.replay.precedence(compiled, self.stored)}

    def _settle(self, result: TableResult) -> TableResult:
        """Put the first locators back into what was rejected again."""
        self.released = self.replay.release(result)
        return replace(result, rejected_path=self.released.rejected)

    def _note(self, compiled: CompiledMapping, *, replaced: bool) -> None:
        """Note which rows left the quarantine. Raises Interrupted REPLAY_MOVED when another replay was first."""
        if self.released.passed is None:
            return
        place = workspace_storage(self.workspace.organization_id, self.workspace.pk)
        key = f"runs/{self.run_row.pk}/{self.step.table}/passed-{self.run_row.fence}.parquet"
        place.put_file(key, self.released.passed, move=True)
        origin, count = self.replay.origin, self.released.count
        try:
            with transaction.atomic():
                Replay.objects.create(
                    step=origin, number=self.replay.before + 1, run=self.run_row, key=key, rows=count
                )
        except IntegrityError as error:
            message = (
                f"Another replay took rejected rows of {origin.table!r} first; this one takes what it left."
            )
            raise Interrupted("REPLAY_MOVED", message) from error
        RunStep.objects.filter(pk=origin.pk).update(replayed=F("replayed") + count)
