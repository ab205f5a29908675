"""The log of a run: lines for people, with their level, table and attempt, and never a secret."""

from django.db import transaction

from apps.pipelines.models import Run, RunLog
from datalinx.errors import DatalinxError
from datalinx.orm import WorkspaceModel
from datalinx.redaction import hide_secrets

LONGEST = 10_000


def write_log(run: Run, message: str, *, level: str = "info", table: str = "") -> None:
    """Add a line to a run's log.

    The run's row is locked first, so that the lines of a run become visible in the order of their ids: who reads on
    after the last id that it saw misses none, although tables are made side by side.
    """
    words = hide_secrets(message, scope=run.workspace_id)[:LONGEST]
    with transaction.atomic():
        Run.objects.select_for_update(no_key=True).filter(pk=run.pk).values_list("pk").first()
        RunLog.objects.create(run=run, level=level, table=table, attempt=run.attempt, message=words)


def told_error(owner: WorkspaceModel, error: DatalinxError) -> dict[str, str]:
    """Return an error as it is kept with a run, its step or its delivery, or with a resolution."""
    return {"code": error.code, "message": hide_secrets(error.message, scope=owner.workspace_id)}
