"""A worker's work: one run from claim to end, its tables beside each other, each published in one transaction."""

import logging
import threading
import time
from collections.abc import Callable
from datetime import timedelta

from django.db import connection
from django.utils import timezone

from apps.mappings.services.compile import dependencies
from apps.pipelines.models import Run, RunStep
from apps.pipelines.services.bases import engine_limits, most_beside
from apps.pipelines.services.claiming import claim_fairest_run, claim_run
from apps.pipelines.services.delivery_execution import deliver_step
from apps.pipelines.services.dispatching import dispatch_follower, give_up
from apps.pipelines.services.ending import finish_run, hand_over_run, release_run
from apps.pipelines.services.jobs import Job, plan_jobs
from apps.pipelines.services.lease import LeaseLost
from apps.pipelines.services.logs import told_error, write_log
from apps.pipelines.services.manifests import begin_manifest
from apps.pipelines.services.replay_execution import ReplayExecution
from apps.pipelines.services.run_record import RunRecord
from apps.pipelines.services.side_by_side import SideBySide
from apps.pipelines.services.table_execution import TableExecution
from apps.pipelines.services.verify_execution import VerifyExecution
from apps.pipelines.services.watchdog import RunWatchdog
from datalinx.api.request_id import set_request_id
from datalinx.engine.connectors.base import Limits as DeliveryLimits
from datalinx.engine.execute.results import Limits
from datalinx.engine.spec.base import stored_document
from datalinx.engine.spec.pipeline import PipelineDocument
from datalinx.errors import Cancelled, DatalinxError, Failed, Interrupted
from datalinx.failpoints import reach
from datalinx.files import scratch
from datalinx.orm import BROKEN_OFF
from datalinx.trace import carry, span

logger = logging.getLogger(__name__)

# How often a table that others moved meanwhile is begun again within one attempt, and how that is told.
MOVED_TRIES = 3
MOVED = ("TABLE_MOVED", "FILES_NOT_CURRENT")
DEPENDENCY_FAILED = "DEPENDENCY_FAILED"


def execute_next_run(*, end_process: Callable[[], None]) -> None:
    """Take up the queued run whose turn it is and bring it to its end, unless there is none or it is taken away.

    `end_process` ends this process with work in it that does not end when it is told to.
    """
    run = claim_fairest_run()
    if run is not None:
        _execute(run, end_process)
        dispatch_follower(run)


def execute_run(run_id: str) -> None:
    """Take up this run out of its turn and bring it to its end, unless it cannot be taken or is taken away."""
    run = claim_run(run_id)
    if run is not None:
        _execute(run, None)


def _execute(run: Run, end_process: Callable[[], None] | None) -> None:
    reach("run.claimed")
    set_request_id(run.request_id)
    about = {"datalinx.run.id": run.pk, "datalinx.run.attempt": run.attempt, "datalinx.engine": run.engine}
    with (
        # The message that woke this worker may have been sent for another run, of another trace.
        carry(run.trace),
        span("run", parent=run.trace, kind="consumer", attributes=about) as made,
        RunWatchdog(run, end_process=end_process) as watchdog,
    ):
        try:
            Execution(run, watchdog).run_all()
        except LeaseLost:
            logger.warning("the run %s was taken over; this worker leaves it", run.pk)
        except BROKEN_OFF:
            # The database broke off, which is no fault of the run; whether its last commit took place nobody knows.
            logger.warning("the database broke off the run %s", run.pk, exc_info=True)
            if not connection.in_atomic_block:
                connection.close()
            give_up(run)
        except Exception:
            logger.exception("the run %s met an unexpected error", run.pk)
            error = Failed(
                "INTERNAL_ERROR", "Something went wrong on our side; it was logged under the run's id."
            )
            finish_run(run, status=Run.Status.FAILED, error=error)
        made.note(datalinx__run__status=run.status)
        if run.status == Run.Status.FAILED:
            made.fail((run.error or {}).get("message", ""))


class Execution:
    """One attempt of a run by one worker."""

    def __init__(self, run: Run, watchdog: RunWatchdog) -> None:
        self.run = run
        self.watchdog = watchdog
        self.settings = stored_document(PipelineDocument, run.snapshot["pipeline"])
        watchdog.allow(self.settings.timeout_seconds)
        steps = list(run.steps.prefetch_related("deliveries"))
        self.steps = {step.table: step for step in steps}
        self.record = RunRecord(run, steps)
        self.jobs = SideBySide[Job](plan_jobs(run, steps), width=self._width())
        self.halted = threading.Event()
        self.errors: dict[str, DatalinxError] = {}
        # Why committed tables did not reach their destinations; who reads them is not concerned.
        self.undelivered: list[DatalinxError] = []

    def _width(self) -> int:
        # A transaction of the caller is not seen by other threads.
        if connection.in_atomic_block:
            return 1
        return min(most_beside(self.settings), max(1, len(self.steps)))

    def run_all(self) -> None:
        """Run the tables, those that do not need each other side by side, and end the run.

        A table that failed takes those that read it along.
        """
        self.run.manifest = self.run.manifest or begin_manifest(self.run)
        try:
            self.jobs.work_through(self._work, halt=self.halted.set)
        except Cancelled:
            self._stop()
            return
        self._end()

    def _work(self, job: Job) -> None:
        name = "deliver table" if job.delivers else "make table"
        with span(name, attributes={"datalinx.table": job.table}) as made:
            self._do(job)
            if job.table in self.errors:
                made.fail(self.errors[job.table].message)

    def _do(self, job: Job) -> None:
        step = self.steps[job.table]
        if not job.delivers:
            self._run_step(step)
        elif step.status == RunStep.Status.SUCCESS:
            share = self._limits(job)
            limits = DeliveryLimits(memory_bytes=share.memory_bytes, threads=share.threads)
            self.undelivered += deliver_step(self.run, step, limits=limits, should_stop=self.should_stop)

    def limits(self, step: RunStep) -> Limits:
        """Return what a table that begins now may use beside those that may go on meanwhile."""
        return self._limits(Job(step.table))

    def _limits(self, job: Job) -> Limits:
        return engine_limits(self.jobs.beside(job))

    def _stop(self) -> None:
        if self.watchdog.lost.is_set():
            raise LeaseLost(self.run.pk)
        if self.watchdog.is_late and not self.watchdog.cancelled.is_set():
            finish_run(self.run, status=Run.Status.FAILED, error=self.watchdog.too_late())
            return
        if self.watchdog.leaving.is_set() and not self.watchdog.cancelled.is_set():
            hand_over_run(self.run)
            return
        finish_run(self.run, status=Run.Status.CANCELLED)

    def _end(self) -> None:
        # A table that was skipped says nothing that the one that failed does not say.
        causes = [
            self.errors[table]
            for table in self.steps
            if table in self.errors and self.errors[table].code != DEPENDENCY_FAILED
        ]
        errors = [*causes, *self.undelivered]
        reach("run.before_final")
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
        """Return whether the work should end now: cancelled, taken over, over its time, or told to by another table."""
        return self.watchdog.should_stop() or self.watchdog.is_late or self.halted.is_set()

    def _run_step(self, step: RunStep) -> None:
        if self.should_stop():
            raise Cancelled("RUN_CANCELLED", "The run was asked to stop.")
        broken = dependencies(self.run.snapshot, step.table) & self.errors.keys()
        if broken:
            words = ", ".join(sorted(broken))
            error = Failed(DEPENDENCY_FAILED, f"{step.table} was skipped: it reads {words}, which failed.")
            self._fail(step, error, status=RunStep.Status.SKIPPED)
            return
        started = time.monotonic()
        # What an earlier attempt found is not what this one finds.
        self.record.write(
            step,
            status=RunStep.Status.RUNNING,
            started_at=timezone.now(),
            progress=0.0,
            seconds=None,
            error=None,
            counts={},
            rejected_by_reason={},
            rejected_key="",
            report=None,
        )
        try:
            self._make_table(step)
        except (Cancelled, LeaseLost):
            self.record.write(step, status=RunStep.Status.CANCELLED)
            raise
        except DatalinxError as error:
            step.seconds = round(time.monotonic() - started, 3)
            self._fail(step, error)

    def _make_table(self, step: RunStep) -> None:
        """Make a table, again from what is there now when a restore or its upkeep moved it meanwhile."""
        for attempt in range(1, MOVED_TRIES + 1):
            try:
                with scratch("run") as folder:
                    _execution_of(self.run)(self, step, folder).run()
            except Interrupted as error:
                if error.code not in MOVED or attempt == MOVED_TRIES:
                    raise
                write_log(self.run, error.message, level="warning", table=step.table)
            else:
                return

    def _fail(self, step: RunStep, error: DatalinxError, *, status: str = RunStep.Status.FAILED) -> None:
        self.errors[step.table] = error
        self.record.write(step, status=status, error=told_error(self.run, error))
        write_log(self.run, error.message, level="error", table=step.table)


def _execution_of(run: Run) -> type[TableExecution]:
    """Return what makes a table of this run."""
    made_by = {Run.Trigger.REPLAY: ReplayExecution, Run.Trigger.VERIFY: VerifyExecution}
    return made_by.get(Run.Trigger(run.trigger), TableExecution)
