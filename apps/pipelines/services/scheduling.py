"""Schedules: runs that start by themselves, each once however many schedulers look."""

from django.db import transaction
from django.utils import timezone

from apps.pipelines.models import Pipeline, Run
from apps.pipelines.services.ending import announce
from apps.pipelines.services.logs import write_log
from apps.pipelines.services.pipelines import next_fire_time
from apps.pipelines.services.runs import start_run
from datalinx.caller import Caller
from datalinx.engine.spec.base import parse_document
from datalinx.engine.spec.pipeline import PipelineDocument
from datalinx.errors import DatalinxError


def start_due_runs() -> int:
    """Start the pipelines whose schedule is due, each once however many schedulers look; return how many."""
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
