"""The one pass over the input: a SELECT that computes, checks and marks every row, layer upon layer.

The staged table has, for every row that the joins made (or every group):

* `kind`: valid, rejected or filtered, as the numbers below;
* `v0` … the values of the fields, as they will be stored;
* `row`, the source values as JSON, and `faults`: only where a rejection needs them;
* `place`, where a column numbers the rows; `size`, the number of rows of a group; `cursor`;
* `o0` … what `deduplicate` orders by; `n<field>` where the field's invalid value became NULL.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from sqlglot import exp

from datalinx.engine.compile.plan import CompiledMapping, Step
from datalinx.engine.execute.faults import FieldFlags, Flag
from datalinx.engine.execute.json_rows import row_json
from datalinx.engine.execute.relations import PLACE, Relations
from datalinx.engine.execute.text import any_of, duckdb_sql, quoted

VALID, REJECTED, FILTERED = 0, 1, 2

FAULT_TYPE = "STRUCT(field VARCHAR, reason VARCHAR, message VARCHAR, value VARCHAR)"

_KEEP = quoted("=keep")
_BAD = quoted("=bad")
_SIZE = quoted("=size")
_CURSOR = quoted("=cursor")


@dataclass(frozen=True)
class Stage:
    """How to stage a mapping's rows: as the table `staged` from `select`, after `gathered` from `gather` if set.

    `nulled` are the staged columns that tell values made NULL, by field. `keeps_rows` says that valid rows
    have their source values with them, because nothing could read them a second time.
    """

    gather: str | None
    select: str
    nulled: dict[str, str]
    keeps_rows: bool


def plan_stage(compiled: CompiledMapping, relations: Relations, found: Mapping[str, str]) -> Stage:
    """Return how to stage the rows of a mapping; `found` are the values of lookups that need no join, by alias."""
    fields = [FieldFlags(number, field) for number, field in enumerate(compiled.fields)]
    flags = [flag for field in fields for flag in field.flags()]
    keeps_rows = bool(compiled.group_by) or relations.scan is None
    joined = _joined_select(compiled, relations, found)
    first, *later = [*compiled.levels()] or [()]
    if compiled.group_by:
        layers = _Layers(_groups_select(compiled, first))
    else:
        layers = _Layers(joined)
        layers.add(_guarded(step, compiled) for step in first)
    for level in later:
        layers.add(f"{duckdb_sql(step.expression)} AS {quoted(step.name)}" for step in level)
    layers.add(column for field in fields for column in field.own_faults())
    layers.add(column for field in fields for column in field.values())
    layers.add(column for field in fields for column in field.missing())
    layers.add([f"({_KEEP} AND ({any_of(flag.column for flag in flags)})) AS {_BAD}"])
    select = layers.select(_staged_columns(compiled, relations, fields, flags, keeps_rows=keeps_rows))
    return Stage(
        gather=relations.statement(joined) if compiled.group_by else None,
        select=select if compiled.group_by else relations.statement(select),
        nulled={each.field.name: f"n{number}" for number, each in enumerate(fields) if each.nulls},
        keeps_rows=keeps_rows,
    )


class _Layers:
    """SELECTs around SELECTs, each adding columns to the one inside."""

    def __init__(self, innermost: str) -> None:
        self._select = innermost

    def add(self, columns: Iterable[str]) -> None:
        added = list(columns)
        if added:
            self._select = self.select(["*", *added])

    def select(self, columns: Iterable[str]) -> str:
        return f"SELECT {', '.join(columns)}\nFROM ({self._select})"


def _joined_select(compiled: CompiledMapping, relations: Relations, found: Mapping[str, str]) -> str:
    """The rows after the joins, their columns renamed to `alias.column`, and whether the filter keeps them."""
    columns = {
        (node.table, node.name)
        for tree in _trees(compiled)
        for node in tree.find_all(exp.Column)
        if node.table
    }
    if not compiled.group_by:
        columns |= {(compiled.first, column.name) for column in compiled.input(compiled.first).columns}
    selected = [
        f"{found.get(alias) or f'{quoted(alias)}.{quoted(name)}'} AS {quoted(f'{alias}.{name}')}"
        for alias, name in sorted(columns)
    ]
    keep = f"coalesce({duckdb_sql(compiled.filter)}, FALSE)" if compiled.filter is not None else "TRUE"
    selected.append(f"{keep} AS {_KEEP}")
    if relations.numbering == "column":
        selected.append(f"{quoted(compiled.first)}.{relations.place} AS {PLACE}")
    if compiled.load.cursor_input is not None:
        selected.append(f"{duckdb_sql(compiled.load.cursor_input)} AS {_CURSOR}")
    text = [f"SELECT {', '.join(selected)}\nFROM {relations.first}"]
    for join in compiled.joins:
        condition = f" ON {duckdb_sql(join.on)}" if join.on is not None else ""
        text.append(f"{join.type.upper()} JOIN {quoted(join.alias)}{condition}")
    return "\n".join(text)


def _trees(compiled: CompiledMapping) -> Iterator[exp.Expression]:
    """The expressions over columns of the inputs that are computed on joined rows."""
    yield from (step.expression for step in compiled.steps if step.level == 0)
    yield from compiled.group_by


def _over_joined(tree: exp.Expression) -> str:
    """An expression over the inputs as one over the joined rows."""

    def rename(node: exp.Expression) -> exp.Expression:
        if isinstance(node, exp.Column) and node.table:
            return exp.column(f"{node.table}.{node.name}", quoted=True)
        return node

    return duckdb_sql(tree.transform(rename))


def _guarded(step: Step, compiled: CompiledMapping) -> str:
    """A step over joined rows; of a row that the filter drops nothing is computed."""
    value = _over_joined(step.expression)
    return (
        f"CASE WHEN {_KEEP} THEN {value} END AS {quoted(step.name)}"
        if compiled.filter
        else _named(value, step)
    )


def _named(value: str, step: Step) -> str:
    return f"{value} AS {quoted(step.name)}"


def _groups_select(compiled: CompiledMapping, steps: Iterable[Step]) -> str:
    """One row for each group of the gathered rows that the filter keeps."""
    keys = [_over_joined(column) for column in compiled.group_by]
    columns = [*keys, *(_named(_over_joined(step.expression), step) for step in steps)]
    columns += [f"count(*) AS {_SIZE}", f"TRUE AS {_KEEP}"]
    return f"SELECT {', '.join(columns)}\nFROM gathered WHERE {_KEEP} GROUP BY {', '.join(keys)}"


def _staged_columns(
    compiled: CompiledMapping,
    relations: Relations,
    fields: list[FieldFlags],
    flags: list[Flag],
    *,
    keeps_rows: bool,
) -> Iterator[str]:
    kind = f"CASE WHEN NOT {_KEEP} THEN {FILTERED} WHEN {_BAD} THEN {REJECTED} ELSE {VALID} END"
    yield f"CAST({kind} AS UTINYINT) AS kind"
    for number, field in enumerate(fields):
        yield f"{field.value} AS v{number}"
        if field.nulls:
            yield f"({_KEEP} AND {field.nulled}) AS n{number}"
    for number, term in enumerate(compiled.deduplicate.order if compiled.deduplicate else ()):
        yield f"{quoted(term.step)} AS o{number}"
    entries = f"CAST([{', '.join(flag.entry() for flag in flags)}] AS {FAULT_TYPE}[])"
    yield f"CASE WHEN {_BAD} THEN list_filter({entries}, lambda f: f IS NOT NULL) END AS faults"
    yield f"CASE WHEN {_KEEP if keeps_rows else _BAD} THEN {_row(compiled)} END AS row"
    if compiled.group_by:
        yield f"{_SIZE} AS size"
    elif relations.numbering == "column":
        yield f"{PLACE} AS place"
    if compiled.load.cursor is not None:
        # Of rows that the filter drops there is no step, and their cursor counts all the same.
        yield f"{quoted(compiled.load.cursor) if compiled.group_by else _CURSOR} AS cursor"


def _row(compiled: CompiledMapping) -> str:
    """What a rejection shows: the row of the first input, or the values that make the group."""
    if not compiled.group_by:
        shown = compiled.input(compiled.first).columns
        return row_json(
            (column.name, quoted(f"{compiled.first}.{column.name}"), column.type) for column in shown
        )
    names = [column.name for column in compiled.group_by]
    return row_json(
        (
            column.name if names.count(column.name) == 1 else f"{column.table}.{column.name}",
            _over_joined(column),
            _type_of(compiled, column),
        )
        for column in compiled.group_by
    )


def _type_of(compiled: CompiledMapping, column: exp.Column) -> str:
    return next(each.type for each in compiled.input(column.table).columns if each.name == column.name)
