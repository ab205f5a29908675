"""The decorators: one step of a chain each, by name; every semantic type is one too."""

from collections.abc import Mapping

from sqlglot import exp

from datalinx import errors

# The modules of decorators fill the table.
from datalinx.engine.compile import identity, text_decorators, value_decorators  # noqa: F401
from datalinx.engine.compile.chain import Chain
from datalinx.engine.compile.decorator_kinds import DECORATORS
from datalinx.engine.compile.parsing import did_you_mean
from datalinx.engine.compile.plan import Step
from datalinx.engine.spec.base import parse_part
from datalinx.engine.spec.mapping import Decorator
from datalinx.engine.types.registry import TypeRegistry
from datalinx.engine.types.semantic import Parameters, SemanticType


def decorate(chain: Chain, entry: Decorator, *, is_last: bool = False) -> None:
    """Let one decorator of a document work on the value; after the last one comes the cast to the column's type.

    Raise `Invalid`: `UNKNOWN_DECORATOR`, the faults of its parameters, or `TYPE_CLASH`.
    """
    kind = DECORATORS.get(entry.name)
    if kind is not None:
        kind.apply(chain, parse_part(kind.parameters, entry.parameters))
        return
    semantic = _semantic(entry.name, chain.types)
    _normalise(chain, semantic, entry.parameters, is_last=is_last)


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


def _normalise(
    chain: Chain, semantic: SemanticType, parameters: Mapping[str, object], *, is_last: bool
) -> None:
    parsed = semantic.parse_parameters(parameters)
    if semantic.trims and chain.untrimmed is not None:
        # It does so itself, and twice costs more.
        chain.value = chain.untrimmed
    before = chain.bind_text()
    normal, through = _normal(chain, semantic, parsed)
    fault = (semantic.reason, f"The value is not a valid {semantic.name}.")
    direct = semantic.direct(before, parsed, chain.target) if semantic.direct and is_last else None
    if direct is None:
        shortcut = semantic.shortcut(parsed) if semantic.shortcut else ()
        chain.attempt(before, normal, semantic.stored_as, fault, shortcut=shortcut, through=through)
    else:
        chain.attempt_directly(before, direct, (normal, semantic.stored_as), fault)
    chain.semantic = semantic.name


def _normal(
    chain: Chain, semantic: SemanticType, parameters: Parameters
) -> tuple[exp.Expression, list[Step]]:
    """The normal form of the bound value, over a step for each stage of the type but the last; and those steps."""
    if not semantic.stages:
        return semantic.normalise(chain.value, parameters), []
    *stages, last = semantic.stages
    value, steps = chain.value, []
    for stage in stages:
        staged = stage(value, parameters)
        # A stage may have nothing to do under these parameters.
        if staged is not value:
            steps.append(chain.steps.add(staged, "VARCHAR"))
            value = steps[-1].column
    return last(value, parameters), steps
