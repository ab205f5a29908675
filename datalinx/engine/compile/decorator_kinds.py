"""What a decorator is, and the table that `text_decorators` and `value_decorators` fill."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from datalinx.engine.compile.chain import Chain
from datalinx.engine.spec.base import Part


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
