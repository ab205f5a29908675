"""The ways in which one source column could make one target column, simplest first."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from datalinx.engine.compile.names import quote
from datalinx.engine.compile.plan import SourceColumn
from datalinx.engine.spec.schema import TargetColumn
from datalinx.engine.suggest.names import words_of
from datalinx.engine.types.casts import can_cross, kind_of
from datalinx.engine.types.registry import TypeRegistry

# Dates as people write them. Day-first and month-first stand side by side: which of them fits is measured.
DATE_FORMATS = (
    *("%Y-%m-%d", "%d/%m/%Y", "%m/%d/%Y", "%d.%m.%Y", "%d-%m-%Y", "%m-%d-%Y", "%Y/%m/%d", "%Y%m%d"),
    *("%d/%m/%y", "%m/%d/%y", "%d %b %Y", "%d %B %Y", "%b %d, %Y", "%B %d, %Y", "%d-%b-%Y"),
)
TIME_FORMATS = (
    *("%Y-%m-%d %H:%M:%S", "%d/%m/%Y %H:%M:%S", "%m/%d/%Y %H:%M:%S", "%d.%m.%Y %H:%M:%S"),
    *("%d/%m/%Y %H:%M", "%m/%d/%Y %H:%M", "%d.%m.%Y %H:%M", "%Y%m%d%H%M%S", "%Y-%m-%dT%H:%M:%S"),
)
NUMBER_LOCALES = ("en", "de", "fr")
_DATES = frozenset({"date"})
_TIMES = frozenset({"datetime", "timestamp"})
_NUMBERS = frozenset({"integer", "bigint", "float", "double", "decimal"})
_FULL_NAME = frozenset({("name",), ("full", "name"), ("customer", "name"), ("display", "name")})


@dataclass(frozen=True)
class Proposal:
    """A field's document that could make a target column, and the source columns that it reads."""

    field: dict[str, Any]
    columns: tuple[str, ...]

    @property
    def formats(self) -> tuple[str, ...]:
        """The date formats that it reads, if it reads dates by format."""
        return tuple(
            found
            for decorator in self.field.get("decorators", [])
            if decorator["name"] == "parse_date"
            for found in decorator["formats"]
        )


def proposals(
    target: TargetColumn, source: SourceColumn, *, alias: str, types: TypeRegistry
) -> Iterator[Proposal]:
    """Yield the ways from a source column to a target column; none when no value can cross."""
    reference = quote(alias, source.name)
    base = types.base_of(target.type)
    is_text = kind_of(source.type) == "text"

    def decorated(name: str, **parameters: Any) -> Proposal:
        decorators = [{"name": name, **parameters}]
        document = {"type": "decorated", "source": reference, "decorators": decorators}
        return Proposal(document, (source.name,))

    if types.semantic(target.type) is not None and is_text:
        yield decorated(target.type)
    resolved = types.resolve(target.type, precision=target.precision, scale=target.scale)
    if can_cross(source.type, resolved):
        yield Proposal({"type": "direct", "source": reference}, (source.name,))
    if not is_text:
        return
    if base.name in _DATES:
        yield from (decorated("parse_date", formats=[each]) for each in DATE_FORMATS)
    if base.name in _TIMES:
        yield from (decorated("parse_date", formats=[each]) for each in (*TIME_FORMATS, *DATE_FORMATS))
    if base.name in _NUMBERS:
        yield from (decorated("parse_number", locale=each) for each in NUMBER_LOCALES)


def full_name(target: TargetColumn, columns: tuple[SourceColumn, ...], *, alias: str) -> Proposal | None:
    """Return how a first and a last name make the full name that a target column wants, if they can."""
    if words_of(target.name) not in _FULL_NAME:
        return None
    parts = {words_of(column.name): column.name for column in columns if kind_of(column.type) == "text"}
    first, last = parts.get(("first", "name")), parts.get(("last", "name"))
    if first is None or last is None or ("full", "name") in parts:
        return None
    pieces = ", ".join(f"nullif(trim({quote(alias, name)}), '')" for name in (first, last))
    return Proposal(
        {"type": "expression", "expression": f"nullif(concat_ws(' ', {pieces}), '')"}, (first, last)
    )
