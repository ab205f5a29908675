"""The registry: every type that a workspace may name, built-in ones and an organization's own."""

from collections.abc import Sequence
from dataclasses import dataclass

from datalinx.engine.types.base import BaseType, ResolvedType
from datalinx.engine.types.semantic import SemanticType


@dataclass(frozen=True)
class Detection:
    """A semantic type that fits a sample: `share` of the values pass, `score` also weighs the column's name."""

    name: str
    share: float
    score: float


class TypeRegistry:
    """Look-up of types by name. Immutable; build one for each organization."""

    def __init__(self, custom: Sequence["CustomTypeDocument"] = ()) -> None:
        raise NotImplementedError

    def __contains__(self, name: object) -> bool:
        raise NotImplementedError

    def get(self, name: str) -> BaseType | SemanticType:
        """Return the type; raise `Invalid` `UNKNOWN_TYPE` with the nearest name when there is none."""
        raise NotImplementedError

    def semantic(self, name: str) -> SemanticType | None:
        """Return the semantic type of that name, or None for a base type; raise for an unknown name."""
        raise NotImplementedError

    def base_of(self, name: str) -> BaseType:
        """Return the base type under a type of either sort."""
        raise NotImplementedError

    def resolve(self, name: str, *, precision: int | None = None, scale: int | None = None) -> ResolvedType:
        """Return the type of one column with its DuckDB and Iceberg types decided."""
        raise NotImplementedError

    def names(self) -> tuple[str, ...]:
        """Return all names: base types, built-in semantic types, then the organization's own."""
        raise NotImplementedError

    def as_documents(self) -> list[dict[str, object]]:
        """Return every type as JSON, for `GET /api/semantic-types`."""
        raise NotImplementedError

    def detect(self, values: Sequence[str | None], *, column_name: str = "") -> list[Detection]:
        """Return the semantic types that fit a sample of texts, best first."""
        raise NotImplementedError
