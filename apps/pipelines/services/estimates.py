"""How long a run takes by the last ones of its kind, and how much of that is left."""

import heapq
import math
from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime
from statistics import median
from typing import Any

from apps.mappings.services.compile import wanted_before
from apps.pipelines.models import Run, RunStep
from apps.pipelines.services.bases import most_beside
from datalinx.engine.spec.base import stored_document
from datalinx.engine.spec.pipeline import PipelineDocument

# How many successful runs tell how long a table takes, and among how many those of the same kind are looked for.
HISTORY = 10
LOOKED_AT = 50
# What takes a time of its own: it neither tells of other runs nor do they tell of it.
APART = (Run.Trigger.REPLAY, Run.Trigger.VERIFY)
# What a run was asked that makes it another kind of run.
KINDS = ("full_refresh", "test_mode", "since", "until")
# Nobody knows the second of an hour: an estimate of more than the one is a multiple of the other.
ROUGHLY = ((3_600, 300), (600, 60), (60, 10), (0, 1))


def expect_run(*, tables: Sequence[str], run: Mapping[str, Any]) -> dict[str, Any]:
    """Return what the last successful runs of its kind tell of a run that is queued now; empty when they do not.

    {"runs": how many there were, "width": how many tables go on beside each other, "tables": {name: [the median of
    its seconds, [the tables that it waits for]]}}. Two queries, whatever the number of runs.
    """
    if run.get("trigger") in APART:
        return {}
    found = _like(run)
    seconds: dict[str, list[float]] = defaultdict(list)
    steps = RunStep.objects.filter(run__in=found, table__in=tables, seconds__isnull=False)
    for table, took in steps.values_list("table", "seconds"):
        seconds[table].append(took or 0.0)
    if any(table not in seconds for table in tables):
        return {}
    documents = run["snapshot"]
    return {
        "runs": len(found),
        "width": most_beside(stored_document(PipelineDocument, documents["pipeline"])),
        "tables": {
            table: [
                round(median(seconds[table]), 3),
                sorted(wanted_before(documents, table) & set(tables[:position])),
            ]
            for position, table in enumerate(tables)
        },
    }


def _like(run: Mapping[str, Any]) -> list[str]:
    """Return the ids of the last successful runs of the same pipeline that were asked for the same kind of thing."""
    same = Run.objects.filter(
        workspace=run["workspace"],
        pipeline=run["pipeline"],
        engine=run["engine"],
        status=Run.Status.SUCCESS,
    ).exclude(trigger__in=APART)
    kind = [bool(run["request"].get(name)) for name in KINDS]
    rows = same.order_by("-created_at").values_list("pk", "request")[:LOOKED_AT]
    return [pk for pk, request in rows if [bool(request.get(name)) for name in KINDS] == kind][:HISTORY]


def estimate_run(run: Run, steps: Sequence[RunStep], *, now: datetime) -> dict[str, int] | None:
    """Return how many seconds a run has left, about, and how many earlier ones say so; None when none do.

    Of a run that waits it is how long it takes once it begins.
    """
    if run.is_finished or not run.expected:
        return None
    left = {step.table: _left(step, run.expected["tables"][step.table][0], now) for step in steps}
    seconds = _last_end(left, run.expected)
    rough = next(unit for least, unit in ROUGHLY if seconds >= least)
    return {
        "seconds_left": max(1, math.ceil(seconds / rough) * rough),
        "based_on_runs": int(run.expected["runs"]),
    }


def _left(step: RunStep, usual: float, now: datetime) -> float:
    """How many seconds a table has left: of its usual time what is not done, more when it is slower than usual."""
    if step.status == RunStep.Status.PENDING:
        return usual
    if step.status != RunStep.Status.RUNNING or step.started_at is None:
        return 0.0
    elapsed = (now - step.started_at).total_seconds()
    return (1 - min(1.0, step.progress)) * max(usual, elapsed)


def _last_end(left: Mapping[str, float], expected: Mapping[str, Any]) -> float:
    """When the last table ends, if each begins as soon as it may and those under way are first."""
    free = [0.0] * int(expected["width"])
    ends: dict[str, float] = {}
    for table, seconds in left.items():
        wanted = max((ends[name] for name in expected["tables"][table][1] if name in ends), default=0.0)
        if not seconds:
            ends[table] = 0.0
            continue
        ends[table] = max(heapq.heappop(free), wanted) + seconds
        heapq.heappush(free, ends[table])
    return max(ends.values(), default=0.0)
