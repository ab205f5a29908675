"""Facts that others want to hear of: written in the transaction of the fact, delivered afterwards."""

from typing import Any

from datalinx.registry import registered

EVENTS = (
    "pipeline.started",
    "pipeline.completed",
    "pipeline.failed",
    "pipeline.cancelled",
    "backfill.completed",
    "backfill.failed",
    "backfill.paused",
    "backfill.cancelled",
    "alert.triggered",
    "alert.resolved",
    "schema.changed",
    "audience.entered",
    "audience.left",
    "webhook.disabled",
)


def emit(event: str, *, workspace: Any, **data: Any) -> None:
    """Note that something happened in a workspace. Call it within the transaction of the fact."""
    registered("record_event")(event=event, workspace=workspace, data=data)
