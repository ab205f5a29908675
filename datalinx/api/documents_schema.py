"""The documents that users write, as components of the OpenAPI document: from their one typed definition."""

from typing import Any

from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from datalinx.engine.spec.audience import AudienceDocument
from datalinx.engine.spec.cte import CteDocument
from datalinx.engine.spec.identity import IdentityDocument
from datalinx.engine.spec.mapping import Mapping
from datalinx.engine.spec.monitoring import AlertRuleDocument, MonitoringDocument
from datalinx.engine.spec.object_type import ObjectTypeDocument
from datalinx.engine.spec.pipeline import PipelineDocument
from datalinx.engine.spec.query import QueryDocument
from datalinx.engine.spec.schema import TargetColumn, TargetSchema, TargetTable
from datalinx.engine.spec.semantic_type import CustomTypeDocument

MODELS: tuple[type[BaseModel], ...] = (
    AlertRuleDocument,
    AudienceDocument,
    CteDocument,
    CustomTypeDocument,
    IdentityDocument,
    Mapping,
    MonitoringDocument,
    ObjectTypeDocument,
    PipelineDocument,
    QueryDocument,
    TargetColumn,
    TargetSchema,
    TargetTable,
)
# Set apart from the components that are made from serializers.
_PREFIX = "Document"


def component(model: type[BaseModel]) -> dict[str, str]:
    """Return the reference to a document's component."""
    return {"$ref": f"#/components/schemas/{_PREFIX}{model.__name__}"}


def body(model: type[BaseModel]) -> dict[str, Any]:
    """Return what `extend_schema(request=…)` takes for a document."""
    return {"application/json": component(model)}


def components() -> dict[str, Any]:
    """Return all components of all documents, by name."""
    _, definitions = models_json_schema(
        [(model, "validation") for model in MODELS],
        ref_template="#/components/schemas/" + _PREFIX + "{model}",
    )
    return {f"{_PREFIX}{name}": schema for name, schema in definitions["$defs"].items()}
