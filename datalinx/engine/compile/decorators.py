"""The decorators: one table of facts, from a name to its parameters and what it does to a value."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from datalinx import errors
from datalinx.engine.compile.chain import Chain
from datalinx.engine.compile.parsing import did_you_mean
from datalinx.engine.spec.base import Part, parse_part
from datalinx.engine.spec.mapping import Decorator
from datalinx.engine.types.registry import TypeRegistry
from datalinx.engine.types.semantic import SemanticType


@dataclass(frozen=True)
class DecoratorKind:
    """One entry of the table. `apply` moves a chain on; `parameters` says what may stand beside the name."""

    name: str
    description: str
    parameters: type[Part]
    apply: Callable[[Chain, Any], None]


class NoParameters(Part):
    """Nothing stands beside the name."""


DECORATORS: dict[str, DecoratorKind] = {}
"""The decorators by name, without the semantic types, each of which is one too."""


def decorator(
    name: str, description: str, parameters: type[Part] = NoParameters
) -> Callable[[Callable[[Chain, Any], None]], Callable[[Chain, Any], None]]:
    """Register the function as what this decorator does."""

    def register(apply: Callable[[Chain, Any], None]) -> Callable[[Chain, Any], None]:
        DECORATORS[name] = DecoratorKind(name, description, parameters, apply)
        return apply

    return register


def decorate(chain: Chain, entry: Decorator) -> None:
    """Let one decorator of a document work on the value.

    Raise `Invalid`: `UNKNOWN_DECORATOR`, the faults of its parameters, or `TYPE_CLASH`.
    """
    kind = DECORATORS.get(entry.name)
    if kind is not None:
        kind.apply(chain, parse_part(kind.parameters, entry.parameters))
        return
    semantic = _semantic(entry.name, chain.types)
    _normalise(chain, semantic, entry.parameters)


def decorators_as_documents(types: TypeRegistry) -> list[dict[str, object]]:
    """Every decorator with the JSON Schema of its parameters, for forms and for the docs."""
    own: list[dict[str, object]] = [
        {
            "name": kind.name,
            "description": kind.description,
            "parameters": kind.parameters.model_json_schema(),
        }
        for kind in DECORATORS.values()
    ]
    semantic: list[dict[str, object]] = [
        {"name": name, "description": found.description, "parameters": found.parameters.model_json_schema()}
        for name in types.names()
        if (found := types.semantic(name)) is not None
    ]
    return own + semantic


def _semantic(name: str, types: TypeRegistry) -> SemanticType:
    if name in types and (found := types.semantic(name)) is not None:
        return found
    hint = did_you_mean(name, [*DECORATORS, *(other for other in types.names() if types.semantic(other))])
    if name in types:
        hint = f' For the base type write {{"name": "cast", "type": "{name}"}}.'
    raise errors.Invalid("UNKNOWN_DECORATOR", f"There is no decorator `{name}`.{hint}")


def _normalise(chain: Chain, semantic: SemanticType, parameters: Mapping[str, object]) -> None:
    parsed = semantic.parse_parameters(parameters)
    before = chain.bind_text()
    fault = (semantic.reason, f"The value is not a valid {semantic.name}.")
    chain.attempt(before, semantic.normalise(before, parsed), semantic.stored_as, fault)
    chain.semantic = semantic.name
