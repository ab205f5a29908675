"""By which values a record is looked up, and how that is asked of an input, of staged and of quarantined rows."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from sqlglot import exp

from datalinx.engine.compile.parsing import did_you_mean
from datalinx.engine.compile.plan import CompiledField, CompiledMapping, inlined_size
from datalinx.engine.execute.json_rows import pointer
from datalinx.engine.execute.results import Limits
from datalinx.engine.execute.session import Session
from datalinx.engine.execute.text import any_of, duckdb_sql, literal, quoted
from datalinx.engine.types.casts import cast_from
from datalinx.engine.types.registry import TypeRegistry
from datalinx.errors import FieldError, Invalid

# An expression that would be longer than this is computed step by step, over the whole input.
_MOST_INLINED = 5_000

_BUILT_IN = TypeRegistry()
_SMALL = Limits(memory_bytes=128 * 1024**2, threads=1)


@dataclass(frozen=True)
class Sought:
    """A text that is looked for in a column of the target, the `position`-th field of the mapping.

    `readings` are the values of the column's type that the text can mean, as DuckDB writes them: what a mapping
    makes of the text, and its normal form. There are none where it is no value of the type.
    """

    position: int
    field: CompiledField
    text: str
    readings: tuple[str, ...]

    def is_value(self, expression: str) -> str:
        """The condition that an expression of the column's type is one of the readings."""
        kind = self.field.type.duckdb
        casts = ", ".join(f"CAST({literal(each)} AS {kind})" for each in self.readings)
        return f"({expression}) IN ({casts})" if casts else "FALSE"


def read_sought(
    compiled: CompiledMapping, values: Mapping[str, str], *, types: TypeRegistry = _BUILT_IN
) -> tuple[Sought, ...]:
    """Return what is looked for, from texts by target column; `types` are those of the mapping.

    Raise `Invalid` `UNKNOWN_COLUMN`.
    """
    places = {field.name: position for position, field in enumerate(compiled.fields)}
    for name in values:
        if name not in places:
            message = f"The mapping of `{compiled.table}` fills no column `{name}`.{did_you_mean(name, list(places))}"
            raise Invalid("UNKNOWN_COLUMN", message, errors=[FieldError("key", "unknown_column", message)])
    with Session(limits=_SMALL, workdir=None) as session:
        return tuple(
            Sought(places[name], field, text, _readings(session, field, text, types))
            for name, text in values.items()
            for field in [compiled.fields[places[name]]]
        )


def with_made(sought: Sequence[Sought], rows: Iterable[Mapping[str, Any]]) -> tuple[Sought, ...]:
    """Return the same, with what a mapping made of the record's rows as further readings."""
    found = list(rows)
    return tuple(
        replace(
            each,
            readings=tuple(
                dict.fromkeys(
                    [
                        *each.readings,
                        *(str(row[each.field.name]) for row in found if row.get(each.field.name) is not None),
                    ]
                )
            ),
        )
        for each in sought
    )


def _readings(session: Session, field: CompiledField, text: str, types: TypeRegistry) -> tuple[str, ...]:
    kind, value = field.type, exp.Literal.string(text)
    forms = [duckdb_sql(cast_from(value, "VARCHAR", kind))]
    semantic = types.semantic(kind.name) if kind.name in types else None
    if semantic is not None:
        forms.append(duckdb_sql(semantic.normalise(value)))
    if kind.base == "binary":
        # So are bytes shown.
        forms.append(f"TRY(from_base64({literal(text)}))")
    casts = ", ".join(f"CAST(TRY_CAST({form} AS {kind.duckdb}) AS VARCHAR)" for form in forms)
    return tuple(dict.fromkeys(found for found in session.row(f"SELECT {casts}") if found is not None))


def over_first(compiled: CompiledMapping, field: CompiledField) -> str | None:
    """A field's value as an expression over the first input alone; None where it takes more than that."""
    if compiled.group_by or inlined_size(field.value, compiled.steps) > _MOST_INLINED:
        return None
    tree = compiled.inline(field.value)
    if any(column.table != compiled.first for column in tree.find_all(exp.Column)):
        return None
    return f"CAST({duckdb_sql(tree)} AS {field.type.duckdb})"


def first_condition(compiled: CompiledMapping, sought: Sequence[Sought]) -> str | None:
    """The condition on the first input for rows of the record, None where its rows alone do not tell.

    A row is one by its value, or because what stands in the source is the text itself.
    """
    parts = []
    for each in sought:
        value = over_first(compiled, each.field)
        if value is None:
            return None
        source = _source_column(compiled, each)
        texts = [f"CAST({source} AS VARCHAR) = {literal(each.text)}"] if source else []
        parts.append(f"({any_of([each.is_value(value), *texts])})")
    return f"coalesce({' AND '.join(parts)}, FALSE)"


def is_told_by_key(compiled: CompiledMapping, sought: Sequence[Sought]) -> str:
    """The condition on the first input for rows that are the record's by their value, or can have no value at all."""
    parts = []
    for each in sought:
        value = over_first(compiled, each.field) or "NULL"
        missing = f" OR {value} IS NULL" if not each.field.nullable else ""
        parts.append(f"({each.is_value(value)}{missing})")
    return f"coalesce({' AND '.join(parts)}, FALSE)"


def staged_condition(compiled: CompiledMapping, sought: Sequence[Sought]) -> str:
    """The condition on `staged AS s` for rows of the record."""
    parts = []
    for each in sought:
        value = each.is_value(f"s.v{each.position}")
        parts.append(f"({any_of([value, *rejected_texts(compiled, each, row='s.row', faults='s.faults')])})")
    return f"coalesce({' AND '.join(parts)}, FALSE)"


def rejected_texts(compiled: CompiledMapping, each: Sought, *, row: str, faults: str) -> list[str]:
    """The conditions by which a rejected row shows the text: in its source values, or as a fault's value."""
    text, found = literal(each.text), []
    for name in _shown_names(compiled, each):
        found.append(f"json_extract_string({row}, {literal(pointer(name))}) = {text}")
    fault = f"f.field = {literal(each.field.name)} AND f.value = {text}"
    return [*found, f"len(list_filter({faults}, lambda f: {fault})) > 0"]


def _source_column(compiled: CompiledMapping, each: Sought) -> str | None:
    """The column of the first input that a field is made of, if it is made of one."""
    if len(each.field.references) != 1:
        return None
    alias, name = each.field.references[0]
    return f"{quoted(alias)}.{quoted(name)}" if alias == compiled.first else None


def _shown_names(compiled: CompiledMapping, each: Sought) -> list[str]:
    """The names under which a rejected row may show the column that a field is made of."""
    if len(each.field.references) != 1:
        return []
    alias, name = each.field.references[0]
    if compiled.group_by:
        return [name, f"{alias}.{name}"]
    return [name] if alias == compiled.first else []
