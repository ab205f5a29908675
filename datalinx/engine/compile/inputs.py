"""The inputs of a mapping: what must be read, CTEs in the order in which they build on each other, joins."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from urllib.parse import quote

from sqlglot import exp

from datalinx import errors
from datalinx.engine.compile.binder import Binder
from datalinx.engine.compile.names import match
from datalinx.engine.compile.plan import CompiledInput, InputShape, Read, SourceColumn
from datalinx.engine.compile.queries import parse_query, rebuild_query, tables_of
from datalinx.engine.spec.mapping import Input

MAX_CTES = 50


def reads_of(inputs: tuple[Input, ...], ctes: Mapping[str, str]) -> tuple[Read, ...]:
    """What must be provided to run a mapping with these inputs: its own relations and those of its CTEs.

    `ctes` are the SQL texts by name. Raise `Invalid`: `UNKNOWN_CTE`, `CTE_CYCLE` with the cycle named, or what
    is wrong with the SQL.
    """
    found: dict[str, Read] = {}
    for entry in inputs:
        if entry.cte is None:
            found[entry.alias] = Read(entry.alias, entry.source, entry.table, entry.target)
            continue
        for read in reads_of_cte(entry.cte, ctes):
            found.setdefault(read.relation, read)
    return tuple(found.values())


def reads_of_cte(name: str, ctes: Mapping[str, str]) -> tuple[Read, ...]:
    """The stored relations that a CTE reads, those of the CTEs below it included."""
    found: dict[str, Read] = {}
    for below in order_of(name, ctes):
        for source, table in tables_of(parse_query(ctes[below])):
            if source is not None or match(table, ctes) is None:
                read = _read(source, table)
                found.setdefault(read.relation, read)
    return tuple(found.values())


def order_of(name: str, ctes: Mapping[str, str]) -> tuple[str, ...]:
    """The CTE and those that it builds on, lowest first; raise `Invalid` `UNKNOWN_CTE` or `CTE_CYCLE`."""
    order: list[str] = []
    path: list[str] = []

    def visit(wanted: str) -> None:
        known = match(wanted, ctes)
        if known is None:
            raise errors.Invalid("UNKNOWN_CTE", f"There is no CTE `{wanted}`.")
        if known in path:
            cycle = " → ".join([*path[path.index(known) :], known])
            raise errors.Invalid("CTE_CYCLE", f"These CTEs build on each other in a circle: {cycle}.")
        if known in order:
            return
        if len(path) + len(order) >= MAX_CTES:
            raise errors.Invalid("TOO_MANY_CTES", f"More than {MAX_CTES} CTEs build on each other.")
        path.append(known)
        for source, table in tables_of(parse_query(ctes[known])):
            # A name that is no CTE is a target table.
            if source is None and match(table, ctes) is not None:
                visit(table)
        path.pop()
        order.append(known)

    visit(name)
    return tuple(order)


def describe_cte(
    name: str, *, ctes: Mapping[str, str], inputs: Mapping[str, InputShape]
) -> tuple[SourceColumn, ...]:
    """The columns that a CTE gives; `inputs` are the shapes of what it reads, by `Read.relation`.

    Raise `Invalid` for everything that is wrong with it: what may not stand in a CTE, an unknown table or
    column, a cycle.
    """
    with Binder() as binder:
        return InputCompiler(inputs, ctes, binder).add_cte(name).columns


@dataclass
class InputCompiler:
    """Compiles the relations of one plan and tells the binder of their shapes.

    `shapes` are those of the stored relations, by `Read.relation`.
    """

    shapes: Mapping[str, InputShape]
    ctes: Mapping[str, str]
    binder: Binder
    compiled: dict[str, CompiledInput] = field(default_factory=dict)

    def add(self, entry: Input) -> CompiledInput:
        """Compile one input of a mapping; raise `Invalid` for one that cannot be had."""
        if entry.cte is None:
            return self._stored(Read(entry.alias, entry.source, entry.table, entry.target))
        below = self.add_cte(entry.cte)
        columns = [exp.column(column.name, quoted=True) for column in below.columns]
        query = exp.select(*columns).from_(exp.table_(below.alias, quoted=True))
        return self._keep(CompiledInput(entry.alias, below.columns, query=query))

    def add_cte(self, name: str) -> CompiledInput:
        """Compile a CTE with all that it builds on."""
        order = order_of(name, self.ctes)
        for below in order:
            if _cte_relation(below) not in self.compiled:
                with _in_cte(below):
                    query = rebuild_query(self.ctes[below], self._resolve, self.binder.columns_of)
                    columns = self.binder.columns_of(query)
                self._keep(CompiledInput(_cte_relation(below), columns, query=query))
        return self.compiled[_cte_relation(order[-1])]

    def add_stored(self, read: Read, shape: InputShape) -> None:
        """Add a stored relation that is no input of the mapping, unless it is there."""
        if read.relation not in self.compiled:
            self._keep(CompiledInput(read.relation, shape.columns, read=read))

    def _resolve(self, source: str | None, name: str) -> tuple[str, InputShape]:
        known = match(name, self.ctes) if source is None else None
        relation = _cte_relation(known) if known is not None else None
        if relation is None:
            relation = self._stored(_read(source, name)).alias
        return relation, InputShape(self.compiled[relation].columns)

    def _stored(self, read: Read) -> CompiledInput:
        if read.relation in self.compiled:
            return self.compiled[read.relation]
        shape = self.shapes.get(read.relation)
        if shape is None:
            what = (
                f"table `{read.target}`" if read.target else f"table `{read.table}` in source `{read.source}`"
            )
            raise errors.Invalid("UNKNOWN_INPUT", f"There is no {what}.")
        return self._keep(CompiledInput(read.relation, shape.columns, read=read))

    def _keep(self, compiled: CompiledInput) -> CompiledInput:
        self.binder.add(compiled.alias, InputShape(compiled.columns))
        self.compiled[compiled.alias] = compiled
        return compiled


@contextmanager
def _in_cte(name: str) -> Iterator[None]:
    """Say in which CTE a fault lies."""
    try:
        yield
    except errors.Invalid as error:
        message = f"In the CTE `{name}`: {error.message}"
        raise errors.Invalid(error.code, message, details=error.details) from error


def _read(source: str | None, name: str) -> Read:
    if source is None:
        return Read(f"target:{name}", target=name)
    # Names of sources may hold any character; quoted, two of them never make the same relation.
    return Read(f"source:{quote(source, safe=' ')}:{quote(name, safe=' ')}", source=source, table=name)


def _cte_relation(name: str) -> str:
    return f"cte:{name}"
