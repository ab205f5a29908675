"""Object types against what they stand on: the target schema, the types, and each other."""

from datalinx.engine.object_types.check import check_object_type
from datalinx.engine.object_types.draft import Drafts, draft_object_types
from datalinx.engine.object_types.ground import Entity, Ground, with_ids, with_names
from datalinx.engine.object_types.resolve import resolve

__all__ = [
    "Drafts",
    "Entity",
    "Ground",
    "check_object_type",
    "draft_object_types",
    "resolve",
    "with_ids",
    "with_names",
]
