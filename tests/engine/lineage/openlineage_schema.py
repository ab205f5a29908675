"""The part of OpenLineage's event 2-0-2, and of the facets that are sent, that a collector checks."""

from typing import Any

_TEXT, _WHOLE = {"type": "string"}, {"type": "integer", "minimum": 0}
_UUID, _URI = {"type": "string", "format": "uuid"}, {"type": "string", "format": "uri", "pattern": "^[a-z]+:"}


def _object(required: dict[str, Any], **optional: Any) -> dict[str, Any]:
    return {"type": "object", "required": list(required), "properties": {**required, **optional}}


def _facet(required: dict[str, Any], **optional: Any) -> dict[str, Any]:
    schema_url = {
        "type": "string",
        "pattern": r"^https://openlineage\.io/spec/facets/\d-\d-\d/\w+\.json#/\$defs/\w+$",
    }
    return _object({"_producer": _URI, "_schemaURL": schema_url, **required}, **optional)


def _only(**known: Any) -> dict[str, Any]:
    return {"type": "object", "properties": known, "additionalProperties": False}


_JOB = {"namespace": _TEXT, "name": _TEXT}
_WAY = _object(
    {"type": {"enum": ["DIRECT", "INDIRECT"]}}, subtype=_TEXT, description=_TEXT, masking={"type": "boolean"}
)
_FIELDS = {
    "type": "array",
    "items": _object({**_JOB, "field": _TEXT}, transformations={"type": "array", "items": _WAY}),
}
_DATASET_FACETS = {
    "schema": _facet({}, fields={"type": "array", "items": _object({"name": _TEXT}, type=_TEXT)}),
    "dataSource": _facet({}, name=_TEXT, uri=_URI),
    "version": _facet({"datasetVersion": _TEXT}),
}
_LINEAGE = _facet(
    {"fields": {"type": "object", "additionalProperties": _object({"inputFields": _FIELDS})}}, dataset=_FIELDS
)
_ROWS = _facet({}, rowCount=_WHOLE)
_RUN_FACETS = {
    "parent": _facet({"run": _object({"runId": _UUID}), "job": _object(_JOB)}),
    "errorMessage": _facet({"message": _TEXT, "programmingLanguage": _TEXT}),
    "processing_engine": _facet({"version": _TEXT}, name=_TEXT),
}

RUN_EVENT: dict[str, Any] = _object(
    {
        "eventTime": {"type": "string", "format": "date-time", "pattern": r"^\d{4}-\d\d-\d\dT.*Z$"},
        "producer": _URI,
        "schemaURL": {"const": "https://openlineage.io/spec/2-0-2/OpenLineage.json#/$defs/RunEvent"},
        "run": _object({"runId": _UUID}, facets=_only(**_RUN_FACETS)),
        "job": _object(
            _JOB, facets=_only(jobType=_facet({"processingType": _TEXT, "integration": _TEXT}, jobType=_TEXT))
        ),
    },
    eventType={"enum": ["START", "RUNNING", "COMPLETE", "ABORT", "FAIL", "OTHER"]},
    inputs={
        "type": "array",
        "items": _object(_JOB, facets=_only(**_DATASET_FACETS), inputFacets=_only(inputStatistics=_ROWS)),
    },
    outputs={
        "type": "array",
        "items": _object(
            _JOB,
            facets=_only(**_DATASET_FACETS, columnLineage=_LINEAGE),
            outputFacets=_only(outputStatistics=_ROWS),
        ),
    },
)
