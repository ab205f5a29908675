"""Column lineage, read off the very trees that run: from the columns of stored tables to target columns."""

from collections.abc import Iterable, Iterator

from sqlglot import exp

from datalinx.engine.compile.plan import CompiledMapping, Edge, Read
from datalinx.engine.lineage.sql import Pair, QueryColumns, trace_query

Origin = tuple[Read, str]


def lineage(compiled: CompiledMapping) -> list[Edge]:
    """The edges of a plan, without repeats: first those into columns, then those that decide on rows."""
    origins = _Origins(compiled)
    edges: dict[Edge, None] = {}
    for field in compiled.fields:
        for pair in field.references:
            edges.update(dict.fromkeys(origins.edges(pair, field.name, field.kind)))
    for kind, pairs in _deciding(compiled):
        for pair in pairs:
            edges.update(dict.fromkeys(origins.edges(pair, None, kind)))
    edges.update(dict.fromkeys(origins.deciding()))
    return list(edges)


def _deciding(compiled: CompiledMapping) -> Iterator[tuple[str, Iterable[Pair]]]:
    """The columns that decide which rows there are, by kind."""
    yield "filter", _columns(compiled.filter)
    for join in compiled.joins:
        if join.query is None:
            yield "join", _columns(join.on)
    for column in compiled.group_by:
        yield "group", _columns(column)
    if compiled.deduplicate is not None:
        for term in compiled.deduplicate.order:
            yield "order", _columns(_step(compiled, term.step))
        keys = set(compiled.deduplicate.keys)
        yield "key", [pair for field in compiled.fields if field.name in keys for pair in field.references]
        yield "order", _breaking_ties(compiled)
    if compiled.load.cursor is not None:
        yield "cursor", _columns(_step(compiled, compiled.load.cursor))


def _breaking_ties(compiled: CompiledMapping) -> list[Pair]:
    """What chooses between equal rows that a join made of one: they have one place, so their values decide."""
    joined = {join.alias for join in compiled.joins if join.query is None}
    made = [field for field in compiled.fields if any(alias in joined for alias, _ in field.references)]
    return [pair for field in made for pair in field.references]


def _step(compiled: CompiledMapping, name: str) -> exp.Expression:
    return compiled.inline(exp.column(name, quoted=True))


def _columns(tree: exp.Expression | None) -> list[Pair]:
    if tree is None:
        return []
    return [(column.table, column.name) for column in tree.find_all(exp.Column) if column.table]


class _Origins:
    """Finds the stored columns behind the columns of a plan's relations, through its CTEs."""

    def __init__(self, compiled: CompiledMapping) -> None:
        self._relations = {relation.alias: relation for relation in compiled.inputs}
        self._names = {
            relation.alias: [column.name for column in relation.columns] for relation in compiled.inputs
        }
        self._traced: dict[str, QueryColumns] = {}
        self._found: dict[Pair, tuple[Origin, ...]] = {}

    def edges(self, pair: Pair, target: str | None, kind: str) -> Iterator[Edge]:
        """One edge for each stored column behind `pair`."""
        for read, column in self._origins(pair):
            yield Edge(read.source, read.table or read.target or read.relation, column, target, kind)

    def deciding(self) -> Iterator[Edge]:
        """The columns that decide which rows the CTEs have."""
        for alias, relation in self._relations.items():
            if relation.query is not None:
                for kind, pair in self._trace(alias, relation.query).rows:
                    yield from self.edges(pair, None, kind)

    def _origins(self, pair: Pair) -> tuple[Origin, ...]:
        alias, column = pair
        relation = self._relations.get(alias)
        if relation is None:
            # The table of values of a lookup stands in the document itself.
            return ()
        if relation.read is not None:
            return ((relation.read, column),)
        if relation.query is not None and pair not in self._found:
            behind = self._trace(alias, relation.query).behind(column)
            below = [origin for inner in behind for origin in self._origins(inner)]
            self._found[pair] = tuple(dict.fromkeys(below))
        return self._found.get(pair, ())

    def _trace(self, alias: str, query: exp.Query) -> QueryColumns:
        if alias not in self._traced:
            self._traced[alias] = trace_query(query, self._names)
        return self._traced[alias]
