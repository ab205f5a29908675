"""Pipelines: made, changed, taken away, and when their schedule fires next."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from cronsim import CronSim
from django.db import IntegrityError, transaction
from django.utils import timezone

from apps.mappings.models import Mapping as MappingRow
from apps.mappings.services.schemas import get_schema_document
from apps.pipelines.models import Pipeline, Run
from apps.pipelines.services.delivering import delivery_faults
from apps.pipelines.services.engines import require_engine
from apps.workspaces.models import Workspace
from apps.workspaces.services.documents import check_if_match, record_version
from datalinx.caller import Caller
from datalinx.engine.spec.base import document_to_json, parse_document, refusal
from datalinx.engine.spec.pipeline import PipelineDocument, Schedule
from datalinx.errors import FieldError, Invalid


def create_pipeline(*, workspace: Workspace, actor: Caller, document: Any) -> Pipeline:
    """Make a pipeline. Raises Invalid with paths to every fault, PIPELINE_NAME_TAKEN."""
    return _save(
        Pipeline(workspace=workspace, version=0, created_by=actor.id), actor=actor, document=document
    )


def update_pipeline(
    *, pipeline: Pipeline, actor: Caller, changes: Mapping[str, Any], if_match: str = ""
) -> Pipeline:
    """Change the given keys of a pipeline's document. Raises Invalid."""
    check_if_match(if_match=if_match, version=pipeline.version)
    return _save(pipeline, actor=actor, document={**pipeline.document, **changes})


@transaction.atomic
def _save(pipeline: Pipeline, *, actor: Caller, document: Any) -> Pipeline:
    parsed = parse_document(PipelineDocument, document)
    require_engine(parsed.engine)
    faults = [*_unknown_tables(parsed, pipeline.workspace), *delivery_faults(parsed, pipeline.workspace)]
    if faults:
        raise refusal(faults)
    pipeline.name = parsed.name
    pipeline.document = document_to_json(parsed)
    pipeline.next_run_at = next_fire_time(parsed.schedule, after=timezone.now())
    pipeline.version = record_version(
        workspace=pipeline.workspace,
        kind="pipeline",
        key=pipeline.pk,
        document=pipeline.document,
        actor=actor,
    )
    try:
        with transaction.atomic():
            pipeline.save()
    except IntegrityError as error:
        message = f"There is a pipeline named {parsed.name!r} already; choose another name."
        raise Invalid(
            "PIPELINE_NAME_TAKEN", message, errors=[FieldError("name", "taken", message)]
        ) from error
    return pipeline


def _unknown_tables(document: PipelineDocument, workspace: Workspace) -> list[FieldError]:
    mapped = MappingRow.objects.for_workspace(workspace.pk).values_list("table_name", flat=True)
    known = {table["name"] for table in get_schema_document(workspace.pk)["tables"]} | set(mapped)
    return [
        FieldError(
            f"tables[{index}]", "unknown_table", f"There is no target table {name!r} in this workspace."
        )
        for index, name in enumerate(document.tables)
        if name not in known
    ]


def delete_pipeline(*, pipeline: Pipeline, actor: Caller) -> None:
    """Delete a pipeline with its runs; the tables that it wrote stay. Raises Invalid PIPELINE_IS_RUNNING."""
    if pipeline.runs.filter(status__in=Run.ACTIVE).exists():
        raise Invalid("PIPELINE_IS_RUNNING", "A run of this pipeline is queued or running; cancel it first.")
    pipeline.delete()


def next_fire_time(schedule: Schedule | None, *, after: datetime) -> datetime | None:
    """Return when a schedule fires next, or None when it is off or never fires again.

    The time zone's own clock counts, with daylight saving as Debian's cron has it.
    """
    return next(iter(next_fire_times(schedule, after=after, count=1)), None)


def next_fire_times(schedule: Schedule | None, *, after: datetime, count: int) -> list[datetime]:
    """Return the next moments, at most `count`, at which a schedule fires."""
    if schedule is None or not schedule.enabled:
        return []
    moments = CronSim(schedule.cron, after.astimezone(ZoneInfo(schedule.timezone)))
    found = []
    for moment, _ in zip(moments, range(count), strict=False):
        found.append(moment.astimezone(ZoneInfo("UTC")))
    return found
