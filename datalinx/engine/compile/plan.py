"""The logical plan of one mapping: what to compute, free of how. The seam between compile and execute.

A plan is read like this:

1. Every `Read` is a relation that the executor provides under the name `read.relation`. A `CompiledInput`
   with a `query` is one more relation of that name, made by that query over relations provided before it.
2. The input `first` is joined with `joins` in order; then `filter` keeps the rows where it is TRUE; then
   `group_by` folds them, if there is one.
3. `steps` are computed per row, each exactly once. A step of level 0 is an expression over the inputs
   (columns are `"alias"."column"`, always quoted); a step of level n is one over steps of lower levels, named
   by unqualified quoted columns. So level n is one projection over level n - 1, and rows are read once.
4. Fields, faults, order and cursor refer to steps only. A row's faults are evaluated with its values.
   The session's time zone is UTC.
5. `deduplicate` picks among the valid rows, the primary key is checked, `load` says how rows come in.

Expressions are sqlglot trees in DuckDB's dialect. They never fail: what could raise yields NULL, and a
`Fault` tells it from a NULL that was there.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from sqlglot import exp

from datalinx.engine.types.base import ResolvedType

FieldKind = Literal["direct", "expression", "decorated", "constant", "aggregate", "lookup", "wildcard"]
JoinType = Literal["inner", "left", "right", "full", "cross"]
LoadMode = Literal["full", "append", "merge", "history"]
OnInvalid = Literal["quarantine", "null", "fail"]


@dataclass(frozen=True)
class SourceColumn:
    """A column of an input. `type` is DuckDB's name of its type, such as `VARCHAR` or `DECIMAL(18,2)`."""

    name: str
    type: str


@dataclass(frozen=True)
class InputShape:
    """What one input offers."""

    columns: tuple[SourceColumn, ...]


@dataclass(frozen=True)
class Read:
    """A stored relation that the plan needs: a source's table, the target table `target`, or canonical ids.

    `relation` is the input's alias, or a name made of source and table, or of the target, that no alias can be.
    `identity` is the table whose records' canonical ids are read, by `key` and `canonical_id`.
    """

    relation: str
    source: str | None = None
    table: str | None = None
    target: str | None = None
    identity: str | None = None


@dataclass(frozen=True)
class CompiledInput:
    """A relation of the plan: a `read`, or a `query` (a CTE) over relations that come before it."""

    alias: str
    columns: tuple[SourceColumn, ...]
    read: Read | None = None
    query: exp.Query | None = None


@dataclass(frozen=True)
class CompiledJoin:
    """A relation joined to those before it.

    `query` is set for the join of a lookup: it has one row per key, so that no row is added or lost.
    """

    alias: str
    type: JoinType
    on: exp.Expression | None
    query: exp.Query | None = None


@dataclass(frozen=True)
class Shortcut:
    """A quicker way from a bound value to a step: the last of `steps` is NULL, or what the step's expression gives.

    `through` are the names of the steps by which the long way goes, and which the rest alone has to go.
    """

    value: exp.Column
    steps: "tuple[Step, ...]"
    through: tuple[str, ...] = ()


@dataclass(frozen=True)
class Step:
    """One expression that is computed once per row, under `name`. `type` is DuckDB's name of its type.

    `shortcut` is for an engine that gains by it; see `quickened`.
    """

    name: str
    expression: exp.Expression
    level: int
    type: str
    shortcut: Shortcut | None = None

    @property
    def column(self) -> exp.Column:
        """The reference that later expressions use."""
        return exp.column(self.name, quoted=True)


@dataclass(frozen=True)
class Fault:
    """One way for a row to be invalid. `when` is TRUE then; `shown` is the offending value as text."""

    reason: str
    when: exp.Expression
    shown: exp.Expression
    message: str


@dataclass(frozen=True)
class CompiledField:
    """One target column. `value` has the type `type.duckdb` and is NULL or meaningless where a fault is TRUE.

    The executor adds the fault `null_not_allowed` when `nullable` is false, the value is NULL and no other
    fault of the field holds; with `on_invalid` "null" it first replaces values that have a fault by NULL.
    """

    name: str
    kind: FieldKind
    type: ResolvedType
    nullable: bool
    value: exp.Expression
    faults: tuple[Fault, ...]
    on_invalid: OnInvalid
    references: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class OrderTerm:
    """One term of an order; NULLs come last. `step` is the name of a step."""

    step: str
    descending: bool


@dataclass(frozen=True)
class CompiledDeduplicate:
    """Of valid rows with equal `keys` (field names) the first by `order` stays.

    The executor breaks ties by the row's place in the input, so that the order is total. NULL keys are equal.
    """

    keys: tuple[str, ...]
    order: tuple[OrderTerm, ...]


@dataclass(frozen=True)
class CompiledLoad:
    """How rows come into the stored table; `keys` are field names, `cursor` is the name of a step.

    `cursor_input` is the cursor as an expression over the first input alone, for reading only what is new.
    `lookback_seconds` and `lookback_months` are subtracted from the stored cursor before that.
    """

    mode: LoadMode
    keys: tuple[str, ...]
    cursor: str | None
    cursor_input: exp.Expression | None
    cursor_type: str | None
    lookback_seconds: int
    lookback_months: int
    delete_missing: bool


@dataclass(frozen=True)
class CompiledMapping:
    """The plan of one mapping. `fields` stand in the order of the target's columns.

    `first` is the alias whose rows the ledger counts as `read`; `unmapped` names the columns without a field.
    """

    table: str
    version: int
    reads: tuple[Read, ...]
    first: str
    inputs: tuple[CompiledInput, ...]
    joins: tuple[CompiledJoin, ...]
    filter: exp.Expression | None
    group_by: tuple[exp.Column, ...]
    steps: tuple[Step, ...]
    fields: tuple[CompiledField, ...]
    unmapped: tuple[str, ...]
    primary_key: tuple[str, ...]
    deduplicate: CompiledDeduplicate | None
    load: CompiledLoad
    on_invalid: OnInvalid

    def input(self, alias: str) -> CompiledInput:
        """The relation of this alias."""
        return next(entry for entry in self.inputs if entry.alias == alias)

    def levels(self) -> Iterator[Sequence[Step]]:
        """The steps level by level: each level is one projection over the one before."""
        for level in range(max((step.level for step in self.steps), default=-1) + 1):
            yield [step for step in self.steps if step.level == level]

    def inline(self, expression: exp.Expression) -> exp.Expression:
        """The expression over the inputs alone; see the function `inline`."""
        return inline(expression, self.steps)


def inline(expression: exp.Expression, steps: Iterable[Step]) -> exp.Expression:
    """The expression with every step replaced by what it computes.

    What is named twice is written twice, so this is for showing and for small things; see `inlined_size`.
    """
    by_name = {step.name: step.expression for step in steps}

    def replace(node: exp.Expression) -> exp.Expression:
        if isinstance(node, exp.Column) and not node.table and node.name in by_name:
            inner = by_name[node.name].transform(replace)
            return inner if _stands_alone(inner) else exp.Paren(this=inner)
        return node

    return expression.transform(replace)


def _stands_alone(tree: exp.Expression) -> bool:
    """Whether no operator around it can bind into it."""
    atoms = (exp.Column, exp.Literal, exp.Func, exp.Paren, exp.Null, exp.Boolean)
    return isinstance(tree, atoms) and not isinstance(tree, exp.Binary)


def inlined_size(expression: exp.Expression, steps: Iterable[Step]) -> int:
    """How many columns and literals `inline` would write, without writing them."""
    sizes: dict[str, int] = {}

    def size(tree: exp.Expression) -> int:
        literals = sum(1 for _ in tree.find_all(exp.Literal))
        columns = tree.find_all(exp.Column)
        return literals + sum(1 if column.table else sizes.get(column.name, 1) for column in columns)

    # Lower levels come first, so that what a step names is known.
    for step in steps:
        sizes[step.name] = size(step.expression)
    return size(expression)


@dataclass(frozen=True)
class Edge:
    """One line of the column lineage: a source's column takes part in making a target column.

    `source` and `table` name the stored table (a target table has `source` None; canonical ids are `identity:` and
    the table whose records have them). `kind` is the field's, or
    `filter`, `join`, `group`, `order`, `key`, `cursor` for columns that decide on rows; `target` is None then.
    `unresolved` is a column of a query that could not be followed.
    """

    source: str | None
    table: str
    column: str
    target: str | None
    kind: str
