"""The database's clock as tests set it, and pipelines that start by themselves."""

from datetime import datetime
from typing import Any

import pytest

from apps.pipelines.models import Run
from apps.pipelines.services.claiming import claim_run
from apps.pipelines.services.ending import finish_run
from datalinx import clock
from tests.resources import assert_success
from tests.world import World


class DatabaseClock:
    """Stands where it is put."""

    def __init__(self, patch: pytest.MonkeyPatch, moment: datetime) -> None:
        self.moment = moment
        patch.setattr(clock, "database_now", lambda: self.moment)

    def move_to(self, moment: datetime) -> None:
        """Set the clock, forward or back."""
        self.moment = moment


def change(world: World, pipeline: dict[str, Any], **changes: Any) -> dict[str, Any]:
    """Change a pipeline's document."""
    response = world.ed.client().patch(f"/api/pipelines/{pipeline['id']}", changes, format="json")
    return dict(assert_success(response))


def make(world: World, name: str, **keys: Any) -> dict[str, Any]:
    """Make a pipeline of the table that `lay_out` made."""
    body = {"name": name, "tables": ["customers"], **keys}
    return dict(assert_success(world.ed.client().post("/api/pipelines", body, format="json"), 201))


def end(run: Run | str, status: str = "success") -> None:
    """End a queued run as a worker would."""
    claimed = claim_run(run if isinstance(run, str) else run.pk)
    assert claimed is not None
    assert finish_run(claimed, status=status)
