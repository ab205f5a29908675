"""What becomes of a start while another run of the same pipeline is active, as its `concurrency` has it."""

from django.db.models import F
from django.db.models.functions import Now

from apps.pipelines.models import Pipeline, Run
from apps.pipelines.services.logs import write_log
from apps.pipelines.services.runs import cancel_run
from apps.pipelines.services.upstreams import FOLLOWED
from datalinx.caller import Caller
from datalinx.engine.spec.pipeline import PipelineDocument
from datalinx.errors import Invalid


def make_room(
    *, pipeline: Pipeline, document: PipelineDocument, actor: Caller, trigger: str, most_queued: int = 1
) -> bool:
    """Return whether a run may start by itself now; one that may not is recorded as skipped.

    With `queue` a start is left out when as many as `most_queued` of its kind wait already: they will do its work.
    Within the transaction that starts the run and holds the pipeline's row.
    """
    active = pipeline.runs.filter(status__in=Run.ACTIVE).order_by("created_at")
    if document.concurrency == "replace":
        replace_active(pipeline=pipeline, actor=actor)
        return True
    if document.concurrency == "skip":
        # Between the chunks of a backfill other runs have their turn: they wait for it, and none is left out.
        blocking = active.exclude(trigger=Run.Trigger.BACKFILL).first()
    else:
        waiting = active.filter(status=Run.Status.QUEUED, trigger=trigger)
        blocking = waiting.first() if waiting.count() >= most_queued else None
    if blocking is not None:
        _record_skip(pipeline, blocking, actor)
    return blocking is None


def replace_active(*, pipeline: Pipeline, actor: Caller) -> None:
    """Ask the active runs of a pipeline to end. Replays, verifications and backfills go on."""
    for run in pipeline.runs.filter(status__in=Run.ACTIVE, trigger__in=FOLLOWED).select_related("workspace"):
        if run.cancel_requested_at is not None:
            continue
        try:
            cancel_run(run=run, actor=actor)
        except Invalid:  # It ended in the meantime, which is what was wanted.
            continue


def _record_skip(pipeline: Pipeline, blocking: Run, actor: Caller) -> None:
    rows = Pipeline.objects.filter(pk=pipeline.pk)
    rows.update(skipped_count=F("skipped_count") + 1, last_skipped_at=Now())
    write_log(
        blocking, f"A start by {actor.name} was left out: this run is {blocking.status}.", level="warning"
    )
