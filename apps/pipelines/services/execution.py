"""A worker's work: one run from claim to end, table by table, each published in one transaction."""

import logging
import time
from datetime import timedelta
from typing import Any

from django.db import transaction

from apps.mappings.services.compile import dependencies
from apps.pipelines.models import Run, RunStep
from apps.pipelines.services.delivery_execution import deliver_step
from apps.pipelines.services.ending import announce, finish_run, release_run
from apps.pipelines.services.lease import Heartbeat, LeaseLost, claim_run, held, require_held
from apps.pipelines.services.logs import write_log
from apps.pipelines.services.manifests import begin_manifest
from apps.pipelines.services.replay_execution import ReplayExecution
from apps.pipelines.services.table_execution import TableExecution
from apps.pipelines.services.table_publication import ledger
from apps.pipelines.services.verify_execution import VerifyExecution
from datalinx.api.request_id import set_request_id
from datalinx.engine.execute.ledger import Counts
from datalinx.engine.spec.base import parse_document
from datalinx.engine.spec.pipeline import PipelineDocument
from datalinx.errors import Cancelled, DatalinxError, Failed, Interrupted
from datalinx.failpoints import reach
from datalinx.files import scratch

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
    reach("run.claimed")
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


def _execution_of(run: Run) -> type[TableExecution]:
    """Return what makes a table of this run."""
    made_by = {Run.Trigger.REPLAY: ReplayExecution, Run.Trigger.VERIFY: VerifyExecution}
    return made_by.get(Run.Trigger(run.trigger), TableExecution)
