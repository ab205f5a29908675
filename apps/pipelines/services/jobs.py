"""The jobs of a run: making each table, and delivering it, each with what has to be done before it."""

from collections.abc import Sequence
from typing import NamedTuple

from apps.mappings.services.compile import wanted_before
from apps.pipelines.models import Run, RunStep


class Job(NamedTuple):
    """Making a table, or delivering the one that was made."""

    table: str
    delivers: bool = False


def plan_jobs(run: Run, steps: Sequence[RunStep]) -> dict[Job, set[Job]]:
    """Return what is left to do of the steps of a run, in their order, each with what it waits for.

    A table waits for those that it reads or is tested against, and a delivery for those of earlier tables to a
    destination of its own: what refers to another table gets there after it.
    """
    found: dict[Job, set[Job]] = {}
    last: dict[str, Job] = {}
    for step in steps:
        makes, delivers = Job(step.table), Job(step.table, delivers=True)
        if step.status != RunStep.Status.SUCCESS:
            wanted = {Job(table) for table in wanted_before(run.snapshot, step.table)}
            found[makes] = wanted & found.keys()
        owed = [each for each in step.deliveries.all() if each.status != RunStep.Status.SUCCESS]
        if owed:
            places = {each.destination for each in owed}
            found[delivers] = ({makes} & found.keys()) | {last[place] for place in places & last.keys()}
            last |= dict.fromkeys(places, delivers)
    return found
