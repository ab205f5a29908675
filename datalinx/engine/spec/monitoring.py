"""What is watched: which tables are scored with which thresholds, and the rules that raise alerts."""

from collections.abc import Iterator
from typing import Annotated, ClassVar, Literal

from pydantic import Field

from datalinx.engine.spec.base import Document, Identifier, Name, Part, Text
from datalinx.errors import FieldError

Dimension = Literal[
    "completeness",
    "uniqueness",
    "consistency",
    "accuracy",
    "validity",
    "timeliness",
    "relevance",
    "integrity",
]
Comparison = Literal["eq", "ne", "lt", "lte", "gt", "gte"]


class TableMonitoring(Part):
    """How one table is scored: the dimensions that count, and how old its newest row may be."""

    dimensions: Annotated[tuple[Dimension, ...], Field(min_length=1, max_length=8)] | None = None
    timestamp_column: Identifier | None = None
    fresh_within_hours: Annotated[float, Field(gt=0, le=100_000)] | None = None


class MonitoringDocument(Document):
    """What is watched in a workspace. Without `tables` every stored table is scored with the defaults."""

    shown_defaults: ClassVar[frozenset[str]] = frozenset({"enabled", "tables"})

    enabled: bool = True
    tables: Annotated[dict[Identifier, TableMonitoring], Field(max_length=500)] = {}


class AlertRuleDocument(Document):
    """When an alert is raised.

    `pipeline_failure`: the last run of `pipeline` (any, when not given) failed. `threshold`: the `measure` of
    `table` compares with `value` as `op` says: its rows, the rejected rows or their share in the last run, its
    overall score, or the score of one `dimension` (0 to 100); or the one number that the SQL of `query` answers.
    """

    shown_defaults: ClassVar[frozenset[str]] = frozenset({"description", "severity", "enabled"})

    name: Name
    description: Text = ""
    kind: Literal["pipeline_failure", "threshold"]
    pipeline: Name | None = None
    table: Identifier | None = None
    measure: Literal["rows", "rejected", "rejected_share", "score", "query"] | None = None
    dimension: Dimension | None = None
    query: Annotated[str, Field(min_length=1, max_length=100_000)] | None = None
    op: Comparison | None = None
    value: float | None = None
    severity: Literal["warning", "critical"] = "warning"
    enabled: bool = True

    def faults(self) -> Iterator[FieldError]:
        if self.kind == "pipeline_failure":
            for key in ("table", "measure", "dimension", "query", "op", "value"):
                if getattr(self, key) is not None:
                    yield FieldError(
                        key, "not_used", "A rule of the kind pipeline_failure does not use this."
                    )
            return
        for key in ("measure", "op", "value"):
            if getattr(self, key) is None:
                yield FieldError(key, "required", "A rule of the kind threshold needs this.")
        if self.pipeline is not None:
            yield FieldError("pipeline", "not_used", "A rule of the kind threshold does not use this.")
        if self.measure == "query" and self.query is None:
            yield FieldError("query", "required", "The measure query needs SQL that answers one number.")
        if self.measure not in {"query", None} and self.table is None:
            yield FieldError("table", "required", f"The measure {self.measure} needs a table.")
        if self.measure != "query" and self.query is not None:
            yield FieldError("query", "not_used", "Only the measure query uses this.")
        if self.dimension is not None and self.measure != "score":
            yield FieldError("dimension", "not_used", "Only the measure score uses this.")
