"""Deliveries of runs: asked for by a pipeline, after the commit, shown with the run, tried again."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import duckdb
import pytest

from apps.pipelines.models import Run, StoredTable, TableDelivery
from apps.pipelines.services import delivery_execution
from apps.pipelines.services.execution import execute_run
from apps.pipelines.services.watchdog import RunWatchdog
from datalinx.engine.connectors.base import Connection, Consignment, Delivered
from datalinx.engine.query.tables import table_select
from datalinx.errors import Cancelled, DatalinxError, Failed, Unavailable
from tests.apps.sources.test_destinations import make_destination
from tests.journey import CONTACTS, MAPPING, SCHEMA, lay_out, run, upload
from tests.resources import assert_failure, assert_success
from tests.warehouse import PASSWORD, Warehouse, make_warehouse
from tests.world import World

TO = {"table": "customers", "destination": "warehouse"}


class Dock:
    """Takes the place of a connector: keeps what it is sent, or fails as it is told."""

    def __init__(self) -> None:
        self.sent: list[tuple[Consignment, int]] = []
        self.failures: list[DatalinxError] = []
        self.during: Callable[[], object] = lambda: None

    def __call__(self, name: str) -> "Dock":
        return self

    def deliver(
        self, connection: Connection, consignment: Consignment, *, spill: Path, should_stop: Any, limits: Any
    ) -> Delivered:
        assert spill.is_dir()
        self.during()
        if should_stop():
            raise Cancelled("RUN_CANCELLED", "The run was asked to stop.")
        if self.failures:
            raise self.failures.pop(0)
        with duckdb.connect() as engine:
            rows = len(engine.execute(table_select(consignment.table)).fetchall())
        self.sent.append((consignment, rows))
        return Delivered("delivered", consignment.snapshot, rows)


@pytest.fixture
def dock(monkeypatch: pytest.MonkeyPatch) -> Dock:
    made = Dock()
    monkeypatch.setattr(delivery_execution, "get_writer", made)
    return made


@pytest.fixture
def pipeline(world: World) -> dict[str, Any]:
    made = lay_out(world)
    make_destination(world)
    return patch(world, made, deliver=[TO], retries={"max": 0})


def patch(world: World, pipeline: dict[str, Any], **changes: Any) -> dict[str, Any]:
    response = world.ed.client().patch(f"/api/pipelines/{pipeline['id']}", changes, format="json")
    return dict(assert_success(response))


def again(world: World, done: dict[str, Any]) -> dict[str, Any]:
    """Try a run again, do a worker's work and return the new run."""
    client = world.ed.client()
    started = assert_success(client.post(f"/api/runs/{done['id']}/retry"), 201)
    execute_run(started["id"])
    return dict(assert_success(client.get(f"/api/runs/{started['id']}")))


def delivery(done: dict[str, Any]) -> dict[str, Any]:
    return dict(done["steps"][0]["deliveries"][0])


def test_pipeline__that_delivers__shows_it_and_can_be_put_back(
    world: World, pipeline: dict[str, Any]
) -> None:
    assert pipeline["deliver"] == [TO]
    assert patch(world, pipeline, description="x")["deliver"] == [TO]


@pytest.mark.parametrize(
    ("entry", "field", "code"),
    [
        ({"destination": "nowhere"}, "deliver[0].destination", "unknown_destination"),
        ({"table": "nothing"}, "deliver[0].table", "unknown_table"),
        ({"as": "_datalinx_deliveries"}, "deliver[0].as", "invalid_name"),
        ({"as": "ä" * 32}, "deliver[0].as", "invalid_name"),
        ({"schema": "pg_catalog"}, "deliver[0].schema", "invalid_name"),
    ],
)
def test_pipeline__delivery_that_cannot_be__is_422_and_the_old_document_stays(
    world: World, pipeline: dict[str, Any], entry: dict[str, Any], field: str, code: str
) -> None:
    url = f"/api/pipelines/{pipeline['id']}"
    response = world.ed.client().patch(url, {"deliver": [{**TO, **entry}]}, format="json")
    failure = assert_failure(response, 422, "VALIDATION_ERROR")
    assert [(fault["field"], fault["code"]) for fault in failure["errors"]] == [(field, code)]
    assert assert_success(world.ed.client().get(url))["deliver"] == [TO]


def test_pipeline__merge_without_a_key_or_of_a_history__is_422(
    world: World, pipeline: dict[str, Any]
) -> None:
    client, url = world.ed.client(), f"/api/pipelines/{pipeline['id']}"
    body = {"deliver": [{**TO, "mode": "merge"}]}
    assert_success(client.patch(url, body, format="json"))
    load = {"mode": "history", "keys": ["customer_id"]}
    assert_success(client.put("/api/mappings/customers", {**MAPPING, "load": load}, format="json"))
    failure = assert_failure(client.patch(url, body, format="json"), 422, "VALIDATION_ERROR")
    assert failure["errors"][0]["code"] == "key_repeats"
    assert_success(client.put("/api/mappings/customers", MAPPING, format="json"))
    table = {name: value for name, value in SCHEMA["tables"][0].items() if name != "primary_key"}
    assert_success(client.put("/api/schemas/workspace", {**SCHEMA, "tables": [table]}, format="json"))
    failure = assert_failure(client.patch(url, body, format="json"), 422, "VALIDATION_ERROR")
    assert failure["errors"][0]["code"] == "no_primary_key"


def test_pipeline__destination_of_another_organization__is_unknown(
    world: World, pipeline: dict[str, Any]
) -> None:
    body = {"name": "dw2", "connector": "postgresql", "config": {"host": "db.example", "database": "d"}}
    made = {**body, "credentials": {"user": "u"}}
    assert_success(world.eve.client().post("/api/destinations", made, format="json"), 201)
    url = f"/api/pipelines/{pipeline['id']}"
    response = world.ed.client().patch(url, {"deliver": [{**TO, "destination": "dw2"}]}, format="json")
    assert_failure(response, 422, "VALIDATION_ERROR")


def test_run__that_delivers__sends_the_committed_version_and_says_so(
    world: World, pipeline: dict[str, Any], dock: Dock
) -> None:
    done = run(world, pipeline)
    assert done["status"] == "success"
    consignment, rows = dock.sent[0]
    assert (consignment.snapshot, consignment.target, consignment.mode) == (1, "customers", "replace")
    assert consignment.origin == StoredTable.objects.get(name="customers").pk
    assert consignment.table.names() == ["customer_id", "email", "spent", "joined_on"]
    assert rows == done["totals"]["inserted"] == 2
    shown = delivery(done)
    assert (shown["status"], shown["outcome"], shown["snapshot"], shown["rows"]) == (
        "success",
        "delivered",
        1,
        2,
    )
    assert (shown["destination"], shown["target"], shown["error"]) == ("warehouse", "customers", None)
    logs = assert_success(world.vera.client().get(f"/api/runs/{done['id']}/logs"))
    assert any("2 rows of version 1 delivered" in line["message"] for line in logs)


def test_run__in_test_mode_or_verified__delivers_nothing(
    world: World, pipeline: dict[str, Any], dock: Dock
) -> None:
    assert run(world, pipeline, test_mode=True)["steps"][0]["deliveries"] == []
    done = run(world, pipeline)
    dock.sent.clear()
    verifying = assert_success(world.ed.client().post(f"/api/runs/{done['id']}/verify"), 201)
    execute_run(verifying["id"])
    assert dock.sent == []


def test_run__delivery_fails__the_run_fails_and_the_table_stays_committed(
    world: World, pipeline: dict[str, Any], dock: Dock
) -> None:
    dock.failures = [Failed("ACCESS_REFUSED", "mart.customers: the user lacks a right.")]
    done = run(world, pipeline)
    assert done["status"] == "failed"
    assert done["error"]["code"] == "ACCESS_REFUSED"
    step = done["steps"][0]
    assert (step["status"], step["snapshot"], step["error"]) == ("success", 1, None)
    assert delivery(done)["status"] == "failed"
    assert delivery(done)["error"]["code"] == "ACCESS_REFUSED"
    assert StoredTable.objects.get(name="customers").rows == 2


def test_retry__of_a_failed_delivery__delivers_and_does_not_load_again(
    world: World, pipeline: dict[str, Any], dock: Dock
) -> None:
    """A table that is appended to would have its rows twice."""
    load = {**MAPPING, "load": {"mode": "append"}}
    assert_success(world.ed.client().put("/api/mappings/customers", load, format="json"))
    dock.failures = [Failed("ACCESS_REFUSED", "No.")] * 2
    done = again(world, run(world, pipeline))
    assert done["status"] == "failed"
    done = again(world, done)
    assert (done["status"], done["steps"][0]["counts"], delivery(done)["status"]) == (
        "success",
        {},
        "success",
    )
    assert [(sent.snapshot, rows) for sent, rows in dock.sent] == [(1, 2)]
    assert StoredTable.objects.get(name="customers").rows == 2
    assert_failure(world.ed.client().post(f"/api/runs/{done['id']}/retry"), 422, "RUN_NOT_FAILED")


def test_run__delivery_fails_in_passing__is_taken_up_again_without_loading(
    world: World, pipeline: dict[str, Any], dock: Dock
) -> None:
    pipeline = patch(world, pipeline, retries={"max": 1, "backoff_seconds": 1})
    dock.failures = [Unavailable("CONNECTION_LOST", "It broke off.")]
    first = run(world, pipeline)
    assert (first["status"], first["steps"][0]["status"]) == ("queued", "success")
    Run.objects.filter(pk=first["id"]).update(not_before=None)
    execute_run(first["id"])
    done = assert_success(world.ed.client().get(f"/api/runs/{first['id']}"))
    assert (done["status"], done["attempt"], delivery(done)["status"]) == ("success", 2, "success")
    assert StoredTable.objects.get(name="customers").snapshot == 1


def test_run__cancelled_during_a_delivery__ends_cancelled_and_keeps_the_table(
    world: World, pipeline: dict[str, Any], dock: Dock, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[bool] = []

    def should_stop(heartbeat: RunWatchdog) -> bool:
        """Hear of the cancel as the heartbeat's thread would."""
        if asked:
            heartbeat.cancelled.set()
        return bool(asked)

    dock.during = lambda: asked.append(True)
    monkeypatch.setattr(RunWatchdog, "should_stop", should_stop)
    done = run(world, pipeline)
    assert (done["status"], done["steps"][0]["status"]) == ("cancelled", "success")
    assert delivery(done)["status"] == "cancelled"


def test_run__destination_that_went__fails_by_name(
    world: World, pipeline: dict[str, Any], dock: Dock
) -> None:
    made = assert_success(world.ed.client().get("/api/destinations"))[0]
    assert_success(world.ed.client().delete(f"/api/destinations/{made['id']}"))
    done = run(world, pipeline)
    assert done["error"]["code"] == "DESTINATION_NOT_FOUND"
    assert TableDelivery.objects.get().status == "failed"


def test_run__table_that_fails__is_not_delivered(world: World, pipeline: dict[str, Any], dock: Dock) -> None:
    pipeline = patch(world, pipeline, max_rejected={"rows": 0})
    done = run(world, pipeline)
    assert (done["status"], delivery(done)["status"]) == ("failed", "skipped")
    assert dock.sent == []


@pytest.fixture
def warehouse(settings: Any) -> Iterator[Warehouse]:
    settings.OUTBOUND_ALLOW_CIDRS = ("127.0.0.0/8",)
    with make_warehouse() as made:
        yield made.clear()


@pytest.mark.postgresql
@pytest.mark.parametrize("mode", ["replace", "merge"])
def test_run__to_a_real_warehouse__keeps_it_equal_to_the_table(
    world: World, warehouse: Warehouse, mode: str, caplog: pytest.LogCaptureFixture
) -> None:
    pipeline = lay_out(world)
    where = warehouse.connection()
    make_destination(world, config=dict(where.config), credentials=dict(where.credentials))
    pipeline = patch(world, pipeline, deliver=[{**TO, "as": "People", "mode": mode}], retries={"max": 0})
    done = run(world, pipeline)
    assert done["status"] == "success", done["error"]
    rows = 'SELECT customer_id, email, spent::text, joined_on::text FROM mart."People" ORDER BY 1'
    assert warehouse.sql(rows) == [
        (1, "ann@example.org", "10.50", "2024-01-31"),
        (2, "bob@example.org", "7.00", "2024-02-01"),
    ]
    held = "SELECT target, snapshot, rows, run_id FROM mart._datalinx_deliveries"
    assert warehouse.sql(held) == [("People", 1, 2, done["id"])]

    source = assert_success(world.ed.client().get("/api/sources"))[0]["id"]
    upload(world, source, CONTACTS.replace(b",7,", b",8,"))
    assert delivery(run(world, pipeline))["snapshot"] == 2
    assert [row[2] for row in warehouse.sql(rows)] == ["10.50", "8.00"]

    warehouse.sql(f'REVOKE CREATE ON SCHEMA mart FROM "{warehouse.role}"')
    failed = run(world, pipeline)
    assert (failed["status"], failed["error"]["code"]) == ("failed", "ACCESS_REFUSED")
    assert [row[2] for row in warehouse.sql(rows)] == ["10.50", "8.00"]
    told = f"{failed} {caplog.text}"
    assert PASSWORD not in told
    assert warehouse.role not in failed["error"]["message"]
    warehouse.sql(f'GRANT CREATE ON SCHEMA mart TO "{warehouse.role}"')
    assert delivery(again(world, failed))["snapshot"] == 3
