"""The lineage of a run, told from the documents that it ran: as lines, and as an OpenLineage event."""

from collections.abc import Iterable, Sequence
from typing import Any
from urllib.parse import quote, urlsplit

from django.conf import settings
from django.utils import timezone

from apps.mappings.services.compile import Documents, lineage_from_documents, mapping_from, target_table
from apps.mappings.services.lineage import table_links
from apps.pipelines.models import Run, RunStep
from datalinx.api.renderers import to_json
from datalinx.engine.lineage.graph import Link, Place
from datalinx.engine.lineage.openlineage import Dataset, RunFacts, run_event
from datalinx.engine.spec.mapping import DecoratedField
from datalinx.errors import Invalid, NotFound
from datalinx.version import __version__

PRODUCER = f"urn:datalinx:{__version__}"
# Decorators after which nobody reads the value any more.
MASKING = frozenset({"hash", "mask", "hashed_email"})


def run_lineage(*, run: Run, table: str = "", column: str = "") -> list[dict[str, Any]]:
    """Return the lineage of a run, of one of its tables, of one column of that. Raises NotFound TABLE_NOT_FOUND."""
    steps = _steps(run, table)
    edges = [edge for step in steps for edge in lineage_from_documents(run.snapshot, step.table)]
    return [edge for edge in edges if not column or edge["target"] in {None, column}]


def openlineage_event(*, run: Run, table: str = "") -> bytes:
    """Return the OpenLineage event of the state of a run, or of the making of one table in it, as JSON.

    Raises NotFound TABLE_NOT_FOUND for a table that the run does not make.
    """
    steps = _steps(run, table)
    documents, workspace = run.snapshot, run.workspace
    host = urlsplit(settings.PUBLIC_URL).netloc or "localhost"
    job = run.pipeline.name if run.pipeline else "workspace"
    links = {step.table: _links(documents, step.table) for step in steps}
    error = (steps[0].error if table else run.error) or {}
    engine, _, version = str(run.manifest.get("engine", run.engine)).partition(" ")
    facts = RunFacts(
        run_id=f"{run.pk}/{table}" if table else run.pk,
        job=f"{job}.{table}" if table else job,
        status=steps[0].status if table and run.is_finished else run.status,
        at=to_json(_moment(run)).decode().strip('"'),
        namespace=f"datalinx://{host}/{workspace.organization.slug}/{quote(workspace.name, safe='')}",
        producer=PRODUCER,
        engine=engine,
        engine_version=version or __version__,
        error=str(error.get("message", "")),
        parent=(run.pk, job) if table else None,
        inputs=_inputs(run, links),
        outputs=[_output(documents, step) for step in steps],
        links=[link for each in links.values() for link in each],
        masked=frozenset(_masked(documents, links)),
    )
    return to_json(run_event(facts))


def _steps(run: Run, table: str) -> list[RunStep]:
    steps = [step for step in run.steps.all() if table in {"", step.table}]
    if table and not steps:
        raise NotFound("TABLE_NOT_FOUND", f"This run does not make the table {table!r}.")
    return steps


def _moment(run: Run) -> Any:
    return run.finished_at or run.started_at or run.created_at or timezone.now()


def _links(documents: Documents, table: str) -> Sequence[Link]:
    """Return the links into a table; a run that failed because its mapping does not compile has none."""
    try:
        return table_links(documents, table)
    except (Invalid, NotFound):
        return ()


def _inputs(run: Run, links: dict[str, Sequence[Link]]) -> list[Dataset]:
    """Return what was read; what the run itself made before is read too."""
    found: dict[Place, int | None] = {}
    for table, own in links.items():
        read = run.manifest.get("inputs", {}).get(table, {})
        aliases = _aliases(run.snapshot, table)
        for place in dict.fromkeys(link.origin for link in own):
            rows = next((read[alias]["rows"] for alias in aliases.get(place, ()) if alias in read), None)
            found.setdefault(place, rows)
    return [Dataset(place, _columns(run.snapshot, place), rows=rows) for place, rows in found.items()]


def _aliases(documents: Documents, table: str) -> dict[Place, list[str]]:
    found: dict[Place, list[str]] = {}
    for entry in mapping_from(documents, table).inputs:
        place = (
            Place("table", entry.target)
            if entry.target is not None
            else Place("source", entry.table or "", entry.source)
        )
        found.setdefault(place, []).append(entry.alias)
    return found


def _output(documents: Documents, step: RunStep) -> Dataset:
    place, counts = Place("table", step.table), step.counts
    rows = sum(counts.get(name, 0) for name in ("inserted", "updated"))
    return Dataset(
        place,
        _columns(documents, place),
        version=step.snapshot,
        rows=rows if step.status == RunStep.Status.SUCCESS else None,
    )


def _columns(documents: Documents, place: Place) -> list[tuple[str, str]]:
    if place.kind == "source":
        columns = documents["sources"].get(place.source, {}).get("tables", {}).get(place.name, [])
        return [(name, kind) for name, kind in columns]
    try:
        return [(column.name, column.type) for column in target_table(documents, place.name).columns]
    except Invalid:
        return []


def _masked(documents: Documents, tables: Iterable[str]) -> Iterable[tuple[str, str]]:
    for table in tables:
        if table not in documents["mappings"]:
            continue
        for name, entry in mapping_from(documents, table).fields.items():
            if isinstance(entry, DecoratedField) and MASKING & {each.name for each in entry.decorators}:
                yield table, name
