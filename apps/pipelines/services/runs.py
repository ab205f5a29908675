"""Runs: started, cancelled, tried again."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import transaction
from django.db.models.functions import Now

from apps.mappings.services.compile import collect_documents, order_tables, unmapped_columns
from apps.pipelines.models import Pipeline, Run, RunStep
from apps.pipelines.services.delivering import end_deliveries, is_owed, plan_deliveries
from apps.pipelines.services.dispatching import dispatch
from apps.pipelines.services.ending import announce, log_end
from apps.pipelines.services.estimates import expect_run
from apps.pipelines.services.logs import write_log
from apps.pipelines.services.windows import require_windows
from apps.workspaces.models import Workspace
from datalinx.api.request_id import current_request_id
from datalinx.caller import Caller
from datalinx.engine.spec.base import document_to_json, parse_document, stored_document
from datalinx.engine.spec.pipeline import PipelineDocument
from datalinx.errors import FieldError, Invalid, NotFound
from datalinx.failpoints import reach
from datalinx.trace import current_trace

# Starts that somebody waits for. Those by a schedule and after other pipelines have been decided on before.
_BY_HAND = (Run.Trigger.MANUAL, Run.Trigger.RETRY)


@transaction.atomic
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
    scheduled_for: datetime | None = None,
    triggered_by: Run | None = None,
) -> Run:
    """Queue a run of a pipeline, or of the whole workspace, and return it at once.

    The run carries the documents that it runs; `committed` are tables that are only delivered again, each with its
    version. Raises Invalid MAPPING_INCOMPLETE, NOTHING_TO_RUN, UNKNOWN_TABLE, WINDOW_NOT_POSSIBLE, RUN_ALREADY_ACTIVE.
    """
    request = dict(request or {})
    plan = plan_run(workspace=workspace, pipeline=pipeline, request=request)
    concurrency = plan.snapshot["pipeline"]["concurrency"]
    if pipeline is not None and trigger in _BY_HAND and concurrency != "queue":
        # Two starts at once are one after the other: the second sees the first.
        Pipeline.objects.select_for_update(no_key=True).get(pk=pipeline.pk)
        if concurrency == "skip":
            _refuse_second(pipeline)
        else:
            _replace_active(pipeline, actor)
    return queue_run(
        workspace=workspace,
        actor=actor,
        pipeline=pipeline,
        request=request,
        trigger=trigger,
        engine=plan.engine,
        snapshot=plan.snapshot,
        tables=plan.tables,
        retry_of=retry_of,
        replay_of=replay_of,
        committed=committed,
        scheduled_for=scheduled_for,
        triggered_by=triggered_by,
    )


def _refuse_second(pipeline: Pipeline) -> None:
    others = pipeline.runs.filter(status__in=Run.ACTIVE).exclude(trigger=Run.Trigger.BACKFILL)
    active = others.order_by("created_at").first()
    if active is not None:
        message = f"The run {active.pk} of this pipeline is {active.status}, and it runs one at a time."
        raise Invalid("RUN_ALREADY_ACTIVE", message, details={"run_id": active.pk})


def _replace_active(pipeline: Pipeline, actor: Caller) -> None:
    from apps.pipelines.services.overlap import replace_active

    replace_active(pipeline=pipeline, actor=actor)


@dataclass(frozen=True)
class RunPlan:
    """What a run would run: its engine, the documents, and the tables in the order of their dependencies."""

    engine: str
    snapshot: dict[str, Any]
    tables: list[str]


def plan_run(*, workspace: Workspace, pipeline: Pipeline | None, request: Mapping[str, Any]) -> RunPlan:
    """Return what a run would run by the documents of now. Raises as `start_run`."""
    settings = _settings(workspace, pipeline)
    tables = _chosen_tables(settings, request)
    documents = collect_documents(workspace, tables)
    _refuse_incomplete(documents, tables)
    require_windows(documents, tables, request)
    return RunPlan(
        engine=settings.engine,
        snapshot={**documents, "pipeline": document_to_json(settings)},
        tables=list(order_tables(documents, tables)),
    )


def queue_run(
    *, actor: Caller, tables: Sequence[str], committed: Mapping[str, int] | None = None, **values: Any
) -> Run:
    """Write down a run of these tables, in this order, and wake a worker for it. Raises NotFound PIPELINE_NOT_FOUND."""
    with transaction.atomic():
        if values.get("pipeline") is not None:
            _require_there(values["pipeline"])
        expected = expect_run(tables=tables, run=values)
        run = Run.objects.create(
            **values,
            expected=expected,
            request_id=current_request_id(),
            trace=current_trace(),
            created_by=actor.id,
        )
        steps = [RunStep(run=run, position=position, table=table) for position, table in enumerate(tables)]
        for step in steps:
            if committed and step.table in committed:
                step.status, step.snapshot = RunStep.Status.SUCCESS, committed[step.table]
                step.progress = 1.0
        plan_deliveries(run, RunStep.objects.bulk_create(steps))
        write_log(run, f"Queued by {actor.name}: {', '.join(tables)}.")
        transaction.on_commit(lambda: _send(run.pk))
    return run


def _require_there(pipeline: Pipeline) -> None:
    """Keep a pipeline from being deleted until its run is there. Within a transaction."""
    rows = Pipeline.objects.select_for_update(no_key=True).filter(pk=pipeline.pk)
    if rows.values_list("pk").first() is None:
        raise NotFound("PIPELINE_NOT_FOUND", "There is no such pipeline any more.")


def _send(run_id: str) -> None:
    reach("web.run_before_dispatch")
    dispatch(run_id)


def _settings(workspace: Workspace, pipeline: Pipeline | None) -> PipelineDocument:
    if pipeline is not None:
        return stored_document(PipelineDocument, pipeline.document)
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


def require_table(run: Run, table: str) -> None:
    """Raise Invalid UNKNOWN_TABLE for the name of a table that a run does not make; none is named by nothing."""
    made = [step.table for step in run.steps.all()]
    if table and table not in made:
        raise unknown_table(table, made)


def unknown_table(table: str, made: Sequence[str]) -> Invalid:
    """The refusal of a table that is none of those that a run makes."""
    message = f"This run did not make the table {table!r}; it made {', '.join(made[:10]) or 'none'}."
    return Invalid("UNKNOWN_TABLE", message, errors=[FieldError("table", "unknown_table", message)])


def cancel_run(*, run: Run, actor: Caller) -> Run:
    """Ask a run to stop. A queued one ends now, a running one within seconds. Raises RUN_ALREADY_FINISHED."""
    with transaction.atomic():
        # Locked first: a run that goes back to the queue in this moment has not ended.
        Run.objects.select_for_update(no_key=True).filter(pk=run.pk).values_list("pk").first()
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
            log_end(run, None)
            announce(run)
    return run


def retry_run(*, run: Run, actor: Caller) -> Run:
    """Start a new run of what an ended run did not finish. Raises RUN_NOT_FINISHED, RUN_NOT_FAILED."""
    if not run.is_finished:
        raise Invalid("RUN_NOT_FINISHED", "This run has not ended yet; wait for it or cancel it.")
    if run.backfill_id is not None:
        message = (
            f"This run is a chunk of the backfill {run.backfill_id}: retry that, it tries what failed again."
        )
        raise Invalid("RUN_OF_BACKFILL", message, details={"backfill_id": run.backfill_id})
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
