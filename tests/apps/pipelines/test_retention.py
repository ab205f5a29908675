"""How long runs and logs are kept: what is old goes, what is needed stays."""

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from apps.pipelines.models import Run, RunLog, StoredTable
from apps.pipelines.services import retention
from apps.pipelines.services.strays import sweep_all
from tests.apps.pipelines.ground import start
from tests.journey import lay_out, run
from tests.world import World


def made(like: Run, days: int, **values: Any) -> Run:
    """Return an ended run of so many days ago."""
    ago = timezone.now() - timedelta(days=days)
    ended = {"status": Run.Status.FAILED, "finished_at": ago, "pipeline": like.pipeline}
    row = Run.objects.create(workspace=like.workspace, **{**ended, **values})
    Run.objects.filter(pk=row.pk).update(created_at=ago)
    RunLog.objects.create(run=row, message="a line")
    return row


@pytest.fixture
def newest(world: World) -> Run:
    return Run.objects.select_related("pipeline").get(pk=run(world, lay_out(world))["id"])


def test_sweep__of_old_runs__deletes_those_with_their_logs_and_keeps_what_is_needed(
    newest: Run, world: World, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.RUN_DAYS, settings.RUN_LOG_DAYS = 365, 90
    # Several batches.
    monkeypatch.setattr(retention, "RUNS_AT_ONCE", 2)
    monkeypatch.setattr(retention, "LINES_AT_ONCE", 2)
    gone = [made(newest, 400 + number) for number in range(5)]
    gone += [made(newest, 500, pipeline=None)]
    gone += [made(newest, 450, retry_of=gone[0])]
    quiet = made(newest, 100)
    young = made(newest, 80)
    alone = made(newest, 420, pipeline=None)
    loaded = made(newest, 410)
    StoredTable.objects.update(run=loaded)
    verified = made(newest, 430)
    start(world, {"id": newest.pipeline_id})
    Run.objects.filter(status=Run.Status.QUEUED).update(verify_of=verified)
    active = made(newest, 900, status=Run.Status.RUNNING, finished_at=None, pipeline=None)
    # The row of an active run is as old as it is; only its end counts.
    sweep_all()
    left = set(Run.objects.values_list("pk", flat=True))
    assert not left & {row.pk for row in gone}
    assert {row.pk for row in (newest, quiet, young, alone, loaded, verified, active)} <= left
    assert not quiet.logs.exists()
    assert not loaded.logs.exists()
    assert young.logs.exists()
    assert active.logs.exists()
