"""A worker's delivery of one committed table to the destinations that its pipeline names."""

import time
from collections.abc import Callable
from pathlib import Path

from django.db import close_old_connections, connection, transaction

from apps.mappings.services.compile import target_columns, target_table
from apps.mappings.services.types import make_registry
from apps.pipelines.models import Run, RunStep, TableDelivery
from apps.pipelines.services.lease import LeaseLost, require_held
from apps.pipelines.services.logs import told_error, write_log
from apps.pipelines.services.tables import get_stored_table, table_files
from apps.sources.models import Destination
from apps.sources.services.destinations import open_connection
from datalinx.engine.connectors import get_writer
from datalinx.engine.connectors.base import Consignment, Delivered, Limits
from datalinx.errors import Cancelled, DatalinxError, NotFound
from datalinx.files import scratch


def deliver_step(
    run: Run, step: RunStep, *, limits: Limits, should_stop: Callable[[], bool]
) -> list[DatalinxError]:
    """Deliver a committed table where it is owed within `limits`, and return why that failed where it did.

    What is committed stays so. Raises Cancelled, LeaseLost.
    """
    errors = []
    for delivery in step.deliveries.exclude(status=RunStep.Status.SUCCESS):
        if should_stop():
            raise Cancelled("RUN_CANCELLED", "The run was asked to stop.")
        if error := _deliver(run, step, delivery, limits, should_stop):
            errors.append(error)
    return errors


def _deliver(
    run: Run, step: RunStep, delivery: TableDelivery, limits: Limits, should_stop: Callable[[], bool]
) -> DatalinxError | None:
    started = time.monotonic()
    _write(run, delivery, status=RunStep.Status.RUNNING, error=None)
    try:
        with scratch("delivery") as folder:
            done = _send(run, step, delivery, folder, limits=limits, should_stop=should_stop)
    except (Cancelled, LeaseLost):
        _renew_connection()
        _write(run, delivery, status=RunStep.Status.CANCELLED)
        raise
    except DatalinxError as error:
        _renew_connection()
        _fail(run, step, delivery, error, seconds=time.monotonic() - started)
        return error
    _renew_connection()
    _write(
        run,
        delivery,
        status=RunStep.Status.SUCCESS,
        outcome=done.outcome,
        snapshot=done.snapshot,
        rows=done.rows,
        seconds=round(time.monotonic() - started, 3),
    )
    write_log(run, _summary(step, delivery), table=step.table)
    return None


def _send(
    run: Run,
    step: RunStep,
    delivery: TableDelivery,
    folder: Path,
    *,
    limits: Limits,
    should_stop: Callable[[], bool],
) -> Delivered:
    destination = _destination(run, delivery)
    (folder / "spill").mkdir()
    return get_writer(destination.connector).deliver(
        open_connection(destination),
        _consignment(run, step, delivery, folder / "held"),
        limits=limits,
        spill=folder / "spill",
        should_stop=should_stop,
    )


def _destination(run: Run, delivery: TableDelivery) -> Destination:
    named = Destination.objects.for_workspace(run.workspace_id).filter(name=delivery.destination)
    found: Destination | None = named.first()
    if found is None:
        message = f"There is no destination {delivery.destination!r} any more; name another one."
        raise NotFound("DESTINATION_NOT_FOUND", message)
    return found


def _consignment(run: Run, step: RunStep, delivery: TableDelivery, hold_in: Path) -> Consignment:
    stored = get_stored_table(run.workspace_id, step.table)
    schema = target_table(run.snapshot, step.table)
    columns = target_columns(schema, make_registry(run.snapshot["types"]))
    return Consignment(
        table=table_files(stored, as_of=str(step.snapshot), hold_in=hold_in),
        origin=stored.pk,
        snapshot=step.snapshot or stored.snapshot,
        target=delivery.entry["as"],
        schema=delivery.entry["schema"],
        mode=delivery.entry["mode"],
        keys=tuple(schema.primary_key),
        json=frozenset(column.name for column in columns if column.type == "JSON"),
        run_id=run.pk,
    )


def _fail(run: Run, step: RunStep, delivery: TableDelivery, error: DatalinxError, *, seconds: float) -> None:
    told = told_error(run, error)
    _write(run, delivery, status=RunStep.Status.FAILED, error=told, seconds=round(seconds, 3))
    message = f"{step.table} was committed and not delivered to {delivery.destination}: {error.message}"
    write_log(run, message, level="error", table=step.table)


def _write(run: Run, delivery: TableDelivery, **values: object) -> None:
    for name, value in values.items():
        setattr(delivery, name, value)
    with transaction.atomic():
        require_held(run)
        delivery.save()


def _renew_connection() -> None:
    """After minutes elsewhere the connection may be gone; within a transaction it is not ours to replace."""
    if not connection.in_atomic_block:
        close_old_connections()


def _summary(step: RunStep, delivery: TableDelivery) -> str:
    name = f"{step.table} at {delivery.destination}"
    if delivery.outcome == "unchanged":
        return f"{name}: version {delivery.snapshot} was there already."
    if delivery.outcome == "superseded":
        return f"{name}: the newer version {delivery.snapshot} stays there."
    return f"{name}: {delivery.rows:,} rows of version {delivery.snapshot} delivered."
