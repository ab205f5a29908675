"""What belongs to nothing any more: files of deleted workspaces, tables and runs, of old resolutions, dead workers."""

import logging
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.utils import timezone

from apps.pipelines.models import IdentityResolution, Run, RunStep, StoredTable
from apps.pipelines.services.retention import delete_old_logs, delete_old_runs
from apps.pipelines.services.upkeep import SAFETY
from apps.workspaces.models import Workspace
from datalinx.engine.storage import Stored
from datalinx.files import storage, sweep_scratch, workspace_storage

logger = logging.getLogger(__name__)

REJECTED_AT_ONCE = 1_000

_PLACE = re.compile(
    r"(?P<organization>org_[a-z0-9]+)/(?P<workspace>ws_[a-z0-9]+)/(?:(?P<kind>lake|runs|identity)/(?P<id>\w+)/)?"
)

# What a folder of each kind belongs to, and by which of its fields it is named.
_MODELS: dict[str, tuple[Any, str]] = {
    "lake": (StoredTable, "pk"),
    "runs": (Run, "pk"),
    "identity": (IdentityResolution, "folder"),
}


def sweep_all() -> None:
    """Delete what was kept its time (runs, logs, rejected rows), strays, and what dead workers left here."""
    lines, runs = delete_old_logs(), delete_old_runs()
    logger.info("swept %s old runs and %s lines of older logs", runs, lines)
    count = sum(1 for _ in delete_strays())
    rejects = delete_old_rejects()
    left = sweep_scratch() + storage().discard_abandoned(before=timezone.now() - SAFETY)
    logger.info("swept %s stray files, the rejects of %s runs, %s leftovers", count, rejects, left)


def find_strays() -> Iterator[Stored]:
    """Yield the files, older than a day, of workspaces, tables, runs and resolutions that are not there any more.

    A first load's table is not there until its commit: the day is for such files.
    """
    known = _Known()
    before = timezone.now() - SAFETY
    for file in storage().list():
        place = _PLACE.match(file.key)
        if place is not None and file.modified_at < before and not known.has(place):
            yield file


def delete_strays() -> Iterator[Stored]:
    """Delete the strays, yielding each."""
    for file in find_strays():
        storage().delete(file.key)
        yield file


def delete_old_rejects() -> int:
    """Delete the rejected rows of runs that ended longer ago than they are kept; their counts stay."""
    cut = timezone.now() - timedelta(days=settings.REJECTED_DAYS)
    steps = RunStep.objects.filter(run__finished_at__lt=cut).exclude(rejected_key="")
    ids = steps.order_by("run_id").values_list("run_id", flat=True).distinct()[:REJECTED_AT_ONCE]
    runs = Run.objects.filter(pk__in=list(ids)).select_related("workspace")
    for run in runs:
        # The rows first: a name without a file would be an error for whoever reads, a file without a name is swept.
        keys = list(run.steps.exclude(rejected_key="").values_list("rejected_key", flat=True))
        run.steps.update(rejected_key="")
        place = workspace_storage(run.workspace.organization_id, run.workspace_id)
        for key in keys:
            place.delete(key)
    return len(runs)


@dataclass
class _Known:
    """Which places belong to something, each asked of the database once."""

    workspaces: dict[tuple[str, str], bool] = field(default_factory=dict)
    things: dict[tuple[str, str, str], bool] = field(default_factory=dict)

    def has(self, place: re.Match[str]) -> bool:
        organization, workspace, kind, id_ = (
            place["organization"],
            place["workspace"],
            place["kind"],
            place["id"],
        )
        where = (organization, workspace)
        if where not in self.workspaces:
            rows = Workspace.objects.filter(pk=workspace, organization=organization)
            self.workspaces[where] = rows.exists()
        if not self.workspaces[where] or kind is None:
            return self.workspaces[where]
        thing = (workspace, kind, id_)
        if thing not in self.things:
            model, field = _MODELS[kind]
            self.things[thing] = model.objects.filter(workspace=workspace, **{field: id_}).exists()
        return self.things[thing]
