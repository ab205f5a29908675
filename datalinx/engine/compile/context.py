"""What the parts of one compilation share."""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field

from datalinx.engine.compile.binder import Binder
from datalinx.engine.compile.names import Scope
from datalinx.engine.compile.plan import CompiledJoin, InputShape, Read
from datalinx.engine.compile.steps import Steps
from datalinx.engine.types.base import ResolvedType
from datalinx.engine.types.registry import TypeRegistry

Identified = Mapping[str, ResolvedType]
"""The tables whose records have canonical ids, with the type of their keys."""

NOBODY: Identified = {}


@dataclass
class Context:
    """`scope` is what expressions may refer to: the inputs that stand in FROM; `inputs` are all of the mapping.

    `grouped` are the columns that a grouped mapping groups by, None for one that does not group. Steps, and
    the joins of lookups, collect here; `add_relation` adds a stored relation that no input of the mapping names.
    """

    scope: Scope
    inputs: Scope
    binder: Binder
    types: TypeRegistry
    add_relation: Callable[[Read, InputShape], None]
    identified: Identified = field(default_factory=lambda: NOBODY)
    grouped: Collection[tuple[str, str]] | None = None
    steps: Steps = field(default_factory=Steps)
    lookups: list[CompiledJoin] = field(default_factory=list)
