"""The documents that users write: one typed definition of each, JSON in and out."""

from datalinx.engine.spec.audience import AudienceDocument
from datalinx.engine.spec.base import Document, document_to_json, parse_document
from datalinx.engine.spec.cte import CteDocument
from datalinx.engine.spec.identity import IdentityDocument
from datalinx.engine.spec.mapping import Mapping
from datalinx.engine.spec.object_type import ObjectTypeDocument
from datalinx.engine.spec.pipeline import PipelineDocument
from datalinx.engine.spec.schema import TargetColumn, TargetSchema, TargetTable
from datalinx.engine.spec.source import SourceDocument

__all__ = [
    "AudienceDocument",
    "CteDocument",
    "Document",
    "IdentityDocument",
    "Mapping",
    "ObjectTypeDocument",
    "PipelineDocument",
    "SourceDocument",
    "TargetColumn",
    "TargetSchema",
    "TargetTable",
    "document_to_json",
    "parse_document",
]
