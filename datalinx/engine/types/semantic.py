"""A semantic type: the facts about one meaning of a value, and the expressions that check and clean it."""

from collections.abc import Callable
from dataclasses import dataclass, field

from pydantic import BaseModel, ConfigDict
from sqlglot import exp

from datalinx.engine.types.base import BaseName, PiiClass


class Parameters(BaseModel):
    """The parameters of a semantic type. The types that take some derive from this."""

    model_config = ConfigDict(extra="forbid", frozen=True)


Lowering = Callable[[exp.Expression, Parameters], exp.Expression]
"""From a value's expression (and the parameters) to an expression of DuckDB's dialect."""


@dataclass(frozen=True)
class SemanticType:
    """One entry of the table of facts.

    All expressions are vectorised and null-safe (NULL in, NULL out). A value is seen in two forms:

    * the *raw* form is TEXT, as it stands in a source: `normalise` takes it and gives a value of the base
      type, or NULL when the text cannot be read as this type;
    * the *stored* form has the base type (`stored_as`, TEXT for most): `check` takes it and tells whether a
      column of this type may hold it as it stands; `mask` takes it and gives TEXT that hides the person.

    So a column of type `amount` first casts to its decimal, then checks; the decorator `amount` normalises.
    """

    name: str
    parent: str
    base: BaseName
    description: str
    pii: PiiClass
    reason: str
    examples: tuple[str, ...]
    counter_examples: tuple[str, ...]
    normalised: tuple[tuple[str, str], ...]
    checker: Lowering
    normaliser: Lowering
    masker: Callable[[exp.Expression], exp.Expression]
    parameters: type[Parameters] = Parameters
    column_names: str = ""
    weight: float = 1.0
    custom: bool = False
    lineage: tuple[str, ...] = field(default=())

    @property
    def stored_as(self) -> str:
        """The DuckDB type of the stored form, as `cast_from` and the decorators see it."""
        raise NotImplementedError

    def parse_parameters(self, values: dict[str, object]) -> Parameters:
        """Return the parameters with their defaults; raise `Invalid` with one error a wrong key."""
        raise NotImplementedError

    def check(self, value: exp.Expression, params: Parameters | None = None) -> exp.Expression:
        """Return a boolean over a value of the base type: TRUE when a column of this type may hold it."""
        raise NotImplementedError

    def normalise(self, value: exp.Expression, params: Parameters | None = None) -> exp.Expression:
        """Return the normal form, of the base type, of a TEXT expression; NULL when there is none."""
        raise NotImplementedError

    def mask(self, value: exp.Expression) -> exp.Expression:
        """Return TEXT that keeps the shape of a stored value and hides the person behind it."""
        raise NotImplementedError

    def detect(self, values: list[str]) -> float:
        """Return the share (0 to 1) of the values that can be read as this type; NULLs do not count."""
        raise NotImplementedError
