"""Deliveries: what a pipeline may ask for, planned with a run, owed until they succeed."""

from collections.abc import Iterator, Sequence

from django.db.models import Q

from apps.mappings.models import Mapping as MappingRow
from apps.mappings.services.schemas import get_schema_document
from apps.pipelines.models import Run, RunStep, TableDelivery
from apps.sources.models import Destination
from apps.workspaces.models import Workspace
from datalinx.engine.connectors import get_writer
from datalinx.engine.spec.base import stored_document
from datalinx.engine.spec.pipeline import Deliver, PipelineDocument
from datalinx.errors import FieldError

ENDED = (RunStep.Status.SUCCESS, RunStep.Status.FAILED)


def delivery_faults(document: PipelineDocument, workspace: Workspace) -> Iterator[FieldError]:
    """Yield what is wrong with a pipeline's deliveries as the workspace is now."""
    if not document.deliver:
        return
    connectors = dict(Destination.objects.for_workspace(workspace.pk).values_list("name", "connector"))
    keys = {table["name"]: table.get("primary_key") for table in get_schema_document(workspace.pk)["tables"]}
    rows = MappingRow.objects.for_workspace(workspace.pk).values_list("table_name", "document")
    modes = {name: found.get("load", {}).get("mode") for name, found in rows}
    for position, each in enumerate(document.deliver):
        path = f"deliver[{position}]"
        if each.destination not in connectors:
            message = f"There is no destination {each.destination!r} in this workspace."
            yield FieldError(f"{path}.destination", "unknown_destination", message)
        else:
            writer = get_writer(connectors[each.destination])
            for fault in writer.check_target(schema=each.schema_name, target=each.target_name):
                yield FieldError(f"{path}.{fault.field}", fault.code, fault.message)
        if each.mode == "merge":
            yield from _merge_faults(each, path, keys.get(each.table), modes.get(each.table))


def _merge_faults(
    each: Deliver, path: str, keys: Sequence[str] | None, mode: str | None
) -> Iterator[FieldError]:
    if not keys:
        message = (
            f"`{each.table}` has no primary key to tell rows by: give it one, or use the mode `replace`."
        )
        yield FieldError(f"{path}.mode", "no_primary_key", message)
    elif mode == "history":
        message = f"`{each.table}` keeps several versions of a row, which repeat its key: use `replace`."
        yield FieldError(f"{path}.mode", "key_repeats", message)


def plan_deliveries(run: Run, steps: Sequence[RunStep]) -> None:
    """Write down what a run is to deliver. A run that publishes nothing delivers nothing."""
    if not run.publishes or not run.snapshot.get("pipeline", {}).get("deliver"):
        return
    document = stored_document(PipelineDocument, run.snapshot["pipeline"])
    TableDelivery.objects.bulk_create(
        TableDelivery(
            step=step,
            position=position,
            destination=each.destination,
            entry={**each.model_dump(mode="json", by_alias=True), "as": each.target_name},
        )
        for step in steps
        for position, each in enumerate(document.deliver)
        if each.table == step.table
    )


def is_owed(step: RunStep) -> bool:
    """Return whether something of a step was not delivered."""
    return any(delivery.status != RunStep.Status.SUCCESS for delivery in step.deliveries.all())


def end_deliveries(run: Run, *, status: str) -> None:
    """Give what a run that ends did not begin, or not finish, its last state."""
    TableDelivery.objects.filter(~Q(status__in=ENDED), step__run=run).update(status=status)
