"""Why a queued run has not begun: said for a whole page of runs with a bounded number of questions."""

from collections import Counter
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from django.conf import settings

from apps.pipelines.models import Run
from apps.pipelines.services.claiming import ready_runs, under_way
from datalinx import clock, heartbeat
from datalinx.version import RUN_PROTOCOL

# So many that wait are looked through for who comes first.
MOST_AHEAD = 1_000
RUNS_QUEUE = "runs"
# A run is sent when its start is committed, which can be after the answer is made. What was not is sent within this.
SENT_WITHIN = timedelta(seconds=10)

Reason = dict[str, Any]


def why_waiting(runs: Sequence[Run]) -> dict[str, Reason]:
    """Return, for each of these runs that is queued, `{code, message}` and what the code speaks of."""
    queued = [run for run in runs if run.status == Run.Status.QUEUED]
    if not queued:
        return {}
    ground = _Ground(queued)
    return {run.pk: ground.reason(run) for run in queued}


class _Ground:
    """What the reasons are taken from, read once."""

    def __init__(self, runs: Sequence[Run]) -> None:
        self.now = clock.database_now()
        self.has_worker = any(RUNS_QUEUE in each.queues for each in heartbeat.living("worker"))
        pipelines = {run.pipeline_id for run in runs if run.pipeline_id}
        self.busy = dict(under_way().filter(pipeline__in=pipelines).values_list("pipeline_id", "pk"))
        organizations = {run.workspace.organization_id for run in runs}
        rows = under_way().filter(workspace__organization__in=organizations)
        self.active = Counter(rows.values_list("workspace__organization", flat=True))
        # Of its own organization alone: how many others wait is nobody's business.
        ready = ready_runs().filter(workspace__organization__in=organizations).order_by("created_at")
        self.ready = list(ready.values_list("workspace__organization", "pk")[:MOST_AHEAD])

    def reason(self, run: Run) -> Reason:
        """Return the first thing that keeps a run from beginning."""
        if run.protocol > RUN_PROTOCOL:
            return _said(
                "worker_too_old", "It was queued by a newer version; a worker of that version does it."
            )
        if run.not_before is not None and run.not_before > self.now:
            message = "It is tried again after a pause."
            return {**_said("pause_before_retry", message), "until": run.not_before}
        other = self.busy.get(run.pipeline_id)
        if other is not None:
            return {
                **_said("pipeline_busy", f"Another run of its pipeline goes on: {other}."),
                "run_id": other,
            }
        organization = run.workspace.organization_id
        if settings.ORGANIZATION_RUNS and self.active[organization] >= settings.ORGANIZATION_RUNS:
            message = (
                f"The organization has {self.active[organization]} runs under way, as many as it may have."
            )
            return _said("organization_limit", message)
        if not self.has_worker:
            return _said("no_worker", "No worker is there to do it; the operator sees that on /readyz.")
        if run.dispatched_at is None and self.now - run.created_at > SENT_WITHIN:
            return _said("not_sent", "No worker was told of it yet; that is tried every few seconds.")
        mine = [pk for of, pk in self.ready if of == organization]
        ahead = mine.index(run.pk) if run.pk in mine else len(mine)
        if ahead:
            words = (
                "1 run of the organization comes" if ahead == 1 else f"{ahead} runs of the organization come"
            )
            return {**_said("in_line", f"{words} first."), "ahead": ahead}
        return _said("starting", "The next worker that is free takes it.")


def _said(code: str, message: str) -> Reason:
    return {"code": code, "message": message}
