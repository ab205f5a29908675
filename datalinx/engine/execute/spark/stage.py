"""The pass over the joined rows in Spark's SQL: layer upon layer, as `execute.stage` has it for DuckDB.

The staged rows have the same columns, and besides them `rowid`, a number of their own. The source values of a
row are not among them, but where nothing could read them again: there they are `w0` and so on.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from sqlglot import exp

from datalinx.engine.compile.plan import CompiledField, CompiledMapping, Step
from datalinx.engine.compile.spark import spark_type
from datalinx.engine.execute.faults import NULL_NOT_ALLOWED, SHOWN_CHARACTERS
from datalinx.engine.execute.relations import Numbering
from datalinx.engine.execute.spark.answers import Answers
from datalinx.engine.execute.spark.relations import PLACE, place_in_first
from datalinx.engine.execute.spark.text import Expressions, literal, quoted
from datalinx.engine.execute.stage import FILTERED, REJECTED, VALID, Stage
from datalinx.engine.execute.text import any_of

_KEEP = quoted("=keep")
_BAD = quoted("=bad")
_SIZE = quoted("=size")
_CURSOR = quoted("=cursor")
_FAULTS = "ARRAY<STRUCT<field: STRING, reason: STRING, message: STRING, value: STRING>>"


@dataclass(frozen=True)
class Shown:
    """A value that a rejection shows of its row: its name there, and where it stands in the joined rows."""

    name: str
    column: exp.Column
    type: str


@dataclass(frozen=True)
class SparkStage(Stage):
    """How Spark stages a mapping's rows. `shown` are the columns `w0` and so on."""

    shown: tuple[Shown, ...]


def plan_stage(
    compiled: CompiledMapping,
    entries: Sequence[str],
    first: str,
    *,
    numbering: Numbering,
    keeps_rows: bool,
    asked: Sequence[str],
    answers: Answers,
) -> SparkStage:
    """Return how to stage the rows of a mapping over relations given as entries of a WITH clause.

    `asked` are the steps whose values are staged as `a0` and so on; see `answers`.
    """
    shown = _shown(compiled) if keeps_rows else ()
    writer = _Writer(compiled, numbering, shown, asked, answers)
    statement = f"WITH {', '.join(entries)}\n{writer.joined(first)}"
    grouped = bool(compiled.group_by)
    return SparkStage(
        gather=statement if grouped else None,
        select=writer.staged(None if grouped else statement),
        nulled={each.field.name: f"n{n}" for n, each in enumerate(writer.fields) if each.nulls},
        keeps_rows=keeps_rows,
        shown=shown,
    )


def _shown(compiled: CompiledMapping) -> tuple[Shown, ...]:
    """What shows a row that stands in no source: the values that make its group, or all of its columns."""
    if not compiled.group_by:
        columns = compiled.input(compiled.first).columns
        return tuple(
            Shown(each.name, exp.column(each.name, table=compiled.first, quoted=True), each.type)
            for each in columns
        )
    names = [column.name for column in compiled.group_by]
    types = {(e.alias, c.name): c.type for e in compiled.inputs for c in e.columns}
    return tuple(
        Shown(
            each.name if names.count(each.name) == 1 else f"{each.table}.{each.name}",
            each,
            types[each.table, each.name],
        )
        for each in compiled.group_by
    )


class _Writer:
    """Writes the layers of one mapping."""

    def __init__(
        self,
        compiled: CompiledMapping,
        numbering: Numbering,
        shown: Sequence[Shown],
        asked: Sequence[str],
        answers: Answers,
    ) -> None:
        self.compiled = compiled
        self.numbering = numbering
        self.shown = shown
        self.asked = asked
        self.expressions = Expressions(compiled, answers)
        self.fields = [_Field(n, field, self.expressions) for n, field in enumerate(compiled.fields)]

    def joined(self, first: str) -> str:
        """The rows after the joins, their columns renamed to `alias.column`, and whether the filter keeps them."""
        compiled = self.compiled
        selected = [f"{_place(column)} AS {_joined(column)}" for column in self._columns()]
        keep = (
            f"coalesce({self.expressions.over_inputs(compiled.filter)}, FALSE)"
            if compiled.filter is not None
            else "TRUE"
        )
        selected.append(f"{keep} AS {_KEEP}")
        if self._has_place:
            selected.append(f"{quoted(compiled.first)}.{place_in_first(compiled)} AS {PLACE}")
        if compiled.load.cursor_input is not None:
            selected.append(f"{self.expressions.over_inputs(compiled.load.cursor_input)} AS {_CURSOR}")
        text = [f"SELECT {', '.join(selected)}\nFROM {first}"]
        for join in compiled.joins:
            condition = f" ON {self.expressions.over_inputs(join.on)}" if join.on is not None else ""
            text.append(f"{join.type.upper()} JOIN {quoted(join.alias)}{condition}")
        return "\n".join(text)

    def staged(self, joined: str | None) -> str:
        """The staged rows over joined ones; over groups of the table `gathered` where there is none."""
        first, *later = [*self.compiled.levels()] or [()]
        if joined is None:
            keys = [_joined(column) for column in self.compiled.group_by]
            steps = [f"{value} AS {name}" for value, name in self._steps(first)]
            columns = [*keys, *steps, f"count(*) AS {_SIZE}", f"TRUE AS {_KEEP}"]
            select = f"SELECT {', '.join(columns)}\nFROM gathered WHERE {_KEEP} GROUP BY {', '.join(keys)}"
        else:
            # Of a row that the filter drops nothing is computed.
            form = f"CASE WHEN {_KEEP} THEN {{}} END" if self.compiled.filter is not None else "{}"
            select = _layer(joined, (f"{form.format(value)} AS {name}" for value, name in self._steps(first)))
        for level in later:
            select = _layer(select, (f"{value} AS {name}" for value, name in self._steps(level)))
        for layer in (_Field.own_faults, _Field.values, _Field.missing):
            select = _layer(select, (column for field in self.fields for column in layer(field)))
        flags = [flag for field in self.fields for flag in field.flags()]
        bad = any_of(flag for flag, _ in flags)
        select = _layer(select, [f"({_KEEP} AND ({bad})) AS {_BAD}"])
        return f"SELECT {', '.join(self._staged_columns([entry for _, entry in flags]))}\nFROM ({select})"

    def _steps(self, steps: Iterable[Step]) -> Iterator[tuple[str, str]]:
        for step in steps:
            yield self.expressions.over_joined(step.expression), quoted(step.name)

    @property
    def _has_place(self) -> bool:
        is_read = self.compiled.input(self.compiled.first).read is not None
        return is_read or self.numbering == "column"

    def _columns(self) -> list[exp.Column]:
        """The columns of the inputs that are needed after the joins."""
        compiled = self.compiled
        trees = [step.expression for step in compiled.steps]
        trees += [*compiled.group_by, *(each.column for each in self.shown)]
        found = {
            (node.table, node.name) for tree in trees for node in tree.find_all(exp.Column) if node.table
        }
        return [exp.column(name, table=alias, quoted=True) for alias, name in sorted(found)]

    def _staged_columns(self, entries: list[str]) -> Iterator[str]:
        yield "monotonically_increasing_id() AS rowid"
        kind = f"CASE WHEN NOT {_KEEP} THEN {FILTERED} WHEN {_BAD} THEN {REJECTED} ELSE {VALID} END"
        yield f"CAST({kind} AS SMALLINT) AS kind"
        for number, field in enumerate(self.fields):
            yield f"{field.value} AS v{number}"
            if field.nulls:
                yield f"({_KEEP} AND {field.nulled}) AS n{number}"
        for number, term in enumerate(self.compiled.deduplicate.order if self.compiled.deduplicate else ()):
            yield f"{quoted(term.step)} AS o{number}"
        listed = f"filter(array({', '.join(entries)}), f -> f IS NOT NULL)" if entries else "NULL"
        yield f"CAST(CASE WHEN {_BAD} THEN {listed} END AS {_FAULTS}) AS faults"
        for number, name in enumerate(self.asked):
            yield f"CASE WHEN {_KEEP} THEN {quoted(name)} END AS a{number}"
        for number, each in enumerate(self.shown):
            yield f"CASE WHEN {_KEEP} THEN {_joined(each.column)} END AS w{number}"
        if self.compiled.group_by:
            yield f"{_SIZE} AS size"
        elif self._has_place:
            yield f"{PLACE} AS place"
        if self.compiled.load.cursor is not None:
            # Of rows that the filter drops there is no step, and their cursor counts all the same.
            yield f"{quoted(self.compiled.load.cursor) if self.compiled.group_by else _CURSOR} AS cursor"


class _Field:
    """The layers of one field, as `execute.faults.FieldFlags` has them for DuckDB."""

    def __init__(self, position: int, field: CompiledField, expressions: Expressions) -> None:
        self.field = field
        self.value = quoted(f"=v{position}")
        self.nulled = quoted(f"=n{position}")
        self._missing = quoted(f"=m{position}")
        self._own = [quoted(f"=f{position}.{number}") for number in range(len(field.faults))]
        self._expressions = expressions

    @property
    def nulls(self) -> bool:
        """Whether an invalid value becomes NULL instead of making the row invalid."""
        return self.field.on_invalid == "null" and bool(self._own)

    def own_faults(self) -> Iterator[str]:
        """The first layer: a column for each fault of the field."""
        for column, fault in zip(self._own, self.field.faults, strict=True):
            yield f"coalesce({self._expressions.over_joined(fault.when)}, FALSE) AS {column}"

    def values(self) -> Iterator[str]:
        """The second layer: the value as it will be stored, and whether it was made NULL for that."""
        kind = spark_type(self.field.type.duckdb)
        value = f"CAST({self._expressions.over_joined(self.field.value)} AS {kind})"
        if self.nulls:
            faulty = any_of(self._own)
            yield f"({faulty}) AS {self.nulled}"
            value = f"CASE WHEN {faulty} THEN NULL ELSE {value} END"
        yield f"{value} AS {self.value}"

    def missing(self) -> Iterator[str]:
        """The third layer: whether the value is missing where it may not; an invalid value is not missing."""
        if self.field.nullable:
            return
        is_null = f"{self.value} IS NULL"
        if self._own and not self.nulls:
            is_null += f" AND NOT ({any_of(self._own)})"
        yield f"({is_null}) AS {self._missing}"

    def flags(self) -> Iterator[tuple[str, str]]:
        """What rejects a row, in order: the flag's column, and what the rejection says."""
        if not self.nulls:
            for column, fault in zip(self._own, self.field.faults, strict=True):
                shown = self._expressions.over_joined(
                    exp.cast(fault.shown.copy(), "VARCHAR", dialect="duckdb")
                )
                yield column, self._entry(column, fault.reason, fault.message, shown)
        if not self.field.nullable:
            message = f"`{self.field.name}` may not be empty."
            yield self._missing, self._entry(self._missing, NULL_NOT_ALLOWED, message, "NULL")

    def _entry(self, column: str, reason: str, message: str, shown: str) -> str:
        parts = {
            "field": literal(self.field.name),
            "reason": literal(reason),
            "message": literal(message),
            "value": f"CAST(left({shown}, {SHOWN_CHARACTERS}) AS STRING)",
        }
        struct = ", ".join(f"'{name}', {part}" for name, part in parts.items())
        return f"CASE WHEN {column} THEN named_struct({struct}) END"


def _layer(inner: str, columns: Iterable[str]) -> str:
    added = list(columns)
    return f"SELECT {', '.join(['*', *added])}\nFROM ({inner})" if added else inner


def _place(column: exp.Column) -> str:
    return f"{quoted(column.table)}.{quoted(column.name)}"


def _joined(column: exp.Column) -> str:
    return quoted(f"{column.table}.{column.name}")
