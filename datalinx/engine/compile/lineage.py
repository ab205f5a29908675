"""Column lineage, read off the very trees that run: from the columns of stored tables to target columns."""

from collections.abc import Iterable, Iterator

from sqlglot import exp
from sqlglot.errors import SqlglotError
from sqlglot.lineage import lineage as trace

from datalinx.engine.compile.names import split_reference
from datalinx.engine.compile.plan import CompiledInput, CompiledMapping, Edge, Read

Pair = tuple[str, str]


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
            yield "order", _columns(compiled.inline(exp.column(term.step, quoted=True)))


def _columns(tree: exp.Expression | None) -> list[Pair]:
    if tree is None:
        return []
    return [(column.table, column.name) for column in tree.find_all(exp.Column) if column.table]


class _Origins:
    """Finds the stored columns behind the columns of a plan's relations, through its CTEs."""

    def __init__(self, compiled: CompiledMapping) -> None:
        self._relations = {relation.alias: relation for relation in compiled.inputs}
        self._found: dict[Pair, list[tuple[Read, str]]] = {}
        # sqlglot takes names as it would find them in SQL; ours hold any character, so they are quoted.
        self._schema: dict[str, object] = {
            _quoted(relation.alias): {_quoted(column.name): column.type for column in relation.columns}
            for relation in compiled.inputs
        }

    def edges(self, pair: Pair, target: str | None, kind: str) -> Iterator[Edge]:
        """One edge for each stored column behind `pair`."""
        for read, column in self._origins(pair):
            yield Edge(read.source, read.table or read.target or "", column, target, kind)

    def _origins(self, pair: Pair) -> list[tuple[Read, str]]:
        alias, column = pair
        relation = self._relations.get(alias)
        if relation is None:
            # The table of values of a lookup stands in the document itself.
            return []
        if relation.read is not None:
            return [(relation.read, column)]
        if pair not in self._found:
            below = [self._origins(inner) for inner in self._behind(relation, column)]
            self._found[pair] = list(dict.fromkeys(origin for origins in below for origin in origins))
        return self._found[pair]

    def _behind(self, relation: CompiledInput, column: str) -> list[Pair]:
        """The columns of other relations that make a column of a query."""
        if relation.query is None:
            return []
        try:
            root = trace(_quoted(column), relation.query.copy(), schema=self._schema, dialect="duckdb")
        except SqlglotError:
            # A query that sqlglot cannot follow hides its columns; the relation itself is still shown.
            return []
        leaves = [node for node in root.walk() if not node.downstream and isinstance(node.source, exp.Table)]
        return [(leaf.source.name, split_reference(leaf.name)[1]) for leaf in leaves]


def _quoted(name: str) -> str:
    return exp.to_identifier(name, quoted=True).sql(dialect="duckdb")
