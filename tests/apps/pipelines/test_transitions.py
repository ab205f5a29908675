"""The states of a run: which may follow which, by the services and by the database against everybody else (R5)."""

import random
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.db import IntegrityError, connection, migrations, models, transaction
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.state import ProjectState
from django.utils import timezone

from apps.pipelines.models import Run
from apps.pipelines.services.claiming import claim_run
from apps.pipelines.services.dispatching import reap_lost_runs
from apps.pipelines.services.ending import finish_run, hand_over_run, release_run
from apps.pipelines.services.runs import cancel_run
from datalinx.errors import Interrupted, Invalid
from tests.drilling import as_often
from tests.world import World

SEQUENCES = as_often(60, 10_000)
STATES = ("queued", "running", "success", "failed", "cancelled")
LEGAL = {
    ("queued", "running"),
    ("queued", "failed"),
    ("queued", "cancelled"),
    ("running", "queued"),
    ("running", "success"),
    ("running", "failed"),
    ("running", "cancelled"),
}


def make_run(world: World, status: str = "queued") -> Run:
    """Return a run in a state, without anything to do."""
    ended = None if status in Run.ACTIVE else timezone.now()
    return Run.objects.create(workspace=world.workspace, status=status, finished_at=ended)


def write_raw(run: Run, status: str) -> bool:
    """Write a state past all services and return whether the database let it through."""
    ended = None if status in Run.ACTIVE else timezone.now()
    try:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(
                "UPDATE pipelines_run SET status = %s, finished_at = %s WHERE id = %s",
                [status, ended, run.pk],
            )
    except IntegrityError:
        return False
    return True


@pytest.mark.parametrize("before", STATES)
@pytest.mark.parametrize("after", STATES)
def test_status__changed_by_hand__follows_the_rules_or_is_refused(
    world: World, before: str, after: str
) -> None:
    run = make_run(world, before)
    assert write_raw(run, after) is (before == after or (before, after) in LEGAL)
    assert Run.objects.get(pk=run.pk).status in {before, after}


def test_run__random_changes_by_services_and_by_hand__never_takes_an_illegal_step(world: World) -> None:
    dice = random.Random(5)  # the same sequences each time
    illegal = []
    for _ in range(SEQUENCES):
        with transaction.atomic():
            run = make_run(world)
            for _ in range(dice.randint(3, 12)):
                before = status_of(run)
                dice.choice(MOVES)(world, run, dice)
                after = status_of(run)
                if before != after and (before, after) not in LEGAL:
                    illegal.append((before, after))
            transaction.set_rollback(True)
    assert illegal == []


def status_of(run: Run) -> str:
    return str(Run.objects.values_list("status", flat=True).get(pk=run.pk))


def claim(world: World, run: Run, dice: random.Random) -> None:
    claim_run(run.pk)


def finish(world: World, run: Run, dice: random.Random) -> None:
    run.refresh_from_db()
    finish_run(run, status=dice.choice(("success", "failed", "cancelled")))


def release(world: World, run: Run, dice: random.Random) -> None:
    run.refresh_from_db()
    release_run(run, error=Interrupted("READ_INTERRUPTED", "Away."), backoff=timedelta(0))


def hand_over(world: World, run: Run, dice: random.Random) -> None:
    run.refresh_from_db()
    hand_over_run(run)


def cancel(world: World, run: Run, dice: random.Random) -> None:
    try:
        cancel_run(run=run, actor=world.ed.caller)
    except Invalid as error:
        assert error.code == "RUN_ALREADY_FINISHED"  # noqa: PT017  # no other refusal is one


def lose(world: World, run: Run, dice: random.Random) -> None:
    Run.objects.filter(pk=run.pk).update(lease_expires_at=None)
    reap_lost_runs()


def finish_with_an_old_fence(world: World, run: Run, dice: random.Random) -> None:
    stale = Run.objects.get(pk=run.pk)
    stale.fence -= 1 if stale.fence else 0
    finish_run(stale, status="success")


def write_any(world: World, run: Run, dice: random.Random) -> None:
    write_raw(run, dice.choice(STATES))


def update_any(world: World, run: Run, dice: random.Random) -> None:
    status = dice.choice(STATES)
    try:
        with transaction.atomic():
            Run.objects.filter(pk=run.pk).update(
                status=status, finished_at=None if status in Run.ACTIVE else timezone.now()
            )
    except IntegrityError:
        pass


MOVES: list[Callable[[World, Run, random.Random], Any]] = [
    claim,
    finish,
    release,
    hand_over,
    cancel,
    lose,
    finish_with_an_old_fence,
    write_any,
    update_any,
]


@pytest.mark.django_db(transaction=True)
def test_rule__over_a_migration_that_changes_the_table__stays() -> None:
    state: ProjectState = MigrationLoader(connection).project_state()
    field = models.CharField(max_length=30, default="manual")
    operation = migrations.AlterField("run", "trigger", field)
    back = migrations.AlterField("run", "trigger", state.models["pipelines", "run"].fields["trigger"])
    for step in (operation, back):
        changed = state.clone()
        step.state_forwards("pipelines", changed)
        with connection.schema_editor() as editor:
            step.database_forwards("pipelines", editor, state, changed)
        state = changed
        assert _has_rule()


def _has_rule() -> bool:
    query = (
        "SELECT count(*) FROM sqlite_master WHERE type = 'trigger' AND name = %s"
        if connection.vendor == "sqlite"
        else "SELECT count(*) FROM pg_trigger WHERE tgname = %s"
    )
    with connection.cursor() as cursor:
        cursor.execute(query, ["run_status_is_never_left_so"])
        return bool(cursor.fetchone()[0])
