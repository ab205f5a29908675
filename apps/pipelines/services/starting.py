"""Starts that nobody asked for by hand: what cannot even begin leaves a failed run, never silence."""

from datetime import datetime

from django.db import transaction
from django.db.models.functions import Now

from apps.pipelines.models import Pipeline, Run
from apps.pipelines.services.ending import announce
from apps.pipelines.services.logs import told_error, write_log
from apps.pipelines.services.runs import start_run
from datalinx.caller import Caller
from datalinx.errors import DatalinxError


def start_or_record(
    *,
    pipeline: Pipeline,
    actor: Caller,
    trigger: str,
    scheduled_for: datetime | None = None,
    triggered_by: Run | None = None,
) -> Run:
    """Queue a run, or write down a failed one that says why it could not begin."""
    try:
        with transaction.atomic():
            return start_run(
                workspace=pipeline.workspace,
                actor=actor,
                pipeline=pipeline,
                trigger=trigger,
                scheduled_for=scheduled_for,
                triggered_by=triggered_by,
            )
    except DatalinxError as error:
        refused = error
    with transaction.atomic():
        run = Run.objects.create(
            workspace=pipeline.workspace,
            pipeline=pipeline,
            trigger=trigger,
            status=Run.Status.FAILED,
            error=told_error(pipeline, refused),
            snapshot={"pipeline": pipeline.document},
            created_by=actor.id,
            finished_at=Now(),
            scheduled_for=scheduled_for,
            triggered_by=triggered_by,
        )
        run.refresh_from_db()
        write_log(run, f"Could not start: {refused.message}", level="error")
        announce(run)
    return run
