"""Runs that start after others: once for each set of ends, however many look and whoever dies."""

import logging

from django.db import transaction
from django.db.models import Exists, OuterRef

from apps.pipelines.models import Pipeline, Run, Upstream
from apps.pipelines.services.logs import write_log
from apps.pipelines.services.overlap import make_room
from apps.pipelines.services.starting import start_or_record
from datalinx.caller import Caller
from datalinx.engine.spec.base import stored_document
from datalinx.engine.spec.pipeline import PipelineDocument
from datalinx.failpoints import reach

logger = logging.getLogger(__name__)


def start_triggered_runs() -> int:
    """Start the pipelines whose upstream pipelines have all ended; return how many."""
    links = Upstream.objects.filter(pipeline=OuterRef("pk"))
    ready = Pipeline.objects.filter(Exists(links), ~Exists(links.filter(ended_at=None)))
    count = 0
    for pipeline in ready.select_related("workspace__organization")[:100]:
        try:
            count += _start_triggered(pipeline)
        except Exception:  # One pipeline must not stop the others; it is looked at again at the next tick.
            logger.exception("the pipeline %s could not be started after others", pipeline.pk)
    return count


def _start_triggered(pipeline: Pipeline) -> bool:
    actor = Caller(
        kind="system", id="trigger", name="the trigger", organization=pipeline.workspace.organization
    )
    document = stored_document(PipelineDocument, pipeline.document)
    with transaction.atomic():
        last = _take_ends(pipeline)
        if last is None:
            return False
        reach("trigger.taken")
        # One start of a pipeline at a time: two that look at its active runs must not both find none.
        Pipeline.objects.select_for_update(no_key=True).get(pk=pipeline.pk)
        if not make_room(pipeline=pipeline, document=document, actor=actor, trigger=Run.Trigger.AFTER):
            return False
        run = start_or_record(
            pipeline=pipeline, actor=actor, trigger=Run.Trigger.AFTER, triggered_by=last.run
        )
        write_log(run, f"After the run {last.run_id} of {last.upstream.name}.")
        reach("trigger.started")
    return True


def _take_ends(pipeline: Pipeline) -> Upstream | None:
    """Take the ends away that a run is about to answer, and return the last one; None when somebody else did.

    Rows that another transaction holds are left to the next look: waiting for them could wait for each other.
    """
    rows = Upstream.objects.filter(pipeline=pipeline)
    held = rows.select_for_update(skip_locked=True, of=("self",)).select_related("upstream", "run")
    links = list(held.order_by("pk"))
    ends = [(link.ended_at, link.pk, link) for link in links if link.ended_at is not None]
    if not ends or len(ends) < len(links) or rows.count() != len(links):
        return None
    # The run tells ends apart: each ends once.
    taken = sum(
        Upstream.objects.filter(pk=link.pk, run=link.run, ended_at__isnull=False).update(
            run=None, ended_at=None
        )
        for link in links
    )
    if taken < len(links):
        transaction.set_rollback(True)
        return None
    return max(ends)[2]
