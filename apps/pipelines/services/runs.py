"""Runs: started, dispatched to workers, cancelled, tried again, ended."""

import logging
from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

from django.db import transaction
from django.db.models import F, Q
from django.db.models.functions import Now
from django.utils import timezone

from apps.mappings.services.compile import collect_documents, order_tables, unmapped_columns
from apps.pipelines.models import Pipeline, Run, RunLog, RunStep
from apps.pipelines.services.delivering import end_deliveries, is_owed, plan_deliveries
from apps.pipelines.services.lease import held, now_plus
from apps.pipelines.services.windows import require_windows
from apps.workspaces.models import Workspace
from datalinx.api.request_id import current_request_id
from datalinx.caller import Caller
from datalinx.engine.spec.base import document_to_json, parse_document
from datalinx.engine.spec.pipeline import PipelineDocument
from datalinx.errors import DatalinxError, FieldError, Invalid
from datalinx.events import emit

logger = logging.getLogger(__name__)

MAX_ATTEMPTS = 10
# A message that was sent and never picked up is sent again after this long.
REDISPATCH = timedelta(seconds=15)


def start_run(
    *,
    workspace: Workspace,
    actor: Caller,
    pipeline: Pipeline | None,
    request: Mapping[str, Any] | None = None,
    trigger: str = Run.Trigger.MANUAL,
    retry_of: Run | None = None,
    replay_of: Run | None = None,
    committed: Mapping[str, int] | None = None,
) -> Run:
    """Queue a run of a pipeline, or of the whole workspace, and return it at once.

    The run carries the documents that it runs; `committed` are tables that are only delivered again, each with its
    version. Raises Invalid MAPPING_INCOMPLETE, NOTHING_TO_RUN, UNKNOWN_TABLE, WINDOW_NOT_POSSIBLE.
    """
    request = dict(request or {})
    settings = _settings(workspace, pipeline)
    tables = _chosen_tables(settings, request)
    documents = collect_documents(workspace, tables)
    _refuse_incomplete(documents, tables)
    require_windows(documents, tables, request)
    return queue_run(
        workspace=workspace,
        actor=actor,
        pipeline=pipeline,
        request=request,
        trigger=trigger,
        engine=settings.engine,
        snapshot={**documents, "pipeline": document_to_json(settings)},
        tables=order_tables(documents, tables),
        retry_of=retry_of,
        replay_of=replay_of,
        committed=committed,
    )


def queue_run(
    *, actor: Caller, tables: Sequence[str], committed: Mapping[str, int] | None = None, **values: Any
) -> Run:
    """Write down a run of these tables, in this order, and wake a worker for it."""
    with transaction.atomic():
        run = Run.objects.create(**values, request_id=current_request_id(), created_by=actor.id)
        steps = [RunStep(run=run, position=position, table=table) for position, table in enumerate(tables)]
        for step in steps:
            if committed and step.table in committed:
                step.status, step.snapshot = RunStep.Status.SUCCESS, committed[step.table]
        plan_deliveries(run, RunStep.objects.bulk_create(steps))
        write_log(run, f"Queued by {actor.name}: {', '.join(tables)}.")
        transaction.on_commit(lambda: dispatch(run.pk))
    return run


def _settings(workspace: Workspace, pipeline: Pipeline | None) -> PipelineDocument:
    if pipeline is not None:
        return parse_document(PipelineDocument, pipeline.document)
    from apps.mappings.models import Mapping as MappingRow

    tables = sorted(MappingRow.objects.for_workspace(workspace.pk).values_list("table_name", flat=True))
    if not tables:
        raise Invalid("NOTHING_TO_RUN", "This workspace has no mapping; make one first.")
    return parse_document(PipelineDocument, {"name": "workspace", "tables": tables})


def _chosen_tables(settings: PipelineDocument, request: Mapping[str, Any]) -> list[str]:
    chosen = list(request.get("tables") or settings.tables)
    for index, name in enumerate(chosen):
        if name not in settings.tables:
            message = f"The pipeline does not make the table {name!r}."
            raise Invalid(
                "UNKNOWN_TABLE", message, errors=[FieldError(f"tables[{index}]", "unknown_table", message)]
            )
    return chosen


def _refuse_incomplete(documents: Mapping[str, Any], tables: Sequence[str]) -> None:
    faults = []
    for table in tables:
        missing = unmapped_columns(documents, table)
        if missing is None:
            faults.append(FieldError(table, "no_mapping", f"The table {table!r} has no mapping."))
        elif missing:
            words = ", ".join(missing)
            faults.append(FieldError(table, "unmapped", f"The mapping of {table!r} leaves out: {words}."))
    if faults:
        raise Invalid("MAPPING_INCOMPLETE", faults[0].message, errors=faults)


def dispatch(run_id: str) -> None:
    """Wake a worker for a queued run. A message that is lost is sent again by the tick."""
    from apps.pipelines.tasks import execute

    Run.objects.filter(pk=run_id, status=Run.Status.QUEUED).update(dispatched_at=Now())
    try:
        execute.delay(run_id)
    except Exception:  # The broker may be away; the row stays, and the tick tries again.
        logger.warning("the run %s could not be sent to a worker yet", run_id, exc_info=True)


def cancel_run(*, run: Run, actor: Caller) -> Run:
    """Ask a run to stop. A queued one ends now, a running one within seconds. Raises RUN_ALREADY_FINISHED."""
    with transaction.atomic():
        ended = Run.objects.filter(pk=run.pk, status=Run.Status.QUEUED).update(
            status=Run.Status.CANCELLED, finished_at=Now(), cancel_requested_at=Now(), updated_at=Now()
        )
        asked = ended or Run.objects.filter(pk=run.pk, status=Run.Status.RUNNING).update(
            cancel_requested_at=Now()
        )
        if not asked:
            raise Invalid("RUN_ALREADY_FINISHED", "This run has ended; there is nothing to cancel.")
        write_log(run, f"{actor.name} asked to cancel.")
        run.refresh_from_db()
        if ended:
            run.steps.filter(status=RunStep.Status.PENDING).update(status=RunStep.Status.CANCELLED)
            end_deliveries(run, status=RunStep.Status.CANCELLED)
            announce(run)
    return run


def retry_run(*, run: Run, actor: Caller) -> Run:
    """Start a new run of what an ended run did not finish. Raises RUN_NOT_FINISHED, RUN_NOT_FAILED."""
    if not run.is_finished:
        raise Invalid("RUN_NOT_FINISHED", "This run has not ended yet; wait for it or cancel it.")
    if run.trigger == Run.Trigger.VERIFY:
        message = f"A verification is not tried again: verify the run {run.verify_of_id} once more."
        raise Invalid("RUN_NOT_FAILED", message)
    if run.status == Run.Status.SUCCESS:
        raise Invalid("RUN_NOT_FAILED", "This run succeeded; start a new run instead.")
    steps = list(run.steps.prefetch_related("deliveries"))
    left = [step.table for step in steps if step.status != RunStep.Status.SUCCESS]
    # What was committed is not made again: rows that were appended would be there twice.
    committed = {
        step.table: step.snapshot
        for step in steps
        if step.table not in left and step.snapshot is not None and is_owed(step)
    }
    request = {**run.request, "tables": [*left, *committed]}
    return start_run(
        workspace=run.workspace,
        actor=actor,
        pipeline=run.pipeline,
        request=request,
        # What is tried again stays what it is.
        trigger=run.trigger if run.replay_of_id else Run.Trigger.RETRY,
        retry_of=run,
        replay_of=run.replay_of,
        committed=committed,
    )


def write_log(run: Run, message: str, *, level: str = "info", table: str = "") -> None:
    """Add a line to a run's log."""
    RunLog.objects.create(run=run, level=level, table=table, message=message[:10_000])


def finish_run(run: Run, *, status: str, error: DatalinxError | None = None) -> bool:
    """End a run that this process holds, tell those who listen, and return whether it was still held."""
    with transaction.atomic():
        ended = held(run).update(
            status=status,
            error={"code": error.code, "message": error.message} if error else None,
            progress=1.0 if status == Run.Status.SUCCESS else F("progress"),
            manifest=run.manifest,
            finished_at=Now(),
            lease_expires_at=None,
            updated_at=Now(),
        )
        if not ended:
            return False
        run.steps.filter(status=RunStep.Status.PENDING).update(status=_left_over(status))
        # An error that nobody foresaw leaves the step where it was.
        run.steps.filter(status=RunStep.Status.RUNNING).update(status=status)
        end_deliveries(run, status=_left_over(status))
        run.refresh_from_db()
        write_log(run, f"Ended: {status}." if error is None else f"Ended: {status}. {error.message}")
        announce(run)
    return True


def _left_over(status: str) -> str:
    return RunStep.Status.CANCELLED if status == Run.Status.CANCELLED else RunStep.Status.SKIPPED


def release_run(run: Run, *, error: DatalinxError, backoff: timedelta) -> bool:
    """Give a held run back to the queue, to be tried again after a pause."""
    released = held(run).update(
        status=Run.Status.QUEUED,
        attempt=F("attempt") + 1,
        failures=F("failures") + 1,
        lease_expires_at=None,
        not_before=now_plus(backoff),
        dispatched_at=None,
        updated_at=Now(),
    )
    if released:
        write_log(run, f"Tried again in {backoff.total_seconds():.0f} s: {error.message}", level="warning")
    return bool(released)


def announce(run: Run) -> None:
    """Tell those who listen how a run began or ended. Within the transaction of the fact."""
    events = {
        Run.Status.RUNNING: ("pipeline.started", "running"),
        Run.Status.SUCCESS: ("pipeline.completed", "success"),
        Run.Status.FAILED: ("pipeline.failed", "failed"),
        Run.Status.CANCELLED: ("pipeline.cancelled", "cancelled"),
    }
    event, status = events[Run.Status(run.status)]
    emit(
        event,
        workspace=run.workspace,
        pipeline_id=run.pipeline_id,
        run_id=run.pk,
        status=status,
        error=run.error,
        totals=sum_counts(run),
    )


def sum_counts(run: Run) -> dict[str, int]:
    """Return the totals of a run: the sums of its steps."""
    totals: dict[str, int] = {}
    for step in run.steps.all():
        for name, count in step.counts.items():
            totals[name] = totals.get(name, 0) + count
    return totals


def reap_lost_runs() -> int:
    """Take up runs whose worker fell silent, also one that never spoke; return how many.

    A lost worker does not use up the pipeline's retries, but no run is taken up without end.
    """
    silent = Q(lease_expires_at=None) | Q(lease_expires_at__lt=Now())
    count = 0
    for run in Run.objects.filter(silent, status=Run.Status.RUNNING).select_related("workspace")[:100]:
        mine = Run.objects.filter(silent, pk=run.pk, fence=run.fence, status=Run.Status.RUNNING)
        with transaction.atomic():
            if run.cancel_requested_at is not None:
                ended = _end_lost(mine, run, Run.Status.CANCELLED, None)
            elif run.attempt >= MAX_ATTEMPTS:
                error = {
                    "code": "WORKER_LOST",
                    "message": f"The worker was lost {run.attempt} times; look at its log.",
                }
                ended = _end_lost(mine, run, Run.Status.FAILED, error)
            else:
                ended = mine.update(
                    status=Run.Status.QUEUED,
                    attempt=F("attempt") + 1,
                    fence=F("fence") + 1,
                    lease_expires_at=None,
                    dispatched_at=None,
                    updated_at=Now(),
                )
                if ended:
                    write_log(
                        run,
                        f"The worker {run.lease_owner} fell silent; the run is taken up again.",
                        level="warning",
                    )
        count += bool(ended)
    return count


def _end_lost(rows: Any, run: Run, status: str, error: dict[str, str] | None) -> int:
    ended: int = rows.update(
        status=status,
        error=error,
        fence=F("fence") + 1,
        finished_at=Now(),
        lease_expires_at=None,
        updated_at=Now(),
    )
    if ended:
        run.steps.filter(status__in=[RunStep.Status.PENDING, RunStep.Status.RUNNING]).update(
            status=_left_over(status)
        )
        end_deliveries(run, status=_left_over(status))
        run.refresh_from_db()
        announce(run)
    return ended


def dispatch_waiting_runs() -> int:
    """Send what is queued and was never picked up; return how many messages."""
    unsent = Q(dispatched_at=None) | Q(dispatched_at__lt=now_plus(-REDISPATCH))
    ready = Q(not_before=None) | Q(not_before__lte=Now())
    waiting = Run.objects.filter(unsent, ready, status=Run.Status.QUEUED).order_by("created_at")
    ids = list(waiting.values_list("pk", flat=True)[:100])
    for run_id in ids:
        dispatch(run_id)
    return len(ids)


def start_due_runs() -> int:
    """Start the pipelines whose schedule is due, each once however many schedulers look; return how many."""
    from apps.pipelines.services.pipelines import next_fire_time

    count = 0
    now = timezone.now()
    due = Pipeline.objects.filter(next_run_at__lte=now).select_related("workspace__organization")
    for pipeline in due[:100]:
        document = parse_document(PipelineDocument, pipeline.document)
        following = next_fire_time(document.schedule, after=now)
        mine = Pipeline.objects.filter(pk=pipeline.pk, next_run_at=pipeline.next_run_at)
        # In one transaction: a process that dies in between has neither moved the schedule nor started a run.
        with transaction.atomic():
            if mine.update(next_run_at=following):
                count += _start_scheduled(pipeline, document)
    return count


def _start_scheduled(pipeline: Pipeline, document: PipelineDocument) -> bool:
    if document.concurrency == "skip" and pipeline.runs.filter(status__in=Run.ACTIVE).exists():
        return False
    workspace = pipeline.workspace
    scheduler = Caller(
        kind="system", id="scheduler", name="the schedule", organization=workspace.organization
    )
    try:
        start_run(workspace=workspace, actor=scheduler, pipeline=pipeline, trigger=Run.Trigger.SCHEDULE)
    except DatalinxError as error:
        _record_refused_start(pipeline, scheduler, error)
    return True


def _record_refused_start(pipeline: Pipeline, scheduler: Caller, error: DatalinxError) -> None:
    """Leave a failed run where a scheduled one could not even begin: never silence."""
    with transaction.atomic():
        run = Run.objects.create(
            workspace=pipeline.workspace,
            pipeline=pipeline,
            trigger=Run.Trigger.SCHEDULE,
            status=Run.Status.FAILED,
            error={"code": error.code, "message": error.message},
            snapshot={"pipeline": pipeline.document},
            created_by=scheduler.id,
            finished_at=timezone.now(),
        )
        write_log(run, f"Could not start: {error.message}", level="error")
        announce(run)
