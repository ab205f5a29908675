"""A run as an OpenLineage event (https://openlineage.io, version 2-0-2), for catalogs and collectors to take in."""

import uuid
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

from datalinx.engine.lineage.graph import Link, Place

SPEC = "https://openlineage.io/spec/2-0-2/OpenLineage.json#/$defs/RunEvent"
# Run ids of OpenLineage are UUIDs; ours have one each, always the same.
_RUNS = uuid.uuid5(uuid.NAMESPACE_URL, "https://openlineage.io/runs/datalinx")

_EVENTS = {
    "queued": "START",
    "running": "START",
    "success": "COMPLETE",
    "failed": "FAIL",
    "skipped": "ABORT",
    "cancelled": "ABORT",
}
_FACETS = {
    "schema": ("1-1-1", "SchemaDatasetFacet"),
    "dataSource": ("1-0-1", "DatasourceDatasetFacet"),
    "version": ("1-0-1", "DatasetVersionDatasetFacet"),
    "columnLineage": ("1-2-0", "ColumnLineageDatasetFacet"),
    "outputStatistics": ("1-0-2", "OutputStatisticsOutputDatasetFacet"),
    "inputStatistics": ("1-0-0", "InputStatisticsInputDatasetFacet"),
    "parent": ("1-1-0", "ParentRunFacet"),
    "errorMessage": ("1-0-1", "ErrorMessageRunFacet"),
    "processing_engine": ("1-1-1", "ProcessingEngineRunFacet"),
    "jobType": ("2-0-3", "JobTypeJobFacet"),
}
# How a column takes part, in OpenLineage's words: does its value go in, and by what.
_TRANSFORMATIONS = {
    "direct": ("DIRECT", "IDENTITY"),
    "wildcard": ("DIRECT", "IDENTITY"),
    "decorated": ("DIRECT", "TRANSFORMATION"),
    "expression": ("DIRECT", "TRANSFORMATION"),
    "lookup": ("DIRECT", "TRANSFORMATION"),
    "aggregate": ("DIRECT", "AGGREGATION"),
    "filter": ("INDIRECT", "FILTER"),
    "join": ("INDIRECT", "JOIN"),
    "group": ("INDIRECT", "GROUP_BY"),
    "key": ("INDIRECT", "GROUP_BY"),
    "order": ("INDIRECT", "SORT"),
    "cursor": ("INDIRECT", "FILTER"),
}


@dataclass(frozen=True)
class Dataset:
    """A stored relation with its columns, as (name, type)."""

    place: Place
    columns: Sequence[tuple[str, str]] = ()
    version: int | None = None
    rows: int | None = None


@dataclass(frozen=True)
class RunFacts:
    """What an event tells of a run, or of the making of one table in it. Times are ISO 8601.

    `masked` are the (table, column) whose values do not go on as they are. `parent` is the run around it, as
    (id, name of its job).
    """

    run_id: str
    job: str
    status: str
    at: str
    namespace: str
    producer: str
    engine: str
    engine_version: str
    error: str = ""
    parent: tuple[str, str] | None = None
    inputs: Sequence[Dataset] = ()
    outputs: Sequence[Dataset] = ()
    links: Sequence[Link] = ()
    masked: frozenset[tuple[str, str]] = field(default_factory=frozenset)


def run_uuid(run_id: str) -> str:
    """Return the UUID that stands for one of our run ids."""
    return str(uuid.uuid5(_RUNS, run_id))


def run_event(facts: RunFacts) -> dict[str, Any]:
    """Return the event of the state that a run, or one table of it, is in."""
    writer = _Writer(facts)
    return {
        "eventType": _EVENTS.get(facts.status, "OTHER"),
        "eventTime": facts.at,
        "producer": facts.producer,
        "schemaURL": SPEC,
        "run": {"runId": run_uuid(facts.run_id), "facets": writer.run_facets()},
        "job": {"namespace": facts.namespace, "name": facts.job, "facets": writer.job_facets()},
        "inputs": [writer.input(dataset) for dataset in facts.inputs],
        "outputs": [writer.output(dataset) for dataset in facts.outputs],
    }


class _Writer:
    """Writes the parts of one event."""

    def __init__(self, facts: RunFacts) -> None:
        self._facts = facts

    def run_facets(self) -> dict[str, Any]:
        facts = self._facts
        engine = {"name": facts.engine, "version": facts.engine_version}
        facets = {"processing_engine": self._facet("processing_engine", engine)}
        if facts.parent is not None:
            run_id, job = facts.parent
            parent = {"run": {"runId": run_uuid(run_id)}, "job": {"namespace": facts.namespace, "name": job}}
            facets["parent"] = self._facet("parent", parent)
        if facts.error:
            said = {"message": facts.error, "programmingLanguage": "SQL"}
            facets["errorMessage"] = self._facet("errorMessage", said)
        return facets

    def job_facets(self) -> dict[str, Any]:
        kind = {
            "processingType": "BATCH",
            "integration": "DATALINX",
            "jobType": "TASK" if self._facts.parent else "PIPELINE",
        }
        return {"jobType": self._facet("jobType", kind)}

    def input(self, dataset: Dataset) -> dict[str, Any]:
        made = {**self._name(dataset.place), "facets": self._dataset_facets(dataset)}
        if dataset.rows is not None:
            made["inputFacets"] = {
                "inputStatistics": self._facet("inputStatistics", {"rowCount": dataset.rows})
            }
        return made

    def output(self, dataset: Dataset) -> dict[str, Any]:
        facets = self._dataset_facets(dataset)
        facets["columnLineage"] = self._facet("columnLineage", self._lineage(dataset.place))
        made = {**self._name(dataset.place), "facets": facets}
        if dataset.rows is not None:
            made["outputFacets"] = {
                "outputStatistics": self._facet("outputStatistics", {"rowCount": dataset.rows})
            }
        return made

    def _dataset_facets(self, dataset: Dataset) -> dict[str, Any]:
        name = dataset.place.source or "lake"
        uri = f"{self._facts.namespace}/{quote(_folder(dataset.place), safe='/')}"
        fields = [{"name": column, "type": kind} for column, kind in dataset.columns]
        facets = {
            "schema": self._facet("schema", {"fields": fields}),
            "dataSource": self._facet("dataSource", {"name": name, "uri": uri}),
        }
        if dataset.version is not None:
            facets["version"] = self._facet("version", {"datasetVersion": str(dataset.version)})
        return facets

    def _lineage(self, place: Place) -> dict[str, Any]:
        own = [link for link in self._facts.links if link.target == place]
        made = dict.fromkeys(link.field for link in own if link.field is not None)
        fields = {
            name: {"inputFields": self._fields(link for link in own if link.field == name)} for name in made
        }
        return {"fields": fields, "dataset": self._fields(link for link in own if link.field is None)}

    def _fields(self, links: Iterable[Link]) -> list[dict[str, Any]]:
        """The columns behind links, each once with all the ways in which it takes part."""
        found: dict[tuple[Place, str], list[dict[str, Any]]] = {}
        for link in links:
            if link.column is None:
                continue
            kind, subtype = _TRANSFORMATIONS.get(link.kind, ("INDIRECT", "CONDITIONAL"))
            is_masked = (link.target.name, link.field or "") in self._facts.masked
            way = {"type": kind, "subtype": subtype, "description": link.kind, "masking": is_masked}
            found.setdefault((link.origin, link.column), []).append(way)
        return [
            {**self._name(place), "field": column, "transformations": ways}
            for (place, column), ways in found.items()
        ]

    def _name(self, place: Place) -> dict[str, Any]:
        return {"namespace": self._facts.namespace, "name": f"{_folder(place)}/{place.name}"}

    def _facet(self, name: str, values: Mapping[str, Any]) -> dict[str, Any]:
        version, title = _FACETS[name]
        url = f"https://openlineage.io/spec/facets/{version}/{title}.json#/$defs/{title}"
        return {"_producer": self._facts.producer, "_schemaURL": url, **values}


def _folder(place: Place) -> str:
    if place.kind == "identity":
        return "people"
    return "tables" if place.source is None else f"sources/{place.source}"
