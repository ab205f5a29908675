"""What tests of backfills begin with: ten days of contacts, a table that is merged by day, and a worker's part."""

from typing import Any

from apps.pipelines.models import Backfill, Run
from apps.pipelines.services.backfill_driving import advance_backfills
from apps.pipelines.services.execution import execute_run
from tests.journey import MAPPING, lay_out
from tests.resources import assert_success
from tests.world import World

DAYS = 10
CONTACTS = b"contact_id,mail,amount,joined\n" + b"".join(
    f"{day}{number},p{day}{number}@example.org,{day},2024-01-{day:02}\n".encode()
    for day in range(1, DAYS + 1)
    for number in range(3)
)
RANGE = {"since": "2024-01-01", "until": "2024-01-11"}


def lay_days(world: World, mode: str = "merge", contacts: bytes = CONTACTS, **more: Any) -> dict[str, Any]:
    """Lay out the journey with a cursor of days; return the pipeline."""
    pipeline = lay_out(world, contacts)
    body = {**MAPPING, "load": {"mode": mode, "cursor": "c.joined"}, **more}
    assert_success(world.ed.client().put("/api/mappings/customers", body, format="json"))
    return pipeline


def begin(world: World, pipeline: dict[str, Any], **body: Any) -> dict[str, Any]:
    """Start a backfill over the API."""
    path = f"/api/pipelines/{pipeline['id']}/backfills"
    return dict(assert_success(world.ed.client().post(path, {**RANGE, **body}, format="json"), 201))


def look(world: World, backfill: dict[str, Any]) -> dict[str, Any]:
    """Return a backfill as the API shows it now."""
    return dict(assert_success(world.vera.client().get(f"/api/backfills/{backfill['id']}")))


def do(world: World, backfill: dict[str, Any], action: str) -> dict[str, Any]:
    """Pause, resume, cancel or retry a backfill over the API."""
    return dict(assert_success(world.ed.client().post(f"/api/backfills/{backfill['id']}/{action}")))


def work(backfill: dict[str, Any], *, chunks: int = 1_000) -> int:
    """Do a worker's and the tick's part for so many chunks; return how many there were."""
    count = 0
    while count < chunks and (run := present_run(backfill)) is not None:
        execute_run(run.pk)
        advance_backfills()
        count += 1
    return count


def present_run(backfill: dict[str, Any]) -> Run | None:
    """Return the run of a backfill's present chunk."""
    return Run.objects.filter(backfill=backfill["id"], status__in=Run.ACTIVE).first()


def row_of(backfill: dict[str, Any]) -> Backfill:
    """Return a backfill's row."""
    found: Backfill = Backfill.objects.get(pk=backfill["id"])
    return found
