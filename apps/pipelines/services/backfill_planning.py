"""What a backfill runs: tables that can be read again without rows being there twice, and the documents they need."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from apps.mappings.services.compile import collect_documents, compile_table
from apps.pipelines.models import Backfill, Pipeline
from apps.pipelines.services.runs import RunPlan, plan_run
from apps.workspaces.models import Workspace
from datalinx.engine.compile.plan import CompiledMapping
from datalinx.engine.types.casts import kind_of
from datalinx.errors import FieldError, Invalid

# A window with both bounds, to ask whether a table can be read by one.
_SOME_WINDOW = {"since": "2000-01-01", "until": "2000-01-02"}


def plan_backfill(
    *, workspace: Workspace, pipeline: Pipeline, tables: Sequence[str], order: str, timezone: str
) -> RunPlan:
    """Return what the runs of a backfill run. Raises Invalid BACKFILL_NOT_POSSIBLE and what a run's start raises."""
    asked = {**_SOME_WINDOW, **({"tables": list(tables)} if tables else {})}
    plan = plan_run(workspace=workspace, pipeline=pipeline, request=asked)
    faults = [
        FieldError(table, "not_repeatable", message)
        for table in plan.tables
        for message in _hindrances(compile_table(plan.snapshot, table), order=order, timezone=timezone)
    ]
    if faults:
        raise Invalid("BACKFILL_NOT_POSSIBLE", faults[0].message, errors=faults)
    return plan


def _hindrances(compiled: CompiledMapping, *, order: str, timezone: str) -> Iterator[str]:
    table, load = compiled.table, compiled.load
    if load.mode == "append":
        yield (
            f"`{table}` is appended to, so a chunk that is read again would put its rows there twice: load it by "
            "`merge`, or run the pipeline with `since` and `until` where that is what you want."
        )
    if load.mode == "history" and order == Backfill.Order.NEWEST:
        yield (
            f"`{table}` keeps the history of its rows, which is only written forward: choose the order `oldest`."
        )
    if timezone != "UTC" and load.cursor_type is not None and kind_of(load.cursor_type) == "date":
        yield (
            f"The cursor of `{table}` is a date, which is compared in UTC: a chunk that begins at midnight of "
            f"{timezone} would begin a day late or early. Leave out `timezone`."
        )


def has_changed(backfill: Backfill) -> bool:
    """Return whether what a backfill's tables are made by is not what it began with any more."""
    present = collect_documents(backfill.workspace, backfill.tables)
    return _relevant(present, backfill.tables) != _relevant(backfill.snapshot, backfill.tables)


def _relevant(documents: Mapping[str, Any], tables: Sequence[str]) -> tuple[Any, ...]:
    """Return the part of the documents that decides what becomes of the rows of these tables."""
    schema = [table for table in documents["schema"]["tables"] if table["name"] in tables]
    mappings = {name: documents["mappings"].get(name) for name in tables}
    return schema, mappings, documents["ctes"], documents["types"]
