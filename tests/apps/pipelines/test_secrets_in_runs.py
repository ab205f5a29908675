"""Planted secrets of a workspace: in no line, no error and no line of the process, wherever a run meets them."""

import json
import logging

import pytest

from apps.pipelines.models import Run, RunLog, RunStep
from apps.pipelines.services import table_execution
from apps.pipelines.services.execution import execute_run
from apps.sources.models import Source
from apps.sources.services.sources import open_credentials
from datalinx.errors import Failed
from datalinx.logs import JsonFormatter
from datalinx.sealed import seal
from tests.apps.pipelines.ground import start
from tests.journey import lay_out
from tests.world import World

CANARY = "tr0ub4dor and three"


def test_run__that_fails_with_a_secret_in_its_error__keeps_and_logs_none(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    pipeline = lay_out(world)
    source = Source.objects.get()
    source.sealed_credentials = seal({"user": "reader", "password": CANARY}, context=f"source:{source.pk}")
    source.save()

    def fail(*args: object, **values: object) -> None:
        open_credentials(source)
        raise Failed("SOURCE_UNREADABLE", f"reader could not log in with {CANARY}, whsec_abcdefghijklmnop.")

    monkeypatch.setattr(table_execution, "open_scans", fail)
    run_id = start(world, pipeline)
    execute_run(run_id)
    row = Run.objects.get(pk=run_id)
    assert row.status == Run.Status.FAILED
    kept = json.dumps([row.error, *RunStep.objects.values_list("error", flat=True)])
    kept += " ".join(RunLog.objects.values_list("message", flat=True))
    kept += json.dumps(list(world.vera.client().get("/api/runs").json()["data"]))
    assert "reader could not log in with ***, ***." in kept
    assert CANARY not in kept
    assert "whsec_" not in kept
    record = logging.makeLogRecord({"msg": f"it said {CANARY}"})
    assert CANARY not in JsonFormatter().format(record)
