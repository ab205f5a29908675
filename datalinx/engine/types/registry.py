"""The registry: every type that a workspace may name, built-in ones and an organization's own."""

import difflib
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache

from datalinx import errors
from datalinx.engine.spec.semantic_type import CustomTypeDocument
from datalinx.engine.types import custom as custom_types
from datalinx.engine.types.base import BASE_TYPES, BaseType, ResolvedType
from datalinx.engine.types.builtin import BUILT_IN
from datalinx.engine.types.evaluation import VALUE, shares_of_samples, statement
from datalinx.engine.types.semantic import SemanticType


@dataclass(frozen=True)
class Detection:
    """A semantic type that fits a sample: `share` of the values pass, `score` also weighs the column's name."""

    name: str
    share: float
    score: float


# Below these a guess is noise: half of the values must pass, and values or name must tell something.
_LEAST_SHARE = 0.5
_LEAST_SCORE = 0.3


class TypeRegistry:
    """Look-up of types by name. Immutable; build one for each organization."""

    def __init__(self, custom: Sequence[CustomTypeDocument] = ()) -> None:
        """Take an organization's own types in any order; raise `Invalid` when one cannot stand on its parent."""
        self._semantic = {kind.name: kind for kind in BUILT_IN}
        waiting = list(custom)
        while waiting:
            ready = [document for document in waiting if document.parent in self]
            if not ready:
                raise _no_parent(waiting[0], self.names(), {document.name for document in waiting})
            for document in ready:
                if document.name in self:
                    raise errors.Invalid("TYPE_NAME_TAKEN", f"There is a type {document.name} already.")
                self._semantic[document.name] = custom_types.build(document, self.get(document.parent))
            waiting = [document for document in waiting if document.name not in self._semantic]

    def __contains__(self, name: object) -> bool:
        return name in BASE_TYPES or name in self._semantic

    def get(self, name: str) -> BaseType | SemanticType:
        """Return the type; raise `Invalid` `UNKNOWN_TYPE` with the nearest name when there is none."""
        found = BASE_TYPES.get(name) or self._semantic.get(name)
        if found is None:
            raise errors.Invalid("UNKNOWN_TYPE", _unknown(name, self.names()))
        return found

    def semantic(self, name: str) -> SemanticType | None:
        """Return the semantic type of that name, or None for a base type; raise for an unknown name."""
        found = self.get(name)
        return found if isinstance(found, SemanticType) else None

    def base_of(self, name: str) -> BaseType:
        """Return the base type under a type of either sort."""
        found = self.get(name)
        return BASE_TYPES[found.base] if isinstance(found, SemanticType) else found

    def resolve(self, name: str, *, precision: int | None = None, scale: int | None = None) -> ResolvedType:
        """Return the type of one column with its DuckDB and Iceberg types decided."""
        return self.base_of(name).resolve(precision=precision, scale=scale, name=name)

    def names(self) -> tuple[str, ...]:
        """Return all names: base types, built-in semantic types, then the organization's own."""
        return (*BASE_TYPES, *self._semantic)

    def semantic_types(self) -> tuple[SemanticType, ...]:
        """Return all semantic types, built-in ones first."""
        return tuple(self._semantic.values())

    def as_documents(self) -> list[dict[str, object]]:
        """Return every type as JSON, for `GET /api/semantic-types`."""
        return [_base_document(kind) for kind in BASE_TYPES.values()] + [
            _semantic_document(kind) for kind in self._semantic.values()
        ]

    def check_document(self, document: CustomTypeDocument) -> list[errors.FieldError]:
        """Return what speaks against adding or replacing this type of an organization's own; nothing is kept.

        Besides what the document alone can say: a name or a parent that is not to be had, rules that the
        parent's base cannot have, and examples that do not behave as they should.
        """
        held = self._semantic.get(document.name)
        if document.name in BASE_TYPES or (held and not held.custom):
            return [errors.FieldError("name", "taken", f"`{document.name}` is the name of a built-in type.")]
        if document.parent not in self:
            return [errors.FieldError("parent", "unknown_type", _unknown(document.parent, self.names()))]
        if document.name in self.ancestors(document.parent):
            message = (
                f"`{document.parent}` stands on `{document.name}` itself; a type cannot inherit in a circle."
            )
            return [errors.FieldError("parent", "circle", message)]
        return list(custom_types.faults_on_parent(document, self.get(document.parent)))

    def ancestors(self, name: str) -> set[str]:
        """Return the type itself and those that it stands on."""
        found = {name}
        while kind := self._semantic.get(name):
            name = kind.parent
            found.add(name)
        return found

    def detect(self, values: Sequence[str | None], *, column_name: str = "") -> list[Detection]:
        """Return the semantic types that fit a sample of texts, best first.

        A type whose values could mean anything (a number for a latitude) needs a column name that hints at it.
        """
        return self.detect_columns([(column_name, values)])[0]

    def detect_columns(self, samples: Sequence[tuple[str, Sequence[str | None]]]) -> list[list[Detection]]:
        """Return what `detect` gives for each column's name and sample, all in one statement."""
        kinds = self.semantic_types()
        query, width = detector(kinds)
        found = shares_of_samples(query, [values for _, values in samples], width=width)
        return [_detections(kinds, name, shares) for (name, _), shares in zip(samples, found, strict=True)]


@lru_cache(maxsize=32)
def detector(kinds: tuple[SemanticType, ...]) -> tuple[str, int]:
    """Return the statement that tests values for all types, and how many tests it has.

    Its text takes far longer to make than to run. First stands a test for each type, then one more for each
    type that has a detector of its own.
    """
    tests = [kind.looks_like(VALUE) for kind in kinds]
    tests += [kind.detector(VALUE) for kind in kinds if kind.detector]
    return statement(tests), len(tests)


def _detections(kinds: Sequence[SemanticType], column_name: str, shares: Sequence[float]) -> list[Detection]:
    telling = iter(shares[len(kinds) :])
    found = []
    for kind, share in zip(kinds, shares, strict=False):
        by_values = (next(telling) if kind.detector else share) * kind.weight
        named = bool(kind.column_names and re.search(kind.column_names, column_name.lower()))
        # A name adds a little beyond the weight, so that it decides between types that fit alike.
        score = share + 0.1 if named else by_values
        if share >= _LEAST_SHARE and score >= _LEAST_SCORE:
            found.append(Detection(kind.name, share, round(score, 4)))
    return sorted(found, key=lambda detection: -detection.score)


def _unknown(name: str, names: Iterable[str]) -> str:
    nearest = difflib.get_close_matches(name.lower(), list(names), n=1)
    hint = f" Did you mean `{nearest[0]}`?" if nearest else " GET /api/semantic-types lists them."
    return f"There is no type `{name}`.{hint}"


def _no_parent(document: CustomTypeDocument, names: Iterable[str], waiting: set[str]) -> errors.Invalid:
    if document.parent in waiting:
        message = f"The type {document.name} inherits in a circle through {document.parent}."
        return errors.Invalid("TYPE_CIRCLE", message)
    return errors.Invalid(
        "UNKNOWN_TYPE", f"The parent of {document.name}: {_unknown(document.parent, names)}"
    )


def _base_document(kind: BaseType) -> dict[str, object]:
    return {
        "name": kind.name,
        "kind": "base",
        "parent": None,
        "base": kind.name,
        "description": kind.description,
        "pii": "none",
        "reason": "cast_failed",
        "examples": list(kind.examples),
        "counter_examples": list(kind.counter_examples),
        "normalised": [],
        "parameters": {},
    }


def _semantic_document(kind: SemanticType) -> dict[str, object]:
    schema = kind.parameters.model_json_schema()
    return {
        "name": kind.name,
        "kind": "custom" if kind.custom else "semantic",
        "parent": kind.parent,
        "base": kind.base,
        "description": kind.description,
        "pii": kind.pii,
        "reason": kind.reason,
        "examples": list(kind.examples),
        "counter_examples": list(kind.counter_examples),
        "normalised": [{"from": raw, "to": normal} for raw, normal in kind.normalised],
        "parameters": schema.get("properties", {}),
    }
