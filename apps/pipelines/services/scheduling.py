"""Schedules: runs that start by themselves, each once however many schedulers look and whatever their clocks say."""

import logging
from datetime import datetime

from django.db import IntegrityError, transaction
from django.db.models import F

from apps.pipelines.models import Pipeline, Run
from apps.pipelines.services.fire_times import MOST_MADE_UP, Due, find_due, next_fire_time
from apps.pipelines.services.logs import write_log
from apps.pipelines.services.overlap import make_room
from apps.pipelines.services.starting import start_or_record
from datalinx import clock
from datalinx.caller import Caller
from datalinx.engine.spec.base import stored_document
from datalinx.engine.spec.pipeline import PipelineDocument
from datalinx.failpoints import reach

logger = logging.getLogger(__name__)


def start_due_runs() -> int:
    """Start the pipelines whose schedule is due, each time once however many schedulers look; return how many."""
    now = clock.database_now()
    due = Pipeline.objects.filter(next_run_at__lte=now).select_related("workspace__organization")
    count = 0
    for pipeline in due.order_by("next_run_at")[:100]:
        try:
            count += _start_due(pipeline, now)
        except Exception:  # One pipeline must not stop the others; it is looked at again at the next tick.
            logger.exception("the schedule of the pipeline %s could not be followed", pipeline.pk)
    return count


def _start_due(pipeline: Pipeline, now: datetime) -> int:
    document = stored_document(PipelineDocument, pipeline.document)
    schedule, first = document.schedule, pipeline.next_run_at
    if schedule is None or first is None:
        return 0
    due = find_due(schedule, first=first, now=now)
    following = next_fire_time(schedule, after=now)
    moves = [*due.start[1:], following]
    at: datetime | None = first
    if due.missed_count or not due.start:
        at = due.start[0] if due.start else following
        if not _leave_out(pipeline, due, to=at):
            return 0
    count = 0
    for moment, move_to in zip(due.start, moves, strict=False):
        started = _start_one(pipeline, document, moment, at=at, move_to=move_to)
        if started is None:
            break
        count += started
        at = move_to
    return count


def _moved(pipeline: Pipeline, *, at: datetime | None, to: datetime | None) -> bool:
    """Move a schedule on, if it still stands where it was seen and nobody changed the document."""
    rows = Pipeline.objects.filter(pk=pipeline.pk, next_run_at=at, version=pipeline.version)
    moved = bool(rows.update(next_run_at=to))
    reach("schedule.moved")
    return moved


def _leave_out(pipeline: Pipeline, due: Due, *, to: datetime | None) -> bool:
    with transaction.atomic():
        if not _moved(pipeline, at=pipeline.next_run_at, to=to):
            return False
        if due.missed_count:
            rows = Pipeline.objects.filter(pk=pipeline.pk)
            rows.update(missed_count=F("missed_count") + due.missed_count, last_missed_at=due.last_missed_at)
            words = "%s times of the schedule of the pipeline %s passed and were left out, the last one at %s"
            logger.warning(words, due.missed_count, pipeline.pk, due.last_missed_at)
    return True


def _start_one(
    pipeline: Pipeline,
    document: PipelineDocument,
    moment: datetime,
    *,
    at: datetime | None,
    move_to: datetime | None,
) -> bool | None:
    """Start the run of one time; None when another scheduler was first.

    In one transaction: a process that dies in between has neither moved the schedule nor started a run.
    """
    scheduler = Caller(
        kind="system", id="scheduler", name="the schedule", organization=pipeline.workspace.organization
    )
    trigger = Run.Trigger.SCHEDULE
    catches_up = document.schedule is not None and document.schedule.missed == "all"
    with transaction.atomic():
        if not _moved(pipeline, at=at, to=move_to):
            return None
        # A clock that was set back shows a time again.
        if pipeline.runs.filter(trigger=trigger, scheduled_for=moment).exists():
            return False
        if not make_room(
            pipeline=pipeline,
            document=document,
            actor=scheduler,
            trigger=trigger,
            most_queued=MOST_MADE_UP if catches_up else 1,
        ):
            return False
        try:
            run = start_or_record(pipeline=pipeline, actor=scheduler, trigger=trigger, scheduled_for=moment)
        except IntegrityError:  # The same moment was started by somebody between the look and now.
            return False
        write_log(run, f"For the schedule's time {moment:%Y-%m-%d %H:%M} UTC.")
    return True


def align_schedules() -> int:
    """Work out anew when each schedule fires next; return how many times moved.

    A zone's rules change with an update, and a clock that ran ahead for a while has moved schedules too far.
    """
    now = clock.database_now()
    count = 0
    for pipeline in Pipeline.objects.filter(next_run_at__gt=now).iterator():
        document = stored_document(PipelineDocument, pipeline.document)
        following = next_fire_time(document.schedule, after=now)
        if following != pipeline.next_run_at:
            rows = Pipeline.objects.filter(pk=pipeline.pk, version=pipeline.version)
            count += rows.filter(next_run_at=pipeline.next_run_at).update(next_run_at=following)
    return count
