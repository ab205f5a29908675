"""Tables of a run beside each other: the same as one after another, and what becomes of a failure, a cancel, a loss."""

import threading
import time
from collections.abc import Callable
from typing import Any

import pytest
from django.db.models.functions import Now

from apps.pipelines.models import Run, RunStep, StoredTable
from apps.pipelines.services import engines
from apps.pipelines.services.claiming import claim_run
from apps.pipelines.services.execution import Execution, execute_run
from apps.pipelines.services.watchdog import RunWatchdog
from tests.apps.pipelines.ground import start
from tests.journey import SCHEMA, lay_out
from tests.resources import assert_success
from tests.world import World, make_world

# Two that read the source, two that read those, one that reads both of them, and one that nobody needs.
READS: dict[str, str | None] = {
    "customers": None,
    "dates": None,
    "spenders": "customers",
    "joiners": "dates",
    "few": "spenders",
    "alone": None,
}


def lay_out_six(world: World, **settings: Any) -> dict[str, Any]:
    """Make six tables that partly read each other; return their pipeline."""
    pipeline = lay_out(world)
    client = world.ed.client()
    names = [name for name in READS if name != "customers"]
    columns = [{"name": "contact", "type": "string"}]
    tables = [*SCHEMA["tables"], *({"name": name, "columns": columns} for name in names)]
    assert_success(client.put("/api/schemas/workspace", {**SCHEMA, "tables": tables}, format="json"))
    for name in names:
        read = READS[name]
        entry = {"target": read} if read else {"source": "crm", "table": "contacts"}
        column = {None: "contact_id", "customers": "customer_id"}.get(read, "contact")
        body = {
            "table_name": name,
            "inputs": [{"alias": "x", **entry}],
            "fields": {"contact": {"type": "direct", "source": f"x.{column}"}},
        }
        assert_success(client.post("/api/mappings", body, format="json"), 201)
    change = {"tables": sorted(READS), **settings}
    return dict(assert_success(client.patch(f"/api/pipelines/{pipeline['id']}", change, format="json")))


def made(world: World, pipeline: dict[str, Any], width: int) -> dict[str, Any]:
    """Run a pipeline with so many tables beside each other; return the run as the API shows it."""
    body = {"max_parallel_tables": width}
    assert_success(world.ed.client().patch(f"/api/pipelines/{pipeline['id']}", body, format="json"))
    queued = start(world, pipeline, full_refresh=True)
    execute_run(queued)
    return dict(assert_success(world.ed.client().get(f"/api/runs/{queued}")))


@pytest.fixture
def side_by_side(shared_database: None, settings: Any) -> None:
    """Memory for four."""
    settings.ENGINE_MEMORY_BYTES = 1024**3


def test_run__of_six_tables__is_the_same_one_after_another_and_four_beside_each_other(
    side_by_side: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = make_world()
    pipeline = lay_out_six(world)
    real, names, lock = engines.run_table, set[str](), threading.Lock()

    def watched(*args: Any, **more: Any) -> Any:
        with lock:
            names.add(threading.current_thread().name)
        return real(*args, **more)

    monkeypatch.setattr(engines, "run_table", watched)
    one, four = made(world, pipeline, 1), made(world, pipeline, 4)
    assert [each["status"] for each in (one, four)] == ["success", "success"]
    assert one["manifest"]["output_hash"] == four["manifest"]["output_hash"]
    assert set(four["manifest"]["output_hash"]) == set(READS)
    assert set(four["manifest"]["inputs"]) == set(four["manifest"]["base"]) == set(READS)
    assert one["totals"] | {"deleted": 0} == four["totals"] | {"deleted": 0}
    ledgers = [
        {step["table"]: step["counts"] | {"deleted": 0} for step in each["steps"]} for each in (one, four)
    ]
    assert ledgers[0] == ledgers[1]
    # What was made beside others was made by threads, and the first run by the worker itself.
    assert len(names) > 1
    assert four["progress"] == 1.0
    assert {step["progress"] for step in four["steps"]} == {1.0}
    began = {step["table"]: step["started_at"] for step in four["steps"]}
    published = {step.table: step.published_at for step in RunStep.objects.filter(run=four["id"])}
    for table, read in READS.items():
        if read is not None:
            assert began[table] >= published[read].strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def test_run__two_tables_beside_each_other__share_memory_and_processors(
    side_by_side: None, monkeypatch: pytest.MonkeyPatch, settings: Any
) -> None:
    settings.ENGINE_THREADS = 4
    world = make_world()
    pipeline = lay_out_six(world, max_parallel_tables=2)
    real, found = engines.run_table, list[tuple[int, int]]()
    going, most, lock = [0], [0], threading.Lock()

    def watched(*args: Any, limits: Any, **more: Any) -> Any:
        with lock:
            going[0] += 1
            most[0] = max(most[0], going[0])
            found.append((limits.memory_bytes, limits.threads))
        time.sleep(0.05)
        try:
            return real(*args, limits=limits, **more)
        finally:
            with lock:
                going[0] -= 1

    monkeypatch.setattr(engines, "run_table", watched)
    assert made(world, pipeline, 2)["status"] == "success"
    assert most == [2]
    half, whole = (512 * 1024**2, 2), (1024**3, 4)
    assert found[0] == half
    assert set(found) <= {half, whole}


def test_run__little_memory__makes_one_table_after_another(side_by_side: None, settings: Any) -> None:
    settings.ENGINE_MEMORY_BYTES = 200 * 1024**2
    world = make_world()
    queued = start(world, lay_out_six(world, max_parallel_tables=16))
    run = claim_run(queued)
    assert run is not None
    assert Execution(run, RunWatchdog(run)).jobs.width == 1


def test_run__within_a_transaction_of_its_caller__makes_one_table_after_another(world: World) -> None:
    # Other threads would not see what the transaction has written.
    pipeline = lay_out_six(world, max_parallel_tables=4)
    queued = start(world, pipeline)
    run = claim_run(queued)
    assert run is not None
    execution = Execution(run, RunWatchdog(run))
    assert execution.jobs.width == 1
    execution.run_all()
    assert Run.objects.get(pk=queued).status == "success"


def test_run__a_table_fails__what_reads_it_is_skipped_and_the_others_are_made(
    side_by_side: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = make_world()
    pipeline = lay_out_six(world, retries={"max": 0})
    break_table(monkeypatch, "customers", RuntimeError)
    shown = made(world, pipeline, 4)
    # An error that nobody foresaw ends the run; one of the data ends its table.
    assert (shown["status"], shown["error"]["code"]) == ("failed", "INTERNAL_ERROR")
    monkeypatch.undo()
    # Some of the contacts that become customers are not valid.
    guard = {"max_rejected": {"rows": 0}}
    assert_success(world.ed.client().patch(f"/api/pipelines/{pipeline['id']}", guard, format="json"))
    shown = made(world, pipeline, 4)
    states = {step["table"]: step["status"] for step in shown["steps"]}
    assert states == {
        "customers": "failed",
        "spenders": "skipped",
        "few": "skipped",
        "dates": "success",
        "joiners": "success",
        "alone": "success",
    }
    assert shown["error"]["code"] == "MAX_REJECTED_EXCEEDED"
    assert shown["progress"] == 1.0


def break_table(monkeypatch: pytest.MonkeyPatch, table: str, error: type[Exception]) -> None:
    real = engines.run_table

    def broken(compiled: Any, *args: Any, **more: Any) -> Any:
        if compiled.table == table:
            raise error("broken")
        return real(compiled, *args, **more)

    monkeypatch.setattr(engines, "run_table", broken)


def hold_all(monkeypatch: pytest.MonkeyPatch, count: int, then: Callable[[], None]) -> list[str]:
    """Have tables wait until they are told to end; call `then` once `count` of them do, and note who did."""
    from datalinx.errors import Cancelled

    meeting, ended = threading.Barrier(count, action=then, timeout=20), list[str]()

    def held(compiled: Any, *, cancelled: Callable[[], bool], **more: Any) -> Any:
        meeting.wait()
        deadline = time.monotonic() + 20
        while not cancelled():
            assert time.monotonic() < deadline
            time.sleep(0.01)
        ended.append(compiled.table)
        raise Cancelled("RUN_CANCELLED", "Told to end.")

    monkeypatch.setattr(engines, "run_table", held)
    return ended


@pytest.mark.parametrize("how", ["cancel", "timeout", "lost"])
def test_run__told_to_end__ends_all_tables_that_go_on(
    side_by_side: None, monkeypatch: pytest.MonkeyPatch, how: str
) -> None:
    world = make_world()
    queued = start(world, lay_out_six(world, max_parallel_tables=3))
    run = claim_run(queued)
    assert run is not None
    with RunWatchdog(run) as watchdog:
        execution = Execution(run, watchdog)

        def end() -> None:
            if how == "cancel":
                Run.objects.filter(pk=queued).update(cancel_requested_at=Now())
                watchdog.cancelled.set()
            elif how == "timeout":
                watchdog.ends_at = 0.0
            else:
                watchdog.lost.set()

        ended = hold_all(monkeypatch, 3, end)
        if how == "lost":
            from apps.pipelines.services.lease import LeaseLost

            with pytest.raises(LeaseLost):
                execution.run_all()
        else:
            execution.run_all()
    assert len(ended) == 3
    assert not StoredTable.objects.exists()
    row = Run.objects.get(pk=queued)
    expected = {
        "cancel": ("cancelled", None),
        "timeout": ("failed", "RUN_TIMEOUT"),
        "lost": ("running", None),
    }
    assert (row.status, row.error and row.error["code"]) == expected[how]
    if how == "cancel":
        assert {step.status for step in row.steps.all()} == {"cancelled"}
