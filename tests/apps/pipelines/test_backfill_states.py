"""The states of a backfill under random orders, ends of runs, dying drivers and two drivers at once."""

from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Any

import pytest
from django.db import IntegrityError, connection, transaction
from django.utils import timezone
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from apps.pipelines.models import Backfill, BackfillChunk, Run
from apps.pipelines.services import backfills
from apps.pipelines.services.backfill_driving import advance_backfill, advance_backfills
from datalinx.errors import Invalid
from tests.apps.pipelines.backfilling import begin, do, lay_days, look, present_run, row_of
from tests.drilling import as_often
from tests.world import World, make_world

EXAMPLES = as_often(25, 500)
LAST = (Backfill.Status.SUCCESS, Backfill.Status.CANCELLED)
ORDERS = {
    "pause": backfills.pause_backfill,
    "resume": backfills.resume_backfill,
    "cancel": backfills.cancel_backfill,
    "retry": backfills.retry_backfill,
}


class _Died(Exception):
    """The process is gone."""


def machine_of(world: World, pipeline: dict[str, Any]) -> type[RuleBasedStateMachine]:
    """Return a machine that gives orders to one backfill of this pipeline and looks at it after each."""

    class Machine(RuleBasedStateMachine):
        def __init__(self) -> None:
            super().__init__()
            Backfill.objects.all().delete()
            Run.objects.all().delete()
            self.made: dict[str, Any] = {}
            self.last = ""

        @rule(
            order=st.sampled_from(["oldest", "newest"]),
            on_failure=st.sampled_from(["stop", "continue"]),
            chunk=st.sampled_from(["3 days", "4 days", "20 days"]),
        )
        @precondition(lambda self: not self.made)
        def begin(self, **body: Any) -> None:
            self.made = begin(world, pipeline, **body)

        @rule(order=st.sampled_from(sorted(ORDERS)))
        @precondition(lambda self: self.made)
        def order(self, order: str) -> None:
            # Refused or not: what it may not do it must not have done.
            with suppress(Invalid), transaction.atomic():
                ORDERS[order](backfill=row_of(self.made), actor=world.ed.caller)

        @rule()
        @precondition(lambda self: self.made and present_run(self.made))
        def take_up(self) -> None:
            Run.objects.filter(backfill=self.made["id"], status="queued").update(
                status="running", started_at=timezone.now()
            )

        @rule(status=st.sampled_from(["success", "success", "failed", "cancelled"]))
        @precondition(lambda self: self.made and present_run(self.made))
        def end(self, status: str) -> None:
            rows = Run.objects.filter(backfill=self.made["id"], status="running")
            rows.update(status=status, finished_at=timezone.now(), error={"code": "X", "message": "x"})

        @rule()
        @precondition(lambda self: self.made)
        def tick(self) -> None:
            advance_backfills()
            advance_backfill(self.made["id"])

        @rule()
        @precondition(lambda self: self.made)
        def tick_that_dies(self) -> None:
            with suppress(_Died), transaction.atomic():
                advance_backfill(self.made["id"])
                raise _Died

        @invariant()
        def holds(self) -> None:
            if not self.made:
                return
            backfill = row_of(self.made)
            chunks = list(backfill.chunks.select_related("run"))
            runs = list(Run.objects.filter(backfill=backfill.pk))
            assert sum(run.status in Run.ACTIVE for run in runs) <= 1
            assert sum(chunk.status == "running" for chunk in chunks) <= 1
            assert not (self.last in LAST and backfill.status != self.last)
            self.last = backfill.status
            counted = {
                state: sum(chunk.status == state for chunk in chunks) for state in BackfillChunk.Status.values
            }
            assert backfill.chunk_counts == counted
            assert sum(chunk.attempts for chunk in chunks) == len(runs)
            for chunk in chunks:
                bounds = (chunk.since.isoformat()[:10], chunk.until.isoformat()[:10])
                mine = [
                    run for run in runs if (run.request["since"][:10], run.request["until"][:10]) == bounds
                ]
                done = [run for run in mine if run.status == "success"]
                # Committed once, and never read again after that.
                assert len(done) <= 1
                if chunk.status == "success":
                    assert [chunk.run] == done
            if backfill.status == "success":
                assert counted["success"] == len(chunks)
            if backfill.is_finished:
                assert not counted["running"]
                assert all(run.is_finished for run in runs)
            if backfill.status == "cancelled":
                assert not counted["pending"]

    return Machine


def test_backfill__under_random_orders__keeps_its_promises(world: World) -> None:
    pipeline = lay_days(world)
    run_state_machine_as_test(
        machine_of(world, pipeline),
        settings=settings(
            max_examples=EXAMPLES,
            stateful_step_count=25,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )


def raises_integrity(model: Any, pk: Any, **values: Any) -> bool:
    try:
        with transaction.atomic():
            model.objects.filter(pk=pk).update(**values)
    except IntegrityError:
        return True
    return False


def test_last_states__changed_by_hand__are_refused_by_the_database(world: World) -> None:
    made = begin(world, lay_days(world))
    do(world, made, "cancel")
    assert raises_integrity(Backfill, made["id"], status="running", finished_at=None)
    chunk = row_of(made).chunks.first()
    assert chunk is not None
    assert raises_integrity(BackfillChunk, chunk.pk, status="pending")


def test_second_run__of_a_backfill_at_once__is_refused_by_the_database(world: World) -> None:
    made = begin(world, lay_days(world))
    run = present_run(made)
    assert run is not None
    with pytest.raises(IntegrityError), transaction.atomic():
        Run.objects.create(workspace=world.workspace, backfill=row_of(made), trigger="backfill")


def test_drivers__of_which_four_look_at_once__start_each_chunk_once(shared_database: None) -> None:
    world = make_world()
    made = begin(world, lay_days(world), chunk="2 days")

    def drive(_: int) -> None:
        try:
            advance_backfills()
        finally:
            connection.close()

    with ThreadPoolExecutor(4) as pool:
        for count in range(1, 6):
            run = present_run(made)
            assert run is not None
            assert Run.objects.filter(backfill=made["id"]).count() == count
            Run.objects.filter(pk=run.pk).update(status="running", started_at=timezone.now())
            Run.objects.filter(pk=run.pk).update(status="success", finished_at=timezone.now())
            list(pool.map(drive, range(8)))
        advance_backfills()
    assert look(world, made)["status"] == "success"
    assert [chunk.attempts for chunk in row_of(made).chunks.all()] == [1] * 5
