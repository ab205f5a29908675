"""The columns behind a query: of each column that it gives, and of the rows that it keeps."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from sqlglot import exp
from sqlglot.errors import SqlglotError
from sqlglot.optimizer.qualify import qualify
from sqlglot.optimizer.scope import Scope, traverse_scope, walk_in_scope

TIE = "tie"
"""Marks a term of an order that only makes it total: no column's value depends on it."""

Pair = tuple[str, str]
"""A stored relation and one of its columns."""

# The clauses that decide on rows, and what their columns are called in the lineage.
_CLAUSES = {"where": "filter", "having": "filter", "qualify": "filter", "group": "group", "order": "order"}


@dataclass(frozen=True)
class QueryColumns:
    """What stands behind a query. `values` are the columns that it gives, in order; `rows` are (kind, column).

    A query that cannot be followed has no `values`, and every column of what it reads in `everything`.
    """

    values: Mapping[str, tuple[Pair, ...]]
    rows: tuple[tuple[str, Pair], ...]
    everything: tuple[Pair, ...] = ()

    def behind(self, name: str) -> tuple[Pair, ...]:
        """The stored columns behind one column of the query, whose name counts without case."""
        return self.values.get(name.lower(), self.everything)


def trace_query(query: exp.Expr, tables: Mapping[str, Sequence[str]]) -> QueryColumns:
    """Follow each column of a query down to the tables that it reads; `tables` are their columns by name."""
    try:
        if query.find(exp.Pivot, exp.Columns) is not None:
            return _everything(query, tables)
        # sqlglot takes names as it would find them in SQL; ours hold any character, so they are quoted.
        schema: dict[str, object] = {
            _quoted(name): {_quoted(column): "VARCHAR" for column in columns or ("",)}
            for name, columns in tables.items()
        }
        qualified = qualify(query.copy(), schema=schema, dialect="duckdb", validate_qualify_columns=False)
        scopes = traverse_scope(qualified)
        return _Tracer(tables, scopes).trace() if scopes else _everything(query, tables)
    except (SqlglotError, RecursionError):
        return _everything(query, tables)


def _quoted(name: str) -> str:
    return exp.to_identifier(name, quoted=True).sql(dialect="duckdb")


def _everything(query: exp.Expr, tables: Mapping[str, Sequence[str]]) -> QueryColumns:
    """For a query that cannot be followed: any column of its tables may stand behind anything."""
    read = {table.name.lower() for table in query.find_all(exp.Table)}
    pairs = tuple(
        (name, column) for name, columns in tables.items() if name.lower() in read for column in columns
    )
    return QueryColumns({}, tuple(("unresolved", pair) for pair in pairs), pairs)


@dataclass
class _Tracer:
    """Goes from the columns of scopes to those of tables; the last scope is the whole query."""

    tables: Mapping[str, Sequence[str]]
    scopes: Sequence[Scope]
    owners: dict[int, Scope] = field(default_factory=dict)
    known: dict[tuple[int, str], tuple[Pair, ...]] = field(default_factory=dict)
    # DuckDB's names count without case, and sqlglot gives them in lower case.
    stored: dict[str, tuple[str, dict[str, str]]] = field(default_factory=dict)

    def trace(self) -> QueryColumns:
        for name, columns in self.tables.items():
            self.stored[name.lower()] = (name, {column.lower(): column for column in columns})
        for scope in self.scopes:
            for node in walk_in_scope(scope.expression):
                if isinstance(node, exp.Column | exp.TableColumn):
                    self.owners[id(node)] = scope
        root = self.scopes[-1]
        names = [name.lower() for name in getattr(root.expression, "named_selects", [])]
        rows: dict[tuple[str, Pair], None] = {}
        for scope in self.scopes:
            for kind, node in _deciding(scope.expression):
                rows.update(dict.fromkeys((kind, pair) for pair in self._within(node)))
            rows.update(dict.fromkeys(("group", pair) for pair in self._compared(scope)))
        return QueryColumns({name: self._output(root, name) for name in names}, tuple(rows))

    def _compared(self, scope: Scope) -> Iterator[Pair]:
        """What a set operation compares to find equal rows: all that it gives, unless it is UNION ALL."""
        tree = scope.expression
        if isinstance(tree, exp.SetOperation) and (
            tree.args.get("distinct") or not isinstance(tree, exp.Union)
        ):
            yield from self._whole(scope)

    def _within(self, node: exp.Expr) -> tuple[Pair, ...]:
        """The stored columns behind all columns of an expression, those of its sub-queries too."""
        found: dict[Pair, None] = {}
        for column in _columns(node):
            owner = self.owners.get(id(column))
            term = column.find_ancestor(exp.Ordered)
            if owner is not None and not (term is not None and term.meta.get(TIE)):
                found.update(dict.fromkeys(self._column(column, owner)))
        return tuple(found)

    def _column(self, column: exp.Expr, scope: Scope) -> tuple[Pair, ...]:
        name = column.name.lower()
        if not isinstance(column, exp.Column) or not column.table:
            return self._unqualified(name, scope, column)
        place: Scope | None = scope
        while place is not None:
            if column.table in place.sources:
                return self._of(place.sources[column.table], name)
            place = place.parent
        return ()

    def _unqualified(self, name: str, scope: Scope, column: exp.Expr) -> tuple[Pair, ...]:
        """A column without a table: the name of a column of the same SELECT, or a whole row of a table."""
        is_given = name in getattr(scope.expression, "named_selects", ()) and column.find_ancestor(
            exp.Order, exp.Group, exp.Qualify, exp.Having
        )
        if is_given:
            return self._output(scope, name)
        source = scope.sources.get(name)
        return () if source is None else self._whole(source)

    def _whole(self, source: exp.Expr | Scope) -> tuple[Pair, ...]:
        if isinstance(source, Scope):
            names = getattr(source.expression, "named_selects", [])
            return tuple(pair for name in names for pair in self._output(source, name))
        table, columns = self.stored.get(source.name.lower(), ("", {}))
        return tuple((table, column) for column in columns.values())

    def _of(self, source: exp.Expr | Scope, name: str) -> tuple[Pair, ...]:
        if isinstance(source, Scope):
            return self._output(source, name)
        table, columns = self.stored.get(source.name.lower(), ("", {}))
        return ((table, columns[name]),) if name in columns else ()

    def _output(self, scope: Scope, name: str) -> tuple[Pair, ...]:
        """The stored columns behind one column that a scope gives."""
        key = (id(scope), name)
        if key not in self.known:
            # A query that reads itself gives nothing new the second time.
            self.known[key] = ()
            found = [pair for pairs in self._outputs(scope, name) for pair in pairs]
            self.known[key] = tuple(dict.fromkeys(found))
        return self.known[key]

    def _outputs(self, scope: Scope, name: str) -> Iterator[tuple[Pair, ...]]:
        tree = scope.expression
        if isinstance(tree, exp.SetOperation):
            names = [entry.lower() for entry in tree.named_selects]
            for branch in scope.set_operation_scopes:
                given = [entry.lower() for entry in getattr(branch.expression, "named_selects", [])]
                if name in names and names.index(name) < len(given):
                    yield self._output(branch, given[names.index(name)])
        elif isinstance(tree, exp.Select):
            for projection in tree.selects:
                if projection.is_star or projection.alias_or_name.lower() == name:
                    yield self._within(projection)
                if projection.is_star:
                    yield from (self._whole(source) for source in scope.sources.values())
        else:
            # What makes rows of a value, such as UNNEST, gives what is in that value.
            yield self._within(tree)


def _columns(node: exp.Expr) -> Iterator[exp.Expr]:
    """The columns in an expression and its sub-queries.

    What a query in FROM gives counts where it is used, so that of such a query only what decides on rows is here.
    """
    for each in node.walk(prune=_is_in_from):
        if isinstance(each, exp.Column | exp.TableColumn):
            yield each
        elif each is not node and _is_in_from(each):
            yield from _deciding_columns(each.this)


def _is_in_from(node: exp.Expr) -> bool:
    # What makes rows of a value gives more or fewer of them by what is in it.
    return (
        isinstance(node, exp.Subquery)
        and isinstance(node.parent, exp.From | exp.Join)
        and isinstance(node.this, exp.Select)
        and not any(entry.find(exp.UDTF, exp.Explode) for entry in node.this.selects)
    )


def _deciding_columns(query: exp.Expr) -> Iterator[exp.Expr]:
    for _, clause in _deciding(query):
        yield from _columns(clause)
    for name in ("from_", "joins", "with_", "limit", "laterals"):
        parts = query.args.get(name)
        for part in parts if isinstance(parts, list) else [parts] if parts else []:
            yield from _columns(part)


def _deciding(tree: exp.Expr) -> Iterator[tuple[str, exp.Expr]]:
    """The parts of one SELECT that decide on rows, by kind."""
    for name, kind in _CLAUSES.items():
        if (clause := tree.args.get(name)) is not None:
            yield kind, clause
    for join in tree.args.get("joins") or ():
        if (condition := join.args.get("on")) is not None:
            yield "join", condition
    distinct = tree.args.get("distinct")
    if isinstance(distinct, exp.Distinct):
        on = distinct.args.get("on")
        yield from (("group", entry) for entry in ([on] if on is not None else tree.expressions))
