"""By which values a record is looked up, and how that is asked of an input, of staged and of quarantined rows."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sqlglot import exp

from datalinx.engine.compile.parsing import did_you_mean
from datalinx.engine.compile.plan import CompiledField, CompiledMapping, inlined_size
from datalinx.engine.execute.json_rows import pointer
from datalinx.engine.execute.results import Limits
from datalinx.engine.execute.session import Session
from datalinx.engine.execute.text import any_of, duckdb_sql, literal, quoted
from datalinx.engine.types.registry import TypeRegistry
from datalinx.errors import FieldError, Invalid

# An expression that would be longer than this is computed step by step, over the whole input.
_MOST_INLINED = 5_000

_TYPES = TypeRegistry()
_SMALL = Limits(memory_bytes=128 * 1024**2, threads=1)


@dataclass(frozen=True)
class Sought:
    """A text that is looked for in a column of the target, the `position`-th field of the mapping.

    `readings` are the values of the column's type that the text can mean, as DuckDB writes them: the text itself
    and its normal form. There are none where it is no value of the type.
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


def read_sought(compiled: CompiledMapping, values: Mapping[str, str]) -> tuple[Sought, ...]:
    """Return what is looked for, from texts by target column. Raise `Invalid` `UNKNOWN_COLUMN`."""
    places = {field.name: position for position, field in enumerate(compiled.fields)}
    for name in values:
        if name not in places:
            message = f"The mapping of `{compiled.table}` fills no column `{name}`.{did_you_mean(name, list(places))}"
            raise Invalid("UNKNOWN_COLUMN", message, errors=[FieldError("key", "unknown_column", message)])
    with Session(limits=_SMALL, workdir=None) as session:
        return tuple(
            Sought(
                places[name], compiled.fields[places[name]], text, _readings(session, compiled, name, text)
            )
            for name, text in values.items()
        )


def _readings(session: Session, compiled: CompiledMapping, name: str, text: str) -> tuple[str, ...]:
    kind = next(field.type for field in compiled.fields if field.name == name)
    forms = [literal(text)]
    semantic = _TYPES.semantic(kind.name) if kind.name in _TYPES.names() else None
    if semantic is not None:
        forms.append(duckdb_sql(semantic.normalise(exp.Literal.string(text))))
    casts = ", ".join(f"CAST(TRY_CAST({form} AS {kind.duckdb}) AS VARCHAR)" for form in forms)
    return tuple(dict.fromkeys(value for value in session.row(f"SELECT {casts}") if value is not None))


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
