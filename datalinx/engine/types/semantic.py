"""A semantic type: the facts about one meaning of a value, and the expressions that check and clean it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache

from sqlglot import exp

from datalinx.engine.spec.base import Part, parse_part
from datalinx.engine.types.base import BASE_TYPES, BaseName, PiiClass, ResolvedType
from datalinx.engine.types.shortcuts import Stage
from datalinx.engine.types.sql import sql


class Parameters(Part):
    """The parameters of a semantic type. The types that take some derive from this."""


Lowering = Callable[[exp.Expression, Parameters], exp.Expression]
"""From a value's expression and the parameters to an expression of DuckDB's dialect."""

Direct = Callable[[exp.Expression, Parameters, ResolvedType], exp.Expression | None]
"""From a raw value, the parameters and a column's type to the value as that type, None where there is no such way."""


def hidden(value: exp.Expression) -> exp.Expression:
    """Mask a value altogether: NULL stays NULL."""
    return sql("CASE WHEN :v IS NOT NULL THEN '***' END", v=value)


@dataclass(frozen=True, kw_only=True)
class SemanticType:
    """One entry of the table of facts.

    All expressions are vectorised, never raise, and are null-safe (NULL in, NULL out). A value has two forms:

    * the *raw* form is TEXT, as it stands in a source: `normalise` takes it and gives a value of the base
      type, or NULL when the text cannot be read as this type;
    * the *stored* form has the base type (`stored_as`, VARCHAR for most): `check` takes it and tells whether
      a column of this type may hold it as it stands; `mask` takes it and gives TEXT that hides the person.

    So a column of type `amount` first casts to its decimal, then checks; the decorator `amount` normalises.

    `examples` pass the check, written as text. `counter_examples` neither pass the check nor normalise.
    `normalised` are pairs (raw, normal form) with default parameters. `column_names` is a pattern of the
    names that such columns tend to have. `weight` (0 to 1) says how much the values alone tell: 1 for an
    address with an @, 0 for a number that may mean anything. `detector` is a boolean over a raw value for
    types of which only some values tell: `12 €` an amount, not `12`.

    `stages` are the normaliser in steps, for who can keep each as a column: the first is over the raw value, each
    next over the one before, which it may name many times; all give TEXT, the last one the normal form.
    `direct` gives the stored value of a column of another type for raw values that need no more than a cast: then
    it is what casting the normal form would give, and NULL says nothing.
    `shortcut` is a quicker way to the normal form of most values, and says nothing of the rest; see `Stage`.
    `trims` says that the normaliser takes white space off the ends as the decorator `trim` does, before all else.
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
    masker: Callable[[exp.Expression], exp.Expression] = hidden
    stages: tuple[Lowering, ...] = ()
    direct: Direct | None = None
    shortcut: Callable[[Parameters], tuple[Stage, ...]] | None = None
    trims: bool = False
    detector: Callable[[exp.Expression], exp.Expression] | None = None
    parameters: type[Parameters] = Parameters
    column_names: str = ""
    weight: float = 1.0
    custom: bool = False

    @property
    def stored_as(self) -> str:
        """The DuckDB type of what `normalise` gives and of what `check` and `mask` take."""
        return BASE_TYPES[self.base].duckdb

    def parse_parameters(self, values: Mapping[str, object]) -> Parameters:
        """Return the parameters with their defaults filled in.

        Raise `Invalid` `VALIDATION_ERROR` (or `UNKNOWN_FIELD`) with one field error for each wrong one.
        """
        return parse_part(self.parameters, dict(values))

    def check(self, value: exp.Expression, params: Parameters | None = None) -> exp.Expression:
        """Return a boolean over a stored value: TRUE when a column of this type may hold it, NULL for NULL."""
        return _lowered(self.checker, value, params or self.parameters())

    def normalise(self, value: exp.Expression, params: Parameters | None = None) -> exp.Expression:
        """Return the normal form, of the base type, of a raw TEXT value; NULL when there is none."""
        return _lowered(self.normaliser, value, params or self.parameters())

    def mask(self, value: exp.Expression) -> exp.Expression:
        """Return TEXT that keeps the shape of a stored value and hides the person behind it."""
        return self.masker(value)

    def looks_like(self, value: exp.Expression) -> exp.Expression:
        """Return a boolean over a raw TEXT value: TRUE when it may be one of this type, as far as it can tell."""
        reads = sql(
            "CASE WHEN :v IS NOT NULL THEN :normal IS NOT NULL END", v=value, normal=self.normalise(value)
        )
        return sql(":reads OR :tells", reads=reads, tells=self.detector(value)) if self.detector else reads


# Stands for the value in a tree that is kept; no input of a mapping can have this name.
_PLACE = exp.column("value", table="\x00place", quoted=True)


def _lowered(lowering: Lowering, value: exp.Expression, params: Parameters) -> exp.Expression:
    """Return what the lowering makes of the value.

    A normaliser is thousands of nodes, put together from small trees that are copied into larger ones, and each
    compilation asks for some: so the whole is built once, and copied once for each column.
    """
    if not isinstance(value, exp.Column):
        return lowering(value, params)
    tree = _template(lowering, type(params), params.model_dump_json()).copy()
    for place in [column for column in tree.find_all(exp.Column) if column.table == _PLACE.table]:
        if place is tree:
            return value.copy()
        place.replace(value.copy())
    return tree


@lru_cache(maxsize=128)
def _template(lowering: Lowering, kind: type[Parameters], params: str) -> exp.Expression:
    return lowering(_PLACE, kind.model_validate_json(params))
