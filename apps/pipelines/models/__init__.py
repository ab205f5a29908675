"""Pipelines, their runs, the tables that the runs wrote, and whom the tables' records are of."""

from apps.pipelines.models.backfills import Backfill, BackfillChunk
from apps.pipelines.models.identity import IdentityResolution
from apps.pipelines.models.runs import Pipeline, Replay, Run, RunLog, RunStep, TableDelivery
from apps.pipelines.models.tables import StoredTable
from apps.pipelines.models.triggers import Upstream

__all__ = [
    "Backfill",
    "BackfillChunk",
    "IdentityResolution",
    "Pipeline",
    "Replay",
    "Run",
    "RunLog",
    "RunStep",
    "StoredTable",
    "TableDelivery",
    "Upstream",
]
