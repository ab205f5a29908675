"""Pipelines: made, changed, taken away, their schedule paused and resumed."""

from collections.abc import Mapping
from typing import Any

from django.db import IntegrityError, transaction

from apps.mappings.models import Mapping as MappingRow
from apps.mappings.services.schemas import get_schema_document
from apps.pipelines.models import Backfill, Pipeline, Run
from apps.pipelines.services.delivering import delivery_faults
from apps.pipelines.services.engines import require_engine
from apps.pipelines.services.fire_times import next_fire_time
from apps.pipelines.services.upstreams import find_upstreams, followers_of, rename_upstream, set_upstreams
from apps.workspaces.models import Workspace
from apps.workspaces.services.documents import check_if_match, record_version
from datalinx import clock
from datalinx.caller import Caller
from datalinx.engine.spec.base import document_to_json, parse_document, refusal
from datalinx.engine.spec.pipeline import PipelineDocument
from datalinx.errors import FieldError, Invalid

SAVED_FIELDS = ("name", "document", "version", "next_run_at", "updated_at")


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


def replace_pipeline(*, pipeline: Pipeline, actor: Caller, document: Any, if_match: str = "") -> Pipeline:
    """Make this the pipeline's document: a key that it leaves out has its default again. Raises Invalid."""
    check_if_match(if_match=if_match, version=pipeline.version)
    return _save(pipeline, actor=actor, document=document)


@transaction.atomic
def _save(pipeline: Pipeline, *, actor: Caller, document: Any) -> Pipeline:
    parsed = parse_document(PipelineDocument, document)
    require_engine(parsed.engine)
    faults = [*_unknown_tables(parsed, pipeline.workspace), *delivery_faults(parsed, pipeline.workspace)]
    if faults:
        raise refusal(faults)
    upstreams = find_upstreams(pipeline, parsed)
    former, pipeline.name = pipeline.name, parsed.name
    pipeline.document = document_to_json(parsed)
    pipeline.next_run_at = next_fire_time(parsed.schedule, after=clock.database_now())
    pipeline.version = record_version(
        workspace=pipeline.workspace,
        kind="pipeline",
        key=pipeline.pk,
        document=pipeline.document,
        actor=actor,
    )
    try:
        with transaction.atomic():
            # What the scheduler counts beside the document is not written over.
            kept = None if pipeline._state.adding else SAVED_FIELDS
            pipeline.save(update_fields=kept)
    except IntegrityError as error:
        message = f"There is a pipeline named {parsed.name!r} already; choose another name."
        raise Invalid(
            "PIPELINE_NAME_TAKEN", message, errors=[FieldError("name", "taken", message)]
        ) from error
    set_upstreams(pipeline, parsed, upstreams)
    if former not in {"", parsed.name}:
        rename_upstream(pipeline, former=former, actor=actor)
    return pipeline


def set_schedule_enabled(*, pipeline: Pipeline, actor: Caller, enabled: bool) -> Pipeline:
    """Let a schedule start runs, or not, as a new version of the document. Raises Invalid NO_SCHEDULE."""
    schedule = pipeline.document.get("schedule")
    if schedule is None:
        message = "This pipeline has no schedule; give it one by changing its document."
        raise Invalid("NO_SCHEDULE", message)
    if schedule["enabled"] == enabled:
        return pipeline
    changes = {"schedule": {**schedule, "enabled": enabled}}
    return update_pipeline(pipeline=pipeline, actor=actor, changes=changes)


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


@transaction.atomic
def delete_pipeline(*, pipeline: Pipeline, actor: Caller) -> None:
    """Delete a pipeline with its runs; the tables that it wrote stay. Raises Invalid PIPELINE_IS_RUNNING,
    PIPELINE_HAS_FOLLOWERS.
    """
    # Locked first: a run that is queued in this moment is seen, or finds the pipeline gone.
    Pipeline.objects.select_for_update().filter(pk=pipeline.pk).values_list("pk").first()
    if pipeline.runs.filter(status__in=Run.ACTIVE).exists():
        raise Invalid("PIPELINE_IS_RUNNING", "A run of this pipeline is queued or running; cancel it first.")
    if followers := followers_of(pipeline):
        names = ", ".join(each.name for each in followers)
        message = f"Other pipelines start after this one: {names}. Take it out of their `after` first."
        raise Invalid(
            "PIPELINE_HAS_FOLLOWERS", message, details={"pipelines": [each.name for each in followers]}
        )
    if backfill := pipeline.backfills.filter(status__in=Backfill.OPEN).first():
        message = f"The backfill {backfill.pk} of this pipeline is {backfill.status}; cancel it first."
        raise Invalid("PIPELINE_IS_RUNNING", message, details={"backfill_id": backfill.pk})
    pipeline.delete()
